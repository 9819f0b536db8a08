//! Public benchmarks, played on this workbench's own physics.
//!
//! In: the data a benchmark was published with. Out: our figures beside the published ones.
//! Not here: speed (`flexai bench env|train|decide`), comparisons of our own (`train/src/evaluation`).

pub mod wait_awhile;
