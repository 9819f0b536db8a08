//! The page of a backtest: scores, fans and skill by lead.
//!
//! In: a [`Backtest`]. Out: `index.html`, `figures/*.svg` and the scores as JSON. Always: as every page, it runs no script
//! and needs no network; all numbers are those of the backtest. Not here: issuing and scoring (`flexai-agents`).

use super::draw::{Curve, Curves, FIGURE_CSS, Picture, TOKENS_CSS, curves_sheet};
use super::{FIGURES_FOLDER, Report};
use crate::fault::Fault;
use crate::run_dir::replace_file;
use flexai_agents::forecast::{Backtest, Fan, FittedForecasts, Horizon, Score, Target};
use minijinja::{Environment, UndefinedBehavior, Value, context};
use std::path::{Path, PathBuf};

const TEMPLATE: &str = include_str!("forecast.html");
const PAGE_CSS: &str = include_str!("page.css");
/// File of the scores beside the page.
const SCORES_FILE: &str = "backtest.json";
/// A difference more likely than this by luck is called so.
const SIGNIFICANT: f64 = 0.05;

/// Writes the page of a backtest into a folder; returns its path.
///
/// # Errors
/// A [`Fault`] naming the file that cannot be written.
pub fn write_forecast_page(
    folder: &Path,
    backtest: &Backtest,
    fitted: &FittedForecasts,
    grid: &str,
    range: &str,
) -> Result<PathBuf, Fault> {
    let mut drawn: Vec<Picture> = Vec::new();
    let targets: Vec<Value> = Target::ALL.iter().filter_map(|t| section(backtest, *t, &mut drawn)).collect();
    let manifest = fitted.manifest();
    let names: Vec<&str> = manifest.members.iter().map(|member| member.name.as_str()).collect();
    let settings = [
        ("table", grid.to_string()),
        ("range", format!("{} to {} ({range})", backtest.from, backtest.to)),
        ("known", format!("{:?}", backtest.information).to_lowercase()),
        ("fitted on", format!("{} to {} of {}", manifest.from, manifest.to, manifest.table)),
        ("forecasters", names.join(", ")),
        ("forecasts", fitted.hash()),
    ];
    let values = context! {
        css => Value::from_safe_string([TOKENS_CSS, FIGURE_CSS, PAGE_CSS].concat()),
        title => format!("{range} of {grid}"),
        headline => headline(backtest),
        about => ABOUT,
        targets,
        settings => settings.iter().map(|(name, value)| vec![(*name).to_string(), value.clone()]).collect::<Vec<_>>(),
    };
    let figures = drawn.iter().map(|picture| (format!("{}.svg", picture.file), picture.standalone())).collect();
    let page = Report { html: render(values), figures }.write(folder)?;
    let scores = serde_json::to_string_pretty(backtest).expect("scores have string keys only");
    replace_file(&folder.join(SCORES_FILE), scores.as_bytes())?;
    Ok(page)
}

const ABOUT: &str = "Every half-hour of the range a forecast is issued from what was known then, and at 11:00 UK time one of \
                     the whole next local day. A floor is what anybody could say without a model; skill is the error less \
                     than that of the best floor. The test of Diebold and Mariano compares absolute errors day by day. CRPS \
                     is twice the mean pinball loss of the nine deciles. Half-hours that are known when a forecast is \
                     issued, and nights of solar output, are left out.";

fn render(values: Value) -> String {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.add_template("forecast.html", TEMPLATE).expect("the template is compiled in and a test renders it");
    let template = environment.get_template("forecast.html").expect("it was added above");
    template.render(values).expect("every name of the template is in its context, as a test shows")
}

/// How many targets the ensemble forecasts better than every floor.
fn headline(backtest: &Backtest) -> String {
    let scores: Vec<&Score> =
        Target::ALL.iter().filter_map(|target| backtest.score(*target, "ensemble", Horizon::NextDay)).collect();
    let better = scores.iter().filter(|score| score.skill_pct > 0.0 && is_significant(score)).count();
    format!(
        "For the next day the ensemble beats the best floor on {better} of {} signals beyond what luck explains.",
        scores.len()
    )
}

fn is_significant(score: &Score) -> bool {
    score.test.is_some_and(|test| test.p < SIGNIFICANT)
}

fn section(backtest: &Backtest, target: Target, drawn: &mut Vec<Picture>) -> Option<Value> {
    let id = target.name().replace(' ', "-");
    let next_day = backtest.score(target, "ensemble", Horizon::NextDay)?;
    let mut figures = Vec::new();
    let mut add = |picture: Picture, caption: String| {
        figures.push(context! {
            svg => Value::from_safe_string(picture.inline()),
            caption,
            file => format!("{FIGURES_FOLDER}/{}.svg", picture.file),
        });
        drawn.push(picture);
    };
    for (i, fan) in backtest.fans.iter().filter(|fan| fan.target == target).enumerate() {
        let caption = format!("Issued {}. The bands hold what was expected with 80 % and 40 %.", fan.issued);
        add(fan_picture(&format!("{id}-fan-{}", i + 1), fan), caption);
    }
    add(skill_picture(&id, backtest, target), SKILL.into());
    Some(context! {
        id => id.clone(),
        name => target.name(),
        heading => format!("{}, {}", capital(target.name()), unit(target)),
        words => words(next_day),
        table => table(backtest, target),
        figures,
    })
}

const SKILL: &str =
    "Mean absolute error by lead, forecast every half-hour; floors beside the ensemble and its members.";

