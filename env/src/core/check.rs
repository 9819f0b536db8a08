//! Contract test: what any environment must do, tried out on one.
//!
//! In: an environment. Out: what is wrong with it, one sentence each; nothing if it keeps the contract.
//! Always: the same checks with the same random actions; each kind of fault is told once, where it first shows.
//! Not here: whether the world is right (the tests of each environment).

use super::env::Env;
use super::info::{EpisodeStatistics, Info};
use super::seeding::{SeedTree, StreamRng};
use super::space::{ActionComponent, Space};
use std::fmt;

#[cfg(test)]
mod tests;

/// One broken rule, in a sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckProblem(pub String);

impl fmt::Display for CheckProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Seed of the episodes that are compared.
const SEED: u64 = 20_240_401;
/// Steps of the trajectory that is played twice.
const STEPS: usize = 400;
/// Within so many steps an ending is looked for.
const STEPS_TO_AN_END: usize = 5_000;
/// Steps played before a state is saved.
const SAVE_AFTER: [usize; 4] = [0, 1, 7, 50];
/// Steps compared after a state was loaded.
const CONTINUE_FOR: usize = 80;
/// Episodes without a seed that may all equal the seeded one only if nothing is random.
const UNSEEDED_EPISODES: usize = 40;

/// Tries the contract of [`Env`] on `env`: spaces, names, masks, finite numbers, seeding, endings, saving and loading.
///
/// The environment is reset several times and left in some episode. Where one fault makes the next checks
/// meaningless (an unusable space or mask), they are left out.
///
/// # Panics
/// If the environment panics on legal actions.
pub fn check_env(env: &mut dyn Env) -> Vec<CheckProblem> {
    let mut report = Report::default();
    check_space("observation space", env.observation_space(), &mut report);
    check_space("action space", env.action_space(), &mut report);
    if report.problems.is_empty() {
        check_names(env, &mut report);
        Player::new(env, &mut report).check_play();
    }
    report.problems
}

/// Collects problems, one of each kind.
#[derive(Default)]
struct Report {
    problems: Vec<CheckProblem>,
    kinds: Vec<&'static str>,
}

impl Report {
    fn add(&mut self, kind: &'static str, sentence: String) {
        if !self.kinds.contains(&kind) {
            self.kinds.push(kind);
            self.problems.push(CheckProblem(sentence));
        }
    }
}

fn check_space(what: &str, space: &Space, report: &mut Report) {
    match space {
        Space::Box { low, high } if low.len() != high.len() => {
            let (l, h) = (low.len(), high.len());
            report.add("bounds", format!("the {what} has {l} lower and {h} upper bounds"));
        }
        Space::Box { low, .. } if low.is_empty() => report.add("empty space", format!("the {what} has no dimension")),
        Space::Box { low, high } => {
            for (i, (l, h)) in low.iter().zip(high).enumerate() {
                // A bound that is not a number compares as nothing.
                if l.partial_cmp(h).is_none_or(|order| order.is_gt()) {
                    report.add("bounds", format!("dimension {i} of the {what} ranges from {l} to {h}"));
                }
            }
        }
        Space::Discrete { n: 0, .. } => report.add("empty space", format!("the {what} has no option")),
        Space::Discrete { .. } => {}
        Space::MultiDiscrete { nvec } if nvec.is_empty() => {
            report.add("empty space", format!("the {what} has no choice"));
        }
        Space::MultiDiscrete { nvec } => {
            if let Some(i) = nvec.iter().position(|n| *n == 0) {
                report.add("empty space", format!("choice {i} of the {what} has no option"));
            }
        }
        Space::Dict { entries } if entries.is_empty() => {
            report.add("empty space", format!("the {what} is a dictionary without entries"));
        }
        Space::Dict { entries } => {
            for (i, (name, inner)) in entries.iter().enumerate() {
                if entries[..i].iter().any(|(other, _)| other == name) {
                    report.add("entries", format!("the {what} has two entries `{name}`"));
                }
                check_space(&format!("{what}'s entry `{name}`"), inner, report);
            }
        }
    }
}

