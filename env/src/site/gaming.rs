//! Attacks on the reward: policies that look for money without turning anything down.
//!
//! In: an honest policy and one that games. Out: what each was rewarded, and what the market would have paid.
//! Always: an attack gains nothing over the honest policy; the ledger shows what it would have been paid.
//! Not here: random actions (`properties.rs`), single settlements (`market/`).

use super::random_scenarios::{fleet_of, wild_grid};
use super::*;
use crate::core::Env;
use crate::grid::{GridTrace, InformationSet, Period, Signal, SourceKind, TraceSource};
use crate::market::events::ScriptedEvent;
use crate::market::{PaidPrice, SupplierCompensation};
use crate::units::PERIOD_HOURS;
use std::sync::Arc;

/// Eight weeks from a Monday after the four weeks of history that a baseline needs.
const START: usize = 28 * 48;
const WEEKS: usize = 8;
const PRICE: f64 = 200.0;

/// The same price, carbon and weather at all times from 2024-01-01 on, so that time itself earns nothing.
fn flat_grid(price: f64) -> Arc<GridTrace> {
    let start: Period = "2024-01-01T00:00:00Z".parse().expect("a period");
    let n = START + WEEKS * 336 + 96;
    let columns = Signal::all().map(|signal| {
        let value = match signal {
            Signal::IntradayPrice | Signal::DayAheadPrice | Signal::ImbalancePrice => price,
            Signal::CarbonResolution => 60.0,
            Signal::CarbonIntensity => 100.0,
            _ => 1000.0,
        };
        (signal, vec![value; n])
    });
    let columns: Vec<_> = columns.collect();
    let source = TraceSource { name: "flat grid".into(), kind: SourceKind::Synthetic };
    Arc::new(GridTrace::holes(source, start, n).with_columns(columns))
}

fn market(compensation: SupplierCompensation) -> SiteConfig {
    let mut config = SiteConfig { episode_periods: WEEKS * 336, ..SiteConfig::default() };
    config.solar.capacity_mwp = 0.0;
    config.tariff.bands.clear();
    config.p415.enabled = true;
    config.p415.supplier_compensation = compensation;
    config.baseline.in_day_adjustment = false;
    config
}

/// Whether turn-down is delivered on a day: Thursdays, from the second week on.
fn is_event_day(at: usize) -> bool {
    (at / 48) % 7 == 3 && at >= START + 7 * 48
}

/// 17:00 to 19:00, in winter that of UTC too.
fn is_target(at: usize) -> bool {
    (34..38).contains(&(at % 48))
}

/// Charge at the end of a half-hour: full before an event, empty after it, half at midnight. Who games charges through
/// the target half-hours of all other days, so that import is high there, and gives it back by night.
fn charge_wanted(at: usize, games: bool) -> f64 {
    let (half_hour, event) = (at % 48, is_event_day(at));
    match (event, half_hour) {
        (true, 0..34) => 16.0,
        (true, 34..38) => 0.0,
        (false, 34..38) if games => 16.0,
        _ => 8.0,
    }
}

/// Plays eight weeks; what is asked for arrives through the reward, so that its sum is returned beside the ledger.
fn play(config: &SiteConfig, games: bool) -> (f64, StepAccount) {
    let mut env = fleet_of(config.clone(), &flat_grid(PRICE));
    let mut action = vec![0.0; env.action_space().flat_len()];
    env.reset_to(WindowChoice { start: START, periods: WEEKS * 336, job_seed: 3, end: EpisodeEnd::Settle });
    let mut rewards = 0.0;
    for at in START..START + WEEKS * 336 {
        let stored = env.first_site().stored_mwh();
        if at % 48 == 0 {
            assert!((stored - 8.0).abs() < 1e-6, "both begin the day alike");
        }
        let missing = charge_wanted(at, games) - stored;
        let mw = 2.0 * if missing > 0.0 { missing / 0.95 } else { missing * 0.95 };
        let due = at + config.p415.notice_periods;
        let offer = f64::from(u8::from(is_event_day(due) && is_target(due)));
        let decision = SiteAction { battery: (mw / 4.0).clamp(-1.0, 1.0), offer, ..SiteAction::fifo() };
        env.view().decide_each(&mut action, |_| decision);
        rewards += env.step(&action).reward * env.episode().reward_scale;
    }
    (rewards, env.ledger().total)
}

