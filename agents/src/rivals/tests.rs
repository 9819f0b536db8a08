//! Decisions of the rivals on hand-made grids.

use super::{ChosenRival, RIVALS, find_rival};
use crate::policy::{PolicySource, Situation, play_week};
use flexai_env::grid::{GridTrace, Period, Signal, SourceKind, TraceSource};
use flexai_env::site::{EpisodeEnd, FlexFleet, SiteConfig, SiteSetup, WindowChoice};
use flexai_env::workload::{JobClassConfig, PowerCurve};
use std::sync::Arc;

const DAYS: usize = 20;
const START: usize = 12 * 48;

/// Twenty days from a Monday on; each signal by half-hour of the day.
fn grid(price: impl Fn(usize) -> f64, carbon: impl Fn(usize) -> f64) -> Arc<GridTrace> {
    let source = TraceSource { name: "made by hand".into(), kind: SourceKind::Synthetic };
    let start: Period = "2024-01-01T00:00:00Z".parse().expect("a period");
    let all = |of: &dyn Fn(usize) -> f64| (0..48 * DAYS).map(|t| of(t % 48)).collect::<Vec<_>>();
    let columns = [
        (Signal::IntradayPrice, all(&price)),
        (Signal::DayAheadPrice, all(&price)),
        (Signal::ImbalancePrice, all(&price)),
        (Signal::CarbonIntensity, all(&carbon)),
        (Signal::CarbonResolution, vec![30.0; 48 * DAYS]),
    ];
    Arc::new(GridTrace::holes(source, start, 48 * DAYS).with_columns(columns))
}

/// One class of jobs of half an hour that may wait for 12 hours, no sun, no charges.
fn config() -> SiteConfig {
    let mut config = SiteConfig::default();
    config.solar.capacity_mwp = 0.0;
    config.tariff.bands.clear();
    config.tariff.policy_gbp_per_mwh = 0.0;
    config.tariff.network_gbp_per_mwh = 0.0;
    config.workload.interactive.energy_share = 0.5;
    config.workload.classes = vec![JobClassConfig {
        name: "jobs".into(),
        energy_share: 0.5,
        slack_hours: 12.0,
        duration_hours_median: 0.5,
        duration_log_sd: 0.0,
        duration_hours_max: 0.5,
        daily_amplitude: 0.0,
        carbon_threshold_gco2_kwh: Some(200.0),
        ..JobClassConfig::default()
    }];
    config
}

fn window(periods: usize) -> WindowChoice {
    WindowChoice { start: START, periods, job_seed: 3, end: EpisodeEnd::Settle }
}

fn fleet(config: SiteConfig, trace: Arc<GridTrace>) -> FlexFleet {
    let all = 0..trace.len();
    FlexFleet::new(Arc::new(SiteSetup::new(config, trace, all).expect("the scenario is sound")))
}

/// Flat actions of a rival over a day from midnight on: battery, run share of the one class.
fn day(rival: &str, config: SiteConfig, trace: Arc<GridTrace>) -> Vec<Vec<f32>> {
    let mut site = fleet(config, trace);
    let mut policy = ChosenRival::parse(rival).expect("it names a rival").make();
    let mut action = vec![0.0; site.layout().width()];
    site.reset_to(window(336));
    policy.begin_episode(3);
    let mut actions = Vec::new();
    for _ in 0..48 {
        let situation = Situation { observation: &[], mask: &[], site: Some(site.view()) };
        policy.decide(&situation, &mut action);
        actions.push(action.clone());
        flexai_env::core::Env::step(&mut site, &action);
    }
    actions
}

fn column(actions: &[Vec<f32>], i: usize) -> Vec<f32> {
    actions.iter().map(|action| action[i]).collect()
}

/// Cheap from 02:00 to 04:00, dear from 17:00 to 19:00.
fn valley(t: usize) -> f64 {
    match t {
        4..8 => 10.0,
        34..38 => 200.0,
        _ => 80.0 + t as f64,
    }
}

