//! The environment contract: `Env`, `StepResult`, spaces, `VecEnv`, wrappers, `check_env`, registry.
//!
//! Mirrors Gymnasium 1.x, without its allocations: every slice handed out borrows a buffer of the environment.

mod check;
mod env;
#[cfg(test)]
pub(crate) mod golden;
mod info;
mod normalize;
mod registry;
mod seeding;
mod space;
mod state;
mod vec_env;
mod wrappers;

pub use check::{CheckProblem, check_env};
pub use env::{Env, ObservationField, ObservationSchema, Reset, RewardParts, StateError, StepResult};
pub use info::{EpisodeStatistics, Info};
pub use normalize::{ObservationNormalizer, ReturnNormalizer, RunningMeanStd};
pub use registry::{EnvContext, EnvError, EnvSpec, env_specs, find_spec, make};
pub use seeding::{SeedTree, StreamRng};
pub use space::{ActionComponent, Space, SpaceError};
#[cfg(test)]
pub(crate) use state::seal_again;
pub use state::{decode_state, encode_state};
pub use vec_env::{VecEnv, VecStep};
pub use wrappers::{NormalizeObservation, NormalizeReward, RecordEpisodeStatistics, TimeLimit};
