//! The command line: names and options are a contract; add, do not rename.
//!
//! In: arguments. Out: one parsed command. Not here: what the commands do (`commands/`).

mod forecast;
mod sweep;

use clap::builder::RangedU64ValueParser;
use clap::{Args, Parser, Subcommand, ValueEnum};
use flexai_agents::device::DeviceChoice;
use flexai_agents::ppo::LearnerChoice;
pub use forecast::{
    BacktestArgs, BenchForecastArgs, FitForecastArgs, ForecastArgs, ForecastCommand, RowsArgs, WorkloadForecastArgs,
};
use std::path::PathBuf;
pub use sweep::{SweepArgs, TrialArgs};

/// Train, judge and export policies that run an AI data centre on the GB grid.
#[derive(Debug, Parser)]
#[command(name = "flexai", version, propagate_version = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Whole numbers that a configuration can hold: TOML's are signed.
fn whole_number() -> RangedU64ValueParser<u64> {
    RangedU64ValueParser::new().range(..=i64::MAX as u64)
}

/// All commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Train a policy from a configuration
    Train(TrainArgs),
    /// Play policies and rivals on the same weeks and compare them
    Evaluate(EvaluateArgs),
    /// Put evaluations of the same weeks into one table
    Compare(CompareArgs),
    /// Write evaluations as one Markdown table
    Leaderboard(LeaderboardArgs),
    /// Write a checkpoint as an artifact that any runtime loads
    Export(ExportArgs),
    /// Decide by an artifact: JSON lines in, JSON lines out
    Decide(DecideArgs),
    /// List, describe or check environments
    Env(EnvArgs),
    /// Check and import grid tables and workload traces, fit or write what is drawn instead
    Data(DataArgs),
    /// Fit forecasts of prices, carbon, wind and sun, and judge them on data they have not seen
    Forecast(ForecastArgs),
    /// Measure speed, with the machine it was measured on
    Bench(BenchArgs),
    /// Draw a figure as SVG
    Figure(FigureArgs),
    /// List the rivals with their options
    Rivals(RivalsArgs),
    /// Choose the options of a rival on weeks of the train split
    Tune(TuneArgs),
    /// Search over the keys of a training configuration
    Sweep(SweepArgs),
    /// Train one point for a search up to a share of its steps; one JSON line answers
    Trial(TrialArgs),
}

/// `flexai train`.
#[derive(Debug, Args)]
pub struct TrainArgs {
    /// Training configuration; left out with --resume
    #[arg(required_unless_present = "resume", conflicts_with = "resume")]
    pub config: Option<PathBuf>,
    /// Device: flex, ndarray or wgpu
    #[arg(long)]
    pub device: Option<DeviceChoice>,
    /// What computes gradients: auto, host (CPU devices) or autodiff
    #[arg(long)]
    pub learner: Option<LearnerChoice>,
    /// Seed of every random stream
    #[arg(long, conflicts_with = "resume", allow_negative_numbers = true, value_parser = whole_number())]
    pub seed: Option<u64>,
    /// Train once per seed at the same time, one thread each, and compare: OUT/seed1, OUT/seed2, ..
    #[arg(long, value_name = "N,..", value_delimiter = ',', conflicts_with_all = ["resume", "seed"], value_parser = whole_number())]
    pub seeds: Vec<u64>,
    /// With --seeds: so many at a time, one per core if not given
    #[arg(long, value_name = "N", requires = "seeds")]
    pub parallel: Option<usize>,
    /// Environment steps of the whole run
    #[arg(long, conflicts_with = "resume", allow_negative_numbers = true, value_parser = whole_number())]
    pub steps: Option<u64>,
    /// Change a key of the configuration, e.g. ppo.gamma=0.99
    #[arg(long = "set", value_name = "KEY=VALUE", conflicts_with = "resume")]
    pub set: Vec<String>,
    /// Grid table (.csv or .csv.gz) instead of the embedded synthetic grid
    #[arg(long)]
    pub grid: Option<PathBuf>,
    /// Forecast: persistence, none, perfect (a cheat), or a folder made by `forecast fit`
    #[arg(long, value_name = "FORECAST", conflicts_with = "resume")]
    pub forecast: Option<String>,
    /// Folder of the run
    #[arg(long, conflicts_with = "resume")]
    pub out: Option<PathBuf>,
    /// Continue a run as if it had never stopped
    #[arg(long, value_name = "RUN_DIR")]
    pub resume: Option<PathBuf>,
    /// Stop after this many updates more, with a checkpoint; the schedules stay those of the whole run
    #[arg(long, value_name = "N")]
    pub stop_after: Option<u64>,
    /// One JSON line per update on stdout, the last one being the summary
    #[arg(long)]
    pub json: bool,
}

