//! `flexai figure learning|day`: pictures as SVG.

use super::evaluate::date;
use super::output::print_line;
use super::policy_source::{Player, TrainedPolicy};
use super::{Failure, Outcome};
use crate::cli::FigureCommand;
use crate::fault::Fault;
use crate::figures::{BatteryStrip, DayFigure, LearningCurves, Reference, Series, day_figure_svg, learning_curve_svg};
use crate::metrics::read_metrics;
use crate::run_dir::{RunDir, replace_file};
use crate::setting::{EMBEDDED_GRID, load_grid, load_scenario, site_setup};
use flexai_agents::policy::{Policy, PolicySource, Situation};
use flexai_agents::rivals::find_rival;
use flexai_env::core::Env;
use flexai_env::grid::{PERIODS_PER_WEEK, Period, calendar};
use flexai_env::site::{EpisodeEnd, FlexFleet, SiteSetup, WindowChoice};
use serde_json::Value;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

pub(super) fn figure(command: &FigureCommand) -> Outcome {
    let (svg, out) = match command {
        FigureCommand::Learning { runs, tag, out } => (learning(runs, tag)?, out),
        FigureCommand::Day { policy, date, scenario, grid, out } => {
            (day(policy, date, scenario.as_deref(), grid.as_deref())?, out)
        }
    };
    replace_file(out, svg.as_bytes())?;
    print_line(&out.display().to_string())?;
    Ok(ExitCode::SUCCESS)
}

/// One line per run; rivals of the last evaluation as dashed levels.
fn learning(runs: &[PathBuf], tag: &str) -> Result<String, Failure> {
    let mut curves = LearningCurves {
        title: "Learning curve".into(),
        x_label: "Environment steps".into(),
        y_label: if tag == "eval/saving_pct" { "Saved against FIFO on validation weeks, %".into() } else { tag.into() },
        ..LearningCurves::default()
    };
    for path in runs {
        let run = RunDir::open(path)?;
        let points: Vec<(f64, f64)> = read_metrics(&run.metrics())?
            .into_iter()
            .filter_map(|line| line.values.iter().find(|(t, _)| t == tag).map(|(_, v)| (line.step as f64, *v)))
            .collect();
        if points.is_empty() {
            let message = format!("no `{tag}` in it, expected a tag that the run has reported");
            return Err(Fault::of_path(&run.metrics(), message).hint("look at the first lines of the file").into());
        }
        let name = path.file_name().map_or_else(|| "run".into(), |n| n.to_string_lossy().into_owned());
        curves.series.push(Series { name, points, band: Vec::new() });
        if tag == "eval/saving_pct" && curves.references.is_empty() {
            curves.references = rival_levels(&run);
        }
    }
    Ok(learning_curve_svg(&curves)?)
}

/// Rivals of the run's last evaluation; none if it has not been evaluated.
pub(super) fn rival_levels(run: &RunDir) -> Vec<Reference> {
    let text = std::fs::read_to_string(run.evaluation().join("validation.json")).unwrap_or_default();
    let evaluation: Value = serde_json::from_str(&text).unwrap_or_default();
    let rivals = evaluation["policies"].as_array().into_iter().flatten().filter(|p| p["kind"] == "rival");
    rivals
        .filter(|p| p["name"] != "random")
        .filter_map(|p| {
            let name = p["name"].as_str()?.to_string();
            Some(Reference { name, value: p["cost_saving_pct"].as_f64()? })
        })
        .collect()
}

/// What one policy did in each half-hour of a day.
struct Course {
    import_mw: Vec<f64>,
    stored_mwh: Vec<f64>,
}