#[test]
fn an_inflated_baseline_gains_no_reward_under_either_rule_and_the_ledger_shows_what_it_would_have_been_paid() {
    for compensation in [SupplierCompensation::Mutualised, SupplierCompensation::Direct] {
        let config = market(compensation);
        let ((honest_reward, honest), (gamed_reward, gamed)) = (play(&config, false), play(&config, true));
        assert!(
            honest.flex_revenue_gbp > 2000.0,
            "{compensation:?}: honest turn-down pays: {}",
            honest.flex_revenue_gbp
        );
        assert!(gamed.flex_revenue_gbp <= honest.flex_revenue_gbp + 1e-6, "{compensation:?}");
        assert!(gamed_reward < honest_reward - 1000.0, "{compensation:?}: inflating wastes energy");
        // Seven Thursdays of four half-hours, up to 2 MWh each, would have been paid for what nobody turned down.
        assert!(gamed.flex_settled_gbp > honest.flex_settled_gbp + 1000.0, "{compensation:?}");
        assert!(gamed.flex_settled_gbp > gamed.flex_revenue_gbp + 1000.0, "{compensation:?}");
        assert!(gamed.baseline_error_mwh > honest.baseline_error_mwh + 20.0, "{compensation:?}");
        assert!((gamed.flex_delivered_mwh - honest.flex_delivered_mwh).abs() < 1e-6, "the same turn-down");
    }
}

#[test]
fn an_inflated_baseline_gains_no_reward_from_events() {
    let mut config = market(SupplierCompensation::Mutualised);
    config.p415.enabled = false;
    let first: Period = "2024-01-29T00:00:00Z".parse().expect("a period");
    config.events.scripted = (1..WEEKS as i64)
        .map(|week| ScriptedEvent {
            start: first + 336 * week + 3 * 48 + 34,
            periods: 4,
            notice_periods: 20,
            depth_share: Some(0.5),
            depth_mw: None,
            import_cap_share: None,
            price_gbp_per_mwh: 300.0,
            penalty_gbp_per_mwh: 100.0,
        })
        .collect();
    let ((honest_reward, honest), (gamed_reward, gamed)) = (play(&config, false), play(&config, true));
    assert!(honest.flex_delivered_mwh > 20.0);
    assert!(gamed.flex_revenue_gbp <= honest.flex_revenue_gbp + 1e-6);
    assert!(gamed_reward < honest_reward - 1000.0, "inflating wastes energy");
    assert!(gamed.flex_settled_gbp > honest.flex_settled_gbp + 500.0 && gamed.baseline_error_mwh > 20.0);
}