#[test]
fn fifo_runs_everything_and_leaves_the_battery_alone() {
    let actions = day("fifo", config(), grid(valley, |_| 100.0));
    assert!(actions.iter().all(|action| action == &[0.0, 1.0]));
}

#[test]
fn carbon_threshold_waits_above_the_threshold_by_the_newest_known_value() {
    let dirty = |t: usize| if (20..30).contains(&t) { 250.0 } else { 150.0 };
    let actions = day("carbon_threshold", config(), grid(valley, dirty));
    // The value of a half-hour is known in the next one.
    let expected: Vec<f32> = (0..48).map(|t| if (21..31).contains(&t) { -1.0 } else { 1.0 }).collect();
    assert_eq!(column(&actions, 1), expected);
    assert!(column(&actions, 0).iter().all(|battery| *battery == 0.0));
}

#[test]
fn ctss_runs_where_price_times_carbon_is_least_before_the_deadline() {
    let actions = day("ctss", config(), grid(valley, |_| 100.0));
    let run = column(&actions, 1);
    assert!((0..4).all(|t| run[t] == -1.0), "everything waits for the valley: {run:?}");
    // More waits there than there are machines for.
    assert!((4..8).all(|t| run[t] > -0.5), "the valley is cheapest: {run:?}");
    assert!((34..38).all(|t| run[t] == -1.0), "nothing is due at the peak: {run:?}");
    // A clean evening beats the valley once price x carbon is less there.
    let clean_evening = |t: usize| if (40..44).contains(&t) { 1.0 } else { 150.0 };
    let run = column(&day("ctss", config(), grid(valley, clean_evening)), 1);
    // A whole day waits there, for machines that run an eighth of it at a time.
    assert!((40..44).all(|t| run[t] > -0.9), "{run:?}");
    assert!((30..38).all(|t| run[t] == -1.0), "{run:?}");
}

#[test]
fn ctss_keeps_out_of_slots_above_the_threshold_unless_told_to_ignore_it() {
    // The valley is dirty, yet price x carbon is still least there.
    let dirty_valley = |t: usize| if (4..8).contains(&t) { 250.0 } else { 150.0 };
    let run = column(&day("ctss", config(), grid(valley, dirty_valley)), 1);
    assert!((4..8).all(|t| run[t] == -1.0), "{run:?}");
    let run = column(&day("ctss:thresholds=false", config(), grid(valley, dirty_valley)), 1);
    assert!((4..8).all(|t| run[t] > -0.5), "{run:?}");
}

#[test]
fn unclamped_ctss_prefers_the_dirty_half_of_a_night_of_negative_prices() {
    let price = |t: usize| if t < 8 { -20.0 } else { 80.0 };
    let carbon = |t: usize| if (4..8).contains(&t) { 190.0 } else { 20.0 };
    let energy = |rival: &str| {
        let run = column(&day(rival, config(), grid(price, carbon)), 1);
        (run[0] > -0.5, run[4] > -0.5)
    };
    assert_eq!(energy("ctss:clamp=false"), (false, true), "it waits for the dirty half");
    assert!(energy("ctss").0, "clamped, the clean half is as good and comes first");
}

#[test]
fn the_day_ahead_rule_compares_the_price_now_with_those_known_ahead() {
    let options = "day_ahead_quantile:run_short=0.2,run_long=0.2,charge=0.05,discharge=0.85";
    let actions = day(options, config(), grid(valley, |_| 100.0));
    let (battery, run) = (column(&actions, 0), column(&actions, 1));
    assert!((4..8).all(|t| battery[t] == 1.0 && run[t] == 1.0), "{battery:?} {run:?}");
    assert!((34..38).all(|t| battery[t] == -1.0 && run[t] == -1.0), "{battery:?} {run:?}");
    assert!((22..34).all(|t| battery[t] == 0.0), "{battery:?}");
    // The known horizon: at 23:30 the whole next day is, so that the price is dear among 49 half-hours.
    assert_eq!(battery[47], -1.0, "above all of the next day but its peak");
}

