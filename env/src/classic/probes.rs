//! Probe environments: each needs exactly one ability of a learner, and its optimum is known by hand.
//!
//! In: an action. Out: observation and reward as each type's table says.
//! Always: an episode is one step long unless its table says otherwise; the first failing probe names the broken part.
//! Not here: the learner they probe (`agents/src/ppo`).

use super::model::{Model, Outcome, option_of};
use crate::core::{Space, StreamRng};
use rand::RngExt;
use serde::{Deserialize, Serialize};

type Fields = &'static [(&'static str, &'static str)];

/// Either -1 or 1, with equal chance.
fn draw_sign(rng: &mut StreamRng) -> f32 {
    if rng.random::<bool>() { 1.0 } else { -1.0 }
}

fn sign_space() -> Space {
    Space::uniform_box(1, -1.0, 1.0)
}

const ONE_STEP: bool = true;

/// Reward 1 and the end, whatever one does: the critic must learn V = 1.
///
/// | observation | range | | action | effect |
/// |---|---|---|---|---|
/// | 0 `constant` | always 0 | | 0, 1 | none |
///
/// Terminates after its one step.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ProbeConstantReward;

impl Model for ProbeConstantReward {
    const ID: &'static str = "ProbeConstantReward-v0";
    const FIELDS: Fields = &[("constant", "1")];

    fn observation_space() -> Space {
        sign_space()
    }

    fn action_space() -> Space {
        Space::discrete(2)
    }

    fn start(_rng: &mut StreamRng) -> Self {
        Self
    }

    fn advance(&mut self, action: &[f32], _info: &mut [f64]) -> Outcome {
        option_of(action[0], 2);
        Outcome { reward: 1.0, terminated: ONE_STEP }
    }

    fn observe(&self, out: &mut [f32]) {
        out[0] = 0.0;
    }
}

/// The reward is the observation: the critic must learn V(-1) = -1 and V(1) = 1.
///
/// | observation | range | | action | effect |
/// |---|---|---|---|---|
/// | 0 `sign` | -1 or 1, by chance | | 0, 1 | none |
///
/// Terminates after its one step.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ProbeObservedReward {
    sign: f32,
}

impl Model for ProbeObservedReward {
    const ID: &'static str = "ProbeObservedReward-v0";
    const FIELDS: Fields = &[("sign", "1")];

    fn observation_space() -> Space {
        sign_space()
    }

    fn action_space() -> Space {
        Space::discrete(2)
    }

    fn start(rng: &mut StreamRng) -> Self {
        Self { sign: draw_sign(rng) }
    }

    fn advance(&mut self, action: &[f32], _info: &mut [f64]) -> Outcome {
        option_of(action[0], 2);
        Outcome { reward: f64::from(self.sign), terminated: ONE_STEP }
    }

    fn observe(&self, out: &mut [f32]) {
        out[0] = self.sign;
    }
}

/// Two steps, reward 1 at the end: the critic must discount, V(0) = gamma and V(1) = 1.
///
/// | observation | range | | action | effect |
/// |---|---|---|---|---|
/// | 0 `step` | 0, then 1 (and 1 at the end) | | 0, 1 | none |
///
/// Reward 0, then 1. Terminates after the second step.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ProbeDelayedReward {
    second: bool,
}

impl Model for ProbeDelayedReward {
    const ID: &'static str = "ProbeDelayedReward-v0";
    const FIELDS: Fields = &[("step", "1")];

    fn observation_space() -> Space {
        sign_space()
    }

    fn action_space() -> Space {
        Space::discrete(2)
    }

    fn start(_rng: &mut StreamRng) -> Self {
        Self { second: false }
    }

    fn advance(&mut self, action: &[f32], _info: &mut [f64]) -> Outcome {
        option_of(action[0], 2);
        let terminated = self.second;
        self.second = true;
        Outcome { reward: if terminated { 1.0 } else { 0.0 }, terminated }
    }

    fn observe(&self, out: &mut [f32]) {
        out[0] = if self.second { 1.0 } else { 0.0 };
    }
}

/// Option 1 pays 1, option 0 costs 1: the actor must learn to take option 1.
///
/// | observation | range | | action | reward |
/// |---|---|---|---|---|
/// | 0 `constant` | always 0 | | 0 / 1 | -1 / 1 |
///
/// Terminates after its one step.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ProbeActionReward;