fn check_names(env: &dyn Env, report: &mut Report) {
    let schema: Vec<String> = env.observation_schema().fields.into_iter().map(|f| f.name).collect();
    let info: Vec<String> = env.info_keys().iter().map(|k| (*k).to_string()).collect();
    let observation_len = env.observation_space().flat_len();
    let action_len = env.action_space().flat_len();
    check_name_list("schema", "the observation schema", &schema, observation_len, report);
    check_name_list("action names", "the list of action names", &env.action_names(), action_len, report);
    check_name_list("info names", "the list of info keys", &info, info.len(), report);
}

fn check_name_list(kind: &'static str, what: &str, names: &[String], expected: usize, report: &mut Report) {
    if names.len() != expected {
        report.add(kind, format!("{what} has {} names, the space {expected} numbers", names.len()));
    }
    for (i, name) in names.iter().enumerate() {
        if name.is_empty() {
            report.add(kind, format!("{what} has an empty name at index {i}"));
        }
        if let Some(first) = names[..i].iter().position(|other| other == name) {
            report.add(kind, format!("{what} has the name `{name}` at {first} and at {i}"));
        }
    }
}

/// All that can be seen of one reset or step; numbers as bits, so that equal means identical.
#[derive(Debug, Clone, PartialEq)]
struct Moment {
    observation: Vec<u32>,
    reward: u64,
    terminated: bool,
    truncated: bool,
    mask: Option<Vec<bool>>,
    info: Vec<u64>,
    episode: Option<EpisodeStatistics>,
}

impl Moment {
    fn ended(&self) -> bool {
        self.terminated || self.truncated
    }

    /// The first thing in which two moments differ.
    fn difference(&self, other: &Self) -> &'static str {
        match () {
            () if self.observation != other.observation => "the observation",
            () if self.reward != other.reward => "the reward",
            () if (self.terminated, self.truncated) != (other.terminated, other.truncated) => "the ending",
            () if self.mask != other.mask => "the action mask",
            () => "the info",
        }
    }
}

fn bits(x: &[f32]) -> Vec<u32> {
    x.iter().map(|x| x.to_bits()).collect()
}

/// Where two plays part, in words; `None` if they are identical.
fn parting(one: &[Moment], other: &[Moment]) -> Option<String> {
    if let Some(t) = one.iter().zip(other).position(|(a, b)| a != b) {
        return Some(format!("{} differs at moment {t}", one[t].difference(&other[t])));
    }
    (one.len() != other.len()).then(|| "one of them is longer".to_string())
}

/// An unusable mask: nothing more can be played.
struct Unplayable;

/// Plays random legal actions and looks at everything that comes back.
struct Player<'a> {
    env: &'a mut dyn Env,
    report: &'a mut Report,
    components: Vec<ActionComponent>,
    rng: StreamRng,
    action: Vec<f32>,
    ended: bool,
}

impl<'a> Player<'a> {
    fn new(env: &'a mut dyn Env, report: &'a mut Report) -> Self {
        let components = env.action_space().components();
        let action = vec![0.0; env.action_space().flat_len()];
        Self { env, report, components, rng: SeedTree::new(SEED).stream("actions"), action, ended: true }
    }

    fn check_play(&mut self) {
        // Each check returns early where the environment cannot be played; the report then says why.
        let _ = self.check_seeding().and_then(|()| self.check_generator_goes_on()).and_then(|()| {
            SAVE_AFTER.iter().try_for_each(|steps| self.check_saving(*steps))?;
            self.check_actions_beyond_the_bounds()
        });
        self.check_refusal();
    }

    /// The same seed gives the same play: from a fresh environment, in mid-episode and after an ending.
    fn check_seeding(&mut self) -> Result<(), Unplayable> {
        let first = self.play(SEED, STEPS)?;
        let again = self.play(SEED, STEPS)?;
        if first[0] != again[0] {
            let what = first[0].difference(&again[0]);
            self.report.add("seed start", format!("two resets with the same seed start differently: {what} differs"));
        } else if let Some(how) = parting(&first, &again) {
            self.report.add(
                "seed play",
                format!("the same seed and actions give two different trajectories: {how} of {STEPS}"),
            );
        }
        self.reseed_actions();
        self.start(None)?;
        for _ in 0..STEPS_TO_AN_END {
            if self.step()?.ended() {
                break;
            }
        }
        if self.ended {
            let after_an_end = self.play(SEED, STEPS)?;
            if let Some(how) = parting(&first, &after_an_end) {
                let sentence = format!("a reset after the end of an episode does not start afresh: {how}");
                self.report.add("reset after end", sentence);
            }
        }
        Ok(())
    }

