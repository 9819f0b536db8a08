use super::variety::{random_action, scenario, wild_grid};
use super::*;
use crate::policy::play_week;
use crate::rivals::RIVALS;
use flexai_env::core::{Env, SeedTree};
use flexai_env::grid::{GridTrace, embedded_trace};
use flexai_env::site::{EpisodeEnd, FlexFleet, SiteConfig};
use std::sync::{Arc, OnceLock};

fn grid() -> &'static Arc<GridTrace> {
    static GRID: OnceLock<Arc<GridTrace>> = OnceLock::new();
    GRID.get_or_init(|| Arc::new(embedded_trace()))
}

/// The scenarios that ship.
fn shipped() -> Vec<SiteConfig> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../configs/scenarios");
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.iter().map(|path| toml::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()).collect()
}

fn setup(config: SiteConfig) -> Arc<SiteSetup> {
    Arc::new(SiteSetup::new(config, Arc::clone(grid()), 0..grid().len()).unwrap())
}

fn window(setup: &SiteSetup, number: usize, periods: usize) -> WindowChoice {
    let start = setup.history() + 13 + 701 * number;
    WindowChoice { start, periods, job_seed: number as u64, end: EpisodeEnd::Settle }
}

#[test]
fn no_rival_is_cheaper_than_the_oracle_in_any_scenario_that_ships() {
    for config in shipped() {
        let setup = setup(config);
        let periods = if setup.places().len() > 1 { 48 } else { 96 };
        let mut site = FlexFleet::new(Arc::clone(&setup));
        for number in 0..3 {
            let window = window(&setup, number, periods);
            let found = oracle(&setup, window, &OracleOptions::default()).unwrap();
            for rival in RIVALS {
                let mut policy = crate::policy::PolicySource::make(rival);
                let cost = play_week(&mut site, policy.as_mut(), window).ledger.total.cost_gbp();
                let (name, rival) = (&setup.config.name, rival.name);
                assert!(found.bound_gbp <= cost, "{name} {number}: {} against {cost} of {rival}", found.bound_gbp);
            }
            let mut replay = PlanReplay::new(found.plan.clone());
            let cost = play_week(&mut site, &mut replay, window).ledger.total.cost_gbp();
            assert!(found.bound_gbp <= cost, "{} {number}: {} {cost}", setup.config.name, found.bound_gbp);
        }
    }
}

#[test]
fn the_oracle_is_the_same_twice() {
    let setup = setup(SiteConfig::default());
    let window = window(&setup, 0, 48);
    let find = || oracle(&setup, window, &OracleOptions::default()).unwrap();
    assert_eq!(find(), find());
}

/// The least J of several courses: FIFO, greedy rules and random actions.
fn cheapest(site: &mut FlexFleet, window: WindowChoice, tries: u64) -> f64 {
    let mut action = vec![0.0; site.action_space().flat_len()];
    let mut least = f64::INFINITY;
    for seed in 0..tries {
        let mut rng = SeedTree::new(seed).stream("actions");
        site.reset_to(window);
        loop {
            random_action(&mut rng, &mut action);
            if site.step(&action).truncated {
                break;
            }
        }
        least = least.min(site.ledger().total.cost_gbp());
    }
    for rival in RIVALS {
        let mut policy = crate::policy::PolicySource::make(rival);
        least = least.min(play_week(site, policy.as_mut(), window).ledger.total.cost_gbp());
    }
    least
}

#[test]
fn in_scenarios_of_every_kind_no_course_is_cheaper_than_the_oracle_and_no_plan_of_its_own_either() {
    let grid = Arc::new(wild_grid());
    let numbers = std::env::var("FLEXAI_VARIETY").ok().and_then(|text| text.parse().ok()).unwrap_or(60);
    for number in 0..numbers {
        let setup = Arc::new(SiteSetup::new(scenario(number), Arc::clone(&grid), 0..grid.len()).unwrap());
        let mut site = FlexFleet::new(Arc::clone(&setup));
        let periods = [3, 12, 48, 96][number as usize % 4];
        let end = if number % 5 == 4 { EpisodeEnd::Bootstrap } else { EpisodeEnd::Settle };
        let start = setup.history().max(21 * 48) + 7 * (number as usize % 31);
        let window = WindowChoice { start, periods, job_seed: number, end };
        let least = cheapest(&mut site, window, 6);
        for detail in [0, 16_000] {
            let options = OracleOptions { detail, ..OracleOptions::default() };
            let found = oracle(&setup, window, &options).unwrap();
            assert!(found.bound_gbp <= least, "{number}, {detail}: {} against {least}", found.bound_gbp);
            let mut replay = PlanReplay::new(found.plan.clone());
            let cost = play_week(&mut site, &mut replay, window).ledger.total.cost_gbp();
            assert!(found.bound_gbp <= cost, "{number}, {detail}: {} against {cost}", found.bound_gbp);
        }
    }
}

#[test]
fn jobs_one_by_one_and_choices_by_integers_only_raise_the_bound() {
    let grid = Arc::new(wild_grid());
    for number in 0..24 {
        let setup = Arc::new(SiteSetup::new(scenario(number), Arc::clone(&grid), 0..grid.len()).unwrap());
        let mut site = FlexFleet::new(Arc::clone(&setup));
        let start = setup.history().max(21 * 48) + 5;
        let window = WindowChoice { start, periods: 8, job_seed: number, end: EpisodeEnd::Settle };
        let bound = |integers, detail| {
            let limits = Limits { nodes: Some(200), ..Limits::default() };
            oracle(&setup, window, &OracleOptions { integers, limits, detail }).unwrap()
        };
        let (queue, jobs, choices) = (bound(false, 0), bound(false, 16_000), bound(true, 16_000));
        let slack = 1e-6 * (1.0 + queue.bound_gbp.abs());
        assert!(queue.bound_gbp <= jobs.bound_gbp + slack && jobs.bound_gbp <= choices.bound_gbp + slack, "{number}");
        let least = cheapest(&mut site, window, 6);
        assert!(choices.bound_gbp <= least, "{number}: {} against {least}", choices.bound_gbp);
    }
}
