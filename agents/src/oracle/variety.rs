//! Scenarios and a grid of every kind, for what must hold in all of them.
//!
//! In: a number. Out: a valid scenario that mixes what a scenario file can say, and actions for it.
//! Always: the same number gives the same scenario. Not here: what must hold (`tests.rs`).

use flexai_env::core::{SeedTree, StreamRng};
use flexai_env::grid::{GridTrace, Period, Region, Signal, SourceKind, TraceSource};
use flexai_env::market::events::{EventsConfig, RandomEvents, ScriptedEvent};
use flexai_env::market::{ExportConfig, P415Config, PaidPrice, SoldAt, SupplierCompensation, TariffConfig};
use flexai_env::site::{SiteConfig, SitePlan};
use flexai_env::workload::{JobClassConfig, PowerCurve, ValueStep};
use rand::RngExt;

/// Days of the grid: three weeks that a baseline needs, days to play in, and some to settle with.
const DAYS: usize = 34;

/// A grid with days of negative prices, spikes and sun; prices are level where `calm`.
pub(super) fn wild_grid() -> GridTrace {
    let start: Period = "2024-03-04T00:00:00Z".parse().unwrap();
    let n = DAYS * 48;
    let mut rng = SeedTree::new(78).stream("oracle's grid");
    let mut column = |level: f64, swing: f64, noise: f64, spikes: f64| -> Vec<f64> {
        let mut value = |t: usize| {
            let spike = if rng.random_bool(0.03) { spikes * (rng.random::<f64>() - 0.5) } else { 0.0 };
            let day = (t as f64 / 48.0 * std::f64::consts::TAU).sin();
            level + swing * day + noise * (rng.random::<f64>() - 0.5) + spike
        };
        (0..n).map(&mut value).collect()
    };
    let sunny = |t: usize| 13_000.0 * (((t % 48) as f64 - 12.0) / 24.0 * std::f64::consts::PI).sin().max(0.0);
    let mut columns = Vec::new();
    for signal in Signal::all() {
        let values = match signal {
            Signal::IntradayPrice | Signal::DayAheadPrice => column(20.0, 70.0, 80.0, 900.0),
            Signal::ImbalancePrice => column(30.0, 90.0, 150.0, 2000.0),
            Signal::CarbonResolution => vec![60.0; n],
            Signal::CarbonIntensity | Signal::CarbonActual | Signal::CarbonForecast => column(160.0, 60.0, 60.0, 0.0),
            Signal::NetImbalanceVolume => column(0.0, 100.0, 300.0, 0.0),
            Signal::Solar | Signal::PvLive => (0..n).map(sunny).collect(),
            _ => column(5000.0, 1500.0, 900.0, 0.0),
        };
        columns.push((signal, values));
    }
    let source = TraceSource { name: "oracle's grid".into(), kind: SourceKind::Synthetic };
    GridTrace::holes(source, start, n).with_columns(columns)
}

/// A random valid scenario.
pub(super) fn scenario(number: u64) -> SiteConfig {
    let mut rng = SeedTree::new(4000 + number).stream("scenario");
    let rng = &mut rng;
    let pue = rng.random_range(1.0..1.5);
    let mut config = SiteConfig {
        name: format!("variety_{number}"),
        it_capacity_mw: rng.random_range(10.0..16.0),
        pue,
        import_limit_mw: 7.0 * pue * rng.random_range(1.02..2.2),
        carbon_price_gbp_per_tonne: rng.random_range(0.0..150.0),
        lateness_gbp_per_mwh_hour: if rng.random_bool(0.2) { 0.0 } else { rng.random_range(0.0..400.0) },
        tariff: tariff(rng),
        ..SiteConfig::default()
    };
    config.solar.capacity_mwp = if rng.random_bool(0.7) { rng.random_range(0.5..30.0) } else { 0.0 };
    battery(rng, &mut config);
    workload(rng, &mut config);
    config.controls.power_cap = rng.random_bool(0.5);
    config.controls.enforce_thresholds = rng.random_bool(0.4);
    config.controls.green_share = rng.random_range(0.0..0.9);
    config.migration.running_jobs = rng.random_bool(0.5);
    config.migration.bandwidth_gbit_per_s = 10_f64.powf(rng.random_range(-1.0..2.0));
    config.migration.energy_kwh_per_gb = if rng.random_bool(0.3) { 2.0 } else { 0.06 };
    config.migration.min_stay_periods = if rng.random_bool(0.5) { 0 } else { 6 };
    market(rng, &mut config);
    let sites = rng.random_range(0..4_usize);
    config.sites = if sites > 1 { (0..sites).map(|i| plan(rng, i)).collect() } else { Vec::new() };
    assert_eq!(config.validate(), [], "scenario {number}");
    config
}

