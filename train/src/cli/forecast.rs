//! Options of `flexai forecast`.

use clap::{Args, Subcommand};
use std::path::PathBuf;

/// `flexai forecast`.
#[derive(Debug, Args)]
pub struct ForecastArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: ForecastCommand,
}

/// Commands on forecasts.
#[derive(Debug, Subcommand)]
pub enum ForecastCommand {
    /// Fit every model on the train split of a table and write them as a folder
    Fit(FitForecastArgs),
    /// Issue forecasts over a range again and again, and compare them with what came
    Backtest(BacktestArgs),
    /// Time a full set of forecasts: all targets, the coming 48 half-hours
    Bench(BenchForecastArgs),
    /// Write the rows that trees are fitted to, for other libraries
    Rows(RowsArgs),
    /// Fit the LSTM of workload demand on published traces and on the generator, and score it
    Workload(WorkloadForecastArgs),
}

/// `flexai forecast workload`.
#[derive(Debug, Args)]
pub struct WorkloadForecastArgs {
    /// Folder with published workload traces; without it only the generator's series are fitted
    #[arg(long, value_name = "DIR")]
    pub workload: Option<PathBuf>,
    /// File of the forecasts
    #[arg(long, value_name = "FILE", default_value = "runs/workload-forecast.json")]
    pub out: PathBuf,
    /// Seed of weights, batches and generated series
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    /// One JSON document on stdout
    #[arg(long)]
    pub json: bool,
}

/// `flexai forecast bench`.
#[derive(Debug, Args)]
pub struct BenchForecastArgs {
    /// Folder made by `forecast fit`
    pub forecasts: PathBuf,
    /// Grid table (.csv or .csv.gz) instead of the embedded synthetic grid
    #[arg(long, value_name = "TABLE")]
    pub grid: Option<PathBuf>,
    /// Sets to time
    #[arg(long, default_value_t = 480)]
    pub sets: usize,
    /// One JSON document on stdout
    #[arg(long)]
    pub json: bool,
}

/// `flexai forecast rows`.
#[derive(Debug, Args)]
pub struct RowsArgs {
    /// Folder made by `forecast fit`
    pub forecasts: PathBuf,
    /// Grid table (.csv or .csv.gz) instead of the embedded synthetic grid
    #[arg(long, value_name = "TABLE")]
    pub grid: Option<PathBuf>,
    /// intraday_price, imbalance_price, carbon, wind or solar
    #[arg(long)]
    pub target: String,
    /// Folder of train.npy, validation.npy and columns.json
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
}

/// `flexai forecast fit`.
#[derive(Debug, Args)]
pub struct FitForecastArgs {
    /// Grid table (.csv or .csv.gz) instead of the embedded synthetic grid
    #[arg(long, value_name = "TABLE")]
    pub grid: Option<PathBuf>,
    /// Folder of the forecasts
    #[arg(long, value_name = "DIR", default_value = "runs/forecast")]
    pub out: PathBuf,
    /// Seed of everything that is drawn
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    /// One JSON document on stdout
    #[arg(long)]
    pub json: bool,
}

/// `flexai forecast backtest`.
#[derive(Debug, Args)]
pub struct BacktestArgs {
    /// Folder made by `forecast fit`
    pub forecasts: PathBuf,
    /// Grid table (.csv or .csv.gz) instead of the embedded synthetic grid
    #[arg(long, value_name = "TABLE")]
    pub grid: Option<PathBuf>,
    /// Split of the calendar: train, validation or test
    #[arg(long, default_value = "validation", conflicts_with_all = ["from", "to"])]
    pub split: String,
    /// First day, e.g. 2024-01-01
    #[arg(long, requires = "to")]
    pub from: Option<String>,
    /// Day after the last, e.g. 2024-04-01
    #[arg(long, requires = "from")]
    pub to: Option<String>,
    /// Only public feeds are known, not the trader's screen
    #[arg(long)]
    pub published: bool,
    /// Folder for the page: index.html with fans and skill by lead, and the scores as JSON
    #[arg(long, value_name = "DIR")]
    pub report: Option<PathBuf>,
    /// One JSON document on stdout
    #[arg(long)]
    pub json: bool,
}
