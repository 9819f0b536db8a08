//! Invariants of the site over random actions, and the information set.

use super::*;
use crate::core::{Env, SeedTree, check_env};
use crate::grid::{GridTrace, Period, Signal, SourceKind, TraceSource};
use rand::RngExt;
use std::sync::Arc;

const DAYS: usize = 26;

/// A made-up grid across the spring clock change of 2024, with noise in every signal.
fn trace() -> GridTrace {
    let start: Period = "2024-03-18T00:00:00Z".parse().expect("a period");
    let n = DAYS * 48;
    let mut rng = SeedTree::new(5).stream("test grid");
    let mut column = |level: f64, swing: f64, noise: f64| -> Vec<f64> {
        let day = |t: usize| (t as f64 / 48.0 * std::f64::consts::TAU).sin();
        (0..n).map(|t| level + swing * day(t) + noise * (rng.random::<f64>() - 0.5)).collect()
    };
    let columns = Signal::all().map(|signal| {
        let values = match signal {
            Signal::IntradayPrice | Signal::DayAheadPrice | Signal::ImbalancePrice => column(80.0, 25.0, 30.0),
            Signal::CarbonResolution => vec![60.0; n],
            Signal::CarbonIntensity | Signal::CarbonActual | Signal::CarbonForecast => column(160.0, 40.0, 20.0),
            Signal::NetImbalanceVolume => column(0.0, 100.0, 300.0),
            _ => column(5000.0, 1500.0, 900.0),
        };
        (signal, values)
    });
    let columns: Vec<_> = columns.collect();
    GridTrace::holes(TraceSource { name: "test grid".into(), kind: SourceKind::Synthetic }, start, n)
        .with_columns(columns)
}

fn site(trace: GridTrace, change: impl Fn(&mut SiteConfig)) -> FlexFleet {
    let mut config = SiteConfig::default();
    change(&mut config);
    let n = trace.len();
    FlexFleet::new(Arc::new(SiteSetup::new(config, Arc::new(trace), 0..n).expect("a valid setup")))
}

fn scored(start: usize, job_seed: u64) -> WindowChoice {
    WindowChoice { start, periods: 336, job_seed, end: EpisodeEnd::Settle }
}

/// Random actions, in turn timid, extreme and in between.
fn random_action(rng: &mut crate::core::StreamRng, action: &mut [f32]) {
    let style: u32 = rng.random_range(0..3);
    for a in action {
        let x = 2.0 * rng.random::<f32>() - 1.0;
        *a = match style {
            0 => x,
            1 => x.signum(),
            _ => 3.0 * x,
        };
    }
}

#[test]
fn energy_work_and_money_are_conserved_under_random_actions() {
    let mut rng = SeedTree::new(11).stream("actions");
    let mut tight = site(trace(), |c| {
        c.it_capacity_mw = 9.0;
        c.import_limit_mw = 10.0;
    });
    let mut standard = site(trace(), |_| ());
    for round in 0..6 {
        let env = if round % 2 == 0 { &mut standard } else { &mut tight };
        env.reset_to(scored(100 + 30 * round, round as u64));
        let config = env.setup().config.clone();
        let course = &courses(env.setup(), scored(100 + 30 * round, round as u64))[0];
        let released = course.initial_jobs.queued().value() + course.jobs.iter().map(|j| j.work_mwh()).sum::<f64>();
        let (mut served, mut lost, mut cost) = (0.0, 0.0, 0.0);
        let mut action = vec![0.0; env.action_space().flat_len()];
        for t in 0..336 {
            random_action(&mut rng, &mut action);
            let truncated = env.step(&action).truncated;
            assert_eq!(truncated, t == 335);
            let account = env.last_account();
            assert!(account.imbalance_mwh().abs() < 1e-9, "period {t}: {} MWh out of balance", account.imbalance_mwh());
            assert!(account.charged_mwh == 0.0 || account.discharged_mwh == 0.0);
            assert!(account.import_mwh >= 0.0 && account.solar_curtailed_mwh >= -1e-12);
            let stored = env.episode().sites[0].stored.value();
            assert!((0.0..=config.battery.capacity_mwh).contains(&stored));
            let over_capacity = account.it_mwh * 2.0 - config.it_capacity_mw;
            assert!(over_capacity < 1e-9, "period {t}: {over_capacity} MW over the IT capacity");
            assert!(account.import_breach_mwh < 1e-9);
            assert!((account.interactive_mwh - 0.5 * course.interactive_mw[t]).abs() < 1e-12);
            served += account.work_mwh;
            lost += account.checkpoint_lost_mwh;
            cost += account.cost_gbp();
        }
        let left = env.episode().sites[0].queued().value();
        assert!((released + lost - served - left).abs() < 1e-6, "work is conserved");
        assert!((cost - env.ledger().total.cost_gbp()).abs() < 0.01, "the terms add up to the ledger to the penny");
    }
}