/// `flexai evaluate`.
#[derive(Debug, Args)]
#[command(after_help = crate::commands::rivals_help())]
pub struct EvaluateArgs {
    /// Run directories, checkpoints, artifacts, or rivals: NAME, or NAME:key=value,key=value
    #[arg(required = true, value_name = "POLICY")]
    pub policies: Vec<String>,
    /// Scenario file; without it the one stored with the first policy
    #[arg(long)]
    pub scenario: Option<PathBuf>,
    /// Grid table; without it the one the policy was trained on, or the embedded grid
    #[arg(long)]
    pub grid: Option<PathBuf>,
    /// Forecast: persistence, none, perfect (a cheat), or a folder made by `forecast fit`; without it the policy's own
    #[arg(long, value_name = "FORECAST")]
    pub forecast: Option<String>,
    /// Split of the calendar: train, validation or test
    #[arg(long, default_value = "validation", conflicts_with_all = ["from", "to"])]
    pub split: String,
    /// First day, e.g. 2024-01-01
    #[arg(long, requires = "to")]
    pub from: Option<String>,
    /// Day after the last, e.g. 2024-04-01
    #[arg(long, requires = "from")]
    pub to: Option<String>,
    /// Rivals to play along: all, none, or rivals with commas, options and all
    #[arg(long, default_value = "all")]
    pub rivals: String,
    /// At most so many weeks, spread over the range
    #[arg(long)]
    pub weeks: Option<usize>,
    /// Job seeds per week, 1 if not given (outside site environments: episodes, 50 if not given)
    #[arg(long)]
    pub seeds: Option<usize>,
    /// Draw actions as in training instead of taking the most probable one
    #[arg(long)]
    pub sampled: bool,
    /// Folder for the evaluation and its half-hours, which `compare` and `leaderboard` read
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Folder of weeks that were played before; a killed evaluation goes on from there
    #[arg(long, value_name = "DIR", default_value = "runs/cache")]
    pub cache: PathBuf,
    /// Play every week anew and keep none
    #[arg(long, conflicts_with = "cache")]
    pub no_cache: bool,
    /// Leave out perfect foresight, and with it the share of its gap
    #[arg(long)]
    pub no_oracle: bool,
    /// Folder for the report: index.html with its figures, the evaluation and its half-hours
    #[arg(long, value_name = "DIR")]
    pub report: Option<PathBuf>,
    /// Day of the report's first figure, e.g. 2024-02-14; without it the one with the largest saving
    #[arg(long, value_name = "DAY", requires = "report")]
    pub day: Option<String>,
    /// One JSON document on stdout
    #[arg(long)]
    pub json: bool,
}

/// `flexai rivals`.
#[derive(Debug, Args)]
pub struct RivalsArgs {
    /// One JSON document on stdout
    #[arg(long)]
    pub json: bool,
}

/// `flexai tune`.
#[derive(Debug, Args)]
pub struct TuneArgs {
    /// Rival to begin with: NAME, or NAME:key=value,key=value
    pub rival: String,
    /// Scenario file; without it the standard scenario
    #[arg(long)]
    pub scenario: Option<PathBuf>,
    /// Grid table instead of the embedded synthetic grid
    #[arg(long)]
    pub grid: Option<PathBuf>,
    /// Weeks of the train split, drawn at random
    #[arg(long, default_value_t = 50)]
    pub weeks: usize,
    /// Seed of the weeks, the jobs and the draws
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    /// Draws of all options at random before the search, which goes on from the best
    #[arg(long, default_value_t = 0)]
    pub draws: usize,
    /// Rounds over all options, one after another; fewer if a round changes nothing
    #[arg(long, default_value_t = 3)]
    pub rounds: usize,
    /// Only these options, with commas
    #[arg(long, value_name = "KEY,..", value_delimiter = ',')]
    pub only: Vec<String>,
    /// One JSON document on stdout
    #[arg(long)]
    pub json: bool,
}

/// `flexai compare`.
#[derive(Debug, Args)]
pub struct CompareArgs {
    /// Folders made by `evaluate --out`, or files with what `evaluate --json` printed
    #[arg(required = true, value_name = "EVALUATION")]
    pub evaluations: Vec<PathBuf>,
    /// Folder for the joint evaluation and its half-hours
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Folder for the report: index.html with its figures, the evaluation and its half-hours
    #[arg(long, value_name = "DIR")]
    pub report: Option<PathBuf>,
    /// Day of the report's first figure, e.g. 2024-02-14; without it the one with the largest saving
    #[arg(long, value_name = "DAY", requires = "report")]
    pub day: Option<String>,
    /// One JSON document on stdout
    #[arg(long)]
    pub json: bool,
}