    /// `reset(None)` continues the generator, so that episodes after a seeded one are not all the same.
    fn check_generator_goes_on(&mut self) -> Result<(), Unplayable> {
        let episode = |player: &mut Self, seed: Option<u64>| {
            player.reseed_actions();
            let mut moments = vec![player.start(seed)?];
            while moments.len() < 10 && !player.ended {
                moments.push(player.step()?);
            }
            Ok(moments)
        };
        let mut random = false;
        for seed in 0..UNSEEDED_EPISODES as u64 {
            random |= episode(self, Some(seed))? != episode(self, Some(SEED))?;
        }
        let seeded = episode(self, Some(SEED))?;
        let mut repeated = true;
        for _ in 0..UNSEEDED_EPISODES {
            repeated &= episode(self, None)? == seeded;
        }
        if random && repeated {
            let sentence = "every reset without a seed repeats the seeded episode, the generator does not go on".into();
            self.report.add("generator", sentence);
        }
        Ok(())
    }

    /// A state saved after `steps` continues identically when it is loaded later on.
    fn check_saving(&mut self, steps: usize) -> Result<(), Unplayable> {
        self.play(SEED, steps)?;
        if self.ended {
            self.start(None)?;
        }
        let saved = self.env.save_state();
        let (rng, here) = (self.rng.clone(), bits(self.env.observation()));
        let mask = self.env.action_mask().map(<[bool]>::to_vec);
        let uninterrupted = self.go_on()?;
        self.start(Some(SEED + 1))?;
        if let Err(error) = self.env.load_state(&saved) {
            self.report.add("load", format!("a state saved after {steps} steps is refused: {error}"));
            return Ok(());
        }
        (self.rng, self.ended) = (rng, false);
        if bits(self.env.observation()) != here || self.env.action_mask() != mask.as_deref() {
            let sentence = format!("observation or mask are not back after loading a state saved after {steps} steps");
            self.report.add("loaded view", sentence);
        }
        let resumed = self.go_on()?;
        if let Some(how) = parting(&uninterrupted, &resumed) {
            let sentence = format!("a state saved after {steps} steps continues differently when loaded: {how}");
            self.report.add("loaded play", sentence);
        }
        Ok(())
    }

    /// Some steps, a reset without seed (the generator is part of the state), and some more.
    fn go_on(&mut self) -> Result<Vec<Moment>, Unplayable> {
        let mut moments = Vec::new();
        self.append(CONTINUE_FOR, &mut moments)?;
        moments.push(self.start(None)?);
        self.append(CONTINUE_FOR / 10, &mut moments)?;
        Ok(moments)
    }

    /// Continuous parts beyond their bounds are clipped or at least survived.
    fn check_actions_beyond_the_bounds(&mut self) -> Result<(), Unplayable> {
        for side in [-1.0_f32, 1.0] {
            self.start(Some(SEED))?;
            self.sample();
            for component in &self.components {
                if let ActionComponent::Continuous { offset, low, high } = component {
                    for (i, (l, h)) in low.iter().zip(high).enumerate() {
                        let bound = if side < 0.0 { *l } else { *h };
                        if bound.is_finite() {
                            self.action[offset + i] = bound + side * (bound.abs() + 1.0);
                        }
                    }
                }
            }
            self.step_with_action()?;
        }
        Ok(())
    }

    /// Bytes that are no state are refused.
    fn check_refusal(&mut self) {
        if self.env.load_state(&[]).is_ok() {
            self.report.add("garbage", "no bytes at all are accepted as a saved state".into());
        }
        let saved = self.env.save_state();
        if self.env.load_state(&saved[..saved.len().saturating_sub(1)]).is_ok() {
            self.report.add("garbage", "a saved state that lacks its last byte is accepted".into());
        }
    }

    fn reseed_actions(&mut self) {
        self.rng = SeedTree::new(SEED).stream("actions");
    }

