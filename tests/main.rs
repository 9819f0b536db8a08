//! Integration tests: whole commands, invariants across rooms, house rules.

mod bad_input;
mod commands;
mod readme;
mod shared_data;
mod support;
mod tidy;
mod training;
