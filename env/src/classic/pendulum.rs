//! Pendulum-v1: swing a pendulum up and hold it.
//!
//! In: a torque. Out: angle as cosine and sine, and angular velocity; the reward is minus a cost.
//! Always: the constants and the order of operations of gymnasium 1.4.0; it never terminates.
//! Not here: the limit of 200 steps (`core/registry.rs`).

use super::model::{Model, Outcome};
use crate::core::{Space, StreamRng};
use rand::RngExt;
use serde::{Deserialize, Serialize};
use std::f64::consts::PI;

/// State of Pendulum-v1.
///
/// | observation | name | unit | range |
/// |---|---|---|---|
/// | 0 | `cos_angle` | 1 | -1 to 1 |
/// | 1 | `sin_angle` | 1 | -1 to 1 |
/// | 2 | `angular_velocity` | rad/s | -8 to 8 |
///
/// Action: torque in N m, clipped to -2 to 2.
/// Reward: minus (angle squared + 0.1 x angular velocity squared + 0.001 x torque squared) of the state *before* the
/// step, the angle counted from upright in -pi to pi. Start: angle uniform in -pi to pi, angular velocity in -1 to 1.
/// Never terminates; truncated after 200 steps by `make`, so that every ending is a truncation.
///
/// Source: constants of gymnasium 1.4.0.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Pendulum {
    /// From upright, in radians; not wrapped.
    pub angle: f64,
    /// In rad/s.
    pub angular_velocity: f64,
}

const GRAVITY: f64 = 10.0;
const MAX_TORQUE: f32 = 2.0;
const MAX_SPEED: f64 = 8.0;
const SECONDS_PER_STEP: f64 = 0.05;

impl Model for Pendulum {
    const ID: &'static str = "Pendulum-v1";
    const FIELDS: &'static [(&'static str, &'static str)] =
        &[("cos_angle", "1"), ("sin_angle", "1"), ("angular_velocity", "rad/s")];

    fn observation_space() -> Space {
        let high = vec![1.0, 1.0, MAX_SPEED as f32];
        Space::Box { low: high.iter().map(|h| -h).collect(), high }
    }

    fn action_space() -> Space {
        Space::uniform_box(1, -MAX_TORQUE, MAX_TORQUE)
    }

    fn start(rng: &mut StreamRng) -> Self {
        Self { angle: rng.random_range(-PI..PI), angular_velocity: rng.random_range(-1.0..1.0) }
    }

    fn advance(&mut self, action: &[f32], _info: &mut [f64]) -> Outcome {
        let torque = f64::from(action[0].clamp(-MAX_TORQUE, MAX_TORQUE));
        let from_upright = (self.angle + PI).rem_euclid(2.0 * PI) - PI;
        let cost = from_upright.powi(2) + 0.1 * self.angular_velocity.powi(2) + 0.001 * torque.powi(2);
        // A rod of mass 1 kg and length 1 m: 3 g / (2 l) and 3 / (m l^2).
        let acceleration = 1.5 * GRAVITY * self.angle.sin() + 3.0 * torque;
        let speed = self.angular_velocity + acceleration * SECONDS_PER_STEP;
        self.angular_velocity = speed.clamp(-MAX_SPEED, MAX_SPEED);
        self.angle += self.angular_velocity * SECONDS_PER_STEP;
        Outcome { reward: -cost, terminated: false }
    }

    fn observe(&self, out: &mut [f32]) {
        let (sin, cos) = self.angle.sin_cos();
        out.copy_from_slice(&[cos as f32, sin as f32, self.angular_velocity as f32]);
    }
}
