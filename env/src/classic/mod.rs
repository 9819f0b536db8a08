//! Small known environments: the classic control tasks, and probes that isolate one ability of a learner each.
//!
//! In: actions. Out: what gymnasium 1.4.0 would answer, or, for a probe, what can be worked out by hand.
//! Always: without time limit here; `core::make` adds it.
//! Not here: the data-centre site (`site/`).

mod acrobot;
mod cart_pole;
mod memory;
mod model;
mod mountain_car;
mod mountain_car_continuous;
mod pendulum;
mod probes;

pub use acrobot::Acrobot;
pub use cart_pole::CartPole;
pub use memory::{CartPoleHidden, ProbeMemory};
pub use model::{ClassicEnv, Model, Outcome};
pub use mountain_car::MountainCar;
pub use mountain_car_continuous::MountainCarContinuous;
pub use pendulum::Pendulum;
pub use probes::{
    ProbeActionObservation, ProbeActionReward, ProbeConstantReward, ProbeDelayedReward, ProbeHiddenReward, ProbeHybrid,
    ProbeMaskedBandit, ProbeObservedReward, ProbeTarget, ProbeTruncatedConstant,
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::golden::{assert_close, golden, numbers};
    use crate::core::{Env, StateError};
    use serde_json::Value;

    /// Stated in tests/golden/README.md for environments in `f64`.
    const TOLERANCE: f64 = 1e-6;

    /// Plays a trace from its first state and compares each step.
    fn replay<M: Model>(trace: &Value, from: fn(&[f64]) -> M, state: fn(&M) -> Vec<f64>) {
        let mut env = ClassicEnv::<M>::new();
        env.start_from(from(&numbers(&trace["initial_state"])));
        let steps = trace["steps"].as_array().expect("steps are a list");
        assert!(!steps.is_empty(), "{}: the trace has steps", M::ID);
        for (t, step) in steps.iter().enumerate() {
            let action: Vec<f32> = match &step["action"] {
                Value::Array(_) => numbers(&step["action"]).iter().map(|x| *x as f32).collect(),
                one => vec![one.as_f64().expect("an option is a number") as f32],
            };
            let result = env.step(&action);
            let what = |part: &str| format!("{} step {t} {part}", M::ID);
            let observation: Vec<f64> = result.observation.iter().map(|x| f64::from(*x)).collect();
            assert_close(&what("observation"), &observation, &numbers(&step["obs"]), TOLERANCE);
            assert_close(&what("reward"), &[result.reward], &numbers(&step["reward"]), TOLERANCE);
            assert_eq!(Some(result.terminated), step["terminated"].as_bool(), "{}", what("terminated"));
            assert!(!result.truncated, "a bare environment has no time limit");
            assert_close(&what("state"), &state(env.model()), &numbers(&step["state"]), TOLERANCE);
        }
    }

    #[test]
    fn every_environment_of_the_golden_traces_answers_like_gymnasium() {
        let golden = golden();
        let Some(traces) = golden["env_traces"]["traces"].as_array() else {
            assert!(std::env::var_os("FLEXAI_PPO_GOLDEN").is_some(), "our own golden file has traces");
            eprintln!("skipped: the golden file in FLEXAI_PPO_GOLDEN has no `env_traces`");
            return;
        };
        assert!(!traces.is_empty());
        for trace in traces {
            match trace["env"].as_str().expect("a trace names its environment") {
                CartPole::ID => replay::<CartPole>(
                    trace,
                    |s| CartPole { position: s[0], velocity: s[1], angle: s[2], angular_velocity: s[3] },
                    |m| vec![m.position, m.velocity, m.angle, m.angular_velocity],
                ),
                Pendulum::ID => replay::<Pendulum>(
                    trace,
                    |s| Pendulum { angle: s[0], angular_velocity: s[1] },
                    |m| vec![m.angle, m.angular_velocity],
                ),
                Acrobot::ID => replay::<Acrobot>(
                    trace,
                    |s| Acrobot { angle: [s[0], s[1]], angular_velocity: [s[2], s[3]] },
                    |m| [m.angle, m.angular_velocity].concat(),
                ),
                MountainCar::ID => replay::<MountainCar>(
                    trace,
                    |s| MountainCar { position: s[0], velocity: s[1] },
                    |m| vec![m.position, m.velocity],
                ),
                MountainCarContinuous::ID => replay::<MountainCarContinuous>(
                    trace,
                    |s| MountainCarContinuous { position: s[0], velocity: s[1] },
                    |m| vec![m.position, m.velocity],
                ),
                other => panic!("no environment `{other}` to replay its trace with"),
            }
        }
    }

    #[test]
    fn mountain_car_reaches_the_goal_by_pushing_the_way_it_rolls() {
        let mut env = ClassicEnv::<MountainCar>::new();
        env.reset(Some(1));
        for t in 1..=200 {
            let push = if env.observation()[1] >= 0.0 { 2.0 } else { 0.0 };
            let result = env.step(&[push]);
            assert_eq!(result.reward, -1.0);
            if result.terminated {
                assert!(result.observation[0] >= 0.5 && t > 60, "reached {} after {t} steps", result.observation[0]);
                return;
            }
        }
        panic!("200 steps are enough for the rule that pumps energy");
    }

    #[test]
    fn the_goal_of_the_continuous_car_pays_100_minus_the_unclipped_push() {
        let mut env = ClassicEnv::<MountainCarContinuous>::new();
        env.start_from(MountainCarContinuous { position: 0.44, velocity: 0.05 });
        let result = env.step(&[2.0]);
        assert!(result.terminated);
        assert!((result.reward - 99.6).abs() < 1e-12, "{}", result.reward);
    }

    #[test]
    fn the_left_wall_stops_the_car() {
        let mut env = ClassicEnv::<MountainCar>::new();
        env.start_from(MountainCar { position: -1.19, velocity: -0.07 });
        assert_eq!(env.step(&[0.0]).observation, [-1.2, 0.0]);
    }

    #[test]
    fn an_acrobot_that_passes_the_line_terminates_with_reward_0() {
        let mut env = ClassicEnv::<Acrobot>::new();
        env.start_from(Acrobot { angle: [std::f64::consts::PI, 0.0], angular_velocity: [0.0, 0.0] });
        let result = env.step(&[1.0]);
        assert!(result.terminated && result.reward == 0.0);
    }

    #[test]
    fn a_saved_state_of_another_environment_or_with_an_impossible_observation_is_refused() {
        let mut car = ClassicEnv::<MountainCar>::new();
        let pendulum = ClassicEnv::<Pendulum>::new();
        let StateError { environment, reason } = car.load_state(&pendulum.save_state()).expect_err("another's");
        assert_eq!((environment.as_str(), reason.as_str()), ("MountainCar-v0", "it was saved by `Pendulum-v1`"));
        let mut far = car.clone();
        far.start_from(MountainCar { position: f64::NAN, velocity: 0.0 });
        let before = car.save_state();
        let error = car.load_state(&far.save_state()).expect_err("not a number");
        assert!(error.reason.starts_with("its observation leaves the space: index 0 is NaN"), "{error}");
        assert_eq!(car.save_state(), before, "a refused state changes nothing");
    }

    #[test]
    #[should_panic(expected = "CartPole-v1 is stepped outside an episode: call `reset` first")]
    fn a_step_after_the_end_is_the_callers_mistake() {
        let mut env = ClassicEnv::<CartPole>::new();
        env.start_from(CartPole { position: 2.399, velocity: 1.0, angle: 0.0, angular_velocity: 0.0 });
        assert!(env.step(&[0.0]).terminated);
        env.step(&[0.0]);
    }

    #[test]
    #[should_panic(expected = "action 2 is no option: expected a whole number below 2")]
    fn an_option_that_does_not_exist_is_the_callers_mistake() {
        let mut env = ClassicEnv::<CartPole>::new();
        env.reset(None);
        env.step(&[2.0]);
    }
}
