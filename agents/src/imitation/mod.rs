//! Learning from a teacher: any rival plays in the training environments and says what it would do.
//!
//! In: a rival by name, how long and how strongly it is imitated. Out: environments that answer with its action.
//! Always: the teacher looks at the same moment as the policy; its memory is part of the environment's saved state, so
//! that a resumed run asks the same teacher. Not here: what is learnt from the answers (`ppo/`).

mod env;
#[cfg(all(test, feature = "training"))]
mod tests;

pub use env::TaughtFleet;

use crate::policy::{Policy, PolicySource as _};
use crate::rivals::ChosenRival;
use serde::{Deserialize, Serialize};

/// Who is imitated, and how: table `[imitation]` of a training configuration.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImitationConfig {
    /// A rival: NAME, or NAME:key=value,key=value.
    pub teacher: String,
    /// Environment steps that the teacher plays before the first update, beside `ppo.total_steps`; whole rollouts, so
    /// rounded up. 0 for none.
    #[serde(default = "default_steps")]
    pub steps: u64,
    /// Passes over what it played; with `dagger` after each rollout, over all of them so far.
    #[serde(default = "default_epochs")]
    pub epochs: usize,
    /// Let the student act from the second rollout on, while the teacher says what it would have done (DAgger).
    #[serde(default)]
    pub dagger: bool,
    /// Weight of `-ln p(teacher's action)` in the loss of the first update; 0 asks nobody after the warm start.
    #[serde(default)]
    pub coef: f64,
    /// Updates until that weight has gone to 0 in equal steps.
    #[serde(default = "default_decay")]
    pub decay_updates: u64,
}

fn default_steps() -> u64 {
    32_768
}

fn default_epochs() -> usize {
    10
}

fn default_decay() -> u64 {
    100
}

impl ImitationConfig {
    /// Faults as `(key, message)`.
    pub fn validate(&self) -> Vec<(String, String)> {
        let mut faults = Vec::new();
        let mut add = |key: &str, text: String| faults.push((format!("imitation.{key}"), text));
        if let Err(message) = teacher(&self.teacher) {
            add("teacher", format!("`imitation.teacher` {message}"));
        }
        if self.epochs == 0 {
            add("epochs", "`imitation.epochs` is 0, expected at least 1".into());
        }
        if !(self.coef.is_finite() && self.coef >= 0.0) {
            add("coef", format!("`imitation.coef` is {}, expected a number that is not negative", self.coef));
        }
        if self.decay_updates == 0 {
            add("decay_updates", "`imitation.decay_updates` is 0, expected at least 1".into());
        }
        if self.steps == 0 && self.coef == 0.0 {
            add("steps", "`imitation.steps` and `imitation.coef` are 0, expected one of them above 0".into());
        }
        faults
    }

    /// Weight of the imitation in an update, counted from 0.
    pub fn coef_at(&self, update: u64) -> f64 {
        self.coef * (1.0 - update as f64 / self.decay_updates as f64).max(0.0)
    }
}

fn teacher(name: &str) -> Result<Box<dyn Policy>, String> {
    let rival = ChosenRival::parse(name).map_err(|error| format!("is `{name}`, expected a rival: {error}"))?;
    Ok(rival.make())
}