#[test]
fn battery_energy_equals_charge_minus_discharge_minus_losses() {
    let mut env = site(trace(), |_| ());
    let mut rng = SeedTree::new(3).stream("actions");
    env.reset_to(scored(120, 1));
    let before = env.episode().sites[0].stored.value();
    let mut action = vec![0.0; env.action_space().flat_len()];
    for _ in 0..336 {
        random_action(&mut rng, &mut action);
        env.step(&action);
    }
    let total = env.ledger().total;
    let change = total.charged_mwh - total.discharged_mwh - total.battery_lost_mwh;
    assert!((env.episode().sites[0].stored.value() - before - change).abs() < 1e-9);
    assert!(total.battery_lost_mwh > 1.0);
}

#[test]
fn shaped_rewards_of_a_scored_week_sum_to_the_saving_exactly() {
    let mut env = site(trace(), |_| ());
    let mut rng = SeedTree::new(4).stream("actions");
    env.reset_to(scored(150, 9));
    let mut action = vec![0.0; env.action_space().flat_len()];
    let mut sum = 0.0;
    for _ in 0..336 {
        random_action(&mut rng, &mut action);
        sum += env.step(&action).reward;
    }
    let total = env.ledger().total;
    let saving = (total.fifo_cost_gbp - total.cost_gbp()) / env.episode().reward_scale;
    assert!((sum - saving).abs() < 1e-9 * saving.abs().max(1.0), "rewards {sum}, saving {saving}");
}

#[test]
fn no_action_makes_a_job_late_while_there_is_capacity() {
    let mut env = site(trace(), |c| {
        c.it_capacity_mw = 100.0;
        c.import_limit_mw = 200.0;
    });
    let mut rng = SeedTree::new(6).stream("actions");
    let mut action = vec![0.0; env.action_space().flat_len()];
    for seed in 0..4 {
        env.reset_to(scored(150, seed));
        for _ in 0..336 {
            random_action(&mut rng, &mut action);
            env.step(&action);
        }
        let total = env.ledger().total;
        assert_eq!((total.jobs_late, total.lateness_gbp), (0.0, 0.0));
        assert!(total.checkpoint_lost_mwh > 1.0);
    }
}

#[test]
fn stored_energy_is_promised_what_it_delivers() {
    // Constant price 100 + 85 x 0.1 = 108.5, no other charges; nothing is lost in charging, half in discharging.
    let mut flat = trace();
    for t in 0..flat.len() {
        for signal in [Signal::IntradayPrice, Signal::DayAheadPrice, Signal::CarbonIntensity] {
            flat.set(signal, t, Some(100.0));
        }
    }
    let mut env = site(flat, |c| {
        c.tariff.bands.clear();
        c.tariff.policy_gbp_per_mwh = 0.0;
        c.tariff.network_gbp_per_mwh = 0.0;
        c.battery.charge_efficiency = 1.0;
        c.battery.discharge_efficiency = 0.5;
        c.reward.spread_floor_gbp_per_mwh = None;
        c.reward.scale_gbp = 1.0;
    });
    let mut action = vec![0.0; env.action_space().flat_len()];
    env.layout().write(&SiteAction { battery: 1.0, ..SiteAction::fifo() }, &mut action);
    env.reset_to(scored(200, 3));
    let reward = env.step(&action).reward;
    // 2 MWh drawn and stored cost 2 x 108.5 and will deliver 1 MWh.
    assert!((reward + 108.5).abs() < 1e-3, "{reward}");
}

