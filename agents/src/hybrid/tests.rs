//! A plan is followed, moved, seen and saved.

use super::*;
use crate::artifact::{Activation, PolicyNetwork};
use crate::policy::{NetworkPolicy, play_week};
use crate::rivals::find_rival;
use flexai_env::core::{Env, SeedTree, check_env};
use flexai_env::grid::{Split, embedded_trace};
use flexai_env::site::{EpisodeEnd, FlexFleet, SiteConfig, SiteSetup, WindowChoice};
use std::sync::{Arc, OnceLock};

fn setup() -> Arc<SiteSetup> {
    static SETUP: OnceLock<Arc<SiteSetup>> = OnceLock::new();
    let make = || {
        let trace = Arc::new(embedded_trace());
        let training = Split::Train.indices(&trace);
        Arc::new(SiteSetup::new(SiteConfig::default(), trace, training).expect("the standard scenario"))
    };
    Arc::clone(SETUP.get_or_init(make))
}

fn planned(source: &str, gain: f64) -> PlannedFleet {
    PlannedFleet::new(FlexFleet::new(setup()), &PlanConfig { source: source.into(), gain }).expect("a rival")
}

#[test]
fn without_an_adjustment_the_plan_is_played_as_it_is() {
    let mut env = planned("day_ahead_quantile", 1.0);
    env.reset(Some(3));
    let window = env.fleet().episode().window;
    let rest = vec![0.0; env.action_space().flat_len()];
    while !env.step(&rest).truncated {}
    let mut fleet = FlexFleet::new(setup());
    let mut rule = find_rival("day_ahead_quantile").expect("a rival").make();
    let alone = play_week(&mut fleet, rule.as_mut(), window);
    assert_eq!(*env.fleet().ledger(), alone.ledger);
}

#[test]
fn an_adjustment_moves_the_base_action_by_the_gain_and_stays_within_bounds() {
    let mut plan = Plan::new(&PlanConfig { source: "fifo".into(), gain: 0.5 }).expect("a rival");
    plan.base = vec![0.25, 1.0, -1.0, 0.0];
    let mut action = [0.0; 4];
    plan.adjusted(&[1.0, -0.5, -1.0, f32::NAN], &mut action);
    assert_eq!(action, [0.75, 0.75, -1.0, 0.0]);
}

#[test]
fn the_planned_fleet_passes_the_contract_test_and_names_what_it_sees() {
    let mut env = planned("day_ahead_quantile", 1.0);
    assert_eq!(check_env(&mut env), vec![]);
    let names: Vec<String> = env.observation_schema().fields.into_iter().map(|field| field.name).collect();
    assert_eq!(names.len(), env.observation_space().flat_len());
    assert_eq!(names.iter().filter(|name| name.starts_with("plan_")).count(), env.action_space().flat_len());
    assert_eq!(env.action_names()[0], "adjust_battery");
}

#[test]
fn a_hybrid_plays_a_week_as_it_was_trained_to() {
    let mut env = planned("day_ahead_quantile", 1.0);
    let network = Arc::new(network(env.observation_space().flat_len(), &env));
    env.reset(Some(8));
    let window = WindowChoice { end: EpisodeEnd::Bootstrap, ..env.fleet().episode().window };
    let mut direct = NetworkPolicy::deterministic("net", Arc::clone(&network));
    let mut action = vec![0.0; env.action_space().flat_len()];
    let mut over = false;
    while !over {
        let seen = Situation { observation: env.observation(), mask: &[], site: None };
        direct.decide(&seen, &mut action);
        over = env.step(&action).truncated;
    }
    let config = PlanConfig { source: "day_ahead_quantile".into(), gain: 1.0 };
    let hybrid = HybridSource::new(NetworkPolicy::deterministic("net", network), &config).expect("a rival");
    let mut fleet = FlexFleet::new(setup());
    let played = play_week(&mut fleet, hybrid.make().as_mut(), window);
    assert_eq!(*env.fleet().ledger(), played.ledger);
}

#[test]
fn a_faulty_plan_is_refused_in_words() {
    let mut discrete = SiteConfig::default();
    discrete.controls.discrete_levels = 5;
    let faults = PlanConfig { source: "nobody".into(), gain: 3.0 }.validate(&discrete);
    let keys: Vec<&str> = faults.iter().map(|(key, _)| key.as_str()).collect();
    assert_eq!(keys, ["plan.source", "plan.gain", "plan"]);
    assert!(faults[0].1.contains("`nobody`"), "{}", faults[0].1);
}

#[test]
fn a_plan_that_sees_the_future_or_cannot_play_the_scenario_is_refused() {
    let faults =
        |source: &str, scenario: &SiteConfig| PlanConfig { source: source.into(), gain: 1.0 }.validate(scenario);
    let standard = SiteConfig::default();
    for source in ["planner:forecast=perfect", "mpc:forecast=perfect", "arbitrage:jobs=mpc(forecast=perfect)"] {
        let found = faults(source, &standard);
        assert_eq!(found.len(), 1, "{source}: {found:?}");
        assert!(found[0].1.contains(source) && found[0].1.contains("sees the future"), "{}", found[0].1);
        let config = PlanConfig { source: source.into(), gain: 1.0 };
        assert!(PlannedFleet::new(FlexFleet::new(setup()), &config).is_err(), "{source} cannot be trained with");
    }
    assert_eq!(faults("arbitrage", &standard), []);
    let mut bare = SiteConfig::default();
    bare.battery.capacity_mwh = 0.0;
    let found = faults("arbitrage", &bare);
    assert!(found.len() == 1 && found[0].1.contains("needs a battery"), "{found:?}");
}

/// A small network with drawn weights.
fn network(inputs: usize, env: &PlannedFleet) -> PolicyNetwork {
    let mut rng = SeedTree::new(4).stream("test network");
    PolicyNetwork::drawn(inputs, env.action_space(), &[8], Activation::Tanh, &mut rng)
}