fn day(policy: &str, day: &str, scenario: Option<&Path>, grid: Option<&Path>) -> Result<String, Failure> {
    let player = Player::resolve(policy)?;
    let trained = player.trained();
    let stored = trained.map(TrainedPolicy::scenario).transpose()?.flatten();
    let config = match scenario {
        Some(path) => load_scenario(path, &[])?,
        None => stored.unwrap_or_default(),
    };
    let grid = match grid {
        Some(path) => path.display().to_string(),
        None => trained.map(TrainedPolicy::grid).transpose()?.flatten().unwrap_or_else(|| EMBEDDED_GRID.into()),
    };
    let setup = site_setup(config, load_grid(&grid)?)?;
    player.check_fit(&setup.config)?;
    let (window, shown) = window_of(&setup, day)?;
    let source = player.source(false).0;
    let optimised = play(&setup, source.make().as_mut(), window, shown.clone());
    let fifo = find_rival("fifo").expect("FIFO is always registered");
    let baseline = play(&setup, fifo.make().as_mut(), window, shown.clone());
    let place = &setup.places()[0];
    let periods = || shown.clone().map(|t| window.start + t);
    let figure = DayFigure {
        title: format!("{day}, scenario {}, {}", setup.config.name, setup.trace.source().name),
        half_hour_labels: periods().map(|t| clock_label(setup.trace.local(t).half_hour)).collect(),
        baseline_name: "FIFO".into(),
        baseline_mw: baseline.import_mw,
        optimised_name: source.name().to_string(),
        optimised_mw: optimised.import_mw,
        price_gbp_per_mwh: Some(periods().map(|t| place.paid_price(t) + place.charges(t)).collect()),
        carbon_g_per_kwh: Some(periods().map(|t| place.carbon(t)).collect()),
        battery: Some(BatteryStrip {
            charge_mwh: optimised.stored_mwh,
            capacity_mwh: setup.places().iter().map(|place| place.config.battery.capacity_mwh).sum(),
        }),
    };
    Ok(day_figure_svg(&figure)?)
}

fn clock_label(half_hour: u8) -> String {
    format!("{:02}:{}", half_hour / 2, if half_hour.is_multiple_of(2) { "00" } else { "30" })
}

/// The scored week that holds a local day, and the day's periods inside it.
fn window_of(setup: &SiteSetup, day: &str) -> Result<(WindowChoice, Range<usize>), Failure> {
    let midnight_utc = date("--date", day)?;
    let local = calendar::local_day(midnight_utc.utc_day());
    let first: Period = local.start;
    let monday = Period::utc_midnight(first.utc_day()) - i64::from(first.utc_weekday()) * 48;
    // The local day may begin on Sunday evening UTC; its week is then the one before.
    let missing = |t: usize| setup.missing(t);
    let start = setup.trace.index_of(monday).filter(|s| *s >= setup.history());
    let usable = start.filter(|s| s + PERIODS_PER_WEEK <= setup.trace.len());
    let usable = usable.filter(|s| (*s..s + PERIODS_PER_WEEK).all(|t| missing(t).is_none()));
    let Some(start) = usable else {
        let message = format!("the week of {day} cannot be played on this table, expected a week without holes");
        return Err(Fault::new("--date", message).hint("choose another day").into());
    };
    let window = WindowChoice { start, periods: PERIODS_PER_WEEK, job_seed: 1, end: EpisodeEnd::Settle };
    let from = (first - monday) as usize;
    let to = ((local.end - monday) as usize).min(PERIODS_PER_WEEK);
    Ok((window, from..to))
}

/// Plays a week and keeps the shown periods.
fn play(setup: &Arc<SiteSetup>, policy: &mut dyn Policy, window: WindowChoice, shown: Range<usize>) -> Course {
    let mut site = FlexFleet::new(Arc::clone(setup));
    let mut action = vec![0.0; site.action_space().flat_len()];
    let mut course = Course { import_mw: Vec::new(), stored_mwh: Vec::new() };
    site.reset_to(window);
    policy.begin_episode(window.job_seed);
    for t in 0..window.periods {
        let mask = site.action_mask().unwrap_or_default();
        let situation = Situation { observation: site.observation(), mask, site: Some(site.view()) };
        policy.decide(&situation, &mut action);
        site.step(&action);
        if shown.contains(&t) {
            course.import_mw.push(site.last_account().import_mwh * 2.0);
            course.stored_mwh.push(site.episode().sites.iter().map(|s| s.stored.value()).sum());
        }
    }
    course
}