#[test]
fn the_trailing_rule_looks_at_the_past_alone() {
    // From the day of the window on, all prices are higher: the trailing rule has never seen such prices and sells.
    let source = TraceSource { name: "made by hand".into(), kind: SourceKind::Synthetic };
    let start: Period = "2024-01-01T00:00:00Z".parse().expect("a period");
    let price: Vec<f64> = (0..48 * DAYS).map(|t| valley(t % 48) + if t < START { 0.0 } else { 500.0 }).collect();
    let n = 48 * DAYS;
    let columns = [
        (Signal::IntradayPrice, price.clone()),
        (Signal::DayAheadPrice, price),
        (Signal::CarbonIntensity, vec![100.0; n]),
        (Signal::CarbonResolution, vec![30.0; n]),
    ];
    let trace = Arc::new(GridTrace::holes(source, start, n).with_columns(columns));
    let options = "run_short=0.3,run_long=0.3,charge=0.2,discharge=0.8";
    let trailing = day(&format!("trailing_quantile:{options}"), config(), Arc::clone(&trace));
    assert_eq!((trailing[4][0], trailing[4][1]), (-1.0, -1.0), "the valley is above everything of the last days");
    let ahead = day(&format!("day_ahead_quantile:{options}"), config(), trace);
    assert_eq!((ahead[4][0], ahead[4][1]), (1.0, 1.0), "but the best of the day");
}

#[test]
fn arbitrage_moves_the_battery_and_leaves_the_jobs_to_the_rival_beside_it() {
    let trace = grid(valley, |t| if t > 24 { 250.0 } else { 150.0 });
    let quantile = day("day_ahead_quantile:charge=0.1,discharge=0.9", config(), Arc::clone(&trace));
    let threshold = day("carbon_threshold", config(), Arc::clone(&trace));
    let alone = day("arbitrage:charge=0.1,discharge=0.9", config(), Arc::clone(&trace));
    let beside = day("arbitrage:charge=0.1,discharge=0.9,jobs=carbon_threshold", config(), trace);
    assert_eq!(column(&alone, 0), column(&quantile, 0));
    assert!(column(&alone, 1).iter().all(|run| *run == 1.0));
    assert_eq!(column(&beside, 0), column(&alone, 0));
    assert_eq!(column(&beside, 1), column(&threshold, 1));
}

#[test]
fn whoever_decides_for_itself_takes_the_saving_of_power_caps_but_not_the_baseline_and_ctss() {
    let mut capped = config();
    capped.controls.power_cap = true;
    let class = &mut capped.workload.classes[0];
    (class.power_floor, class.power_curve) = (0.7, PowerCurve::FineTuning);
    // Battery, run, cap, serve.
    let caps = |rival: &str| column(&day(rival, capped.clone(), grid(valley, |_| 100.0)), 2);
    for rival in ["arbitrage", "arbitrage:method=lp", "carbon_threshold", "day_ahead_quantile"] {
        let caps = caps(rival);
        assert!(caps.iter().all(|cap| *cap < 1.0 && *cap == caps[0]), "{rival}: {caps:?}");
    }
    for rival in ["fifo", "ctss", "arbitrage:jobs=ctss"] {
        assert!(caps(rival).iter().all(|cap| *cap == 1.0), "{rival}: as first stated");
    }
}

#[test]
fn arbitrage_by_a_linear_program_fills_the_battery_in_the_valley_and_sells_at_the_peak() {
    let battery = column(&day("arbitrage:method=lp", config(), grid(valley, |_| 100.0)), 0);
    // From half full, 8 MWh: with 1.9 MWh stored per half-hour the valley just fills it.
    assert!((4..8).all(|t| battery[t] > 0.99), "{battery:?}");
    assert!((34..38).all(|t| battery[t] < -0.5), "{battery:?}");
    assert!(battery[8..34].iter().all(|x| *x <= 0.5), "{battery:?}");
}

