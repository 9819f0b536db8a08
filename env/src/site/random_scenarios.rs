//! Random scenarios and a wild grid, for tests of what must hold in all of them.
//!
//! In: a number. Out: a valid scenario that mixes everything a scenario file can say, and windows and actions for it.
//! Always: the same number gives the same scenario. Not here: what must hold (`properties.rs`, `leaks.rs`, `gaming.rs`).

use super::*;
use crate::core::{SeedTree, StreamRng};
use crate::grid::{GridTrace, Period, Region, Signal, SolarPlace, SourceKind, TraceSource};
use crate::market::events::{EventsConfig, RandomEvents, ScriptedEvent, StressEvents};
use crate::market::{ChargesRegion, ExportConfig, P415Config, PaidPrice, SoldAt, SupplierCompensation, TariffConfig};
use crate::units::PERIOD_HOURS;
use crate::workload::{JobClassConfig, PowerCurve, ValueStep};
use rand::RngExt;
use std::sync::Arc;

/// Days of the wild grid: three weeks that a baseline needs, a fortnight to play in, and some to settle with.
pub(super) const DAYS: usize = 40;

/// A grid across the spring clock change of 2024 with negative prices, spikes, calm days and days of sun.
pub(super) fn wild_grid() -> GridTrace {
    let start: Period = "2024-03-04T00:00:00Z".parse().expect("a period");
    let n = DAYS * 48;
    let mut rng = SeedTree::new(77).stream("wild grid");
    let mut column = |level: f64, swing: f64, noise: f64, spikes: f64| -> Vec<f64> {
        let day = |t: usize| (t as f64 / 48.0 * std::f64::consts::TAU).sin();
        let mut value = |t: usize| {
            let spike = if rng.random_bool(0.02) { spikes * (rng.random::<f64>() - 0.4) } else { 0.0 };
            level + swing * day(t) + noise * (rng.random::<f64>() - 0.5) + spike
        };
        (0..n).map(&mut value).collect()
    };
    let mut columns = Vec::new();
    for signal in Signal::all() {
        let values = match signal {
            Signal::IntradayPrice | Signal::DayAheadPrice => column(60.0, 60.0, 60.0, 800.0),
            Signal::ImbalancePrice => column(60.0, 80.0, 120.0, 2000.0),
            Signal::CarbonResolution => vec![60.0; n],
            Signal::CarbonIntensity | Signal::CarbonActual | Signal::CarbonForecast => column(160.0, 60.0, 60.0, 0.0),
            Signal::NetImbalanceVolume => column(0.0, 100.0, 300.0, 0.0),
            Signal::Solar | Signal::PvLive => (0..n).map(sunny).collect(),
            _ => column(5000.0, 1500.0, 900.0, 0.0),
        };
        columns.push((signal, values));
    }
    let source = TraceSource { name: "wild grid".into(), kind: SourceKind::Synthetic };
    GridTrace::holes(source, start, n).with_columns(columns)
}

/// National solar output, MW: clear and dull days in turn.
fn sunny(t: usize) -> f64 {
    let height = ((t % 48) as f64 - 12.0) / 24.0 * std::f64::consts::PI;
    let clear = if (t / 48).is_multiple_of(2) { 13_000.0 } else { 4_000.0 };
    clear * height.sin().max(0.0)
}

/// A random valid scenario.
pub(super) fn scenario(number: u64) -> SiteConfig {
    let mut rng = SeedTree::new(1000 + number).stream("scenario");
    let rng = &mut rng;
    let it_capacity_mw = rng.random_range(10.0..16.0);
    let pue = rng.random_range(1.0..1.5);
    let mut config = SiteConfig {
        name: format!("random_{number}"),
        region: region(rng),
        it_capacity_mw,
        pue,
        import_limit_mw: 7.0 * pue * rng.random_range(1.02..2.2),
        carbon_price_gbp_per_tonne: rng.random_range(0.0..200.0),
        lateness_gbp_per_mwh_hour: rng.random_range(0.0..500.0),
        episode_periods: 336,
        tariff: tariff(rng),
        ..SiteConfig::default()
    };
    config.solar.capacity_mwp = if rng.random_bool(0.7) { rng.random_range(0.5..25.0) } else { 0.0 };
    if rng.random_bool(0.3) {
        config.solar.place = Some(SolarPlace { tilt_deg: 60.0, azimuth_deg: 250.0, ..SolarPlace::default() });
    }
    battery(rng, &mut config);
    workload(rng, &mut config);
    controls(rng, &mut config);
    market(rng, &mut config);
    let sites = rng.random_range(0..4);
    config.sites = if sites > 1 { (0..=sites).map(|i| plan(rng, i)).collect() } else { Vec::new() };
    assert_eq!(config.validate(), [], "scenario {number}");
    config
}

fn region(rng: &mut StreamRng) -> Region {
    Region::from_id(rng.random_range(1..=18)).expect("regions count from 1 to 18")
}

