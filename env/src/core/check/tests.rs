//! Tests of the contract test: an environment that keeps it, and one broken in each way.
//!
//! In: a small world with a fault. Out: the sentence that tells it.
//! Always: the faultless world has no problem, and each fault is told in its own words.
//! Not here: the registered environments (`registry.rs`).

use super::*;
use crate::core::{ObservationField, ObservationSchema, Reset, StateError, StepResult, decode_state, encode_state};
use rand::RngExt;
use serde::{Deserialize, Serialize};

/// What is broken.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Fault {
    None,
    SwappedBounds,
    BoundNotANumber,
    BoundsOfTwoLengths,
    NoDimension,
    NoOption,
    EntryTwice,
    SchemaTooShort,
    SchemaNameTwice,
    ActionNamesTooMany,
    InfoKeyTwice,
    ObservationBeyondSpace,
    ObservationNotFinite,
    ObservationTooLong,
    StalePresentObservation,
    RewardNotFinite,
    InfoNotFinite,
    InfoKeysChange,
    MaskTooShort,
    MaskForbidsAll,
    StartIgnoresSeed,
    StepsIgnoreSeed,
    ResetSeedsAlways,
    EndIsNotReset,
    LoadRefusesItsOwn,
    LoadForgetsPosition,
    LoadForgetsGenerator,
    LoadForgetsMask,
    LoadAcceptsNothing,
    LoadAcceptsCutBytes,
    BoundsCrash,
}

const KEYS: &[&str] = &["drift"];

/// A walk on -1 ..= 1 that ends at the edge or after 30 steps; one option is illegal on each side.
struct Walk {
    fault: Fault,
    observation_space: Space,
    action_space: Space,
    state: WalkState,
    mask: Vec<bool>,
    observation: Vec<f32>,
    info: Info,
    resets: u64,
}

#[derive(Clone, Serialize, Deserialize)]
struct WalkState {
    x: f32,
    steps: u32,
    rng: StreamRng,
}

impl Walk {
    fn new(fault: Fault) -> Self {
        let seen = match fault {
            Fault::SwappedBounds => Space::uniform_box(1, 1.0, -1.0),
            Fault::BoundNotANumber => Space::uniform_box(1, f32::NAN, 1.0),
            Fault::BoundsOfTwoLengths => Space::Box { low: vec![-1.0, -1.0], high: vec![1.0] },
            Fault::NoDimension => Space::uniform_box(0, -1.0, 1.0),
            _ => Space::uniform_box(1, -1.0, 1.0),
        };
        let push = if fault == Fault::EntryTwice { "choice" } else { "push" };
        let options = if fault == Fault::NoOption { 0 } else { 3 };
        let action_space = Space::Dict {
            entries: vec![
                (push.into(), Space::uniform_box(1, -0.1, 0.1)),
                ("choice".into(), Space::Discrete { n: options, start: 1 }),
            ],
        };
        let keys = if fault == Fault::InfoKeyTwice { &["drift", "drift"] } else { KEYS };
        let rng = SeedTree::new(0).stream("walk");
        Self {
            fault,
            observation_space: seen,
            action_space,
            state: WalkState { x: 0.0, steps: 0, rng },
            mask: vec![true; 3],
            observation: vec![0.0],
            info: Info::new(keys),
            resets: 0,
        }
    }

    fn show(&mut self) {
        self.mask = vec![true, self.state.x < 0.0, self.state.x >= 0.0];
        let mut seen = vec![self.state.x.clamp(-1.0, 1.0)];
        // Faults show some steps into an episode, not in the first glance.
        let late = self.state.steps == 3;
        match self.fault {
            Fault::ObservationBeyondSpace if late => seen[0] = 1.5,
            Fault::ObservationNotFinite if late => seen[0] = f32::NAN,
            Fault::ObservationTooLong if late => seen.push(0.0),
            Fault::MaskTooShort if late => self.mask.truncate(2),
            Fault::MaskForbidsAll if late => self.mask.fill(false),
            _ => {}
        }
        self.observation = seen;
    }
}

impl Env for Walk {
    fn observation_space(&self) -> &Space {
        &self.observation_space
    }

    fn action_space(&self) -> &Space {
        &self.action_space
    }

    fn observation_schema(&self) -> ObservationSchema {
        let names: &[&str] = match self.fault {
            Fault::SchemaTooShort => &[],
            Fault::SchemaNameTwice => &["x", "x"],
            _ => &["x"],
        };
        let field = |name: &&str| ObservationField { name: (*name).into(), unit: "1".into(), scaling: "none".into() };
        ObservationSchema { fields: names.iter().map(field).collect() }
    }

