//! `flexai trial`: one run for a search, up to a share of its steps; one JSON line answers.
//!
//! Always: the same call again goes on where the last one ended; a run is the same, byte for byte, however often it was
//! stopped; what is wrong with the values is an answer, what is wrong with the world an error.
//! Not here: which trials there are (`flexai sweep`, or any other engine).

use super::curriculum::Curriculum;
use super::output::print_json;
use super::train::{absolute, build_trainer, overrides_of, site, validation_range};
use super::train_loop::{Judge, SCORE, TrainLoop};
use super::{Failure, Outcome};
use crate::cli::TrialArgs;
use crate::clock::process_cpu_seconds;
use crate::config::resolved_toml;
use crate::fault::Fault;
use crate::interrupt::{EXIT_INTERRUPTED, Interrupt};
use crate::metrics::read_metrics;
use crate::progress::{Progress, ProgressMode};
use crate::run_dir::{RunDir, RunManifest, list_checkpoints, sha256_hex};
use crate::setting::{EMBEDDED_GRID, TrainConfig, load_train_config};
use crate::sweep::{RunStatus, VALIDATION, check_metric, value_of};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

/// What a run has come to.
#[derive(Debug, Clone, PartialEq)]
struct Reached {
    status: RunStatus,
    score: Option<f64>,
    best_step: Option<u64>,
    updates: u64,
    message: Option<String>,
}

pub(super) fn trial(args: &TrialArgs) -> Outcome {
    let (begin, cpu) = (Instant::now(), process_cpu_seconds());
    if !(args.until > 0.0 && args.until <= 1.0) {
        let message = format!("{} is no share of the steps, expected a number in (0, 1]", args.until);
        return Err(Fault::new("--until", message).hint("1 trains to the end").into());
    }
    // A base that is wrong by itself is wrong use; what the values make of it is an answer.
    let base = load_train_config(&args.config, &[])?;
    check_metric(&args.metric, base.is_site())
        .map_err(|(found, hint)| Fault::new("--metric", format!("it is {found}")).hint(hint))?;
    let config = load_train_config(&args.config, &overrides_of(&args.set, args.seed, None)).map(|mut config| {
        if config.env.grid != EMBEDDED_GRID {
            config.env.grid = absolute(Path::new(&config.env.grid));
        }
        config
    });
    let (config, reached) = match config {
        Ok(config) => {
            let reached = train_until(args, &config)?;
            (config, reached)
        }
        Err(error) => (base, failed(&error, 0)),
    };
    let text = resolved_toml(&config)?;
    let keys = args.set.iter().filter_map(|set| set.split_once('=')).map(|(key, _)| key.trim().to_string());
    let keys: serde_json::Map<String, Value> = keys.map(|key| (key.clone(), json!(value_of(&text, &key)))).collect();
    let stopped = reached.status == RunStatus::Stopped;
    print_json(&json!({
        "status": reached.status, "score": reached.score, "message": reached.message,
        "env_steps": reached.updates * config.ppo.batch_size() as u64, "updates": reached.updates,
        "finished": reached.updates >= config.ppo.num_updates(), "best_step": reached.best_step,
        "wall_seconds": begin.elapsed().as_secs_f64(), "cpu_seconds": process_cpu_seconds() - cpu,
        "seed": args.seed.unwrap_or(config.seed), "metric": args.metric, "keys": keys,
        "run_dir": args.out.display().to_string(),
    }))?;
    Ok(if stopped { ExitCode::from(EXIT_INTERRUPTED) } else { ExitCode::SUCCESS })
}

/// An answer that there will be no score; the action for a person is left out.
fn failed(error: &impl ToString, updates: u64) -> Reached {
    let text = error.to_string();
    let message = text.split("\n\nhint: ").next().unwrap_or_default().to_string();
    Reached { status: RunStatus::Failed, score: None, best_step: None, updates, message: Some(message) }
}

/// Trains up to the asked share, or finds that it was done before.
fn train_until(args: &TrialArgs, config: &TrainConfig) -> Result<Reached, Failure> {
    let interrupt = Interrupt::install()?;
    if args.leash {
        hold_on_to_stdin(interrupt);
    }
    let _lock = lock(&args.out)?;
    let target = stop_at(config, args.until);
    let run = open_or_clear(&args.out, config)?;
    if let Some(run) = &run
        && newest_step(run)? >= target * config.ppo.batch_size() as u64
    {
        return judged(run, config, &args.metric, target);
    }
    let setup = site(config)?;
    if let Some(setup) = &setup {
        require_validation_weeks(&validation_range(setup), &config.env.grid)?;
    }
    let curriculum = Curriculum::new(config, setup.as_ref())?;
    let trainer = match build_trainer(config, curriculum.setup(0)) {
        Ok(trainer) => trainer,
        Err(failure) => return Ok(failed(&failure, 0)),
    };
    let judge = Judge::new(config, setup)?;
    let known = run.is_some();
    let run = run.map_or_else(|| begin(&args.out, config), Ok)?;
    let progress = Progress::new(config.ppo.total_steps, ProgressMode::Hidden);
    let mut training = TrainLoop::new(config, run.clone(), trainer, curriculum, judge, progress, false)?;
    match (known, newest_step(&run)? > 0) {
        (true, true) => training.resume()?,
        (true, false) => training.start_over()?,
        (false, _) => {}
    }
    let left = target.saturating_sub(training.updates());
    match training.run(interrupt, Some(left)) {
        Ok(_) if training.updates() >= target => judged(&run, config, &args.metric, target),
        Ok(_) => Ok(Reached {
            status: RunStatus::Stopped,
            score: None,
            best_step: None,
            updates: training.updates(),
            message: None,
        }),
        Err(failure @ Failure::NotFinite(_)) => Ok(failed(&failure, training.updates())),
        Err(failure) => Err(failure),
    }
}