impl Model for ProbeActionReward {
    const ID: &'static str = "ProbeActionReward-v0";
    const FIELDS: Fields = &[("constant", "1")];

    fn observation_space() -> Space {
        sign_space()
    }

    fn action_space() -> Space {
        Space::discrete(2)
    }

    fn start(_rng: &mut StreamRng) -> Self {
        Self
    }

    fn advance(&mut self, action: &[f32], _info: &mut [f64]) -> Outcome {
        let reward = if option_of(action[0], 2) == 1 { 1.0 } else { -1.0 };
        Outcome { reward, terminated: ONE_STEP }
    }

    fn observe(&self, out: &mut [f32]) {
        out[0] = 0.0;
    }
}

/// The right option is the one that the observation names: actor and observation must work together.
///
/// | observation | range | | action | reward |
/// |---|---|---|---|---|
/// | 0 `sign` | -1 or 1, by chance | | 1 where the sign is 1, 0 where it is -1 | 1 |
/// | | | | the other one | -1 |
///
/// Terminates after its one step.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ProbeActionObservation {
    sign: f32,
}

impl Model for ProbeActionObservation {
    const ID: &'static str = "ProbeActionObservation-v0";
    const FIELDS: Fields = &[("sign", "1")];

    fn observation_space() -> Space {
        sign_space()
    }

    fn action_space() -> Space {
        Space::discrete(2)
    }

    fn start(rng: &mut StreamRng) -> Self {
        Self { sign: draw_sign(rng) }
    }

    fn advance(&mut self, action: &[f32], _info: &mut [f64]) -> Outcome {
        let right = (option_of(action[0], 2) == 1) == (self.sign > 0.0);
        Outcome { reward: if right { 1.0 } else { -1.0 }, terminated: ONE_STEP }
    }

    fn observe(&self, out: &mut [f32]) {
        out[0] = self.sign;
    }
}

/// Reward 1 a step for ever, cut by the time limit of `make`: the critic must bootstrap, V = 1 / (1 - gamma).
///
/// | observation | range | | action | effect |
/// |---|---|---|---|---|
/// | 0 `constant` | always 0 | | 0, 1 | none |
///
/// Never terminates; truncated after 16 steps by `make`. A learner that takes truncation for termination finds less.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ProbeTruncatedConstant;

impl Model for ProbeTruncatedConstant {
    const ID: &'static str = "ProbeTruncatedConstant-v0";
    const FIELDS: Fields = &[("constant", "1")];

    fn observation_space() -> Space {
        sign_space()
    }

    fn action_space() -> Space {
        Space::discrete(2)
    }

    fn start(_rng: &mut StreamRng) -> Self {
        Self
    }

    fn advance(&mut self, action: &[f32], _info: &mut [f64]) -> Outcome {
        option_of(action[0], 2);
        Outcome { reward: 1.0, terminated: false }
    }

    fn observe(&self, out: &mut [f32]) {
        out[0] = 0.0;
    }
}

/// A bandit whose best arms are forbidden: the best legal return is 0.5, and anything above it betrays an ignored mask.
///
/// | observation | range | | action | reward |
/// |---|---|---|---|---|
/// | 0 `sign` | -1 or 1, by chance | | arm 0, always legal | 0 |
/// | | | | arm 1, legal only where the sign is -1 | 0.5 |
/// | | | | arm 2, legal only where the sign is 1 | 0.5 |
/// | | | | arm 3, never legal, or any other arm while illegal | 1 |
///
/// Info `illegal_action` is 1 where an illegal arm was played. Terminates after its one step.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ProbeMaskedBandit {
    sign: f32,
}

impl ProbeMaskedBandit {
    fn legal(self) -> [bool; 4] {
        [true, self.sign < 0.0, self.sign > 0.0, false]
    }
}