fn tariff(rng: &mut StreamRng) -> TariffConfig {
    let prices = [PaidPrice::Intraday, PaidPrice::DayAhead, PaidPrice::Imbalance, PaidPrice::Mixed];
    let paid_price = prices[rng.random_range(0..4)];
    let position = paid_price == PaidPrice::Mixed && rng.random_bool(0.5);
    TariffConfig {
        paid_price,
        day_ahead_position_mw: position.then(|| rng.random_range(0.0..15.0)),
        charges_region: rng.random_bool(0.3).then_some(ChargesRegion::EastMidlands),
        export: rng.random_bool(0.6).then(|| ExportConfig {
            limit_mw: rng.random_range(0.0..10.0),
            share_of_index: rng.random_range(0.0..=1.0),
        }),
        ..TariffConfig::default()
    }
}

fn battery(rng: &mut StreamRng, config: &mut SiteConfig) {
    let battery = &mut config.battery;
    battery.capacity_mwh = if rng.random_bool(0.9) { rng.random_range(0.1..40.0) } else { 0.0 };
    battery.power_mw = rng.random_range(0.0..12.0);
    battery.charge_efficiency = rng.random_range(0.5..=1.0);
    battery.discharge_efficiency = rng.random_range(0.5..=1.0);
    battery.wear_gbp_per_mwh = rng.random_range(0.0..40.0);
    battery.initial_charge = rng.random_range(0.0..=1.0);
    battery.charge_power_mw = rng.random_bool(0.3).then(|| rng.random_range(0.0..9.0));
    battery.discharge_power_mw = rng.random_bool(0.3).then(|| rng.random_range(0.0..9.0));
    battery.self_discharge_per_day = if rng.random_bool(0.5) { rng.random_range(0.0..0.5) } else { 0.0 };
    battery.min_charge = if rng.random_bool(0.5) { rng.random_range(0.0..0.9) } else { 0.0 };
    battery.export_allowed = rng.random_bool(0.5);
    battery.fade.shrinks_capacity = rng.random_bool(0.3);
    battery.fade.initial_age_days = if rng.random_bool(0.3) { 2000.0 } else { 0.0 };
}

fn workload(rng: &mut StreamRng, config: &mut SiteConfig) {
    config.workload.mean_it_mw = rng.random_range(4.0..7.0);
    let classes = rng.random_range(1..=6_usize);
    let share = 0.7 / classes as f64;
    config.workload.interactive.energy_share = 1.0 - share * classes as f64;
    config.workload.classes = (0..classes).map(|c| class(rng, c, share)).collect();
}

fn class(rng: &mut StreamRng, index: usize, energy_share: f64) -> JobClassConfig {
    let curves = [PowerCurve::Linear, PowerCurve::PreTraining, PowerCurve::FineTuning, PowerCurve::Inference];
    let power_curve = curves[rng.random_range(0..4)];
    let steps = if rng.random_bool(0.4) { rng.random_range(1..3) } else { 0 };
    let step = |rng: &mut StreamRng| ValueStep {
        slack_used: rng.random_range(0.0..=1.0),
        loss_gbp_per_mwh: rng.random_range(0.0..100.0),
    };
    JobClassConfig {
        name: format!("class_{index}"),
        energy_share,
        power_mw_median: rng.random_range(0.1..0.6),
        duration_hours_median: rng.random_range(0.3..6.0),
        duration_hours_max: 24.0,
        slack_hours: rng.random_range(0.0..24.0),
        slack_share_of_duration: if rng.random_bool(0.3) { rng.random_range(0.0..2.0) } else { 0.0 },
        duration_estimate_log_sd: if rng.random_bool(0.4) { rng.random_range(0.0..0.8) } else { 0.0 },
        interruptible: rng.random_bool(0.7),
        checkpoint_minutes: if rng.random_bool(0.5) { rng.random_range(0.0..60.0) } else { 0.0 },
        power_floor: rng.random_range(power_curve.lowest_floor().max(0.05)..=1.0),
        power_curve,
        priority: rng.random_range(0..3),
        value_steps: (0..steps).map(|_| step(rng)).collect(),
        green_only: rng.random_bool(0.2),
        migratable: rng.random_bool(0.7),
        data_gb_median: if rng.random_bool(0.7) { rng.random_range(0.0..2000.0) } else { 0.0 },
        residency: if rng.random_bool(0.2) { Region::all().step_by(2).collect() } else { Vec::new() },
        carbon_threshold_gco2_kwh: rng.random_bool(0.6).then(|| rng.random_range(100.0..250.0)),
        ..JobClassConfig::default()
    }
}

fn controls(rng: &mut StreamRng, config: &mut SiteConfig) {
    config.controls.power_cap = rng.random_bool(0.5);
    config.controls.discrete_levels = if rng.random_bool(0.4) { 1 + 2 * rng.random_range(1..4) } else { 0 };
    config.controls.enforce_thresholds = rng.random_bool(0.4);
    config.controls.green_share = rng.random_range(0.0..0.9);
    config.migration.running_jobs = rng.random_bool(0.5);
    config.migration.bandwidth_gbit_per_s = 10_f64.powf(rng.random_range(-1.0..2.0));
    config.migration.cost_gbp_per_gb = if rng.random_bool(0.5) { rng.random_range(0.0..0.1) } else { 0.0 };
    config.migration.min_stay_periods = rng.random_range(0..8);
}

