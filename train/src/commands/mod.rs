//! The commands, one file each.
//!
//! Always: stdout carries data, stderr the rest; a failure has an exit code: 2 wrong use or input, 1 a failing world.

mod bench;
mod bench_wait_awhile;
mod curriculum;
mod data;
mod data_import;
mod decide;
mod env;
mod evaluate;
mod export;
mod figure;
mod forecast;
mod forecast_bench;
mod forecast_rows;
mod forecast_workload;
mod output;
mod policy_source;
mod report;
mod rivals;
mod scalars;
mod seeds;
mod stored;
mod sweep;
mod train;
mod train_loop;
mod trial;
mod tune;
mod workload;

pub use rivals::rivals_help;

use crate::cli::Command;
use crate::config::ConfigError;
use crate::fault::Fault;
use std::fmt;
use std::process::ExitCode;

/// Why a command ended early.
#[derive(Debug)]
pub enum Failure {
    /// What was asked for cannot be: wrong file, key, name. Exit code 2.
    Input(String),
    /// The world failed: full disk, lost device, numbers that blew up. Exit code 1.
    World(String),
    /// Training met a number that is not finite. Exit code 1.
    NotFinite(String),
}

impl Failure {
    /// Exit code of the program.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Input(_) => 2,
            Self::World(_) | Self::NotFinite(_) => 1,
        }
    }

    /// Wrong input, from any error that names its place.
    pub fn input(error: impl fmt::Display) -> Self {
        Self::Input(error.to_string())
    }

    /// A failing world, from any error that names its place.
    pub fn world(error: impl fmt::Display) -> Self {
        Self::World(error.to_string())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Input(text) | Self::World(text) | Self::NotFinite(text) => f.write_str(text),
        }
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::input(error)
    }
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        if fault.exit_code == 1 { Self::world(fault) } else { Self::input(fault) }
    }
}

/// What a command returns.
pub type Outcome = Result<ExitCode, Failure>;

/// Runs one command.
///
/// # Errors
/// [`Failure`] with the text for the person and the exit code for the shell.
pub fn run(command: Command) -> Outcome {
    match command {
        Command::Train(args) => train::train(&args),
        Command::Evaluate(args) => evaluate::evaluate(&args),
        Command::Compare(args) => stored::compare(&args),
        Command::Leaderboard(args) => stored::print_leaderboard(&args),
        Command::Export(args) => export::export(&args),
        Command::Decide(args) => decide::decide(&args),
        Command::Env(args) => env::env(&args.command),
        Command::Data(args) => data::data(&args.command),
        Command::Forecast(args) => forecast::forecast(&args.command),
        Command::Bench(args) => bench::bench(&args.command),
        Command::Figure(args) => figure::figure(&args.command),
        Command::Rivals(args) => rivals::list(args.json),
        Command::Tune(args) => tune::tune(&args),
        Command::Sweep(args) => sweep::sweep(&args),
        Command::Trial(args) => trial::trial(&args),
    }
}