impl Model for ProbeMaskedBandit {
    const ID: &'static str = "ProbeMaskedBandit-v0";
    const FIELDS: Fields = &[("sign", "1")];
    const INFO_KEYS: &'static [&'static str] = &["illegal_action"];
    const MASKED: bool = true;

    fn observation_space() -> Space {
        sign_space()
    }

    fn action_space() -> Space {
        Space::discrete(4)
    }

    fn start(rng: &mut StreamRng) -> Self {
        Self { sign: draw_sign(rng) }
    }

    fn advance(&mut self, action: &[f32], info: &mut [f64]) -> Outcome {
        let arm = option_of(action[0], 4);
        let illegal = !self.legal()[arm];
        info[0] = if illegal { 1.0 } else { 0.0 };
        let reward = match (illegal, arm) {
            (true, _) => 1.0,
            (false, 0) => 0.0,
            (false, _) => 0.5,
        };
        Outcome { reward, terminated: ONE_STEP }
    }

    fn observe(&self, out: &mut [f32]) {
        out[0] = self.sign;
    }

    fn mask(&self, legal: &mut [bool]) {
        legal.copy_from_slice(&self.legal());
    }
}

/// A hybrid action whose continuous and discrete parts both matter, and both depend on the observation.
///
/// | observation | range | | action | range | best |
/// |---|---|---|---|---|---|
/// | 0 `sign` | -1 or 1, by chance | | `level` | -1 to 1 (clipped) | half the sign |
/// | | | | `choice` | 0, 1 | 1 where the sign is 1 |
///
/// Reward: (1 if the choice is right) - (level - half the sign) squared; 1 at best. A policy blind to the choice gets
/// 0.5 at most, one blind to the level 0.75. Terminates after its one step.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ProbeHybrid {
    sign: f32,
}

impl Model for ProbeHybrid {
    const ID: &'static str = "ProbeHybrid-v0";
    const FIELDS: Fields = &[("sign", "1")];

    fn observation_space() -> Space {
        sign_space()
    }

    fn action_space() -> Space {
        Space::Dict {
            entries: vec![("level".into(), Space::uniform_box(1, -1.0, 1.0)), ("choice".into(), Space::discrete(2))],
        }
    }

    fn start(rng: &mut StreamRng) -> Self {
        Self { sign: draw_sign(rng) }
    }

    fn advance(&mut self, action: &[f32], _info: &mut [f64]) -> Outcome {
        let level = f64::from(action[0].clamp(-1.0, 1.0));
        let right = (option_of(action[1], 2) == 1) == (self.sign > 0.0);
        let miss = level - 0.5 * f64::from(self.sign);
        Outcome { reward: f64::from(u8::from(right)) - miss * miss, terminated: ONE_STEP }
    }

    fn observe(&self, out: &mut [f32]) {
        out[0] = self.sign;
    }
}

/// The reward is a sign that no observation shows: only a critic that is told can learn V.
///
/// | observation | range | | action | effect |
/// |---|---|---|---|---|
/// | 0 `constant` | always 0 | | 0, 1 | none |
///
/// A critic may know the sign, -1 or 1 by chance. Terminates after its one step.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ProbeHiddenReward {
    sign: f32,
}

impl Model for ProbeHiddenReward {
    const ID: &'static str = "ProbeHiddenReward-v0";
    const FIELDS: Fields = &[("constant", "1")];
    const PRIVILEGED: usize = 1;

    fn observation_space() -> Space {
        sign_space()
    }

    fn action_space() -> Space {
        Space::discrete(2)
    }

    fn start(rng: &mut StreamRng) -> Self {
        Self { sign: draw_sign(rng) }
    }

    fn advance(&mut self, action: &[f32], _info: &mut [f64]) -> Outcome {
        option_of(action[0], 2);
        Outcome { reward: f64::from(self.sign), terminated: ONE_STEP }
    }

    fn observe(&self, out: &mut [f32]) {
        out[0] = 0.0;
    }

    fn privileged(&self, out: &mut [f32]) {
        out[0] = self.sign;
    }
}

/// A continuous action with uneven bounds whose best value the observation names.
///
/// | observation | range | | action | range | best |
/// |---|---|---|---|---|---|
/// | 0 `sign` | -1 or 1, by chance | | `level` | -2 to 4 (clipped) | 3 where the sign is 1, 0 where it is -1 |
///
/// Reward: minus the squared distance to the best level; 0 at best. Terminates after its one step.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ProbeTarget {
    sign: f32,
}

