//! The workbench around the agents: configuration, run directory, metrics, progress, statistics, figures.
//!
//! In: what a person types. Out: files of a run, tables, pictures, and messages that say where, what and what to do.
//! Always: stdout carries data, stderr everything else; bad input ends in a message, never in a panic.
//! Not here: who decides (`flexai-agents`), live operation (`flexai-orchestrator`).

pub mod cli;
pub mod clock;
pub mod commands;
pub mod config;
pub mod evaluation;
pub mod fault;
pub mod figures;
pub mod interrupt;
pub mod metrics;
pub mod progress;
pub mod report;
pub mod run_dir;
pub mod setting;
pub mod stats;
pub mod sweep;
