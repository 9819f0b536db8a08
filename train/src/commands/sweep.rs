//! `flexai sweep`: a search over the keys of a training configuration, in a folder that can be gone on with.
//!
//! Here: what is searched, where it is kept, what is shown. The search is in `crate::sweep`.

use super::output::{print_json, print_line};
use super::train::{absolute, site, validation_range};
use super::trial::require_validation_weeks;
use super::{Failure, Outcome};
use crate::cli::SweepArgs;
use crate::config::{Loaded, load_located};
use crate::fault::Fault;
use crate::figures::{CoordinateAxis, CoordinateLine, ParallelCoordinates, parallel_coordinates_svg};
use crate::interrupt::{EXIT_INTERRUPTED, Interrupt};
use crate::run_dir::{replace_file, sha256_hex};
use crate::setting::{EMBEDDED_GRID, load_train_config};
use crate::sweep::{
    Dimension, Direction, Domain, Heard, Journal, Processes, Record, Row, RunResult, Standing, Sweep, SweepConfig,
    SweepDir, Task, base_point, best_toml, check_base, run_folder, shown, sweep_csv, sweep_json, sweep_table,
};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use jiff::Timestamp;
use std::io::IsTerminal;
use std::path::Path;
use std::process::ExitCode;

pub(super) fn sweep(args: &SweepArgs) -> Outcome {
    let (folder, config, journal, record) = match (&args.resume, &args.config) {
        (Some(path), _) => resume(path)?,
        (None, Some(path)) => begin(args, path)?,
        (None, None) => unreachable!("clap asks for one of them"),
    };
    let dimensions = config.dimensions();
    let base = load_train_config(&folder.base(), &[])?;
    let base_point = if config.include_base { base_point(&dimensions, &base)? } else { None };
    let parallel = parallel(args, &config)?;
    let interrupt = Interrupt::install()?;
    let mut display = Display::new(&config, &record, args.json);
    let mut search = Sweep { config: &config, dimensions: &dimensions, base_point, parallel, journal, record };
    let runner = Processes { folder: folder.path(), metric: &config.objective.metric, dimensions: &dimensions };
    let ended = search.drive(&runner, &|| interrupt.requested(), &mut |heard| display.show(heard))?;
    display.finish();
    if !ended {
        eprintln!("stopped; continue with: flexai sweep --resume {}", folder.path().display());
        return Ok(ExitCode::from(EXIT_INTERRUPTED));
    }
    eprintln!("{:.0} CPU seconds of training in all", search.record.cpu_seconds());
    let rows = search.record.rows(&config, config.trials);
    conclude(args, &folder, &config, &dimensions, &rows)
}

/// Runs at a time: as asked now, as the file says, or as many as cores.
fn parallel(args: &SweepArgs, config: &SweepConfig) -> Result<usize, Failure> {
    if args.parallel == Some(0) {
        return Err(Fault::new("--parallel", "it is 0, expected 1 or more")
            .hint("leave it out for one per core")
            .into());
    }
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    Ok(args.parallel.or(config.parallel).unwrap_or(cores))
}

type Opened = (SweepDir, SweepConfig, Journal, Record);

fn begin(args: &SweepArgs, path: &Path) -> Result<Opened, Failure> {
    let loaded: Loaded<SweepConfig> = load_located(path, &args.set)?;
    let config = &loaded.value;
    let beside = path.parent().unwrap_or(Path::new("")).join(&config.base);
    let from = if beside.exists() { beside } else { config.base.clone() };
    let mut base = load_train_config(&from, &config.overrides)?;
    if let Some(grid) = &args.grid {
        base.env.grid = absolute(grid);
    } else if base.env.grid != EMBEDDED_GRID {
        base.env.grid = absolute(Path::new(&base.env.grid));
    }
    // Everything that can be refused is refused before a folder is made.
    loaded.check(&check_base(config, &config.dimensions(), &base)?)?;
    if let Some(setup) = site(&base)? {
        require_validation_weeks(&validation_range(&setup), &base.env.grid)?;
    }
    let out = args.out.clone().unwrap_or_else(|| SweepDir::default_path(Path::new("runs"), config, Timestamp::now()));
    let (folder, journal) = SweepDir::create(&out, config, &base)?;
    eprintln!("sweep    {}", folder.path().display());
    Ok((folder, loaded.value, journal, Record::default()))
}

fn resume(path: &Path) -> Result<Opened, Failure> {
    let (folder, config, journal, events) = SweepDir::open(path)?;
    let dimensions = config.dimensions();
    let mut record = Record::default();
    events.iter().for_each(|event| record.apply(event, &dimensions));
    Ok((folder, config, journal, record))
}