#[test]
fn acting_like_fifo_costs_what_the_ledger_says_fifo_costs() {
    let mut env = site(trace(), |_| ());
    env.reset_to(scored(200, 2));
    let mut action = vec![0.0; env.action_space().flat_len()];
    env.layout().write(&SiteAction::fifo(), &mut action);
    for _ in 0..336 {
        let reward = env.step(&action).reward;
        assert!(reward.abs() < 1e-9);
    }
    let total = env.ledger().total;
    assert!((total.cost_gbp() - total.fifo_cost_gbp).abs() < 1e-6);
    assert!(total.shifted_mwh < 1e-9);
    assert!(total.jobs_in_time > 500.0 && total.jobs_late <= 0.01 * total.jobs_in_time);
}

#[test]
fn a_class_has_its_power_curve_only_where_power_is_a_control() {
    let throughput = |power_cap| {
        let site = site(trace(), |config| config.controls.power_cap = power_cap);
        site.setup().places()[0].rules[1].power_curve.throughput(0.8)
    };
    assert_eq!(throughput(false), 0.8);
    assert!(throughput(true) > 0.85);
}

#[test]
fn mean_it_load_is_that_of_the_scenario() {
    let mut env = site(trace(), |_| ());
    let mut action = vec![0.0; env.action_space().flat_len()];
    env.layout().write(&SiteAction::fifo(), &mut action);
    let mut energy = 0.0;
    for seed in 0..12 {
        env.reset_to(scored(150, seed));
        (0..336).for_each(|_| {
            env.step(&action);
        });
        energy += env.ledger().total.it_mwh;
    }
    let mean_mw = energy / (12.0 * 168.0);
    assert!((mean_mw - 8.0).abs() < 0.25, "mean IT load {mean_mw} MW");
}

#[test]
fn missing_charge_is_settled_at_the_price_of_the_following_day() {
    let mut flat = trace();
    for t in 0..flat.len() {
        for signal in [Signal::IntradayPrice, Signal::DayAheadPrice, Signal::CarbonIntensity] {
            flat.set(signal, t, Some(100.0));
        }
    }
    let mut env = site(flat, |c| {
        c.tariff.bands.clear();
        c.tariff.policy_gbp_per_mwh = 0.0;
        c.tariff.network_gbp_per_mwh = 0.0;
    });
    let mut action = vec![0.0; env.action_space().flat_len()];
    env.layout().write(&SiteAction { battery: -1.0, ..SiteAction::fifo() }, &mut action);
    env.reset_to(scored(200, 3));
    (0..336).for_each(|_| {
        env.step(&action);
    });
    // Full price 100 + 85 x 0.1 = 108.5; 8 MWh missing cost 8 / 0.95 x 108.5; the jobs left are those of FIFO.
    let total = env.ledger().total;
    let course = &courses(env.setup(), scored(200, 3))[0];
    let place = &env.setup().places()[0];
    let settled = total.settlement_gbp - super::settlement::fifo_settlement_gbp(place, &course.fifo_left, 336, 536);
    assert!((settled - 8.0 / 0.95 * 108.5).abs() < 1e-6, "settled {settled}");
    // 8 MWh x 0.95 delivered earn 108.5 each and wear 10 each.
    let saving = total.fifo_cost_gbp - total.cost_gbp();
    assert!((saving - (8.0 * 0.95 * (108.5 - 10.0) - 8.0 / 0.95 * 108.5)).abs() < 1e-6);
}

