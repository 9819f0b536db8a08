//! Environments by versioned id.
//!
//! In: an id and a context. Out: a ready environment. One environment, one line in [`env_specs`].

use super::env::Env;
use super::wrappers::{RecordEpisodeStatistics, TimeLimit};
use crate::classic::{
    Acrobot, CartPole, CartPoleHidden, ClassicEnv, Model, MountainCar, MountainCarContinuous, Pendulum,
    ProbeActionObservation, ProbeActionReward, ProbeConstantReward, ProbeDelayedReward, ProbeHiddenReward, ProbeHybrid,
    ProbeMaskedBandit, ProbeMemory, ProbeObservedReward, ProbeTarget, ProbeTruncatedConstant,
};
use crate::site::SiteSetup;
use std::sync::Arc;

/// What an environment may need beside its id.
#[derive(Debug, Clone, Default)]
pub struct EnvContext {
    /// Scenario and grid trace of the site environments; `None` means the embedded default (`quickstart`).
    pub site: Option<Arc<SiteSetup>>,
}

/// One registered environment.
#[derive(Debug, Clone, Copy)]
pub struct EnvSpec {
    /// Versioned id, e.g. `FlexSite-v1`.
    pub id: &'static str,
    /// One sentence.
    pub summary: &'static str,
    /// Steps after which an episode is truncated, if the environment does not end by itself.
    pub max_episode_steps: Option<u32>,
    /// Return from which the task counts as solved.
    pub reward_threshold: Option<f64>,
    /// Builds the bare environment; [`make`] adds the time limit and the episode statistics.
    pub build: fn(&EnvContext) -> Result<Box<dyn Env>, EnvError>,
}

/// Why an environment could not be made.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum EnvError {
    /// No such id.
    #[error("unknown environment `{found}`, expected one of {expected}\n\nhint: `flexai env list` shows them all")]
    UnknownId {
        /// What was asked for.
        found: String,
        /// The ids there are.
        expected: String,
    },
    /// The environment refused its context.
    #[error("{0}")]
    Setup(String),
}

/// All registered environments.
pub fn env_specs() -> &'static [EnvSpec] {
    SPECS
}

static SPECS: &[EnvSpec] = &[
    // Site environments: one line each, with their own `build`.
    EnvSpec {
        id: "FlexSite-v1",
        summary: "run the jobs, battery and solar of an AI data centre on the GB grid, half-hour by half-hour",
        max_episode_steps: None,
        reward_threshold: None,
        build: crate::site::build_site,
    },
    EnvSpec {
        id: "FlexFleet-v1",
        summary: "the same for several sites: jobs move between them too",
        max_episode_steps: None,
        reward_threshold: None,
        build: crate::site::build_fleet,
    },
    // Classic control.
    classic::<CartPole>("keep a pole upright on a cart", Some(500), Some(475.0)),
    classic::<Pendulum>("swing a pendulum up and hold it; every end is a truncation", Some(200), None),
    classic::<Acrobot>("swing a two-link arm above a line", Some(500), Some(-100.0)),
    classic::<MountainCar>("drive an under-powered car out of a valley", Some(200), Some(-110.0)),
    classic::<MountainCarContinuous>("the same with a continuous push that costs", Some(999), Some(90.0)),
    classic::<CartPoleHidden>(
        "CartPole-v1 without the speeds: what was seen has to be remembered",
        Some(500),
        Some(475.0),
    ),
    // Probes.
    classic::<ProbeConstantReward>("probe: one step, reward 1", None, Some(1.0)),
    classic::<ProbeObservedReward>("probe: the reward is the observation", None, None),
    classic::<ProbeDelayedReward>("probe: two steps, reward at the end", None, Some(1.0)),
    classic::<ProbeActionReward>("probe: the reward depends on the action", None, Some(1.0)),
    classic::<ProbeActionObservation>("probe: the right action depends on the observation", None, Some(1.0)),
    classic::<ProbeTruncatedConstant>("probe: reward 1 a step, truncated only", Some(16), Some(16.0)),
    classic::<ProbeMaskedBandit>("probe: the best arms are illegal", None, Some(0.5)),
    classic::<ProbeHiddenReward>("probe: only a critic that is told more can know the reward", None, None),
    classic::<ProbeMemory>("probe: a cue of the first step is asked for at the last", None, Some(1.0)),
    classic::<ProbeTarget>("probe: a continuous action has to meet a level", None, Some(0.0)),
    classic::<ProbeHybrid>("probe: a continuous and a discrete action part, both matter", None, Some(1.0)),
];

