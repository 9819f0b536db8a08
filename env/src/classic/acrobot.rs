//! Acrobot-v1: swing a two-link arm, driven only at its elbow, above a line.
//!
//! In: torque -1, 0 or 1. Out: both angles as cosine and sine, and their speeds; reward -1 until the line is passed.
//! Always: the equations of Sutton and Barto's book (not of the 1996 paper), one Runge-Kutta step of 0.2 s.
//! Not here: the limit of 500 steps (`core/registry.rs`).

use super::model::{Model, Outcome, option_of};
use crate::core::{Space, StreamRng};
use rand::RngExt;
use serde::{Deserialize, Serialize};
use std::f64::consts::{FRAC_PI_2, PI};

/// State of Acrobot-v1.
///
/// | observation | name | unit | range |
/// |---|---|---|---|
/// | 0 | `cos_angle_1` | 1 | -1 to 1 |
/// | 1 | `sin_angle_1` | 1 | -1 to 1 |
/// | 2 | `cos_angle_2` | 1 | -1 to 1 |
/// | 3 | `sin_angle_2` | 1 | -1 to 1 |
/// | 4 | `angular_velocity_1` | rad/s | -4 pi to 4 pi |
/// | 5 | `angular_velocity_2` | rad/s | -9 pi to 9 pi |
///
/// Action: 0, 1, 2 for a torque of -1, 0, 1 N m on the joint between the links.
/// Reward: -1 a step, 0 on the step that terminates. Start: all four numbers of the state uniform in -0.1 to 0.1.
/// Terminates when the tip is above the line: `-cos(angle_1) - cos(angle_1 + angle_2) > 1`.
/// Truncated after 500 steps by `make`.
///
/// Source: Sutton and Barto, Reinforcement Learning, section 11.3 (1st ed.); constants of gymnasium 1.4.0.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Acrobot {
    /// Of the first link from hanging and of the second from the first, in radians.
    pub angle: [f64; 2],
    /// Of both joints, in rad/s.
    pub angular_velocity: [f64; 2],
}

const GRAVITY: f64 = 9.8;
const LINK_MASS: f64 = 1.0;
const LINK_LENGTH: f64 = 1.0;
const LINK_CENTRE: f64 = 0.5;
const LINK_INERTIA: f64 = 1.0;
const MAX_SPEED: [f64; 2] = [4.0 * PI, 9.0 * PI];
const SECONDS_PER_STEP: f64 = 0.2;

impl Model for Acrobot {
    const ID: &'static str = "Acrobot-v1";
    const FIELDS: &'static [(&'static str, &'static str)] = &[
        ("cos_angle_1", "1"),
        ("sin_angle_1", "1"),
        ("cos_angle_2", "1"),
        ("sin_angle_2", "1"),
        ("angular_velocity_1", "rad/s"),
        ("angular_velocity_2", "rad/s"),
    ];

    fn observation_space() -> Space {
        let high = vec![1.0, 1.0, 1.0, 1.0, MAX_SPEED[0] as f32, MAX_SPEED[1] as f32];
        Space::Box { low: high.iter().map(|h| -h).collect(), high }
    }

    fn action_space() -> Space {
        Space::discrete(3)
    }

    fn start(rng: &mut StreamRng) -> Self {
        // The original starts from single precision and computes in double.
        let mut draw = || f64::from(rng.random_range(-0.1..0.1) as f32);
        Self { angle: [draw(), draw()], angular_velocity: [draw(), draw()] }
    }

    fn advance(&mut self, action: &[f32], _info: &mut [f64]) -> Outcome {
        let torque = option_of(action[0], 3) as f64 - 1.0;
        let [a1, a2, v1, v2] = runge_kutta(
            [self.angle[0], self.angle[1], self.angular_velocity[0], self.angular_velocity[1]],
            torque,
            SECONDS_PER_STEP,
        );
        self.angle = [wrapped(a1), wrapped(a2)];
        self.angular_velocity = [v1.clamp(-MAX_SPEED[0], MAX_SPEED[0]), v2.clamp(-MAX_SPEED[1], MAX_SPEED[1])];
        let tip = -self.angle[0].cos() - (self.angle[0] + self.angle[1]).cos();
        let terminated = tip > 1.0;
        Outcome { reward: if terminated { 0.0 } else { -1.0 }, terminated }
    }

    fn observe(&self, out: &mut [f32]) {
        let (sin_1, cos_1) = self.angle[0].sin_cos();
        let (sin_2, cos_2) = self.angle[1].sin_cos();
        let [v1, v2] = self.angular_velocity;
        out.copy_from_slice(&[cos_1, sin_1, cos_2, sin_2, v1, v2].map(|x| x as f32));
    }
}

/// The angle in -pi to pi; one already there is returned untouched.
fn wrapped(angle: f64) -> f64 {
    if angle.abs() <= PI { angle } else { (angle + PI).rem_euclid(2.0 * PI) - PI }
}

/// One classical fourth-order step of the state (two angles, two speeds) under a constant torque.
fn runge_kutta(state: [f64; 4], torque: f64, dt: f64) -> [f64; 4] {
    let moved = |by: [f64; 4], h: f64| std::array::from_fn(|i| state[i] + h * by[i]);
    let k1 = derivative(state, torque);
    let k2 = derivative(moved(k1, dt / 2.0), torque);
    let k3 = derivative(moved(k2, dt / 2.0), torque);
    let k4 = derivative(moved(k3, dt), torque);
    std::array::from_fn(|i| state[i] + dt / 6.0 * (k1[i] + 2.0 * k2[i] + 2.0 * k3[i] + k4[i]))
}

/// Change per second of the two angles and the two speeds.
fn derivative([a1, a2, v1, v2]: [f64; 4], torque: f64) -> [f64; 4] {
    let coupling = LINK_MASS * LINK_LENGTH * LINK_CENTRE;
    let own = LINK_MASS * LINK_CENTRE * LINK_CENTRE;
    let (sin_2, cos_2) = a2.sin_cos();
    let d1 = own + (LINK_MASS * LINK_LENGTH * LINK_LENGTH + own + 2.0 * coupling * cos_2) + 2.0 * LINK_INERTIA;
    let d2 = own + coupling * cos_2 + LINK_INERTIA;
    let phi2 = LINK_MASS * LINK_CENTRE * GRAVITY * (a1 + a2 - FRAC_PI_2).cos();
    let phi1 = -coupling * v2 * v2 * sin_2 - 2.0 * coupling * v2 * v1 * sin_2
        + (LINK_MASS * LINK_CENTRE + LINK_MASS * LINK_LENGTH) * GRAVITY * (a1 - FRAC_PI_2).cos()
        + phi2;
    let acceleration_2 =
        (torque + d2 / d1 * phi1 - coupling * v1 * v1 * sin_2 - phi2) / (own + LINK_INERTIA - d2 * d2 / d1);
    let acceleration_1 = -(d2 * acceleration_2 + phi1) / d1;
    [v1, v2, acceleration_1, acceleration_2]
}