    fn action_names(&self) -> Vec<String> {
        let mut names = self.action_space.flat_names();
        if self.fault == Fault::ActionNamesTooMany {
            names.push("more".into());
        }
        names
    }

    fn info_keys(&self) -> &'static [&'static str] {
        if self.fault == Fault::InfoKeyTwice { &["drift", "drift"] } else { KEYS }
    }

    fn reset(&mut self, seed: Option<u64>) -> Reset<'_> {
        self.resets += 1;
        let seed = if self.fault == Fault::ResetSeedsAlways { Some(seed.unwrap_or(SEED)) } else { seed };
        if let Some(seed) = seed {
            let seed = if self.fault == Fault::StartIgnoresSeed { self.resets } else { seed };
            self.state.rng = SeedTree::new(seed).stream("walk");
        }
        let end_stays = self.fault == Fault::EndIsNotReset && self.state.steps >= 30;
        let start = self.state.rng.random_range(-0.2..0.2);
        self.state.x = if end_stays { 0.9 } else { start };
        self.state.steps = 0;
        self.info = Info::new(self.info_keys());
        self.show();
        Reset { observation: &self.observation, info: &self.info }
    }

    fn step(&mut self, action: &[f32]) -> StepResult<'_> {
        let push = if self.fault == Fault::BoundsCrash { action[0] } else { action[0].clamp(-0.1, 0.1) };
        let drift = if self.fault == Fault::StepsIgnoreSeed { 1e-4 * self.resets as f32 } else { 0.0 };
        let gust = self.state.rng.random_range(-0.05..0.05);
        self.state.x += push + 0.01 * (action[1] - 2.0) + drift + gust;
        self.state.steps += 1;
        let mut reward = f64::from(self.state.x);
        if self.fault == Fault::InfoKeysChange && self.state.steps == 3 {
            self.info = Info::new(&["gust"]);
        }
        self.info.values_mut()[0] = f64::from(gust);
        let late = self.state.steps == 3;
        match self.fault {
            Fault::RewardNotFinite if late => reward = f64::INFINITY,
            Fault::BoundsCrash if push.abs() > 0.1 => reward = f64::NAN,
            Fault::InfoNotFinite if late => self.info.values_mut()[0] = f64::NAN,
            _ => {}
        }
        self.show();
        let (terminated, truncated) = (self.state.x.abs() > 1.0, self.state.steps >= 30);
        StepResult { observation: &self.observation, reward, terminated, truncated, info: &self.info }
    }

    fn observation(&self) -> &[f32] {
        if self.fault == Fault::StalePresentObservation { &[0.0] } else { &self.observation }
    }

    fn action_mask(&self) -> Option<&[bool]> {
        Some(&self.mask)
    }

    fn save_state(&self) -> Vec<u8> {
        encode_state("walk", &self.state)
    }

    fn load_state(&mut self, bytes: &[u8]) -> Result<(), StateError> {
        let refused = |reason: &str| StateError { environment: "walk".into(), reason: reason.into() };
        match self.fault {
            Fault::LoadAcceptsNothing if bytes.is_empty() => return Ok(()),
            Fault::LoadAcceptsCutBytes if !bytes.is_empty() && decode_state::<WalkState>("walk", bytes).is_err() => {
                return Ok(());
            }
            Fault::LoadRefusesItsOwn => return Err(refused("bad day")),
            _ => {}
        }
        let loaded: WalkState = decode_state("walk", bytes)?;
        let before = std::mem::replace(&mut self.state, loaded);
        let mask = self.mask.clone();
        match self.fault {
            Fault::LoadForgetsPosition => self.state.x = before.x,
            Fault::LoadForgetsGenerator => self.state.rng = before.rng,
            _ => {}
        }
        self.show();
        if self.fault == Fault::LoadForgetsMask {
            self.mask = mask.iter().map(|_| true).collect();
        }
        Ok(())
    }
}

fn problems(fault: Fault) -> Vec<String> {
    check_env(&mut Walk::new(fault)).into_iter().map(|p| p.to_string()).collect()
}

/// Fails unless some problem is told in words that begin so.
fn assert_told(fault: Fault, expected: &str) {
    let found = problems(fault);
    assert!(found.iter().any(|p| p.starts_with(expected)), "{fault:?}: {found:#?}\nexpected: {expected}");
}

