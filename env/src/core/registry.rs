//! Environments by versioned id.
//!
//! In: an id and a context. Out: a ready environment. One environment, one line in [`env_specs`].

use super::env::Env;
use crate::site::SiteSetup;
use std::sync::Arc;

/// What an environment may need beside its id.
#[derive(Debug, Clone, Default)]
pub struct EnvContext {
    /// Scenario and grid trace of the site environments; `None` means the embedded default (`quickstart`).
    pub site: Option<Arc<SiteSetup>>,
}

/// One registered environment.
#[derive(Debug, Clone, Copy)]
pub struct EnvSpec {
    /// Versioned id, e.g. `FlexSite-v1`.
    pub id: &'static str,
    /// One sentence.
    pub summary: &'static str,
    /// Steps after which an episode is truncated, if the environment does not end by itself.
    pub max_episode_steps: Option<u32>,
    /// Return from which the task counts as solved.
    pub reward_threshold: Option<f64>,
    /// Builds the bare environment; [`make`] adds the time limit and the episode statistics.
    pub build: fn(&EnvContext) -> Result<Box<dyn Env>, EnvError>,
}

/// Why an environment could not be made.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum EnvError {
    /// No such id.
    #[error("unknown environment `{found}`, expected one of {expected}\n\nhint: `flexai env list` shows them all")]
    UnknownId {
        /// What was asked for.
        found: String,
        /// The ids there are.
        expected: String,
    },
    /// The environment refused its context.
    #[error("{0}")]
    Setup(String),
}

/// All registered environments.
pub fn env_specs() -> &'static [EnvSpec] {
    &[]
}

/// The specification of one id.
///
/// # Errors
/// [`EnvError::UnknownId`].
pub fn find_spec(id: &str) -> Result<&'static EnvSpec, EnvError> {
    env_specs().iter().find(|spec| spec.id == id).ok_or_else(|| EnvError::UnknownId {
        found: id.to_string(),
        expected: env_specs().iter().map(|s| s.id).collect::<Vec<_>>().join(", "),
    })
}

/// Makes a registered environment with its time limit and episode statistics.
///
/// # Errors
/// [`EnvError`] if the id is unknown or the context does not fit.
pub fn make(id: &str, context: &EnvContext) -> Result<Box<dyn Env>, EnvError> {
    let spec = find_spec(id)?;
    (spec.build)(context)
}