#[test]
fn an_emptied_battery_and_work_left_over_save_neither_bill_nor_carbon() {
    // The same price and carbon at all times, so that only conversion losses can change anything.
    let mut flat = trace();
    for t in 0..flat.len() {
        for signal in [Signal::IntradayPrice, Signal::DayAheadPrice, Signal::CarbonIntensity] {
            flat.set(signal, t, Some(100.0));
        }
    }
    let mut env = site(flat, |c| {
        c.tariff.bands.clear();
        c.solar.capacity_mwp = 0.0;
        for class in &mut c.workload.classes {
            class.checkpoint_minutes = 0.0;
            class.power_curve = crate::workload::PowerCurve::Linear;
        }
    });
    let mut action = vec![0.0; env.action_space().flat_len()];
    let mut play = |decision: SiteAction| {
        env.layout().write(&decision, &mut action);
        env.reset_to(scored(200, 3));
        (0..336).for_each(|_| {
            env.step(&action);
        });
        env.ledger().total
    };
    let fifo = play(SiteAction::fifo());
    let lazy = play(SiteAction { battery: -1.0, ..SiteAction::default() });
    assert!(lazy.bill_gbp() < 0.98 * fifo.bill_gbp() && lazy.carbon_t < 0.98 * fifo.carbon_t, "so it looks");
    // 8 MWh give 7.6 MWh to the site and cost 8.421 MWh to put back.
    let lost_mwh = 8.0 / 0.95 - 8.0 * 0.95;
    assert!((lazy.settled_energy_gbp() - fifo.settled_energy_gbp() - lost_mwh * 100.0).abs() < 1e-6);
    assert!((lazy.settled_bill_gbp() - fifo.settled_bill_gbp() - lost_mwh * 156.4).abs() < 1e-6);
    assert!((lazy.settled_carbon_t() - fifo.settled_carbon_t() - lost_mwh * 0.1).abs() < 1e-9);
    // None of the work left over is late, so the parts are all there is.
    let parts = fifo.settled.energy_gbp + fifo.settled.charges_gbp + 85.0 * fifo.settled.carbon_t;
    assert!((parts - fifo.settlement_gbp).abs() < 1e-6);
}

#[test]
fn a_scored_week_at_the_end_of_the_table_may_be_shorter_than_a_training_episode() {
    let mut env = site(trace(), |c| c.episode_periods = 672);
    env.reset_to(scored(DAYS * 48 - 336, 1));
    assert!(env.episode().reward_scale.is_finite() && env.episode().reward_scale > 0.0);
}

#[test]
fn a_site_continues_exactly_from_a_saved_state() {
    let mut env = site(trace(), |_| ());
    let mut rng = SeedTree::new(8).stream("actions");
    env.reset(Some(17));
    let mut action = vec![0.0; env.action_space().flat_len()];
    for _ in 0..40 {
        random_action(&mut rng, &mut action);
        env.step(&action);
    }
    let saved = env.save_state();
    let mut twin = site(trace(), |_| ());
    twin.load_state(&saved).expect("the same scenario");
    assert_eq!(env.observation(), twin.observation());
    for _ in 0..400 {
        random_action(&mut rng, &mut action);
        let (a, b) = (env.step(&action), twin.step(&action));
        assert_eq!((a.observation, a.reward.to_bits(), a.truncated), (b.observation, b.reward.to_bits(), b.truncated));
        if a.truncated {
            assert_eq!(env.reset(None).observation, twin.reset(None).observation);
        }
    }
}

#[test]
fn the_site_passes_the_contract_test() {
    assert_eq!(check_env(&mut site(trace(), |_| ())), []);
}

#[test]
fn every_observation_index_is_named_once() {
    let env = site(trace(), |_| ());
    let schema = env.observation_schema();
    assert_eq!(schema.fields.len(), env.observation_space().flat_len());
    let mut names: Vec<_> = schema.fields.iter().map(|f| f.name.clone()).collect();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), schema.fields.len());
}