#[test]
fn a_faultless_environment_has_no_problem() {
    assert_eq!(problems(Fault::None), Vec::<String>::new());
}

#[test]
fn unusable_spaces_are_told_and_nothing_is_played() {
    for (fault, expected) in [
        (Fault::SwappedBounds, "dimension 0 of the observation space ranges from 1 to -1"),
        (Fault::BoundNotANumber, "dimension 0 of the observation space ranges from NaN to 1"),
        (Fault::BoundsOfTwoLengths, "the observation space has 2 lower and 1 upper bounds"),
        (Fault::NoDimension, "the observation space has no dimension"),
        (Fault::NoOption, "the action space's entry `choice` has no option"),
        (Fault::EntryTwice, "the action space has two entries `choice`"),
    ] {
        assert_eq!(problems(fault), [expected], "{fault:?}");
    }
}

#[test]
fn names_that_are_missing_too_many_or_double_are_told() {
    assert_eq!(problems(Fault::SchemaTooShort), ["the observation schema has 0 names, the space 1 numbers"]);
    assert_told(Fault::SchemaNameTwice, "the observation schema has 2 names, the space 1 numbers");
    assert_told(Fault::ActionNamesTooMany, "the list of action names has 3 names, the space 2 numbers");
    assert_told(Fault::InfoKeyTwice, "the list of info keys has the name `drift` at 0 and at 1");
    let mut report = Report::default();
    let names = ["x".to_string(), "y".into(), "x".into()];
    check_name_list("schema", "the observation schema", &names, 3, &mut report);
    assert_eq!(report.problems[0].0, "the observation schema has the name `x` at 0 and at 2");
}

#[test]
fn numbers_outside_their_space_or_not_finite_are_told() {
    let outside = "the observation of a step is outside its space: ";
    assert_told(
        Fault::ObservationBeyondSpace,
        &format!("{outside}index 0 is 1.5, expected a finite number in [-1, 1]"),
    );
    assert_told(Fault::ObservationNotFinite, &format!("{outside}index 0 is NaN"));
    assert_told(Fault::ObservationTooLong, &format!("{outside}the vector has 2 numbers, the space 1"));
    assert_told(Fault::RewardNotFinite, "the reward of a step with action [");
    assert_told(Fault::InfoNotFinite, "the info `drift` of a step is NaN");
    assert_told(Fault::BoundsCrash, "the reward of a step with action [");
}

#[test]
fn a_present_observation_or_info_that_changes_its_shape_is_told() {
    assert_told(
        Fault::StalePresentObservation,
        "`observation()` after a reset is not the observation that the reset gave",
    );
    assert_told(Fault::InfoKeysChange, "the info of a step has keys [\"gust\"], `info_keys()` says [\"drift\"]");
}

#[test]
fn masks_of_a_wrong_length_or_without_a_legal_option_are_told() {
    assert_eq!(problems(Fault::MaskTooShort), ["the action mask after a step has 2 entries, the actions 3 options"]);
    assert_eq!(problems(Fault::MaskForbidsAll), ["the action mask after a step leaves no option for `choice`"]);
}

#[test]
fn faults_of_seeding_are_told() {
    assert_told(Fault::StartIgnoresSeed, "two resets with the same seed start differently: the observation differs");
    assert_told(
        Fault::StepsIgnoreSeed,
        "the same seed and actions give two different trajectories: the observation differs at moment",
    );
    assert_eq!(
        problems(Fault::ResetSeedsAlways),
        ["every reset without a seed repeats the seeded episode, the generator does not go on"]
    );
    assert_told(Fault::EndIsNotReset, "a reset after the end of an episode does not start afresh: the observation");
}

#[test]
fn faults_of_saving_and_loading_are_told() {
    assert_told(
        Fault::LoadRefusesItsOwn,
        "a state saved after 0 steps is refused: this is not a saved state of `walk`",
    );
    assert_told(
        Fault::LoadForgetsPosition,
        "observation or mask are not back after loading a state saved after 0 steps",
    );
    assert_told(Fault::LoadForgetsMask, "observation or mask are not back after loading a state saved after 0 steps");
    assert_told(
        Fault::LoadForgetsGenerator,
        "a state saved after 0 steps continues differently when loaded: the observation differs at moment 0",
    );
    assert_eq!(problems(Fault::LoadAcceptsNothing), ["no bytes at all are accepted as a saved state"]);
    assert_eq!(problems(Fault::LoadAcceptsCutBytes), ["a saved state that lacks its last byte is accepted"]);
}