#[test]
fn a_rival_of_batteries_does_not_play_where_there_is_none() {
    let mut bare = config();
    bare.name = "bare".into();
    bare.battery.capacity_mwh = 0.0;
    let arbitrage = find_rival("arbitrage").expect("it is registered");
    assert_eq!(arbitrage.unfit(&bare).as_deref(), Some("needs a battery, but scenario `bare` has none"));
    assert_eq!(arbitrage.unfit(&config()), None);
    assert!(RIVALS.iter().filter(|rival| rival.name != "arbitrage").all(|rival| rival.unfit(&bare).is_none()));
}

#[test]
fn a_rival_of_jobs_does_not_play_where_there_are_none() {
    let mut idle = config();
    idle.name = "idle".into();
    idle.workload.classes.clear();
    let unfit = |rival: &str| ChosenRival::parse(rival).expect("it names a rival").unfit(&idle);
    let words = "needs jobs that can wait, but scenario `idle` has none";
    assert_eq!(unfit("ctss").as_deref(), Some(words));
    assert_eq!(unfit("carbon_threshold").as_deref(), Some(words));
    assert_eq!(unfit("arbitrage:jobs=ctss").as_deref(), Some(words));
    assert_eq!(unfit("arbitrage"), None);
}

#[test]
fn the_genetic_plan_is_played_as_it_is_and_the_same_seed_evolves_the_same() {
    let small = "genetic:population=24,generations=30";
    let [a, b] = [(); 2].map(|()| day(small, config(), grid(valley, |_| 100.0)));
    assert_eq!(a, b);
    let (battery, run) = (column(&a, 0), column(&a, 1));
    assert!(battery[4..8].iter().sum::<f32>() > battery[8..34].iter().sum::<f32>() / 26.0 * 4.0, "{battery:?}");
    assert!(battery[34..38].iter().all(|x| *x < 0.0), "it sells at the peak: {battery:?}");
    assert!(run[34..38].iter().all(|x| *x < 0.0), "and does not work: {run:?}");
    // Prices that nobody expected at midnight change nothing of the day's plan.
    let surprise = |t: usize| if (12..30).contains(&t) { -300.0 } else { valley(t) };
    let mut site = fleet(config(), grid(valley, |_| 100.0));
    let mut surprised = fleet(config(), surprised_grid(surprise));
    let mut policies = [(); 2].map(|()| ChosenRival::parse(small).expect("it names a rival").make());
    let mut actions = [vec![0.0; 2], vec![0.0; 2]];
    for (site, policy) in [&mut site, &mut surprised].into_iter().zip(&mut policies) {
        site.reset_to(window(336));
        policy.begin_episode(3);
    }
    for t in 0..47 {
        for ((site, policy), action) in [&mut site, &mut surprised].into_iter().zip(&mut policies).zip(&mut actions) {
            let situation = Situation { observation: &[], mask: &[], site: Some(site.view()) };
            policy.decide(&situation, action);
            flexai_env::core::Env::step(site, action);
        }
        assert_eq!(actions[0], actions[1], "period {t}");
    }
}

/// The valley grid, but for the index of the first day of the window, which the auction did not foresee.
fn surprised_grid(index: impl Fn(usize) -> f64) -> Arc<GridTrace> {
    let mut trace = Arc::unwrap_or_clone(grid(valley, |_| 100.0));
    (1..48).for_each(|t| trace.set(Signal::IntradayPrice, START + t, Some(index(t))));
    Arc::new(trace)
}

#[test]
fn every_rival_plays_the_same_window_twice_alike() {
    let mut site = fleet(config(), grid(valley, |t| 100.0 + t as f64));
    for rival in RIVALS {
        let mut play = || play_week(&mut site, rival.make().as_mut(), window(96));
        assert_eq!(play(), play(), "{}", rival.name);
    }
}