/// `flexai leaderboard`.
#[derive(Debug, Args)]
pub struct LeaderboardArgs {
    /// Folders made by `evaluate --out`, or files with what `evaluate --json` printed
    #[arg(required = true, value_name = "EVALUATION")]
    pub evaluations: Vec<PathBuf>,
    /// Document with the two marker lines between which the table is written
    #[arg(long, value_name = "FILE")]
    pub write: Option<PathBuf>,
}

/// `flexai export`.
#[derive(Debug, Args)]
pub struct ExportArgs {
    /// Run directory (its best checkpoint) or checkpoint; several become one policy that decides by their mean
    #[arg(required = true)]
    pub checkpoint: Vec<PathBuf>,
    /// Folder of the artifact
    #[arg(long)]
    pub out: PathBuf,
    /// Replace an artifact that is already there
    #[arg(long)]
    pub overwrite: bool,
}

/// `flexai decide`.
#[derive(Debug, Args)]
pub struct DecideArgs {
    /// Folder of the artifact
    pub artifact: PathBuf,
}

/// `flexai env`.
#[derive(Debug, Args)]
pub struct EnvArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: EnvCommand,
}

/// Commands on environments.
#[derive(Debug, Subcommand)]
pub enum EnvCommand {
    /// All registered environments
    List {
        /// One JSON document on stdout
        #[arg(long)]
        json: bool,
    },
    /// Spaces, schema and page of an environment
    Describe {
        /// Registered id
        id: String,
        /// Scenario of a site environment
        #[arg(long)]
        scenario: Option<PathBuf>,
        /// Grid table of a site environment
        #[arg(long)]
        grid: Option<PathBuf>,
        /// One JSON document on stdout
        #[arg(long)]
        json: bool,
    },
    /// Run the contract test on an environment
    Check {
        /// Registered id
        id: String,
        /// Scenario of a site environment
        #[arg(long)]
        scenario: Option<PathBuf>,
        /// Grid table of a site environment
        #[arg(long)]
        grid: Option<PathBuf>,
    },
}

/// `flexai data`.
#[derive(Debug, Args)]
pub struct DataArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: DataCommand,
}

/// Commands on grid tables and workload traces.
#[derive(Debug, Subcommand)]
pub enum DataCommand {
    /// Report holes and clock changes of a table and compare it with the synthetic grid
    Check {
        /// Table (.csv or .csv.gz), or `embedded`
        table: String,
        /// Accept missing half-hours as holes
        #[arg(long)]
        allow_missing: bool,
        /// One JSON document on stdout
        #[arg(long)]
        json: bool,
    },
    /// Read publishers' own files (Elexon, NESO, PV_Live, ..) into one table
    Import(ImportArgs),
    /// Fit the synthetic generator to the train split of a table
    FitSynthetic {
        /// Table (.csv or .csv.gz)
        table: PathBuf,
        /// File of the parameters
        #[arg(long)]
        out: PathBuf,
    },
    /// Fit the workload generator to the first 70 % of published traces
    FitWorkload {
        /// Folder of the traces
        folder: PathBuf,
        /// File of the parameters
        #[arg(long)]
        out: PathBuf,
    },
    /// Compare jobs and demand drawn by the workload generator with published traces
    CheckWorkload {
        /// Folder of the traces
        folder: PathBuf,
        /// Parameters; without them the embedded ones
        #[arg(long)]
        parameters: Option<PathBuf>,
        /// One JSON document on stdout
        #[arg(long)]
        json: bool,
    },
    /// Write a table drawn from the synthetic generator
    Synthesise {
        /// First day
        #[arg(long, default_value = "2020-01-01")]
        from: String,
        /// Number of days
        #[arg(long, default_value_t = 366)]
        days: usize,
        /// Seed of the draw
        #[arg(long, default_value_t = 0)]
        seed: u64,
        /// Parameters; without them the embedded ones
        #[arg(long)]
        parameters: Option<PathBuf>,
        /// File of the table
        #[arg(long)]
        out: PathBuf,
    },
}

