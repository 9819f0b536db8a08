//! `flexai`: parses the command line, runs one command, turns its outcome into an exit code.

use clap::Parser;
use flexai::cli::Cli;
use flexai::commands::run;
use std::process::ExitCode;

fn main() -> ExitCode {
    // Clap itself exits with 2 on wrong use, and with 0 on --help.
    match run(Cli::parse().command) {
        Ok(code) => code,
        Err(failure) => {
            eprintln!("error: {failure}");
            ExitCode::from(failure.exit_code())
        }
    }
}
