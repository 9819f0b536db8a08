//! Integration tests: whole commands, invariants across rooms, house rules.

// Clippy knows a test by its attribute only; here the helpers belong to tests too.
#![allow(clippy::unwrap_used)]

mod bad_input;
mod commands;
mod data_import;
mod evaluation;
mod forecast;
mod options;
mod readme;
mod rivals;
mod scenarios;
mod shared_data;
mod support;
mod sweep;
mod tidy;
mod training;
mod wait_awhile;
