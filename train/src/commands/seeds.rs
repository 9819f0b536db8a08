//! `flexai train CONFIG --seeds 1,2,3`: the same run under several seeds at once, and what their spread is.
//!
//! Always: each seed is a process of one thread and a run directory of its own, `OUT/seed1` .., the same byte for byte as
//! that seed trained alone; all of them end before the table is written, those that failed are named.
//! Not here: a run (`train.rs`), a search (`sweep.rs`).

use super::output::{print_json, print_line};
use super::{Failure, Outcome};
use crate::cli::TrainArgs;
use crate::fault::Fault;
use crate::interrupt::{EXIT_INTERRUPTED, Interrupt};
use crate::setting::load_train_config;
use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, ExitStatus, Stdio};
use std::time::Duration;

/// Pause between two looks at the processes.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// One seed's run, as it ended.
struct Ended {
    seed: u64,
    out: PathBuf,
    status: ExitStatus,
    /// Last line of `train --json`; null where the run failed.
    summary: Value,
}

pub(super) fn train_seeds(args: &TrainArgs, config: &Path) -> Outcome {
    let mut seeds = args.seeds.clone();
    seeds.sort_unstable();
    seeds.dedup();
    if seeds.len() < args.seeds.len() {
        return Err(Fault::new("--seeds", "a seed is given twice").hint("name each once, e.g. --seeds 1,2,3").into());
    }
    if args.parallel == Some(0) {
        return Err(Fault::new("--parallel", "it is 0, expected 1 or more").hint("leave it out").into());
    }
    let name = load_train_config(config, &args.set)?.name;
    let now = Timestamp::now();
    let default = || PathBuf::from("runs").join(format!("{name}-seeds-{}", now.strftime("%Y%m%dT%H%M%SZ")));
    let out = args.out.clone().unwrap_or_else(default);
    if std::fs::read_dir(&out).is_ok_and(|mut entries| entries.next().is_some()) {
        let hint = format!("choose another --out, or continue a seed with --resume {}/seed{}", out.display(), seeds[0]);
        return Err(Fault::of_path(&out, "the folder is not empty, but a new or empty one is expected")
            .hint(hint)
            .into());
    }
    std::fs::create_dir_all(&out).map_err(|error| Fault::of_io(&out, "make the folder", &error))?;
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let ended = run_all(args, config, &out, &seeds, args.parallel.unwrap_or(cores))?;
    conclude(args, &out, &ended)
}

/// Runs the seeds, so many at a time, in their order.
fn run_all(args: &TrainArgs, config: &Path, out: &Path, seeds: &[u64], parallel: usize) -> Result<Vec<Ended>, Failure> {
    let interrupt = Interrupt::install()?;
    let mut waiting = seeds.iter().copied();
    let mut running: Vec<(u64, Child)> = Vec::new();
    let mut ended = Vec::new();
    loop {
        while running.len() < parallel && !interrupt.requested() {
            let Some(seed) = waiting.next() else { break };
            eprintln!("seed {seed} begins");
            running.push((seed, start(args, config, out, seed)?));
        }
        if running.is_empty() {
            break;
        }
        let mut i = 0;
        while i < running.len() {
            let status = running[i].1.try_wait().map_err(|error| Fault::of_io(out, "wait for a seed", &error))?;
            let Some(status) = status else {
                i += 1;
                continue;
            };
            let (seed, _) = running.remove(i);
            eprintln!("seed {seed} ended{}", if status.success() { "" } else { " early" });
            let folder = out.join(format!("seed{seed}"));
            let lines = std::fs::read_to_string(out.join(format!("seed{seed}.jsonl"))).unwrap_or_default();
            let last = lines.lines().last().and_then(|line| serde_json::from_str(line).ok());
            let summary = last.filter(|_| status.success()).unwrap_or(Value::Null);
            ended.push(Ended { seed, out: folder, status, summary });
        }
        std::thread::sleep(LOOK_EVERY);
    }
    ended.sort_by_key(|ended| ended.seed);
    Ok(ended)
}

