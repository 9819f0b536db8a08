//! Live operation: loads an exported policy and decides every half-hour.
//!
//! In: an artifact and what is known now. Out: decisions, with the reason wherever one had to be corrected.
//! Always: the same decision function as evaluation; bad input gives an error, never a panic and never a silent default.
//! Not here: training (`flexai-agents` with its feature `training`, which this crate does not ask for).

pub mod decide;