/// Table, files, and the best configuration.
fn conclude(
    args: &SweepArgs,
    folder: &SweepDir,
    config: &SweepConfig,
    dimensions: &[Dimension],
    rows: &[Row],
) -> Outcome {
    let place = |name: &str| folder.path().join(name);
    replace_file(&place("sweep.csv"), sweep_csv(config, dimensions, rows).as_bytes())?;
    let Some(best) = rows.first().filter(|row| row.standing == Standing::Complete) else {
        let first = rows.iter().find_map(|row| row.message.as_deref().map(|message| (row.trial, message)));
        let (trial, message) = first.unwrap_or((0, "no message"));
        let text = format!("no trial of {} has a score at its end; trial {trial}: {message}", rows.len());
        let hint = "look at `message` in sweep.csv, then narrow [space] or correct the base";
        return Err(Fault { exit_code: 1, ..Fault::of_path(folder.path(), text) }.hint(hint).into());
    };
    replace_file(&place("sweep.svg"), parallel_coordinates_svg(&figure(config, dimensions, rows))?.as_bytes())?;
    let from = run_folder(folder.path(), best.trial, config.seeds[0]).join("config.toml");
    let read =
        |path: &Path| std::fs::read_to_string(path).map_err(|e| Fault::of_io(path, "read the configuration", &e));
    let digest = sha256_hex(read(&folder.config())?.as_bytes());
    replace_file(&place("best.toml"), best_toml(config, best, &read(&from)?, &digest).as_bytes())?;
    if args.json {
        let mut report = sweep_json(config, dimensions, rows);
        report["sweep_dir"] = folder.path().display().to_string().into();
        report["best_config"] = place("best.toml").display().to_string().into();
        print_json(&report)?;
        return Ok(ExitCode::SUCCESS);
    }
    let seeds = config.seeds.len();
    print_line(&format!(
        "{} on the validation split, {seeds} {} per point:\n",
        config.objective.metric,
        plural(seeds)
    ))?;
    print_line(&sweep_table(config, dimensions, rows))?;
    for row in rows.iter().filter(|row| row.standing == Standing::Failed) {
        let message = row.message.as_deref().unwrap_or("no message").lines().next().unwrap_or_default();
        print_line(&format!("trial {} failed: {message}", row.trial))?;
    }
    print_line(&format!("\nsweep    {}\nbest     {}", folder.path().display(), place("best.toml").display()))?;
    Ok(ExitCode::SUCCESS)
}

fn plural(seeds: usize) -> &'static str {
    if seeds == 1 { "seed" } else { "seeds" }
}

/// The picture of the trials: an axis per key and one for the score.
fn figure(config: &SweepConfig, dimensions: &[Dimension], rows: &[Row]) -> ParallelCoordinates {
    let complete = || rows.iter().filter(|row| row.standing == Standing::Complete).filter_map(|row| row.score);
    let (least, most) = rows
        .iter()
        .filter_map(|row| row.score)
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), score| (low.min(score), high.max(score)));
    let (low, high) = complete()
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high): (f64, f64), score| (low.min(score), high.max(score)));
    let share = |value: f64, low: f64, high: f64| if high > low { (value - low) / (high - low) } else { 1.0 };
    let rising = config.objective.direction() == Direction::Maximize;
    let shade = |score: f64| if rising { share(score, low, high) } else { share(-score, -high, -low) };
    let line = |row: &Row| {
        let keys = dimensions.iter().zip(&row.point).map(|(dimension, value)| dimension.domain.to_unit(value));
        let positions = keys.chain([row.score.map(|score| share(score, least, most))]).collect();
        let shaded = row.score.filter(|_| row.standing == Standing::Complete).map(shade);
        CoordinateLine { positions, shade: shaded }
    };
    let (worst, best) = if rising { (low, high) } else { (high, low) };
    let score_ticks = [0.0, 0.5, 1.0].map(|at| (at, format!("{:.3}", least + at * (most - least)))).to_vec();
    let mut axes: Vec<CoordinateAxis> = dimensions.iter().map(axis).collect();
    axes.push(CoordinateAxis { name: "score".into(), ticks: score_ticks });
    let grey = rows.iter().any(|row| row.standing != Standing::Complete);
    ParallelCoordinates {
        title: format!("{}: {} of {} trials", config.name, config.objective.metric, rows.len()),
        grey_name: if grey { "stopped early or failed".into() } else { String::new() },
        shade_ends: (format!("worst {worst:.3}"), format!("best {best:.3}")),
        axes,
        lines: rows.iter().map(line).collect(),
    }
}

fn axis(dimension: &Dimension) -> CoordinateAxis {
    let ticks = match &dimension.domain {
        Domain::Choice(items) => {
            items.iter().filter_map(|item| Some((dimension.domain.to_unit(item)?, shown(item)))).collect()
        }
        domain => [0.0, 0.5, 1.0]
            .into_iter()
            .filter_map(|at| {
                let value = domain.from_unit(at);
                Some((domain.to_unit(&value)?, value.to_string()))
            })
            .collect(),
    };
    CoordinateAxis { name: dimension.key.clone(), ticks }
}