/// First index of a signal that is not known when period `now` is decided: the table of the design, written anew.
pub(super) fn first_unknown(trace: &GridTrace, signal: Signal, now: usize, published: bool) -> usize {
    let local = trace.local(now);
    let until_end_of = |day: i32| (now..trace.len()).find(|t| trace.local(*t).day > day).unwrap_or(trace.len());
    let published_until = until_end_of(if local.half_hour >= 22 { local.day + 1 } else { local.day });
    match signal {
        Signal::IntradayPrice => now + usize::from(!published),
        Signal::DayAheadPrice
        | Signal::DayAheadForecastDemand
        | Signal::DayAheadForecastWind
        | Signal::DayAheadForecastEmbeddedWind
        | Signal::DayAheadForecastEmbeddedSolar => published_until,
        Signal::ImbalancePrice | Signal::NetImbalanceVolume => now - 1,
        // Hours begin on even indices of this trace.
        Signal::CarbonIntensity => now - now % 2,
        _ => now,
    }
}

fn observe_at(env: &mut FlexFleet, start: usize, now: usize) -> (Vec<f32>, Vec<f32>) {
    let mut rng = SeedTree::new(21).stream("actions");
    let mut action = vec![0.0; env.action_space().flat_len()];
    env.reset_to(WindowChoice { start, periods: 336, job_seed: 4, end: EpisodeEnd::Bootstrap });
    for _ in start..now {
        random_action(&mut rng, &mut action);
        env.step(&action);
    }
    (env.observation().to_vec(), env.first_site().forecast().to_vec())
}

#[test]
fn no_value_that_is_not_yet_known_changes_an_observation_or_a_forecast() {
    for (set, published) in [("trader", false), ("published", true)] {
        for price in ["intraday", "day_ahead", "imbalance"] {
            let scenario = format!("information.set = \"{set}\"\ntariff.paid_price = \"{price}\"");
            let config: SiteConfig = toml::from_str(&scenario).expect("a scenario");
            let mut env = site(trace(), |c| *c = config.clone());
            // Before and after 11:00 local, odd and even half-hours, across the clock change.
            for now in [400, 421, 422, 423, 445, 620, 645] {
                let expected = observe_at(&mut env, 380, now);
                for signal in Signal::all().filter(|s| *s != Signal::CarbonResolution) {
                    let mut other = trace();
                    for t in first_unknown(&other, signal, now, published)..other.len() {
                        let value = other.get(signal, t).expect("no holes");
                        other.set(signal, t, Some(3.0 * value + 50.0));
                    }
                    let mut changed = site(other, |c| *c = config.clone());
                    let found = observe_at(&mut changed, 380, now);
                    assert!(found == expected, "{set}, {price}: `{signal:?}` leaks into period {now}");
                }
            }
        }
    }
}

#[test]
fn the_fuel_total_stands_in_from_the_first_period_without_demand() {
    let mut holed = trace();
    for t in 400..holed.len() {
        holed.set(Signal::Demand, t, None);
        holed.set(Signal::FuelTotal, t, Some(33_000.0));
    }
    let mut env = site(holed, |_| ());
    let index = |name| env.observation_schema().fields.iter().position(|f| f.name == name).expect("a field");
    let (demand, present) = (index("demand"), index("demand_present"));
    let (before, after) = (observe_at(&mut env, 380, 400).0, observe_at(&mut env, 380, 401).0);
    assert!(before[demand] < -0.7 && before[present] == 1.0);
    assert!((after[demand] - 0.1).abs() < 1e-6 && after[present] == 0.0, "{}", after[demand]);
}

#[test]
fn a_value_that_is_known_does_change_the_observation() {
    let mut env = site(trace(), |_| ());
    let expected = observe_at(&mut env, 380, 421);
    for signal in [Signal::IntradayPrice, Signal::DayAheadPrice, Signal::CarbonIntensity, Signal::ImbalancePrice] {
        let mut other = trace();
        // Day-ahead prices are known further ahead than observations reach.
        let last_known = (first_unknown(&other, signal, 421, false) - 1).min(421 + 40);
        let value = other.get(signal, last_known).expect("no holes");
        other.set(signal, last_known, Some(value + 40.0));
        let mut changed = site(other, |_| ());
        assert!(observe_at(&mut changed, 380, 421) != expected, "`{signal:?}` is not seen");
    }
}