fn words(score: &Score) -> String {
    let luck = match score.test {
        Some(test) if test.p < SIGNIFICANT => format!("which luck does not explain (p = {:.4})", test.p),
        Some(test) => format!("which may be luck (p = {:.2})", test.p),
        None => "with too few days to tell".into(),
    };
    let more = if score.skill_pct >= 0.0 { "less" } else { "more" };
    format!(
        "Next day: the ensemble misses by {}, {:.1} % {more} than the best floor ({}), {luck}. {:.1} % of what came lay \
         inside its 80 % interval.",
        number(shown(score.target) * score.mae),
        score.skill_pct.abs(),
        score.best_floor,
        score.coverage_pct
    )
}

fn table(backtest: &Backtest, target: Target) -> Value {
    let scale = shown(target);
    let rows = backtest.scores.iter().filter(|s| s.target == target && s.horizon == Horizon::NextDay).map(|score| {
        let day = backtest.score(target, &score.forecaster, Horizon::Day);
        let test = score.test.map_or("-".into(), |test| format!("{:.2} (p {:.3})", test.statistic, test.p));
        let cells = vec![
            number(scale * score.mae),
            number(scale * score.rmse),
            number(scale * score.crps),
            format!("{:.1}", score.coverage_pct),
            percent(score.skill_pct),
            test,
            day.map_or("-".into(), |day| number(scale * day.mae)),
            day.map_or("-".into(), |day| percent(day.skill_pct)),
        ];
        let kind = if score.floor { "floor" } else { "" };
        context! { name => score.forecaster.replace('_', " "), kind, marked => score.forecaster == "ensemble", cells }
    });
    let head =
        ["MAE, next day", "RMSE", "CRPS", "inside 80 %", "skill %", "Diebold-Mariano", "MAE, 1 to 48 ahead", "skill %"];
    let caption = format!("Scores in {}; the first six columns are those of the next local day.", unit(target));
    context! { caption, head => head.to_vec(), rows => rows.collect::<Vec<Value>>() }
}

/// The next day with its bands, and what came.
fn fan_picture(file: &str, fan: &Fan) -> Picture {
    let hour = |i: usize| i as f64 / 2.0;
    let scale = shown(fan.target);
    let band = |low: usize, high: usize| {
        let quantiles = fan.expected.iter().enumerate();
        quantiles.map(|(i, d)| (hour(i), scale * d.quantiles[low], scale * d.quantiles[high])).collect()
    };
    let line = |of: &dyn Fn(usize) -> f64| (0..fan.expected.len()).map(|i| (hour(i), scale * of(i))).collect();
    let curves = Curves {
        x_name: "hours since local midnight".into(),
        y_name: unit(fan.target).into(),
        curves: vec![
            Curve { name: "ensemble".into(), points: line(&|i| fan.expected[i].mean), band: band(0, 8) },
            Curve { name: "what came".into(), points: line(&|i| fan.truth[i].unwrap_or(f64::NAN)), band: Vec::new() },
            Curve { name: "inner 40 %".into(), points: Vec::new(), band: band(2, 6) },
        ],
        levels: Vec::new(),
        y_ends: None,
    };
    let day = fan.first.local().day;
    let title = format!("{}, {}", capital(fan.target.name()), flexai_env::grid::Date::from_days(day));
    let description = format!("Forecast of {} for a day with its 80 % interval, and what came.", fan.target.name());
    Picture::new(file, title, description, |form| curves_sheet(&curves, form))
}

fn skill_picture(id: &str, backtest: &Backtest, target: Target) -> Picture {
    let mut names: Vec<&str> = backtest.scores.iter().map(|score| score.forecaster.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    names.sort_by_key(|name| *name != "ensemble");
    let scale = shown(target);
    let curve = |name: &&str| {
        let score = |lead: usize| backtest.score(target, name, Horizon::Lead(lead));
        let points: Vec<(f64, f64)> =
            (0..=48).filter_map(|lead| Some((lead as f64 / 2.0, scale * score(lead)?.mae))).collect();
        (!points.is_empty()).then(|| Curve { name: name.replace('_', " "), points, band: Vec::new() })
    };
    let curves = Curves {
        x_name: "hours ahead".into(),
        y_name: format!("mean absolute error, {}", unit(target)),
        curves: names.iter().filter_map(curve).collect(),
        levels: Vec::new(),
        y_ends: Some((0.0, 0.0)),
    };
    let description =
        format!("Mean absolute error of {} by hours ahead, for floors, members and the ensemble.", target.name());
    Picture::new(format!("{id}-by-lead"), "Error by lead", description, |form| curves_sheet(&curves, form))
}

fn capital(name: &str) -> String {
    name[..1].to_uppercase() + &name[1..]
}

fn unit(target: Target) -> &'static str {
    match target {
        Target::IntradayPrice | Target::ImbalancePrice => "£/MWh",
        Target::Carbon => "g/kWh",
        Target::Wind => "MW",
        Target::Solar => "% of capacity",
    }
}

/// Solar output is shown in percent.
fn shown(target: Target) -> f64 {
    if target == Target::Solar { 100.0 } else { 1.0 }
}

/// One decimal, and no minus before a zero.
fn percent(x: f64) -> String {
    let text = format!("{x:.1}");
    if text == "-0.0" { "0.0".into() } else { text }
}

fn number(x: f64) -> String {
    match x.abs() {
        a if a < 1.0 => format!("{x:.4}"),
        a if a < 100.0 => format!("{x:.2}"),
        _ => format!("{x:.0}"),
    }
}