/// One line of the table for a classic environment.
const fn classic<M: Model>(
    summary: &'static str,
    max_episode_steps: Option<u32>,
    reward_threshold: Option<f64>,
) -> EnvSpec {
    EnvSpec { id: M::ID, summary, max_episode_steps, reward_threshold, build: build_classic::<M> }
}

fn build_classic<M: Model>(_context: &EnvContext) -> Result<Box<dyn Env>, EnvError> {
    Ok(Box::new(ClassicEnv::<M>::new()))
}

/// The specification of one id.
///
/// # Errors
/// [`EnvError::UnknownId`].
pub fn find_spec(id: &str) -> Result<&'static EnvSpec, EnvError> {
    env_specs().iter().find(|spec| spec.id == id).ok_or_else(|| EnvError::UnknownId {
        found: id.to_string(),
        expected: env_specs().iter().map(|s| s.id).collect::<Vec<_>>().join(", "),
    })
}

/// Makes a registered environment with its time limit and episode statistics.
///
/// # Errors
/// [`EnvError`] if the id is unknown or the context does not fit.
pub fn make(id: &str, context: &EnvContext) -> Result<Box<dyn Env>, EnvError> {
    let spec = find_spec(id)?;
    let bare = (spec.build)(context)?;
    Ok(match spec.max_episode_steps {
        Some(limit) => Box::new(RecordEpisodeStatistics::new(TimeLimit::new(bare, limit))),
        None => Box::new(RecordEpisodeStatistics::new(bare)),
    })
}

#[cfg(test)]
mod tests {
    use super::super::check::check_env;
    use super::*;

    #[test]
    fn every_registered_environment_passes_the_contract_bare_and_made() {
        let context = EnvContext::default();
        assert!(env_specs().len() >= 13);
        for spec in env_specs() {
            let mut made = make(spec.id, &context).expect("a registered id is made");
            assert_eq!(check_env(&mut made), vec![], "{}", spec.id);
            let mut bare = (spec.build)(&context).expect("and built");
            assert_eq!(check_env(&mut bare), vec![], "bare {}", spec.id);
        }
    }

    #[test]
    fn ids_are_unique_and_end_in_a_version() {
        for (i, spec) in env_specs().iter().enumerate() {
            assert!(env_specs()[..i].iter().all(|other| other.id != spec.id), "{} occurs twice", spec.id);
            let (name, version) = spec.id.rsplit_once("-v").expect("an id ends in -v and a number");
            assert!(!name.is_empty() && version.parse::<u32>().is_ok(), "{}", spec.id);
        }
    }

    #[test]
    fn a_made_environment_is_truncated_at_its_limit_and_reports_the_episode() {
        let mut env = make("ProbeTruncatedConstant-v0", &EnvContext::default()).expect("registered");
        env.reset(Some(1));
        for t in 1..=16 {
            let result = env.step(&[0.0]);
            assert_eq!((result.terminated, result.truncated), (false, t == 16));
            assert_eq!(
                result.info.episode.as_ref().map(|e| (e.episode_return, e.length)),
                (t == 16).then_some((16.0, 16))
            );
        }
    }

    #[test]
    fn an_unknown_id_is_answered_with_those_there_are() {
        let error = make("CartPole-v7", &EnvContext::default()).err().expect("no such version");
        let text = error.to_string();
        assert!(text.starts_with("unknown environment `CartPole-v7`, expected one of "), "{text}");
        assert!(text.contains(" CartPole-v1, Pendulum-v1, "), "{text}");
        assert!(text.ends_with("\n\nhint: `flexai env list` shows them all"), "{text}");
    }
}