impl Model for ProbeTarget {
    const ID: &'static str = "ProbeTarget-v0";
    const FIELDS: Fields = &[("sign", "1")];

    fn observation_space() -> Space {
        sign_space()
    }

    fn action_space() -> Space {
        Space::uniform_box(1, -2.0, 4.0)
    }

    fn start(rng: &mut StreamRng) -> Self {
        Self { sign: draw_sign(rng) }
    }

    fn advance(&mut self, action: &[f32], _info: &mut [f64]) -> Outcome {
        let miss = f64::from(action[0].clamp(-2.0, 4.0)) - (1.5 + 1.5 * f64::from(self.sign));
        Outcome { reward: -miss * miss, terminated: ONE_STEP }
    }

    fn observe(&self, out: &mut [f32]) {
        out[0] = self.sign;
    }
}

#[cfg(test)]
mod tests {
    use super::super::model::ClassicEnv;
    use super::*;
    use crate::core::Env;

    #[test]
    fn the_delayed_reward_comes_on_the_second_and_last_step() {
        let mut env = ClassicEnv::<ProbeDelayedReward>::new();
        assert_eq!(env.reset(None).observation, [0.0]);
        let first = env.step(&[0.0]);
        assert_eq!((first.reward, first.terminated, first.observation), (0.0, false, &[1.0][..]));
        let second = env.step(&[1.0]);
        assert_eq!((second.reward, second.terminated), (1.0, true));
    }

    #[test]
    fn rewards_of_the_signed_probes_follow_observation_and_action() {
        let mut seen = [false; 2];
        let (mut observed, mut acted) =
            (ClassicEnv::<ProbeObservedReward>::new(), ClassicEnv::<ProbeActionObservation>::new());
        for seed in 0..20 {
            let sign = observed.reset(Some(seed)).observation[0];
            seen[usize::from(sign > 0.0)] = true;
            assert_eq!(observed.step(&[0.0]).reward, f64::from(sign));
            let sign = acted.reset(Some(seed)).observation[0];
            assert_eq!(acted.step(&[1.0]).reward, f64::from(sign));
        }
        assert_eq!(seen, [true; 2], "both signs occur");
    }

    #[test]
    fn an_illegal_arm_pays_more_than_any_legal_one_and_is_counted() {
        let mut env = ClassicEnv::<ProbeMaskedBandit>::new();
        for (sign, legal) in [(-1.0, [true, true, false, false]), (1.0, [true, false, true, false])] {
            for arm in 0..4 {
                env.start_from(ProbeMaskedBandit { sign });
                assert_eq!(env.action_mask(), Some(&legal[..]));
                let result = env.step(&[arm as f32]);
                let expected = if !legal[arm] { 1.0 } else { [0.0, 0.5, 0.5, 0.0][arm] };
                assert_eq!(result.reward, expected, "arm {arm} at sign {sign}");
                assert_eq!(result.info.get("illegal_action"), Some(f64::from(u8::from(!legal[arm]))));
            }
        }
    }

    #[test]
    fn the_target_probe_pays_nothing_only_at_the_level_of_its_sign() {
        let mut env = ClassicEnv::<ProbeTarget>::new();
        for (sign, level, expected) in [(1.0, 3.0, 0.0), (-1.0, 0.0, 0.0), (1.0, 2.0, -1.0), (-1.0, 9.0, -16.0)] {
            env.start_from(ProbeTarget { sign });
            assert_eq!(env.step(&[level]).reward, expected, "level {level} at sign {sign}");
        }
    }

    #[test]
    fn the_hybrid_probe_pays_one_only_if_both_parts_are_right() {
        let mut env = ClassicEnv::<ProbeHybrid>::new();
        let mut pay = |sign: f32, action: [f32; 2]| {
            env.start_from(ProbeHybrid { sign });
            env.step(&action).reward
        };
        assert_eq!(pay(1.0, [0.5, 1.0]), 1.0);
        assert_eq!(pay(-1.0, [-0.5, 0.0]), 1.0);
        assert_eq!(pay(1.0, [0.5, 0.0]), 0.0);
        assert_eq!(pay(1.0, [0.0, 1.0]), 0.75);
        assert_eq!(pay(1.0, [9.0, 1.0]), 0.75, "the level is clipped to 1");
    }
}
