//! Tests of the wrappers.
//!
//! In: classic environments. Out: facts about limits, statistics, normalisation, saving and loading.
//! Always: each fact on a small world whose numbers are known.
//! Not here: the contract test itself (`check.rs`).

use super::*;
use crate::classic::{CartPole, ClassicEnv, Pendulum, ProbeMaskedBandit, ProbeTruncatedConstant};
use crate::core::check_env;

type Bare<M> = ClassicEnv<M>;

#[test]
fn the_time_limit_truncates_and_does_not_terminate() {
    let mut env = TimeLimit::new(Bare::<Pendulum>::new(), 3);
    for _ in 0..2 {
        env.reset(Some(1));
        let mut end = || {
            let result = env.step(&[0.0]);
            (result.terminated, result.truncated)
        };
        let ends = [end(), end(), end()];
        assert_eq!(ends, [(false, false), (false, false), (false, true)]);
    }
}

#[test]
fn a_termination_on_the_last_allowed_step_stays_a_termination() {
    let mut inner = Bare::<CartPole>::new();
    inner.start_from(CartPole { position: 2.399, velocity: 1.0, angle: 0.0, angular_velocity: 0.0 });
    let bytes = inner.save_state();
    let mut env = TimeLimit::new(inner, 1);
    env.load_state(&encode_state(TIME_LIMIT, &TimeLimitState { elapsed: 0, inner: bytes })).expect("it fits");
    let result = env.step(&[0.0]);
    assert!(result.terminated && result.truncated);
}

#[test]
fn episode_statistics_come_on_the_last_step_only() {
    let mut env = RecordEpisodeStatistics::new(TimeLimit::new(Bare::<ProbeTruncatedConstant>::new(), 3));
    for _ in 0..2 {
        assert_eq!(env.reset(None).info.episode, None);
        assert_eq!(env.step(&[0.0]).info.episode, None);
        assert_eq!(env.step(&[0.0]).info.episode, None);
        let expected = EpisodeStatistics { episode_return: 3.0, length: 3, sums: vec![] };
        assert_eq!(env.step(&[0.0]).info.episode, Some(expected));
    }
    env.reset(None);
    env.step(&[0.0]);
    assert_eq!(env.reset(None).info.episode, None, "an episode that is given up has no statistics");
    env.step(&[0.0]);
    env.step(&[0.0]);
    assert_eq!(env.step(&[0.0]).info.episode.as_ref().map(|e| e.length), Some(3));
}

#[test]
fn episode_statistics_sum_the_info_entries() {
    let mut env = RecordEpisodeStatistics::new(Bare::<ProbeMaskedBandit>::new());
    env.reset(Some(1));
    let result = env.step(&[3.0]);
    assert_eq!(result.info.get("illegal_action"), Some(1.0));
    let expected = EpisodeStatistics { episode_return: 1.0, length: 1, sums: vec![1.0] };
    assert_eq!(result.info.episode, Some(expected));
    env.reset(None);
    assert_eq!(env.step(&[0.0]).info.episode.as_ref().map(|e| e.sums[0]), Some(0.0), "sums restart");
}

#[test]
fn the_first_normalised_observation_is_the_one_of_statistics_that_hold_it_alone() {
    let mut raw = Bare::<Pendulum>::new();
    let mut env = NormalizeObservation::new(Bare::<Pendulum>::new(), 10.0);
    let x: Vec<f64> = raw.reset(Some(3)).observation.iter().map(|x| f64::from(*x)).collect();
    let z = env.reset(Some(3)).observation.to_vec();
    for (x, z) in x.iter().zip(z) {
        // One row of weight 1 merged into mean 0, variance 1, weight 1e-4.
        let (count, all) = (1e-4, 1.0 + 1e-4);
        let (mean, var) = (x / all, (count + x * x * count / all) / all);
        let expected = ((x - mean) / (var + 1e-8_f64).sqrt()).clamp(-10.0, 10.0);
        assert!((f64::from(z) - expected).abs() < 1e-6, "{z} is not {expected}");
    }
}

#[test]
fn frozen_statistics_do_not_move_and_such_an_environment_passes_the_contract() {
    let limited = || TimeLimit::new(Bare::<Pendulum>::new(), 50);
    let mut env = NormalizeObservation::new(limited(), 5.0);
    env.reset(Some(1));
    (0..50).for_each(|_| assert!(env.step(&[1.0]).observation.iter().all(|x| x.abs() <= 5.0)));
    env.freeze();
    let before = env.normalizer().clone();
    assert!(before.statistics.count > 50.0);
    let mut rewards = NormalizeReward::new(env, 0.9, 10.0);
    rewards.freeze();
    assert_eq!(check_env(&mut rewards), vec![]);
    assert_eq!(rewards.inner.normalizer(), &before);
}