/// Plays a week of the wild grid with one action for all half-hours.
fn play_wild(config: SiteConfig, start: usize, decide: impl Fn(&SiteView<'_>) -> SiteAction) -> StepAccount {
    let mut env = fleet_of(config, &Arc::new(wild_grid()));
    let mut action = vec![0.0; env.action_space().flat_len()];
    env.reset_to(WindowChoice { start, periods: 336, job_seed: 3, end: EpisodeEnd::Settle });
    for _ in 0..336 {
        env.view().decide_each(&mut action, &decide);
        env.step(&action);
    }
    env.ledger().total
}

/// First half-hour of Thursday 2024-03-28 on the wild grid: the clocks change on the Sunday after.
const BEFORE_CLOCK_CHANGE: usize = 24 * 48;

#[test]
fn offering_and_doing_nothing_earns_nothing_at_any_prices_across_the_clock_change() {
    for compensation in [SupplierCompensation::Mutualised, SupplierCompensation::Direct] {
        let config = SiteConfig { episode_periods: 336, ..market(compensation) };
        let total = play_wild(config, BEFORE_CLOCK_CHANGE, |_| SiteAction { offer: 1.0, ..SiteAction::fifo() });
        assert!(total.flex_sold_mwh > 500.0);
        assert!(total.flex_revenue_gbp <= 1e-6 && total.flex_delivered_mwh < 1e-6, "{compensation:?}: {total:?}");
        assert!(total.flex_settled_gbp.abs() > 1.0, "the market settles the noise of its baseline");
    }
}

#[test]
fn charging_through_every_sold_half_hour_earns_nothing_even_where_the_supplier_pays_more_than_the_price() {
    let mut config = SiteConfig { episode_periods: 336, ..market(SupplierCompensation::Direct) };
    config.p415.scrp_gbp_per_mwh = 500.0;
    config.battery.capacity_mwh = 4000.0;
    config.import_limit_mw = 40.0;
    let total =
        play_wild(config, BEFORE_CLOCK_CHANGE, |_| SiteAction { offer: 0.01, battery: 1.0, ..SiteAction::fifo() });
    assert!(total.flex_settled_gbp > 50_000.0, "the market would pay for burning: {}", total.flex_settled_gbp);
    assert!(total.flex_revenue_gbp <= 0.0, "{}", total.flex_revenue_gbp);
}

#[test]
fn an_event_and_a_sale_in_the_same_half_hours_pay_for_no_kwh_twice() {
    let mut config = market(SupplierCompensation::Mutualised);
    config.episode_periods = 336;
    let start: Period = "2024-02-08T17:00:00Z".parse().expect("a period");
    config.events.scripted = vec![ScriptedEvent {
        start,
        periods: 4,
        notice_periods: 20,
        depth_share: Some(0.25),
        depth_mw: None,
        import_cap_share: None,
        price_gbp_per_mwh: 300.0,
        penalty_gbp_per_mwh: 0.0,
    }];
    let event_only = SiteConfig { p415: Default::default(), ..config.clone() };
    let sale_only = SiteConfig { events: Default::default(), ..config.clone() };
    let mut delivered = Vec::new();
    for config in [config, event_only, sale_only] {
        let mut env = fleet_of(config.clone(), &flat_grid(PRICE));
        let mut action = vec![0.0; env.action_space().flat_len()];
        let first = env.setup().trace.index_of(start).expect("it is on the grid");
        env.reset_to(WindowChoice { start: first - 60, periods: 100, job_seed: 1, end: EpisodeEnd::Settle });
        let mut turned_down = 0.0;
        for at in first - 60..first + 40 {
            let event = (first..first + 4).contains(&at);
            let offer = f64::from(u8::from((first..first + 4).contains(&(at + 2))));
            let battery = if event { -0.9 } else { 0.0 };
            env.view().decide_each(&mut action, |_| SiteAction { offer, battery, ..SiteAction::fifo() });
            env.step(&action);
            // FIFO's jobs run; all that is turned down is what the battery gives.
            turned_down += if event { env.last_account().discharged_mwh } else { 0.0 };
        }
        let total = env.ledger().total;
        assert!(total.flex_delivered_mwh <= turned_down + 1e-9, "{} of {turned_down}", total.flex_delivered_mwh);
        delivered.push(total.flex_delivered_mwh);
    }
    let [both, event, sale] = delivered[..] else { panic!("three plays") };
    assert!(event > 1.0 && sale > 1.0 && both <= sale + 1e-9 && both < event + sale - 1.0, "{delivered:?}");
}

#[test]
fn an_offer_that_falls_due_after_the_end_neither_pays_nor_costs() {
    let config = SiteConfig { episode_periods: 336, ..market(SupplierCompensation::Mutualised) };
    let play = |last: f64| {
        let mut env = fleet_of(config.clone(), &flat_grid(PRICE));
        let mut action = vec![0.0; env.action_space().flat_len()];
        env.reset_to(WindowChoice { start: START, periods: 336, job_seed: 3, end: EpisodeEnd::Settle });
        for t in 0..336 {
            let offer = if t >= 334 { last } else { 0.0 };
            env.view().decide_each(&mut action, |_| SiteAction { offer, ..SiteAction::fifo() });
            env.step(&action);
        }
        env.ledger().total
    };
    assert_eq!(play(1.0), play(0.0));
}

/// Work that is sent away in the last half-hour is settled where it goes, its transfer is paid, and nothing is lost.
#[test]
fn sending_all_work_away_in_the_last_half_hour_saves_nothing_between_equal_sites() {
    let mut config: SiteConfig =
        toml::from_str("[[sites]]\nname = \"a\"\n[[sites]]\nname = \"b\"\n").expect("a scenario");
    config.workload.classes.iter_mut().for_each(|class| (class.migratable, class.data_gb_median) = (true, 10.0));
    let play = |send: f64| {
        let mut env = fleet_of(config.clone(), &flat_grid(PRICE));
        let mut action = vec![0.0; env.action_space().flat_len()];
        env.reset_to(WindowChoice { start: START, periods: 336, job_seed: 3, end: EpisodeEnd::Settle });
        for t in 0..336 {
            let last = t == 335;
            let mut first = true;
            env.view().decide_each(&mut action, |_| {
                let sends = std::mem::take(&mut first) && last;
                let wait = if t > 300 { SiteAction::default() } else { SiteAction::fifo() };
                SiteAction {
                    send: if sends { send } else { 0.0 },
                    receive: f64::from(u8::from(last && !sends)),
                    ..wait
                }
            });
            env.step(&action);
        }
        env.ledger().total
    };
    let (stay, go) = (play(0.0), play(1.0));
    assert!(go.jobs_migrated > 5.0 && go.transfer_mwh > 0.0);
    let paid = go.transfer_mwh * 1.2 * (PRICE + 56.4 + 8.5);
    assert!((go.cost_gbp() - stay.cost_gbp() - paid).abs() < 1e-6, "{} for {paid}", go.cost_gbp() - stay.cost_gbp());
}

/// At a negative price energy is bought for storage and sold when it is dear: allowed, and conserved; pausing and
/// wasting at a negative price earns what the meter says and no more, because lost work is done again.
#[test]
fn what_is_bought_at_a_negative_price_and_exported_is_paid_for_once() {
    let mut grid = (*flat_grid(-150.0)).clone();
    for t in START + 48..grid.len() {
        grid.set(Signal::IntradayPrice, t, Some(PRICE));
    }
    let mut config = SiteConfig::default();
    config.solar.capacity_mwp = 0.0;
    config.tariff.bands.clear();
    config.tariff.export = Some(crate::market::ExportConfig { limit_mw: 20.0, share_of_index: 0.5 });
    config.battery.export_allowed = true;
    config.battery.power_mw = 16.0;
    let mut env = fleet_of(config, &Arc::new(grid));
    let mut action = vec![0.0; env.action_space().flat_len()];
    env.reset_to(WindowChoice { start: START, periods: 336, job_seed: 3, end: EpisodeEnd::Settle });
    for t in 0..336 {
        let battery = match t {
            40..48 => 1.0,
            48..60 => -1.0,
            100..130 => 0.1,
            _ => 0.0,
        };
        env.view().decide_each(&mut action, |_| SiteAction { battery, ..SiteAction::fifo() });
        env.step(&action);
    }
    let total = env.ledger().total;
    assert!(total.export_mwh > 1.0, "the battery feeds the grid");
    let change = total.charged_mwh - total.discharged_mwh - total.battery_lost_mwh;
    assert!((env.episode().sites[0].stored.value() - 8.0 - change).abs() < 1e-9);
    let spent = total.import_mwh + total.discharged_mwh - total.facility_mwh - total.charged_mwh - total.export_mwh;
    assert!(spent.abs() < 1e-9, "{spent} MWh out of balance");
    // What is not exported spares import at the full price, and nothing else is paid.
    assert!(
        (total.export_mwh + total.facility_mwh + total.charged_mwh - total.import_mwh - total.discharged_mwh).abs()
            < 1e-9
    );
    assert!(total.cost_gbp() < total.fifo_cost_gbp);
}

/// A half-hour of a site with more sun than it needs, while every index is at -20; and the sun there was, MWh.
fn sunny(paid_price: PaidPrice, set: InformationSet, battery: f64) -> (StepAccount, f64) {
    let mut config = SiteConfig::default();
    config.solar.capacity_mwp = 1500.0;
    config.tariff.paid_price = paid_price;
    config.information.set = set;
    config.tariff.export = Some(crate::market::ExportConfig { limit_mw: 30.0, share_of_index: 0.5 });
    config.battery.export_allowed = true;
    let mut env = fleet_of(config, &flat_grid(-20.0));
    let mut action = vec![0.0; env.action_space().flat_len()];
    env.reset_to(WindowChoice { start: START + 22, periods: 2, job_seed: 3, end: EpisodeEnd::Bootstrap });
    env.view().decide_each(&mut action, |_| SiteAction { battery, ..SiteAction::fifo() });
    env.step(&action);
    let sun = env.setup().places()[0].solar_mw(START + 22) * PERIOD_HOURS;
    (*env.last_account(), sun)
}

#[test]
fn surplus_sun_is_not_sold_at_a_loss_that_is_known_in_time() {
    for (paid_price, set) in
        [(PaidPrice::Intraday, InformationSet::Trader), (PaidPrice::DayAhead, InformationSet::Published)]
    {
        let (account, sun) = sunny(paid_price, set, 0.0);
        assert!(sun > account.facility_mwh + 1.0, "{sun} MWh of sun for {} MWh", account.facility_mwh);
        assert_eq!((account.import_mwh, account.export_mwh, account.energy_gbp), (0.0, 0.0, 0.0));
        assert!((account.solar_curtailed_mwh - (sun - account.facility_mwh)).abs() < 1e-9, "{account:?}");
        assert_eq!(account.fifo_cost_gbp, 0.0);
    }
}

#[test]
fn export_goes_on_at_a_loss_that_is_known_too_late() {
    for (paid_price, set) in
        [(PaidPrice::Imbalance, InformationSet::Trader), (PaidPrice::Intraday, InformationSet::Published)]
    {
        let (account, sun) = sunny(paid_price, set, 0.0);
        let surplus = (sun - account.facility_mwh).min(30.0 * PERIOD_HOURS);
        assert!(surplus > 1.0 && (account.export_mwh - surplus).abs() < 1e-9, "{account:?}");
        // Half of -20 per MWh, for FIFO as well.
        assert!((account.energy_gbp - 10.0 * surplus).abs() < 1e-9, "{account:?}");
        assert!((account.fifo_cost_gbp - 10.0 * surplus).abs() < 1e-9, "{account:?}");
    }
}

#[test]
fn a_battery_told_to_export_does_so_at_a_loss_and_the_sun_stays_curtailed() {
    let (account, sun) = sunny(PaidPrice::Intraday, InformationSet::Trader, -1.0);
    assert!((account.discharged_mwh - 2.0).abs() < 1e-9 && (account.export_mwh - 2.0).abs() < 1e-9, "{account:?}");
    assert!((account.solar_curtailed_mwh - (sun - account.facility_mwh)).abs() < 1e-9, "{account:?}");
    assert!((account.energy_gbp - 20.0).abs() < 1e-9 && account.imbalance_mwh().abs() < 1e-9, "{account:?}");
    let (charging, _) = sunny(PaidPrice::Intraday, InformationSet::Trader, 1.0);
    assert!((charging.charged_mwh - 2.0).abs() < 1e-9, "the sun charges the battery first");
    assert!((charging.solar_curtailed_mwh - (account.solar_curtailed_mwh - 2.0)).abs() < 1e-9, "{charging:?}");
}