/// Twice the load that the fleet answers in time, served on little power: some tokens are late or not served at all. FIFO
/// serves with all it has and pays for what is slow even then.
#[test]
fn slow_and_unserved_inference_costs_what_the_scenario_says() {
    let play = |serve: f64| {
        let mut env = site(trace(), |config| {
            config.controls.power_cap = true;
            config.workload.interactive.demand = crate::workload::DemandModel::Sine;
            config.workload.interactive.fleet_headroom = 1.0;
            config.workload.interactive.daily_amplitude = 0.6;
        });
        env.reset_to(scored(150, 3));
        let mut action = vec![0.0; env.action_space().flat_len()];
        env.layout().write(&SiteAction { serve, ..SiteAction::fifo() }, &mut action);
        (0..336).for_each(|_| {
            env.step(&action);
        });
        (env.ledger().total, env.setup().config.workload.interactive.clone())
    };
    let (thrifty, config) = play(0.0);
    let (full, _) = play(1.0);
    assert!((full.cost_gbp() - full.fifo_cost_gbp).abs() < 1e-6, "FIFO pays the same");
    let slow = thrifty.inferences_slow_millions * config.slow_gbp_per_million_tokens;
    let unserved = thrifty.inferences_unserved_millions * config.unserved_gbp_per_million_tokens;
    assert!(slow > 0.0 && unserved > 0.0, "{slow} {unserved}");
    assert!(thrifty.inference_gbp > full.inference_gbp, "{} {}", thrifty.inference_gbp, full.inference_gbp);
    assert!(thrifty.interactive_mwh < full.interactive_mwh);
    assert!(thrifty.cost_gbp() > full.cost_gbp(), "saving energy at the users' expense does not pay");
}

/// Plays random actions and returns the parts of each reward, beside the reward.
fn played_parts(env: &mut FlexFleet, battery: f32, seed: u64) -> Vec<(Vec<f64>, f64)> {
    let mut rng = SeedTree::new(seed).stream("actions");
    let mut parts = vec![0.0; env.reward_parts().expect("a site can tell").count];
    let mut action = vec![0.0; env.action_space().flat_len()];
    env.reset_to(scored(130, 3));
    let step = |_| {
        random_action(&mut rng, &mut action);
        action[0] *= battery;
        let reward = env.step(&action).reward;
        env.write_reward_parts(&mut parts);
        (parts.clone(), reward)
    };
    (0..336).map(step).collect()
}

#[test]
fn the_parts_of_a_reward_sum_to_it_in_every_mode() {
    for mode in [RewardMode::Cost, RewardMode::Saving, RewardMode::ShapedSaving] {
        let mut env = site(trace(), |c| c.reward.mode = mode);
        let mut earned = 0.0;
        for (t, (parts, reward)) in played_parts(&mut env, 1.0, 21).into_iter().enumerate() {
            assert!((parts.iter().sum::<f64>() - reward).abs() < 1e-9, "{mode:?}, period {t}: {parts:?}, {reward}");
            earned += parts[..parts.len() - 1].iter().map(|x| x.abs()).sum::<f64>();
        }
        assert!(earned > 1.0, "{mode:?}: numbers earn something by themselves");
    }
}

// Without sun and far from all limits nothing connects battery and classes but the price.
#[test]
fn what_a_class_earns_does_not_depend_on_the_battery_and_nothing_is_left_over_but_at_the_end() {
    let roomy = |c: &mut SiteConfig| {
        c.solar.capacity_mwp = 0.0;
        c.it_capacity_mw = 60.0;
        c.import_limit_mw = 90.0;
    };
    let mut env = site(trace(), roomy);
    let (busy, idle) = (played_parts(&mut env, 1.0, 22), played_parts(&mut env, 0.0, 22));
    for (t, ((busy, _), (idle, _))) in busy.iter().zip(&idle).enumerate() {
        let last = busy.len() - 1;
        assert_eq!(busy[1..last], idle[1..last], "period {t}");
        assert!(t == 335 || busy[last].abs() < 1e-9, "period {t}: {} is left over", busy[last]);
    }
    assert!(busy.iter().zip(&idle).any(|(a, b)| (a.0[0] - b.0[0]).abs() > 0.01), "the battery earns its own part");
}