#[test]
fn a_scaled_reward_is_the_reward_over_the_deviation_of_the_discounted_return() {
    let probe = || TimeLimit::new(Bare::<ProbeTruncatedConstant>::new(), 2);
    let mut clipped = NormalizeReward::new(probe(), 0.5, 10.0);
    clipped.reset(None);
    assert_eq!(clipped.step(&[0.0]).reward, 10.0, "one number alone deviates by little");
    let mut env = NormalizeReward::new(probe(), 0.5, 1000.0);
    env.reset(None);
    let mut statistics = crate::core::RunningMeanStd::new(1);
    for discounted in [1.0, 1.5] {
        statistics.update([discounted].into_iter());
        let reward = env.step(&[0.0]).reward;
        assert!((reward - 1.0 / statistics.scale(0)).abs() < 1e-9, "{reward}");
    }
    assert_eq!(env.normalizer().discounted_return, [0.0], "an ended episode leaves no return behind");
    env.reset(None);
    env.step(&[0.0]);
    env.reset(None);
    assert_eq!(env.normalizer().discounted_return, [0.0], "nor does one that is given up");
}

/// All four wrappers around a bare environment.
fn all_wrapped() -> impl Env {
    let limited = TimeLimit::new(Bare::<Pendulum>::new(), 20);
    NormalizeReward::new(NormalizeObservation::new(RecordEpisodeStatistics::new(limited), 10.0), 0.9, 10.0)
}

#[test]
fn a_stack_of_wrappers_continues_exactly_from_its_saved_state() {
    let mut env = all_wrapped();
    env.reset(Some(5));
    for _ in 0..13 {
        env.step(&[0.3]);
    }
    let saved = env.save_state();
    let play = |env: &mut dyn Env| {
        let mut log = vec![];
        for t in 0..60 {
            let r = env.step(&[(t as f32).sin()]);
            log.push((r.observation.to_vec(), r.reward.to_bits(), r.truncated, r.info.episode.clone()));
            if r.truncated {
                log.push((env.reset(None).observation.to_vec(), 0, false, None));
            }
        }
        log
    };
    let uninterrupted = play(&mut env);
    let mut fresh = all_wrapped();
    fresh.load_state(&saved).expect("the same stack");
    assert_eq!(fresh.save_state(), saved);
    assert_eq!(play(&mut fresh), uninterrupted);
    assert!(uninterrupted.iter().any(|m| m.3.is_some()), "episodes ended on the way");
}

#[test]
fn a_state_of_another_stack_is_refused_and_changes_nothing() {
    let mut env = all_wrapped();
    env.reset(Some(5));
    let before = env.save_state();
    let mut other = TimeLimit::new(Bare::<Pendulum>::new(), 90);
    other.reset(Some(1));
    for _ in 0..80 {
        other.step(&[0.0]);
    }
    let error = env.load_state(&other.save_state()).expect_err("another stack");
    assert_eq!(error.to_string(), "this is not a saved state of `NormalizeReward`: it was saved by `TimeLimit`");
    let mut short = TimeLimit::new(Bare::<Pendulum>::new(), 20);
    let error = short.load_state(&other.save_state()).expect_err("beyond the limit");
    assert_eq!(error.reason, "80 steps have passed, the limit is 20");
    let mut bandit = RecordEpisodeStatistics::new(Bare::<ProbeMaskedBandit>::new());
    let pendulum = RecordEpisodeStatistics::new(Bare::<Pendulum>::new());
    let error = bandit.load_state(&pendulum.save_state()).expect_err("other info");
    assert_eq!(error.reason, "it sums 0 info entries, the environment reports 1");
    assert_eq!(env.save_state(), before);
}

#[test]
fn normalised_fields_say_how_they_are_scaled() {
    let env = NormalizeObservation::new(Bare::<CartPole>::new(), 10.0);
    let field = &env.observation_schema().fields[2];
    assert_eq!(field.name, "angle");
    assert_eq!(field.scaling, "minus running mean, over running standard deviation, clipped to +-10");
}

#[test]
fn parts_of_a_reward_come_through_every_wrapper_that_leaves_rewards_alone() {
    let site = || crate::core::make("FlexSite-v1", &crate::core::EnvContext::default()).expect("registered");
    let mut env = NormalizeObservation::new(RecordEpisodeStatistics::new(TimeLimit::new(site(), 50)), 10.0);
    let count = env.reward_parts().expect("a site can tell").count;
    let mut parts = vec![0.0; count];
    env.reset(Some(3));
    let action = vec![0.3; env.action_space().flat_len()];
    for _ in 0..20 {
        let reward = env.step(&action).reward;
        env.write_reward_parts(&mut parts);
        assert!((parts.iter().sum::<f64>() - reward).abs() < 1e-9 && parts.iter().any(|x| x.abs() > 1e-6));
    }
    assert_eq!(NormalizeReward::new(site(), 0.99, 10.0).reward_parts(), None, "its rewards are of another scale");
}
