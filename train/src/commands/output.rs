//! Writing data to stdout; a closed pipe ends the program quietly.

use super::Failure;
use crate::fault::Fault;
use serde::Serialize;
use std::io::{ErrorKind, Write};

/// Prints a line of text.
///
/// # Errors
/// [`Failure::World`] if stdout cannot be written.
pub(super) fn print_line(text: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    match writeln!(out, "{text}").and_then(|()| out.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => std::process::exit(0),
        Err(error) => {
            let message = format!("cannot be written: {error}");
            Err(Fault {
                exit_code: 1,
                ..Fault::new("stdout", message).hint("check where the output goes; a full disk?")
            }
            .into())
        }
        Ok(()) => Ok(()),
    }
}

/// Prints one JSON document on one line.
///
/// # Errors
/// [`Failure::World`] if stdout cannot be written.
pub(super) fn print_json(value: &impl Serialize) -> Result<(), Failure> {
    print_line(&serde_json::to_string(value).expect("reports have string keys only"))
}
