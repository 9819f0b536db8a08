//! The command line of `flexai sweep` and `flexai trial`.

use super::whole_number;
use crate::sweep::VALIDATION;
use clap::Args;
use std::path::PathBuf;

/// What `flexai sweep --help` ends with.
const EXAMPLE: &str = "\
Example of a sweep file:
  base = \"../train/quickstart.toml\"
  trials = 12
  [space]
  \"ppo.learning_rate\" = { log_uniform = [1e-4, 2e-3] }
  \"ppo.update_epochs\" = { int_uniform = [2, 8] }
  \"ppo.num_minibatches\" = { choice = [2, 4, 8] }

  flexai sweep configs/sweep/quickstart.toml --out runs/sweep
  flexai sweep --resume runs/sweep
  flexai train runs/sweep/best.toml

The folder then holds sweep.jsonl (the journal), sweep.csv, sweep.svg, best.toml, and a run directory per trial and seed.
Scores are those of the validation split; report on the test split once, at the end, with `flexai evaluate`.";

/// What `flexai trial --help` ends with.
const CONTRACT: &str = "\
One JSON line on stdout, with exit code 0:
  {\"status\":\"done\",\"score\":4.5,\"message\":null,\"env_steps\":1196032,\"updates\":146,\"finished\":true,
   \"best_step\":1146880,\"wall_seconds\":61.2,\"cpu_seconds\":60.9,\"seed\":1,\"metric\":\"validation\",
   \"keys\":{\"ppo.gamma\":0.95},\"run_dir\":\"runs/a\"}
`status` is `done`, `failed` (its `message` says why; it will fail again), or `stopped` (exit code 130: interrupted after a
checkpoint). The same call again goes on where the last one ended, killed or not, or answers at once; with a greater
--until it goes on to that. Other exit codes come without a line: 2 wrong use, 1 a failing world.

  flexai trial configs/train/quickstart.toml --set ppo.gamma=0.95 --seed 1 --until 0.25 --out runs/a";

/// `flexai sweep`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLE)]
pub struct SweepArgs {
    /// Sweep file; left out with --resume
    #[arg(required_unless_present = "resume", conflicts_with = "resume")]
    pub config: Option<PathBuf>,
    /// Change a key of the sweep file, e.g. trials=20
    #[arg(long = "set", value_name = "KEY=VALUE", conflicts_with = "resume")]
    pub set: Vec<String>,
    /// Grid table (.csv or .csv.gz) instead of the one of the base
    #[arg(long, conflicts_with = "resume")]
    pub grid: Option<PathBuf>,
    /// Folder of the sweep
    #[arg(long, conflicts_with = "resume")]
    pub out: Option<PathBuf>,
    /// Continue a sweep as if it had never stopped
    #[arg(long, value_name = "SWEEP_DIR")]
    pub resume: Option<PathBuf>,
    /// Runs at a time, each on one thread; changes no result
    #[arg(long, value_name = "N")]
    pub parallel: Option<usize>,
    /// One JSON document on stdout
    #[arg(long)]
    pub json: bool,
}

/// `flexai trial`.
#[derive(Debug, Args)]
#[command(after_help = CONTRACT)]
pub struct TrialArgs {
    /// Training configuration
    pub config: PathBuf,
    /// Change a key of the configuration, e.g. ppo.gamma=0.99
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// Seed of every random stream
    #[arg(long, allow_negative_numbers = true, value_parser = whole_number())]
    pub seed: Option<u64>,
    /// Share of the run's steps to stop at, rounded up to the next evaluation; the schedules stay those of the whole run
    #[arg(long, value_name = "SHARE", default_value_t = 1.0)]
    pub until: f64,
    /// Score on the validation split
    #[arg(long, value_name = "NAME", default_value = VALIDATION)]
    pub metric: String,
    /// Folder of the run, new or of the same call before
    #[arg(long)]
    pub out: PathBuf,
    /// Stop, with a checkpoint, when stdin ends: then a trial does not outlive the program that started it
    #[arg(long)]
    pub leash: bool,
}
