//! MountainCar-v0: drive an under-powered car out of a valley by swinging.
//!
//! In: push left, coast, push right. Out: position and velocity; reward -1 a step.
//! Always: the constants of gymnasium 1.4.0; the left wall stops the car dead.
//! Not here: the limit of 200 steps (`core/registry.rs`); continuous pushes (`mountain_car_continuous.rs`).

use super::model::{Model, Outcome, option_of};
use crate::core::{Space, StreamRng};
use rand::RngExt;
use serde::{Deserialize, Serialize};

/// State of MountainCar-v0.
///
/// | observation | name | unit | range |
/// |---|---|---|---|
/// | 0 | `position` | 1 | -1.2 to 0.6 |
/// | 1 | `velocity` | 1/step | -0.07 to 0.07 |
///
/// Action: 0 pushes left, 1 coasts, 2 pushes right, each with 0.001 per step squared.
/// Reward: -1 a step. Start: position uniform in -0.6 to -0.4, at rest.
/// Terminates at position 0.5 or beyond, moving right or at rest. Truncated after 200 steps by `make`.
///
/// Source: Moore 1990; constants of gymnasium 1.4.0.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct MountainCar {
    /// Along the track.
    pub position: f64,
    /// Per step.
    pub velocity: f64,
}

pub(super) const GRAVITY: f64 = 0.0025;
pub(super) const POSITIONS: (f64, f64) = (-1.2, 0.6);
pub(super) const MAX_SPEED: f64 = 0.07;
const PUSH: f64 = 0.001;
const GOAL: f64 = 0.5;

impl Model for MountainCar {
    const ID: &'static str = "MountainCar-v0";
    const FIELDS: &'static [(&'static str, &'static str)] = &[("position", "1"), ("velocity", "1/step")];

    fn observation_space() -> Space {
        car_space()
    }

    fn action_space() -> Space {
        Space::discrete(3)
    }

    fn start(rng: &mut StreamRng) -> Self {
        Self { position: rng.random_range(-0.6..-0.4), velocity: 0.0 }
    }

    fn advance(&mut self, action: &[f32], _info: &mut [f64]) -> Outcome {
        let push = (option_of(action[0], 3) as f64 - 1.0) * PUSH;
        (self.position, self.velocity) = roll(self.position, self.velocity, push);
        Outcome { reward: -1.0, terminated: self.position >= GOAL && self.velocity >= 0.0 }
    }

    fn observe(&self, out: &mut [f32]) {
        out.copy_from_slice(&[self.position as f32, self.velocity as f32]);
    }
}

/// Where the car may be and how fast.
pub(super) fn car_space() -> Space {
    Space::Box { low: vec![POSITIONS.0 as f32, -MAX_SPEED as f32], high: vec![POSITIONS.1 as f32, MAX_SPEED as f32] }
}

/// Position and velocity one step later, under a push.
pub(super) fn roll(position: f64, velocity: f64, push: f64) -> (f64, f64) {
    let velocity = (velocity + push - GRAVITY * (3.0 * position).cos()).clamp(-MAX_SPEED, MAX_SPEED);
    let position = (position + velocity).clamp(POSITIONS.0, POSITIONS.1);
    let at_the_wall = position == POSITIONS.0 && velocity < 0.0;
    (position, if at_the_wall { 0.0 } else { velocity })
}