/// The update at which a share of the run is done: one with an evaluation, or the last.
fn stop_at(config: &TrainConfig, share: f64) -> u64 {
    let (all, every) = (config.ppo.num_updates(), config.evaluation.every_updates);
    // A product that is a whole number but for its rounding is that number.
    let asked = (share * all as f64 - 1e-9).ceil() as u64;
    (asked.max(1).div_ceil(every) * every).min(all)
}

/// What `flexai evaluate` reports on must not have been trained or chosen on.
pub(super) fn require_validation_weeks(range: &crate::evaluation::WeekRange, grid: &str) -> Result<(), Failure> {
    if matches!(range, crate::evaluation::WeekRange::Split(_)) {
        return Ok(());
    }
    let message = "the table has no week of the validation split, but a search is judged on those alone: on other weeks it \
                   would choose by what it is trained on, or by what it is reported on";
    Err(Fault::new(grid, message).hint("use a table that holds 2024-01-01 to 2024-03-31").into())
}

/// The run that the same call made before; what an end before its first file left is cleared away.
fn open_or_clear(out: &Path, config: &TrainConfig) -> Result<Option<RunDir>, Failure> {
    let Ok(run) = RunDir::open(out) else {
        let entries = std::fs::read_dir(out).into_iter().flatten().flatten();
        let names: Vec<String> = entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        let of_a_beginning = ["checkpoints", "tensorboard", "evaluation", "config.toml", ".config.toml.partial"];
        let ours = |name: &String| of_a_beginning.contains(&name.as_str()) || name == ".run.json.partial";
        if !names.is_empty() && names.iter().all(ours) {
            std::fs::remove_dir_all(out).map_err(|error| Fault::of_io(out, "clear the folder", &error))?;
        }
        return Ok(None);
    };
    let (found, asked) = (run.read_identity()?.config_sha256, sha256_hex(resolved_toml(config)?.as_bytes()));
    if found != asked {
        let message =
            format!("a run of another configuration is kept here (SHA-256 {found}), but that of {asked} is asked for");
        return Err(Fault::of_path(out, message).hint("choose another --out, or repeat the call that made it").into());
    }
    Ok(Some(run))
}

fn begin(out: &Path, config: &TrainConfig) -> Result<RunDir, Failure> {
    let run = RunDir::create(out)?;
    let command_line = std::env::args().skip(1).collect();
    let manifest = RunManifest::new(config.seed, config.device.name(), Timestamp::now(), command_line);
    run.write_identity(&resolved_toml(config)?, manifest)?;
    Ok(run)
}

fn newest_step(run: &RunDir) -> Result<u64, Failure> {
    Ok(list_checkpoints(&run.checkpoints())?.last().map_or(0, |checkpoint| checkpoint.step))
}

/// The metric at the best checkpoint among those up to an update, from the record alone.
fn judged(run: &RunDir, config: &TrainConfig, metric: &str, updates: u64) -> Result<Reached, Failure> {
    let tag = if metric == VALIDATION { SCORE } else { metric };
    let last = updates * config.ppo.batch_size() as u64;
    let mut best: Option<(f64, u64, f64)> = None;
    for line in read_metrics(&run.metrics())?.into_iter().filter(|line| line.step <= last) {
        let value = |tag: &str| line.values.iter().find(|(name, _)| name == tag).map_or(f64::NAN, |(_, value)| *value);
        let (score, asked) = (value(SCORE), value(tag));
        if score.is_finite() && asked.is_finite() && best.is_none_or(|(highest, ..)| score > highest) {
            best = Some((score, line.step, asked));
        }
    }
    let Some((_, step, value)) = best else {
        return Ok(failed(&"no evaluation gave a finite score", updates));
    };
    Ok(Reached { status: RunStatus::Done, score: Some(value), best_step: Some(step), updates, message: None })
}

/// One process at a time works in a run's folder: one that was left behind by a killed sweep ends first.
fn lock(out: &Path) -> Result<File, Failure> {
    let name = format!("{}.lock", out.file_name().unwrap_or_default().to_string_lossy());
    let path = out.with_file_name(name);
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::create_dir_all(parent).map_err(|error| Fault::of_io(parent, "make the folder", &error))?;
    let file = File::create(&path).map_err(|error| Fault::of_io(&path, "create the file", &error))?;
    file.lock().map_err(|error| Fault::of_io(&path, "lock the run", &error))?;
    Ok(file)
}

/// Asks the run to stop once stdin has ended.
fn hold_on_to_stdin(interrupt: Interrupt) {
    std::thread::spawn(move || {
        let mut buffer = [0; 64];
        let mut stdin = std::io::stdin().lock();
        while stdin.read(&mut buffer).is_ok_and(|read| read > 0) {}
        interrupt.request();
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_stops_at_the_next_evaluation_after_the_share_and_never_after_its_end() {
        let mut config = TrainConfig::default();
        (config.ppo.num_envs, config.ppo.num_steps, config.ppo.total_steps) = (8, 16, 128 * 30);
        config.evaluation.every_updates = 7;
        let at = |share| stop_at(&config, share);
        assert_eq!((at(0.01), at(7.0 / 30.0), at(0.25), at(0.5)), (7, 7, 14, 21));
        assert_eq!((at(0.95), at(1.0)), (30, 30));
    }
}