fn start(args: &TrainArgs, config: &Path, out: &Path, seed: u64) -> Result<Child, Failure> {
    let create = |suffix: &str| {
        let path = out.join(format!("seed{seed}.{suffix}"));
        File::create(&path).map_err(|error| Fault::of_io(&path, "create the file", &error))
    };
    // A program that was replaced meanwhile is still the one that runs.
    let program = std::env::current_exe().unwrap_or_else(|_| "flexai".into());
    let mut command = Command::new(program);
    command.arg("train").arg(config).args(["--seed", &seed.to_string(), "--json"]);
    command.arg("--out").arg(out.join(format!("seed{seed}"))).env("RAYON_NUM_THREADS", "1");
    for set in &args.set {
        command.arg("--set").arg(set);
    }
    let options = [
        ("--steps", args.steps.map(|steps| steps.to_string())),
        ("--device", args.device.map(|device| device.to_string())),
        ("--learner", args.learner.map(|learner| learner.to_string())),
        ("--stop-after", args.stop_after.map(|updates| updates.to_string())),
        ("--grid", args.grid.as_ref().map(|grid| grid.display().to_string())),
    ];
    for (option, value) in options.into_iter().filter_map(|(option, value)| Some((option, value?))) {
        command.arg(option).arg(value);
    }
    command.stdin(Stdio::null()).stdout(create("jsonl")?).stderr(create("log")?);
    command.spawn().map_err(|error| {
        let fault = Fault::new("flexai train", format!("the process of seed {seed} cannot be started: {error}"));
        Fault { exit_code: 1, ..fault }.hint("free memory, or run fewer at a time with --parallel").into()
    })
}

/// The table, and what failed.
fn conclude(args: &TrainArgs, out: &Path, ended: &[Ended]) -> Outcome {
    let good: Vec<&Ended> = ended.iter().filter(|ended| !ended.summary.is_null()).collect();
    let columns = columns(&good);
    if args.json {
        let mut of_columns = serde_json::Map::new();
        for (name, values) in &columns {
            let (mean, spread) = mean_and_spread(values);
            of_columns.insert(name.clone(), json!({"values": values, "mean": mean, "spread": spread}));
        }
        let seeds: Vec<u64> = good.iter().map(|ended| ended.seed).collect();
        print_json(&json!({"out": out.display().to_string(), "seeds": seeds, "columns": of_columns}))?;
    } else {
        print_line(&table(&good, &columns))?;
        print_line(&format!("\nruns     {}", out.display()))?;
    }
    let early: Vec<&Ended> = ended.iter().filter(|ended| ended.summary.is_null()).collect();
    let Some(first) = early.first() else { return Ok(ExitCode::SUCCESS) };
    if early.iter().all(|ended| ended.status.code().is_none_or(|code| code == i32::from(EXIT_INTERRUPTED))) {
        eprintln!("stopped; continue each seed with: flexai train --resume {}", first.out.display());
        return Ok(ExitCode::from(EXIT_INTERRUPTED));
    }
    let seeds: Vec<String> = early.iter().map(|ended| ended.seed.to_string()).collect();
    let log = std::fs::read_to_string(out.join(format!("seed{}.log", first.seed))).unwrap_or_default();
    let said = log.rsplit("error: ").next().unwrap_or_default().trim();
    let (message, hint) = said.split_once("\n\nhint: ").unwrap_or((said, "see the logs beside the runs"));
    let place = format!("seed {}", seeds.join(", seed "));
    let exit_code = if first.status.code() == Some(2) { 2 } else { 1 };
    Err(Fault { exit_code, ..Fault::new(place, format!("the run failed: {message}")) }.hint(hint).into())
}

/// What is told of every run: the last judgement of the policy, and the speed.
fn columns(good: &[&Ended]) -> Vec<(String, Vec<f64>)> {
    let named = [("saving_pct", "/eval/saving_pct"), ("return", "/eval/return_mean"), ("steps/CPU-s", "/sps_cpu")];
    let column = |(name, pointer): (&str, &str)| {
        let values: Option<Vec<f64>> =
            good.iter().map(|ended| ended.summary.pointer(pointer).and_then(Value::as_f64)).collect();
        values.filter(|values| !values.is_empty()).map(|values| (name.to_string(), values))
    };
    named.into_iter().filter_map(column).collect()
}

fn table(good: &[&Ended], columns: &[(String, Vec<f64>)]) -> String {
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(std::iter::once("seed".to_string()).chain(columns.iter().map(|(name, _)| name.clone())));
    for (i, ended) in good.iter().enumerate() {
        let cells = columns.iter().map(|(_, values)| format!("{:.2}", values[i]));
        table.add_row(std::iter::once(ended.seed.to_string()).chain(cells));
    }
    let cells = columns.iter().map(|(_, values)| {
        let (mean, spread) = mean_and_spread(values);
        format!("{mean:.2} +- {spread:.2}")
    });
    table.add_row(std::iter::once("mean".to_string()).chain(cells));
    for column in table.column_iter_mut() {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table.to_string()
}

/// Mean, and the sample standard deviation over the seeds; 0 for one.
fn mean_and_spread(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n.max(1.0);
    if values.len() < 2 {
        return (mean, 0.0);
    }
    (mean, (values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (n - 1.0)).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_spread_is_that_of_a_sample_and_nothing_for_one_seed() {
        assert_eq!(mean_and_spread(&[1.0, 3.0]), (2.0, 2f64.sqrt()));
        assert_eq!(mean_and_spread(&[7.0]), (7.0, 0.0));
    }
}
