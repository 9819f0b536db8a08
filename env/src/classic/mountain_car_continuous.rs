//! MountainCarContinuous-v0: the mountain car with a continuous push that costs energy.
//!
//! In: a push. Out: position and velocity; reward 100 at the goal, minus a tenth of the push squared.
//! Always: as gymnasium 1.4.0, including that the state is rounded to single precision after each step and that the
//! cost counts the push as asked for, not as clipped.
//! Not here: the limit of 999 steps (`core/registry.rs`).

use super::model::{Model, Outcome};
use super::mountain_car::{car_space, roll};
use crate::core::{Space, StreamRng};
use rand::RngExt;
use serde::{Deserialize, Serialize};

/// State of MountainCarContinuous-v0.
///
/// | observation | name | unit | range |
/// |---|---|---|---|
/// | 0 | `position` | 1 | -1.2 to 0.6 |
/// | 1 | `velocity` | 1/step | -0.07 to 0.07 |
///
/// Action: push, clipped to -1 to 1 and multiplied by 0.0015.
/// Reward: minus 0.1 x push squared (before clipping), plus 100 on the step that terminates.
/// Start: position uniform in -0.6 to -0.4, at rest.
/// Terminates at position 0.45 or beyond, moving right or at rest. Truncated after 999 steps by `make`.
///
/// Source: constants of gymnasium 1.4.0.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct MountainCarContinuous {
    /// Along the track.
    pub position: f64,
    /// Per step.
    pub velocity: f64,
}

const POWER: f64 = 0.0015;
const GOAL: f64 = 0.45;

impl Model for MountainCarContinuous {
    const ID: &'static str = "MountainCarContinuous-v0";
    const FIELDS: &'static [(&'static str, &'static str)] = &[("position", "1"), ("velocity", "1/step")];

    fn observation_space() -> Space {
        car_space()
    }

    fn action_space() -> Space {
        Space::uniform_box(1, -1.0, 1.0)
    }

    fn start(rng: &mut StreamRng) -> Self {
        Self { position: rng.random_range(-0.6..-0.4), velocity: 0.0 }
    }

    fn advance(&mut self, action: &[f32], _info: &mut [f64]) -> Outcome {
        let asked = f64::from(action[0]);
        let (position, velocity) = roll(self.position, self.velocity, asked.clamp(-1.0, 1.0) * POWER);
        let terminated = position >= GOAL && velocity >= 0.0;
        (self.position, self.velocity) = (f64::from(position as f32), f64::from(velocity as f32));
        let prize = if terminated { 100.0 } else { 0.0 };
        Outcome { reward: prize - 0.1 * asked.powi(2), terminated }
    }

    fn observe(&self, out: &mut [f32]) {
        out.copy_from_slice(&[self.position as f32, self.velocity as f32]);
    }
}