    /// Seeds environment and actions, and plays `steps`, through the ends of episodes.
    fn play(&mut self, seed: u64, steps: usize) -> Result<Vec<Moment>, Unplayable> {
        self.reseed_actions();
        let mut moments = vec![self.start(Some(seed))?];
        self.append(steps, &mut moments)?;
        Ok(moments)
    }

    fn append(&mut self, steps: usize, moments: &mut Vec<Moment>) -> Result<(), Unplayable> {
        for _ in 0..steps {
            if self.ended {
                moments.push(self.start(None)?);
            }
            moments.push(self.step()?);
        }
        Ok(())
    }

    fn start(&mut self, seed: Option<u64>) -> Result<Moment, Unplayable> {
        let first = self.env.reset(seed);
        let (observation, info) = (first.observation.to_vec(), first.info.clone());
        self.ended = false;
        self.look("reset", observation, 0.0, (false, false), &info)
    }

    fn step(&mut self) -> Result<Moment, Unplayable> {
        self.sample();
        self.step_with_action()
    }

    fn sample(&mut self) {
        self.env.action_space().sample(&mut self.rng, self.env.action_mask(), &mut self.action);
    }

    fn step_with_action(&mut self) -> Result<Moment, Unplayable> {
        let result = self.env.step(&self.action);
        let (observation, info) = (result.observation.to_vec(), result.info.clone());
        let (reward, ending) = (result.reward, (result.terminated, result.truncated));
        self.ended = ending.0 || ending.1;
        if !reward.is_finite() {
            self.report.add("reward", format!("the reward of a step with action {:?} is {reward}", self.action));
        }
        self.look("step", observation, reward, ending, &info)
    }

    /// Checks what `reset` or `step` handed out and keeps it.
    fn look(
        &mut self,
        origin: &str,
        observation: Vec<f32>,
        reward: f64,
        (terminated, truncated): (bool, bool),
        info: &Info,
    ) -> Result<Moment, Unplayable> {
        if let Err(error) = self.env.observation_space().contains(&observation) {
            self.report.add("observation", format!("the observation of a {origin} is outside its space: {error}"));
        }
        if bits(self.env.observation()) != bits(&observation) {
            let sentence = format!("`observation()` after a {origin} is not the observation that the {origin} gave");
            self.report.add("present observation", sentence);
        }
        if info.keys() != self.env.info_keys() {
            let (found, expected) = (info.keys(), self.env.info_keys());
            let sentence = format!("the info of a {origin} has keys {found:?}, `info_keys()` says {expected:?}");
            self.report.add("info keys", sentence);
        }
        for (key, value) in info.keys().iter().zip(info.values()) {
            if !value.is_finite() {
                self.report.add("info", format!("the info `{key}` of a {origin} is {value}"));
            }
        }
        let moment = Moment {
            observation: bits(&observation),
            reward: reward.to_bits(),
            terminated,
            truncated,
            mask: self.env.action_mask().map(<[bool]>::to_vec),
            info: info.values().iter().map(|x| x.to_bits()).collect(),
            episode: info.episode.clone(),
        };
        match moment.mask.as_deref() {
            // Nobody acts after an end, so what is legal there does not matter; its length does.
            Some(mask) => self.check_mask(mask, origin).map(|()| moment),
            None => Ok(moment),
        }
    }

    fn check_mask(&mut self, mask: &[bool], origin: &str) -> Result<(), Unplayable> {
        let expected = self.env.action_space().mask_len();
        if mask.len() != expected {
            let found = mask.len();
            let sentence =
                format!("the action mask after a {origin} has {found} entries, the actions {expected} options");
            self.report.add("mask length", sentence);
            return Err(Unplayable);
        }
        let mut at = 0;
        for component in &self.components {
            if let ActionComponent::Categorical { offset, n, .. } = component {
                if !self.ended && !mask[at..at + n].contains(&true) {
                    let name = self.env.action_names().get(*offset).cloned().unwrap_or_default();
                    let sentence = format!("the action mask after a {origin} leaves no option for `{name}`");
                    self.report.add("mask", sentence);
                    return Err(Unplayable);
                }
                at += n;
            }
        }
        Ok(())
    }
}
