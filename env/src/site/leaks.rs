//! No future in sight: fleets, markets, events, gates, regional carbon and panels.
//!
//! In: scenarios that use every gate and market, a grid, and the same grid with one unknown future changed.
//! Out: nothing, or the signal that leaks. Always: whatever a policy can ask at a moment is compared: observation, mask,
//! desk, event, gates, forecasts. Not here: the single site without a market (`tests.rs`).

use super::random_scenarios::{random_action, scenario, wild_grid};
use super::tests::first_unknown;
use super::*;
use crate::core::{Env, SeedTree};
use crate::grid::{GridTrace, InformationSet, Region, Signal};
use crate::market::PaidPrice;
use crate::market::events::{FlexEvent, RandomEvents, StressEvents};
use std::sync::Arc;

/// Three sites in three regions with every gate and every market.
fn everything() -> SiteConfig {
    let mut config = scenario(0);
    let site = |name: &str, region| SitePlan { name: name.into(), region: Some(region), ..SitePlan::default() };
    config.sites = vec![site("a", Region::London), site("b", Region::NorthScotland), site("c", Region::SouthWales)];
    config.solar.capacity_mwp = 10.0;
    config.solar.place = None;
    config.controls.discrete_levels = 5;
    config.controls.enforce_thresholds = true;
    config.controls.green_share = 0.3;
    config.p415.enabled = true;
    // Events mark most days, so that few are left for a baseline.
    config.baseline.in_day_adjustment = true;
    (config.baseline.working_days, config.baseline.non_working_days) = (1, 1);
    config.baseline.best_of = None;
    for (i, class) in config.workload.classes.iter_mut().enumerate() {
        class.green_only = i % 2 == 0;
        class.carbon_threshold_gco2_kwh = Some(160.0);
        class.migratable = true;
    }
    config.events = crate::market::events::EventsConfig {
        stress: Some(StressEvents { threshold: 0.6, trailing_days: 14, ..StressEvents::default() }),
        random: Some(RandomEvents::default()),
        ..Default::default()
    };
    config
}

/// Everything that can be asked at a moment.
#[derive(Debug, PartialEq)]
struct Seen {
    observation: Vec<f32>,
    mask: Vec<bool>,
    forecasts: Vec<Vec<f32>>,
    desks: Vec<DeskView>,
    event: Option<FlexEvent>,
    gates: Vec<bool>,
}

fn see(config: &SiteConfig, grid: GridTrace, start: usize, now: usize) -> Seen {
    let mut env = super::random_scenarios::fleet_of(config.clone(), &Arc::new(grid));
    let mut rng = SeedTree::new(9).stream("actions");
    let mut action = vec![0.0; env.action_space().flat_len()];
    env.reset_to(WindowChoice { start, periods: 336, job_seed: 4, end: EpisodeEnd::Bootstrap });
    for _ in start..now {
        random_action(&mut rng, config.controls.discrete_levels, &mut action);
        env.step(&action);
    }
    let view = env.view();
    let sites: Vec<SiteView<'_>> = (0..view.len()).map(|i| view.site(i)).collect();
    let classes = config.workload.classes.len();
    Seen {
        observation: env.observation().to_vec(),
        mask: env.action_mask().map(<[bool]>::to_vec).unwrap_or_default(),
        forecasts: sites.iter().map(|site| site.forecast().to_vec()).collect(),
        desks: sites.iter().map(SiteView::desk).collect(),
        event: sites[0].event().copied(),
        gates: sites.iter().flat_map(|site| (0..classes).map(|class| site.is_gated(class))).collect(),
    }
}

#[test]
fn no_value_that_is_not_yet_known_changes_what_a_fleet_with_every_market_and_gate_can_see() {
    let grid = wild_grid();
    let start = 1100;
    let (mut gated, mut events, mut solar, mut baselines) = (0, 0, 0, 0);
    for (information, paid_price) in
        [(InformationSet::Trader, PaidPrice::Mixed), (InformationSet::Published, PaidPrice::Intraday)]
    {
        let mut config = everything();
        config.information.set = information;
        config.tariff.paid_price = paid_price;
        config.tariff.day_ahead_position_mw = None;
        let published = information == InformationSet::Published;
        // Before and after 11:00, an odd and an even half-hour, in the sun; the last one after the clock change.
        for now in [start + 26, start + 25 + 46, 27 * 48 + 25] {
            let expected = see(&config, grid.clone(), start, now);
            gated += expected.gates.iter().filter(|gate| **gate).count();
            baselines += usize::from(expected.desks.iter().all(|desk| desk.baseline_mw > 0.0));
            events += usize::from(expected.event.is_some());
            solar += usize::from(grid.solar_capacity_factor(now).is_some_and(|factor| factor > 0.1));
            for signal in Signal::all().filter(|s| *s != Signal::CarbonResolution) {
                let mut other = grid.clone();
                for t in first_unknown(&other, signal, now, published)..other.len() {
                    let value = other.get(signal, t).expect("no holes");
                    other.set(signal, t, Some(3.0 * value + 50.0));
                }
                let found = see(&config, other, start, now);
                assert!(found == expected, "{information:?}: `{signal:?}` leaks into period {now}");
            }
        }
    }
    assert!(gated > 3 && events > 1, "{gated} gates, {events} events were there");
    assert!(solar > 1 && baselines > 1, "sun at {solar} moments, baselines at {baselines} were there");
}

#[test]
fn values_that_are_known_do_change_gates_events_and_desks() {
    let (grid, config) = (wild_grid(), everything());
    let (start, now) = (1100, 1100 + 71);
    let expected = see(&config, grid.clone(), start, now);
    let changed = |signal: Signal, factor: f64| {
        let mut other = grid.clone();
        for t in 0..first_unknown(&grid, signal, now, false).min(other.len()) {
            let value = other.get(signal, t).expect("no holes");
            other.set(signal, t, Some(factor * value));
        }
        see(&config, other, start, now)
    };
    let dirty = changed(Signal::CarbonIntensity, 3.0);
    assert_ne!((&dirty.gates, &dirty.mask), (&expected.gates, &expected.mask));
    assert_ne!(changed(Signal::Solar, 0.0).gates, expected.gates);
    assert_ne!(changed(Signal::Solar, 0.0).desks, expected.desks, "the sun spares import, which the meter reads");
}