/// What a person who waits sees on stderr.
struct Display {
    bar: Option<ProgressBar>,
    quiet: bool,
    done: u64,
    all: u64,
}

impl Display {
    fn new(config: &SweepConfig, record: &Record, json: bool) -> Self {
        let (mut all, mut done) = (0, 0);
        for generation in 0..config.generations() {
            let mut field = config.trials_of(generation).len();
            for rung in 0..config.stops().len() {
                all += (field * config.seeds.len()) as u64;
                let trials = config.trials_of(generation);
                let known =
                    |trial: usize| config.seeds.iter().filter(move |s| record.result(trial, rung, **s).is_some());
                done += trials.map(|trial| known(trial).count() as u64).sum::<u64>();
                field = config.going_on(field, config.is_base(config.trials_of(generation).start));
            }
        }
        let bar = (!json && std::io::stderr().is_terminal()).then(|| {
            let bar = ProgressBar::with_draw_target(Some(all), ProgressDrawTarget::stderr_with_hz(4));
            let style = ProgressStyle::with_template("{pos} of {len} runs [{bar:16}] {eta} left {wide_msg}")
                .expect("the template is a constant that is shown in every sweep");
            bar.set_style(style.progress_chars("=> "));
            bar.set_position(done);
            bar
        });
        Self { bar, quiet: json, done, all }
    }

    fn show(&mut self, heard: &Heard<'_>) {
        let text = match heard {
            Heard::Result(task, result) => {
                self.done += 1;
                let text = result_line(task, result);
                if self.bar.is_some() { text } else { format!("{} of {} runs: {text}", self.done, self.all) }
            }
            Heard::Promoted { rung, of, promoted } => {
                let list = promoted.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
                format!("stop {}: {} of {of} trials go on: {list}", rung + 1, promoted.len())
            }
        };
        match &self.bar {
            Some(bar) => {
                bar.set_position(self.done);
                bar.suspend(|| eprintln!("{text}"));
            }
            None if self.quiet => {}
            None => eprintln!("{text}"),
        }
    }

    fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn result_line(task: &Task, result: &RunResult) -> String {
    let name = format!("trial {}, seed {}, {} steps", task.trial, task.seed, result.env_steps);
    match (result.score, &result.message) {
        (Some(score), _) => format!("{name}: {score:.4} ({:.0} s)", result.wall_seconds),
        (None, message) => {
            let message = message.as_deref().unwrap_or("no score").lines().next().unwrap_or_default();
            format!("{name}: failed: {message}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(trial: usize, standing: Standing, score: Option<f64>) -> Row {
        let point = vec![toml::Value::Float(0.25), toml::Value::String("b".into())];
        let (spread, message) = (None, None);
        Row { rank: trial + 1, trial, standing, score, spread, by_seed: vec![score], env_steps: 1, point, message }
    }

    #[test]
    fn the_best_score_is_darkest_whichever_way_is_better_and_only_whole_runs_are_coloured() {
        let mut config = SweepConfig::default();
        let named = |key: &str, domain| Dimension { key: key.into(), domain };
        let choice = Domain::Choice(["a", "b"].map(|name| toml::Value::String(name.into())).to_vec());
        let dimensions = [named("x", Domain::Uniform { low: 0.0, high: 1.0 }), named("y", choice)];
        let mut rows = vec![
            row(0, Standing::Complete, Some(3.0)),
            row(1, Standing::Complete, Some(2.0)),
            row(2, Standing::Complete, Some(1.0)),
            row(3, Standing::Pruned(0), Some(5.0)),
            row(4, Standing::Failed, None),
        ];
        let shades = |config: &SweepConfig, rows: &[Row]| -> Vec<Option<f64>> {
            figure(config, &dimensions, rows).lines.iter().map(|line| line.shade).collect()
        };
        assert_eq!(shades(&config, &rows), [Some(1.0), Some(0.5), Some(0.0), None, None]);
        let drawn = figure(&config, &dimensions, &rows);
        assert_eq!(drawn.lines[0].positions, [Some(0.25), Some(0.75), Some(0.5)], "the pruned one stretches the axis");
        assert_eq!(drawn.axes[1].ticks, [(0.25, "a".to_string()), (0.75, "b".to_string())]);
        assert_eq!(drawn.shade_ends, ("worst 1.000".to_string(), "best 3.000".to_string()));
        config.objective.direction = Some(Direction::Minimize);
        rows[..3].reverse();
        assert_eq!(shades(&config, &rows), [Some(1.0), Some(0.5), Some(0.0), None, None]);
    }
}
