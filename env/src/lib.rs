//! The world: GB grid signals, jobs, battery, site and market behind a Gym-style environment.
//!
//! In: configuration, traces, actions. Out: observations, rewards and the terms they are made of.
//! Always: no Burn, no network, no wall clock; all randomness from named streams of one seed.
//! Not here: who decides (`flexai-agents`), what a person types (`flexai`).

pub mod battery;
pub mod benchmark;
pub mod classic;
pub mod core;
pub mod files;
pub mod grid;
pub mod market;
pub mod site;
pub mod units;
pub mod workload;
