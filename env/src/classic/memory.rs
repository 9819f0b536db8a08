//! Environments whose present does not tell all: a policy without memory is bounded, by construction.
//!
//! In: an action. Out: observation and reward as each type's table says.
//! Always: what is hidden is in no later observation, and no action can mark it there.
//! Not here: probes that need no memory (`probes.rs`).

use super::cart_pole::{ANGLE_LIMIT, CartPole, POSITION_LIMIT};
use super::model::{Model, Outcome, option_of};
use crate::core::{Space, StreamRng};
use rand::RngExt;
use serde::{Deserialize, Serialize};

/// A cue is shown at the first step and asked for at the last one.
///
/// | observation | range | | action | reward |
/// |---|---|---|---|---|
/// | 0 `cue` | -1 or 1 by chance at the first step, then 0 | | 0, 1 before the last step | 0 |
/// | 1 `asked` | 1 at the last step, else 0 | | at the last step 1 for a cue of 1, 0 for one of -1 | 1 |
/// | 2 `noise` | -1 or 1, by chance at every step | | the other one | -1 |
///
/// Terminates after nine steps, the last of which counts. There the observation says nothing of the cue: whatever a policy
/// without memory does is right half of the time, so its expected return is 0; with memory it is 1.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ProbeMemory {
    right: bool,
    step: u32,
    /// A bit for each step.
    noise: u32,
}

/// Steps between the cue and the question.
const DELAY: u32 = 8;

fn sign(positive: bool) -> f32 {
    if positive { 1.0 } else { -1.0 }
}

impl Model for ProbeMemory {
    const ID: &'static str = "ProbeMemory-v0";
    const FIELDS: &'static [(&'static str, &'static str)] = &[("cue", "1"), ("asked", "1"), ("noise", "1")];

    fn observation_space() -> Space {
        Space::uniform_box(3, -1.0, 1.0)
    }

    fn action_space() -> Space {
        Space::discrete(2)
    }

    fn start(rng: &mut StreamRng) -> Self {
        Self { right: rng.random(), step: 0, noise: rng.random() }
    }

    fn advance(&mut self, action: &[f32], _info: &mut [f64]) -> Outcome {
        let right = (option_of(action[0], 2) == 1) == self.right;
        let asked = self.step == DELAY;
        self.step += 1;
        let reward = if asked { f64::from(sign(right)) } else { 0.0 };
        Outcome { reward, terminated: asked }
    }

    fn observe(&self, out: &mut [f32]) {
        out[0] = if self.step == 0 { sign(self.right) } else { 0.0 };
        out[1] = if self.step == DELAY { 1.0 } else { 0.0 };
        out[2] = sign((self.noise >> self.step) & 1 == 1);
    }
}

/// CartPole-v1 without the speeds.
///
/// | observation | name | unit | range |
/// |---|---|---|---|
/// | 0 | `position` | m | -4.8 to 4.8 |
/// | 1 | `angle` | rad, 0 is upright | -0.419 to 0.419 (24 degrees) |
///
/// Everything else is as in CartPole-v1: the speeds are to be found from what was seen before.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct CartPoleHidden {
    /// The whole state.
    pub whole: CartPole,
}

impl Model for CartPoleHidden {
    const ID: &'static str = "CartPoleHidden-v1";
    const FIELDS: &'static [(&'static str, &'static str)] = &[("position", "m"), ("angle", "rad")];

    fn observation_space() -> Space {
        let high = vec![2.0 * POSITION_LIMIT as f32, (2.0 * ANGLE_LIMIT) as f32];
        Space::Box { low: high.iter().map(|h| -h).collect(), high }
    }

    fn action_space() -> Space {
        CartPole::action_space()
    }

    fn start(rng: &mut StreamRng) -> Self {
        Self { whole: CartPole::start(rng) }
    }

    fn advance(&mut self, action: &[f32], info: &mut [f64]) -> Outcome {
        self.whole.advance(action, info)
    }

    fn observe(&self, out: &mut [f32]) {
        out.copy_from_slice(&[self.whole.position as f32, self.whole.angle as f32]);
    }
}

#[cfg(test)]
mod tests {
    use super::super::model::ClassicEnv;
    use super::*;
    use crate::core::Env;

    /// The last observation of an episode, and what each option pays there.
    fn question(right: bool, noise: u32) -> ([f32; 3], [f64; 2]) {
        let mut env = ClassicEnv::<ProbeMemory>::new();
        let pays = [0.0, 1.0].map(|option| {
            env.start_from(ProbeMemory { right, step: 0, noise });
            assert_eq!(env.observation()[0], sign(right));
            for step in 0..DELAY {
                let result = env.step(&[(step % 2) as f32]);
                assert_eq!((result.reward, result.terminated, result.observation[0]), (0.0, false, 0.0));
            }
            let mut seen = [0.0; 3];
            seen.copy_from_slice(env.observation());
            let last = env.step(&[option]);
            assert!(last.terminated);
            (seen, last.reward)
        });
        assert_eq!(pays[0].0, pays[1].0, "what was done before does not show");
        (pays[0].0, [pays[0].1, pays[1].1])
    }

    /// All policies on the present observation, that is one option for each of the two that there are at the question,
    /// over all cues and all noise that differs there.
    #[test]
    fn the_best_policy_without_memory_earns_nothing() {
        let cases: Vec<_> = [(false, 0), (true, 0), (false, u32::MAX), (true, u32::MAX)]
            .map(|(right, noise)| question(right, noise))
            .to_vec();
        let observations = [[0.0, 1.0, -1.0], [0.0, 1.0, 1.0]];
        let returns = [[0, 0], [0, 1], [1, 0], [1, 1]].map(|policy: [usize; 2]| {
            let pay = |(seen, pays): &([f32; 3], [f64; 2])| {
                let at = observations.iter().position(|o| o == seen).expect("one of the two observations");
                pays[policy[at]]
            };
            cases.iter().map(pay).sum::<f64>() / cases.len() as f64
        });
        assert_eq!(returns, [0.0; 4]);
        let knowing: f64 = cases.iter().map(|(_, pays)| pays[0].max(pays[1])).sum::<f64>() / 4.0;
        assert_eq!(knowing, 1.0);
    }

    #[test]
    fn the_pole_without_speeds_moves_as_the_whole_one_and_shows_two_of_its_four_numbers() {
        let (mut hidden, mut whole) = (ClassicEnv::<CartPoleHidden>::new(), ClassicEnv::<CartPole>::new());
        whole.reset(Some(3));
        let start = *whole.model();
        hidden.start_from(CartPoleHidden { whole: start });
        for step in 0..30 {
            let action = [f32::from(u8::from(step % 3 == 0))];
            let (a, b) = (hidden.step(&action), whole.step(&action));
            assert_eq!(a.observation, [b.observation[0], b.observation[2]]);
            assert_eq!((a.reward, a.terminated), (b.reward, b.terminated));
            if b.terminated {
                return;
            }
        }
    }
}
