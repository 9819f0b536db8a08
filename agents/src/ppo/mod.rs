//! Proximal policy optimisation on Burn.
//!
//! In: a batch of environments and settings. Out: a trained [`PolicyNetwork`](crate::artifact::PolicyNetwork), reports,
//! checkpoints. Always: termination and truncation stay apart; same settings, seed and CPU device give the same bytes at
//! any thread count; a number that is not finite stops the run and is never written.
//! Not here: run directories, evaluation, early stopping (`train/`); the policy that ships (`artifact/`).

mod activation;
mod actor_critic;
mod advice;
mod checkpoint;
mod collector;
mod config;
mod continuous;
mod credit;
mod distribution;
mod error;
mod exploration;
mod gae;
mod host;
mod imitation;
mod init;
mod learner;
mod learner_choice;
mod loss;
mod memory;
mod muon;
mod network_config;
mod optimizer;
mod parameters;
mod remembering;
mod rollout;
mod schedule;
mod through_time;
mod trainer;
mod value_scale;

#[cfg(test)]
mod consistency;
#[cfg(test)]
mod credit_tests;
#[cfg(test)]
mod device_tests;
#[cfg(test)]
mod golden;
#[cfg(test)]
mod options_tests;
#[cfg(test)]
mod recurrent_tests;

pub use config::PpoConfig;
pub use credit::Credit;
pub use error::PpoError;
pub use imitation::WarmStart;
pub use learner_choice::LearnerChoice;
pub use network_config::{CriticKind, CriticObservation, MemoryChoice, NetworkConfig};
pub use schedule::{OptimizerChoice, Schedule, TargetKlRule};
pub use trainer::{Trainer, UpdateReport, UpdateTiming};