/// `flexai data import`.
#[derive(Debug, Args)]
pub struct ImportArgs {
    /// Files as published, plain or gzip
    #[arg(required_unless_present = "list", value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Format of all files; without it each is told from its content
    #[arg(long, value_name = "ID")]
    pub format: Option<String>,
    /// File of the table (.csv or .csv.gz)
    #[arg(long, required_unless_present = "list", value_name = "TABLE")]
    pub out: Option<PathBuf>,
    /// Which file counts where two differ; without it they must not
    #[arg(long, value_enum)]
    pub prefer: Option<PreferChoice>,
    /// List the known formats
    #[arg(long, conflicts_with_all = ["files", "format", "out", "prefer"])]
    pub list: bool,
    /// One JSON document on stdout
    #[arg(long)]
    pub json: bool,
}

/// Which of two files counts where they differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PreferChoice {
    /// The one named first
    First,
    /// The one named last
    Last,
}

/// `flexai bench`.
#[derive(Debug, Args)]
pub struct BenchArgs {
    /// What to measure.
    #[command(subcommand)]
    pub command: BenchCommand,
}

/// Benchmarks.
#[derive(Debug, Subcommand)]
pub enum BenchCommand {
    /// Steps per second of an environment under random actions
    Env {
        /// Registered id
        #[arg(long, default_value = "FlexSite-v1")]
        id: String,
        /// Scenario of a site environment; its own default if left out
        #[arg(long)]
        scenario: Option<PathBuf>,
        /// Environments stepped together
        #[arg(long, default_value_t = 64)]
        num_envs: usize,
        /// Steps of the batch
        #[arg(long, default_value_t = 2000)]
        steps: usize,
        /// One JSON document on stdout
        #[arg(long)]
        json: bool,
    },
    /// A short training run: steps per second and the share of collecting and learning
    Train {
        /// Training configuration
        config: PathBuf,
        /// Updates to run
        #[arg(long, default_value_t = 5)]
        updates: u64,
        /// Device: flex, ndarray or wgpu
        #[arg(long)]
        device: Option<DeviceChoice>,
        /// Change a key of the configuration, e.g. ppo.learner=autodiff
        #[arg(long = "set", value_name = "KEY=VALUE")]
        set: Vec<String>,
        /// One JSON document on stdout
        #[arg(long)]
        json: bool,
    },
    /// Time per decision of an artifact
    Decide {
        /// Folder of the artifact
        artifact: PathBuf,
        /// Decisions to time
        #[arg(long, default_value_t = 20_000)]
        decisions: usize,
        /// One JSON document on stdout
        #[arg(long)]
        json: bool,
    },
    /// The public benchmark Let's Wait Awhile (Middleware '21), Great Britain, cell by cell
    WaitAwhile(WaitAwhileArgs),
}

/// `flexai bench wait-awhile`.
#[derive(Debug, Args)]
pub struct WaitAwhileArgs {
    /// The authors' gb_ci.csv; without it the copy in the shared test material (FLEXAI_SHARED, else ../shared)
    #[arg(long, value_name = "CSV")]
    pub data: Option<PathBuf>,
    /// Seeds of forecast errors
    #[arg(long, default_value_t = 200)]
    pub seeds: usize,
    /// Folder with the forecast errors that NumPy drew, instead of our own
    #[arg(long, value_name = "DIR", conflicts_with = "seeds")]
    pub noise: Option<PathBuf>,
    /// One JSON document on stdout
    #[arg(long)]
    pub json: bool,
}

/// `flexai figure`.
#[derive(Debug, Args)]
pub struct FigureArgs {
    /// What to draw.
    #[command(subcommand)]
    pub command: FigureCommand,
}

/// Figures.
#[derive(Debug, Subcommand)]
pub enum FigureCommand {
    /// The learning curve of one or more runs
    Learning {
        /// Run directories
        #[arg(required = true)]
        runs: Vec<PathBuf>,
        /// Tag of metrics.jsonl
        #[arg(long, default_value = "eval/saving_pct")]
        tag: String,
        /// SVG file
        #[arg(long)]
        out: PathBuf,
    },
    /// One day: FIFO as bars, the policy as a line, price, carbon and battery below
    Day {
        /// Run directory, checkpoint, artifact or rival
        policy: String,
        /// Local day, e.g. 2024-05-14
        #[arg(long)]
        date: String,
        /// Scenario file; without it the one stored with the policy
        #[arg(long)]
        scenario: Option<PathBuf>,
        /// Grid table; without it the one the policy was trained on
        #[arg(long)]
        grid: Option<PathBuf>,
        /// SVG file
        #[arg(long)]
        out: PathBuf,
    },
}
