use super::*;
use crate::policy::play_week;
use crate::rivals::RIVALS;
use flexai_env::core::SeedTree;
use flexai_env::grid::{GridTrace, embedded_trace};
use flexai_env::site::{EpisodeEnd, FlexFleet, SiteConfig};
use rand::RngExt;
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
    let _ = SeedTree::new(0).stream("unused").random::<f64>();
}
