//! CartPole-v1: keep a pole upright on a cart.
//!
//! In: push left or right. Out: position and angle with their speeds; reward 1 a step.
//! Always: the constants and the explicit Euler step of gymnasium 1.4.0; state `f64`, observation `f32`.
//! Not here: the limit of 500 steps (`core/registry.rs`).

use super::model::{Model, Outcome, option_of};
use crate::core::{Space, StreamRng};
use rand::RngExt;
use serde::{Deserialize, Serialize};

/// State of CartPole-v1.
///
/// | observation | name | unit | range |
/// |---|---|---|---|
/// | 0 | `position` | m | -4.8 to 4.8 |
/// | 1 | `velocity` | m/s | unbounded |
/// | 2 | `angle` | rad, 0 is upright | -0.419 to 0.419 (24 degrees) |
/// | 3 | `angular_velocity` | rad/s | unbounded |
///
/// Action: 0 pushes the cart left with 10 N, 1 pushes it right.
/// Reward: 1 on every step, the last one included. Start: all four uniform in -0.05 to 0.05.
/// Terminates when the position passes 2.4 m or the angle 12 degrees, either way. Truncated after 500 steps by `make`.
///
/// Source: Barto, Sutton and Anderson 1983; constants of gymnasium 1.4.0.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct CartPole {
    /// Of the cart, in metres from the middle.
    pub position: f64,
    /// Of the cart, in m/s.
    pub velocity: f64,
    /// Of the pole from upright, in radians.
    pub angle: f64,
    /// Of the pole, in rad/s.
    pub angular_velocity: f64,
}

const GRAVITY: f64 = 9.8;
const POLE_MASS: f64 = 0.1;
const TOTAL_MASS: f64 = 1.0 + POLE_MASS;
const HALF_LENGTH: f64 = 0.5;
const FORCE: f64 = 10.0;
const SECONDS_PER_STEP: f64 = 0.02;
pub(super) const POSITION_LIMIT: f64 = 2.4;
pub(super) const ANGLE_LIMIT: f64 = 12.0 * std::f64::consts::PI / 180.0;

impl Model for CartPole {
    const ID: &'static str = "CartPole-v1";
    const FIELDS: &'static [(&'static str, &'static str)] =
        &[("position", "m"), ("velocity", "m/s"), ("angle", "rad"), ("angular_velocity", "rad/s")];

    fn observation_space() -> Space {
        // Twice the limits, so that the observation that ends an episode still belongs.
        let high = vec![2.0 * POSITION_LIMIT as f32, f32::INFINITY, (2.0 * ANGLE_LIMIT) as f32, f32::INFINITY];
        Space::Box { low: high.iter().map(|h| -h).collect(), high }
    }

    fn action_space() -> Space {
        Space::discrete(2)
    }

    fn start(rng: &mut StreamRng) -> Self {
        let mut draw = || rng.random_range(-0.05..0.05);
        Self { position: draw(), velocity: draw(), angle: draw(), angular_velocity: draw() }
    }

    fn advance(&mut self, action: &[f32], _info: &mut [f64]) -> Outcome {
        let force = if option_of(action[0], 2) == 1 { FORCE } else { -FORCE };
        let (sin, cos) = self.angle.sin_cos();
        let pole_moment = POLE_MASS * HALF_LENGTH;
        let push = (force + pole_moment * self.angular_velocity.powi(2) * sin) / TOTAL_MASS;
        let inertia = HALF_LENGTH * (4.0 / 3.0 - POLE_MASS * cos * cos / TOTAL_MASS);
        let angular_acceleration = (GRAVITY * sin - cos * push) / inertia;
        let acceleration = push - pole_moment * angular_acceleration * cos / TOTAL_MASS;
        // Explicit Euler: the positions move with the old speeds.
        self.position += SECONDS_PER_STEP * self.velocity;
        self.velocity += SECONDS_PER_STEP * acceleration;
        self.angle += SECONDS_PER_STEP * self.angular_velocity;
        self.angular_velocity += SECONDS_PER_STEP * angular_acceleration;
        let terminated = self.position.abs() > POSITION_LIMIT || self.angle.abs() > ANGLE_LIMIT;
        Outcome { reward: 1.0, terminated }
    }

    fn observe(&self, out: &mut [f32]) {
        let state = [self.position, self.velocity, self.angle, self.angular_velocity];
        out.copy_from_slice(&state.map(|x| x as f32));
    }
}