fn tariff(rng: &mut StreamRng) -> TariffConfig {
    let prices = [PaidPrice::Intraday, PaidPrice::DayAhead, PaidPrice::Imbalance, PaidPrice::Mixed];
    let free = rng.random_bool(0.5);
    let export = ExportConfig { limit_mw: rng.random_range(0.0..10.0), share_of_index: rng.random_range(0.0..=1.0) };
    let standard = TariffConfig::default();
    TariffConfig {
        paid_price: prices[rng.random_range(0..4)],
        // Without charges more prices are below zero.
        policy_gbp_per_mwh: if free { 0.0 } else { standard.policy_gbp_per_mwh },
        network_gbp_per_mwh: if free { 0.0 } else { standard.network_gbp_per_mwh },
        bands: if free { Vec::new() } else { standard.bands.clone() },
        export: rng.random_bool(0.6).then_some(export),
        ..standard
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
    battery.discharge_power_mw = rng.random_bool(0.3).then(|| rng.random_range(0.0..9.0));
    battery.self_discharge_per_day = if rng.random_bool(0.5) { rng.random_range(0.0..0.5) } else { 0.0 };
    battery.min_charge = if rng.random_bool(0.5) { rng.random_range(0.0..0.9) } else { 0.0 };
    battery.export_allowed = rng.random_bool(0.5);
    battery.fade.shrinks_capacity = rng.random_bool(0.3);
    battery.fade.initial_age_days = if rng.random_bool(0.3) { 2000.0 } else { 0.0 };
}

fn workload(rng: &mut StreamRng, config: &mut SiteConfig) {
    config.workload.mean_it_mw = rng.random_range(4.0..7.0);
    let classes = rng.random_range(1..=5_usize);
    let share = rng.random_range(0.3..0.8) / classes as f64;
    config.workload.interactive.energy_share = 1.0 - share * classes as f64;
    config.workload.classes = (0..classes).map(|c| class(rng, c, share)).collect();
}

fn class(rng: &mut StreamRng, index: usize, energy_share: f64) -> JobClassConfig {
    let curves = [PowerCurve::Linear, PowerCurve::PreTraining, PowerCurve::FineTuning, PowerCurve::Inference];
    let power_curve = curves[rng.random_range(0..4)];
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
        duration_estimate_log_sd: if rng.random_bool(0.4) { rng.random_range(0.0..0.8) } else { 0.0 },
        interruptible: rng.random_bool(0.7),
        checkpoint_minutes: if rng.random_bool(0.5) { rng.random_range(0.0..60.0) } else { 0.0 },
        power_floor: rng.random_range(power_curve.lowest_floor().max(0.05)..=1.0),
        power_curve,
        priority: rng.random_range(0..3),
        value_steps: if rng.random_bool(0.3) { vec![step(rng)] } else { Vec::new() },
        green_only: rng.random_bool(0.2),
        migratable: rng.random_bool(0.7),
        data_gb_median: if rng.random_bool(0.7) { rng.random_range(0.0..2000.0) } else { 0.0 },
        residency: if rng.random_bool(0.2) { Region::all().step_by(2).collect() } else { Vec::new() },
        carbon_threshold_gco2_kwh: rng.random_bool(0.6).then(|| rng.random_range(100.0..250.0)),
        ..JobClassConfig::default()
    }
}

fn market(rng: &mut StreamRng, config: &mut SiteConfig) {
    if rng.random_bool(0.4) {
        let direct = rng.random_bool(0.5);
        config.p415 = P415Config {
            enabled: true,
            notice_periods: rng.random_range(2..9),
            max_offer_mw: rng.random_range(0.0..8.0),
            sold_at: if rng.random_bool(0.5) { SoldAt::Intraday } else { SoldAt::DayAhead },
            supplier_compensation: if direct { SupplierCompensation::Direct } else { SupplierCompensation::Mutualised },
            loss_multiplier: rng.random_range(0.9..1.1),
            site_share: rng.random_range(0.3..=1.0),
            fees_gbp_per_mwh: rng.random_range(0.0..5.0),
            ..P415Config::default()
        };
    }
    if rng.random_bool(0.5) {
        let first: Period = "2024-03-25T06:00:00Z".parse().unwrap();
        let event = |rng: &mut StreamRng, day: i64| {
            let kind = rng.random_range(0..4);
            ScriptedEvent {
                start: first + 48 * day + rng.random_range(0..20),
                periods: rng.random_range(1..=20),
                notice_periods: rng.random_range(0..60),
                depth_share: (kind == 0).then(|| rng.random_range(0.0..=1.0)),
                depth_mw: (kind == 1).then(|| rng.random_range(0.0..5.0)),
                import_cap_share: (kind > 1).then(|| rng.random_range(0.0..0.8)),
                price_gbp_per_mwh: rng.random_range(0.0..500.0),
                penalty_gbp_per_mwh: rng.random_range(0.0..500.0),
            }
        };
        config.events = EventsConfig {
            scripted: (0..8).map(|day| event(rng, day)).collect(),
            random: rng.random_bool(0.5).then(|| RandomEvents { per_week: 5.0, ..RandomEvents::default() }),
            ..EventsConfig::default()
        };
    }
}

fn plan(rng: &mut StreamRng, index: usize) -> SitePlan {
    SitePlan {
        name: format!("site_{index}"),
        region: Region::from_id(rng.random_range(1..=18)),
        mean_it_mw: rng.random_bool(0.5).then(|| rng.random_range(3.0..7.0)),
        battery_capacity_mwh: rng.random_bool(0.5).then(|| rng.random_range(0.0..20.0)),
        solar_capacity_mwp: rng.random_bool(0.5).then(|| rng.random_range(0.0..20.0)),
        ..SitePlan::default()
    }
}

/// Random actions, in turn timid, extreme, like FIFO, and idle.
pub(super) fn random_action(rng: &mut StreamRng, action: &mut [f32]) {
    let style: u32 = rng.random_range(0..4);
    for a in action.iter_mut() {
        let x = 2.0 * rng.random::<f32>() - 1.0;
        *a = match style {
            0 => x,
            1 => x.signum(),
            2 => 1.0,
            _ => -1.0,
        };
    }
}