fn market(rng: &mut StreamRng, config: &mut SiteConfig) {
    if rng.random_bool(0.5) {
        config.p415 = P415Config {
            enabled: true,
            notice_periods: rng.random_range(2..9),
            max_offer_mw: rng.random_range(0.0..8.0),
            sold_at: if rng.random_bool(0.5) { SoldAt::Intraday } else { SoldAt::DayAhead },
            supplier_compensation: if rng.random_bool(0.5) {
                SupplierCompensation::Direct
            } else {
                SupplierCompensation::Mutualised
            },
            fees_gbp_per_mwh: rng.random_range(0.0..5.0),
            in_day_adjustment: rng.random_bool(0.5),
            ..P415Config::default()
        };
    }
    config.baseline.in_day_adjustment = rng.random_bool(0.5);
    config.baseline.best_of = rng.random_bool(0.3).then_some(3);
    if rng.random_bool(0.5) {
        config.events = events(rng);
    }
}

/// Events of every kind in the fortnight that is played.
pub(super) fn events(rng: &mut StreamRng) -> EventsConfig {
    let first: Period = "2024-03-26T00:00:00Z".parse().expect("a period");
    let mut scripted = Vec::new();
    for day in 0..12_i64 {
        let kind = rng.random_range(0..4);
        scripted.push(ScriptedEvent {
            start: first + 48 * day + rng.random_range(0..28),
            periods: rng.random_range(1..=20),
            notice_periods: rng.random_range(0..60),
            depth_share: (kind == 0).then(|| rng.random_range(0.0..=1.0)),
            depth_mw: (kind == 1).then(|| rng.random_range(0.0..5.0)),
            import_cap_share: (kind > 1).then(|| rng.random_range(0.0..0.8)),
            price_gbp_per_mwh: rng.random_range(0.0..500.0),
            penalty_gbp_per_mwh: rng.random_range(0.0..500.0),
        });
    }
    EventsConfig {
        list: None,
        scripted: if rng.random_bool(0.7) { scripted } else { Vec::new() },
        stress: rng.random_bool(0.4).then(|| StressEvents {
            threshold: 0.7,
            trailing_days: 14,
            ..StressEvents::default()
        }),
        random: rng.random_bool(0.5).then(|| RandomEvents { per_week: 5.0, ..RandomEvents::default() }),
    }
}

fn plan(rng: &mut StreamRng, index: usize) -> SitePlan {
    SitePlan {
        name: format!("site_{index}"),
        region: rng.random_bool(0.9).then(|| region(rng)),
        charges_region: rng.random_bool(0.3).then_some(ChargesRegion::London),
        mean_it_mw: rng.random_bool(0.5).then(|| rng.random_range(3.0..7.0)),
        battery_capacity_mwh: rng.random_bool(0.5).then(|| rng.random_range(0.0..20.0)),
        solar_capacity_mwp: rng.random_bool(0.5).then(|| rng.random_range(0.0..20.0)),
        ..SitePlan::default()
    }
}

/// A scenario on the wild grid.
pub(super) fn fleet_of(config: SiteConfig, grid: &Arc<GridTrace>) -> FlexFleet {
    let range = 0..grid.len();
    FlexFleet::new(Arc::new(SiteSetup::new(config, Arc::clone(grid), range).expect("a valid scenario")))
}

/// The `i`-th window of a scenario: some are scored, some are not.
pub(super) fn window_of(setup: &SiteSetup, i: usize) -> WindowChoice {
    let end = if i.is_multiple_of(2) { EpisodeEnd::Settle } else { EpisodeEnd::Bootstrap };
    WindowChoice { start: setup.history() + 20 + 37 * i, periods: 336, job_seed: i as u64, end }
}

/// Random actions, in turn timid, extreme, wild and like FIFO; now and then one that is no number.
pub(super) fn random_action(rng: &mut StreamRng, levels: usize, action: &mut [f32]) {
    let style: u32 = rng.random_range(0..4);
    for a in action.iter_mut() {
        let x = 2.0 * rng.random::<f32>() - 1.0;
        *a = match (levels, style) {
            (0, 0) => x,
            (0, 1) => x.signum(),
            (0, 2) => 3.0 * x,
            (0, _) => 1.0,
            (n, _) => rng.random_range(0..n) as f32,
        };
    }
    if rng.random_bool(0.02) {
        let at = rng.random_range(0..action.len());
        action[at] = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY][rng.random_range(0..3)];
    }
}

/// Largest import of a site in a period, MWh: its connection, or the cap of an event.
pub(super) fn import_limit_mwh(setup: &SiteSetup, place: &Place, at: usize) -> f64 {
    let connection = crate::units::Megawatts(place.config.import_limit_mw);
    let event = setup.events().active_at(setup.trace.period(at));
    event.and_then(|event| event.import_cap(connection)).unwrap_or(connection).value() * PERIOD_HOURS
}
