//! What must hold in every scenario under any actions: more than 100,000 random steps.
//!
//! In: random scenarios (`random_scenarios.rs`) and random actions. Out: nothing, or the step that breaks a rule.
//! Always: every rule is checked at every step and site: energy, capacity, battery, jobs, money.
//! Not here: what a policy can gain by tricks (`gaming.rs`), what it can see (`leaks.rs`).

use super::random_scenarios::*;
use super::*;
use crate::core::{Env, SeedTree, StreamRng, VecEnv, check_env, seal_again};
use crate::units::{MegawattHours, PERIOD_HOURS};
use crate::workload::Job;
use rand::RngExt;
use std::collections::HashMap;
use std::sync::Arc;

/// Scenarios, and windows of 336 half-hours in each: 100,800 steps.
const SCENARIOS: u64 = 50;
const WINDOWS: usize = 6;
const BALANCE_MWH: f64 = 1e-9;

/// A job by what never changes of it.
type Key = (u8, i32, i32, u64, u64);

fn key(job: &Job) -> Key {
    (job.class, job.release, job.deadline, job.power_mw.to_bits(), job.work_periods.to_bits())
}

/// Everything that is counted over an episode.
#[derive(Default)]
struct Tally {
    sum: StepAccount,
    rewards: f64,
    steps: usize,
    released: f64,
    jobs_seen: usize,
    /// How many jobs of each kind have been released: two of the same cut size can arrive together.
    known: HashMap<Key, usize>,
    finished: f64,
}

impl Tally {
    fn release(&mut self, job: &Job, left_mwh: f64) {
        self.released += left_mwh;
        self.jobs_seen += 1;
        *self.known.entry(key(job)).or_default() += 1;
    }
}

/// Plays one window with random actions and checks every step.
fn play_and_check(env: &mut FlexFleet, window: WindowChoice, rng: &mut StreamRng) -> usize {
    let setup = Arc::clone(env.setup());
    let arrivals = WindowChoice { periods: (window.periods + 1).min(setup.trace.len() - window.start), ..window };
    let courses = courses(&setup, arrivals);
    env.reset_to(window);
    let mut tally = Tally::default();
    for course in &courses {
        let initial = (0..course.initial_jobs.classes()).flat_map(|class| course.initial_jobs.jobs(class));
        initial.for_each(|job| tally.release(job, job.left_mwh()));
    }
    let mut action = vec![0.0; env.action_space().flat_len()];
    let mut actions = vec![SiteAction::default(); setup.places().len()];
    for t in 0..window.periods {
        // What arrived for this period stands in the queues by now.
        for job in courses.iter().flat_map(|course| &course.jobs).filter(|job| job.release == t as i32) {
            tally.release(job, job.work_mwh());
        }
        check_jobs(env, &tally, t);
        random_action(rng, setup.config.controls.discrete_levels, &mut action);
        for (action, flat) in actions.iter_mut().zip(action.chunks(env.layout().width())) {
            env.layout().read(flat, action);
        }
        let before = env.episode().clone();
        let mut twin = before.clone();
        let result = env.step(&action);
        assert_eq!(result.truncated, t + 1 == window.periods);
        assert!(!result.terminated && result.observation.iter().all(|x| x.is_finite() && x.abs() <= 5.0));
        tally.rewards += result.reward;
        let total = twin.advance_each(&setup, &actions, |i, account| {
            let interactive = courses[i].interactive_mw[t] * PERIOD_HOURS;
            let saved = interactive - account.interactive_mwh;
            assert!(if setup.config.controls.power_cap { saved > -1e-12 } else { saved.abs() < 1e-12 }, "{saved}");
            check_site(&setup, &before, i, account, t);
        });
        assert_eq!(&total, env.last_account(), "the sites add up to the account, and a copy plays the same");
        for (i, (old, new)) in before.sites.iter().zip(&twin.sites).enumerate() {
            let battery = &setup.places()[i].config.battery;
            assert!((0.0..=old.health.capacity(battery).value()).contains(&new.stored.value()), "site {i}, period {t}");
        }
        let moved =
            stored(&twin) - stored(&before) - (total.charged_mwh - total.discharged_mwh - total.battery_lost_mwh);
        assert!(moved.abs() < BALANCE_MWH && total.imbalance_mwh().abs() < BALANCE_MWH, "period {t}: {moved}");
        check_money(&total);
        tally.sum.add(&total);
        tally.steps += 1;
        tally.finished += total.jobs_in_time + total.jobs_late;
    }
    check_end(env, &tally, window);
    tally.steps
}

fn stored(episode: &Episode) -> f64 {
    episode.sites.iter().map(|site| site.stored.value()).sum()
}

/// Every job is at one place, none was invented, work is where it must be, and sums per class are those of the jobs.
fn check_jobs(env: &FlexFleet, tally: &Tally, t: usize) {
    let mut unseen = tally.known.clone();
    let mut count = 0;
    let mut left = 0.0;
    for site in &env.episode().sites {
        for class in 0..site.jobs.classes() {
            let jobs = site.jobs.jobs(class);
            assert!(jobs.windows(2).all(|pair| pair[0].deadline <= pair[1].deadline), "earliest deadline first");
            let true_mwh: f64 = jobs.iter().map(Job::left_mwh).sum();
            let view = site.jobs.view(class);
            assert!((view.true_mwh - true_mwh).abs() < BALANCE_MWH && view.jobs as usize == jobs.len());
            left += true_mwh;
        }
        let here = (0..site.jobs.classes()).flat_map(|class| site.jobs.jobs(class));
        for job in here.chain(site.inbound.iter().map(|transfer| &transfer.job)) {
            let copies = unseen.get_mut(&key(job)).filter(|copies| **copies > 0);
            *copies.unwrap_or_else(|| panic!("period {t}: a job is in two places, or never arrived: {job:?}")) -= 1;
            assert!(job.left_periods > 0.0 && job.left_periods <= job.work_periods * (1.0 + 1e-12), "{job:?}");
            count += 1;
        }
        left += site.inbound.iter().map(|transfer| transfer.job.left_mwh()).sum::<f64>();
    }
    assert_eq!(count + tally.finished as usize, tally.jobs_seen, "period {t}: jobs are conserved");
    let (lost, served) = (tally.sum.checkpoint_lost_mwh, tally.sum.work_mwh);
    let balance = tally.released + lost - served - left;
    assert!(balance.abs() < 1e-7, "period {t}: {balance} MWh of work appeared or went");
}

fn check_site(setup: &SiteSetup, before: &Episode, i: usize, account: &StepAccount, t: usize) {
    let (place, at) = (&setup.places()[i], before.at());
    let limit = import_limit_mwh(setup, place, at);
    let at_site = |what: &str| format!("scenario {}, site {i}, period {t}: {what}", setup.config.name);
    assert!(account.imbalance_mwh().abs() < BALANCE_MWH, "{}", at_site("energy"));
    assert!(account.charged_mwh == 0.0 || account.discharged_mwh == 0.0, "{}", at_site("charges and discharges"));
    let amounts = [account.import_mwh, account.export_mwh, account.charged_mwh, account.discharged_mwh, account.it_mwh];
    assert!(amounts.iter().all(|x| *x >= 0.0), "{}", at_site("energies are amounts"));
    assert!(account.import_mwh == 0.0 || account.export_mwh == 0.0, "{}", at_site("imports and exports"));
    assert!(account.battery_lost_mwh >= -1e-12 && account.solar_curtailed_mwh >= -1e-12, "{}", at_site("losses"));
    let sun = place.solar_mw(at) * PERIOD_HOURS;
    assert!((account.solar_used_mwh + account.solar_curtailed_mwh - sun).abs() < BALANCE_MWH, "{}", at_site("sun"));
    let capacity = place.config.it_capacity_mw * PERIOD_HOURS;
    assert!(
        account.it_mwh <= capacity + BALANCE_MWH,
        "{}",
        at_site(&format!("{} of {capacity} MWh of IT", account.it_mwh))
    );
    let over = (account.import_mwh - limit).max(0.0);
    assert!((account.import_breach_mwh - over).abs() < BALANCE_MWH, "{}", at_site("a breach is counted"));
    // Only what cannot wait, interactive load and data on its way, may ask for more than the connection gives.
    let fixed = (account.interactive_mwh + account.transfer_mwh) * place.config.pue;
    assert!(over < BALANCE_MWH || fixed > limit + sun - BALANCE_MWH, "{}", at_site("jobs breach the import limit"));
    assert!(account.export_mwh <= place.export_limit().value() * PERIOD_HOURS + BALANCE_MWH, "{}", at_site("export"));
    if place.curtails(at) {
        let sun_left = (sun - account.facility_mwh - account.charged_mwh).max(0.0);
        assert!(account.export_mwh <= account.discharged_mwh + BALANCE_MWH, "{}", at_site("the sun is sold at a loss"));
        assert!((account.solar_curtailed_mwh - sun_left).abs() < BALANCE_MWH, "{}", at_site("curtailed"));
    }
    if !place.config.battery.export_allowed {
        let load = account.facility_mwh + account.charged_mwh;
        assert!(account.discharged_mwh <= load + BALANCE_MWH, "{}", at_site("the battery feeds the grid"));
    }
    let classes: f64 = account.threshold_breach_mwh.max(account.green_breach_mwh);
    assert!(classes <= account.it_mwh - account.interactive_mwh + BALANCE_MWH, "{}", at_site("breaches"));
    // Turn-down is paid for once, and only where it is turn-down against FIFO.
    let mut course = before.sites[i].clone();
    let gated = super::gate::gated_classes(place, at);
    let fifo = course.advance_fifo(setup, place, at, t as i32, gated);
    let true_turn_down = (fifo.import_mwh - account.import_mwh).max(0.0) * setup.config.p415.loss_multiplier.max(1.0);
    assert!(account.flex_delivered_mwh <= true_turn_down + BALANCE_MWH, "{}", at_site("paid twice"));
}

/// The cost is the sum of its terms.
fn check_money(account: &StepAccount) {
    let spent = account.energy_gbp + account.charges_gbp + account.carbon_gbp + account.wear_gbp;
    let service = account.lateness_gbp + account.value_lost_gbp + account.inference_gbp + account.migration_gbp;
    let cost = spent + service + account.settlement_gbp - account.flex_revenue_gbp;
    assert!((account.cost_gbp() - cost).abs() < 1e-9 * cost.abs().max(1.0) && cost.is_finite());
    let mut info = vec![0.0; INFO_KEYS.len()];
    account.write_info(&mut info);
    let named = |name: &str| info[INFO_KEYS.iter().position(|key| *key == name).expect("a key of the account")];
    assert_eq!((named("cost_gbp"), named("flex_settled_gbp")), (account.cost_gbp(), account.flex_settled_gbp));
}

fn check_end(env: &FlexFleet, tally: &Tally, window: WindowChoice) {
    let total = env.ledger().total;
    assert!((total.cost_gbp() - tally.sum.cost_gbp()).abs() < 0.005, "steps add up to the ledger to the penny");
    assert_eq!(env.ledger().periods as usize, window.periods);
    if window.end == EpisodeEnd::Settle {
        let saving = (total.fifo_cost_gbp - total.cost_gbp()) / env.episode().reward_scale;
        assert!((tally.rewards - saving).abs() < 1e-9 * saving.abs().max(1.0), "{} is not {saving}", tally.rewards);
    }
}

/// A copy loaded in the middle of an episode goes on bit for bit.
fn check_continuation(env: &mut FlexFleet, rng: &mut StreamRng) {
    env.reset(Some(rng.random()));
    let levels = env.setup().config.controls.discrete_levels;
    let mut action = vec![0.0; env.action_space().flat_len()];
    for _ in 0..29 {
        random_action(rng, levels, &mut action);
        env.step(&action);
    }
    let saved = env.save_state();
    let mut twin = FlexFleet::new(Arc::clone(env.setup()));
    twin.load_state(&saved).expect("the same scenario");
    assert_eq!(twin.save_state(), saved);
    let mut again = env.save_state();
    for _ in 0..80 {
        random_action(rng, levels, &mut action);
        let (a, b) = (env.step(&action), twin.step(&action));
        assert_eq!((a.observation, a.reward.to_bits(), a.truncated), (b.observation, b.reward.to_bits(), b.truncated));
        if a.truncated {
            assert_eq!(env.reset(None).observation, twin.reset(None).observation);
        }
        assert_eq!(env.action_mask(), twin.action_mask());
        again = env.save_state();
    }
    assert_eq!(again, twin.save_state());
}

#[test]
fn energy_jobs_and_money_are_conserved_in_random_scenarios_under_random_actions() {
    let grid = Arc::new(wild_grid());
    let mut rng = SeedTree::new(12).stream("actions");
    let (mut steps, mut fleets, mut migrated, mut sold, mut breach) = (0, 0, 0.0, 0.0, 0.0);
    for number in 0..SCENARIOS {
        let mut env = fleet_of(scenario(number), &grid);
        fleets += usize::from(env.setup().places().len() > 1);
        for i in 0..WINDOWS {
            let window = window_of(env.setup(), i);
            steps += play_and_check(&mut env, window, &mut rng);
            let total = env.ledger().total;
            migrated += total.jobs_migrated;
            sold += total.flex_sold_mwh;
            breach += total.event_shortfall_mwh;
        }
        check_continuation(&mut env, &mut rng);
    }
    assert!(steps >= 100_000, "{steps} steps");
    assert!(fleets > 10 && migrated > 10_000.0 && sold > 1000.0 && breach > 10.0, "everything has been tried");
}

#[test]
fn random_scenarios_pass_the_contract_test() {
    let grid = Arc::new(wild_grid());
    for number in 200..206 {
        let mut config = scenario(number);
        config.episode_periods = 60;
        assert_eq!(check_env(&mut fleet_of(config, &grid)), [], "scenario {number}");
    }
}

/// Scenarios in which FIFO's played course must be that of the ledger: there is room for all jobs at once, so that the
/// battery carries nothing, and no event is settled. Leaks, fade, gates, unknown durations and export are all there.
#[test]
fn acting_like_fifo_costs_what_the_ledger_says_where_there_is_room_and_no_event() {
    let grid = Arc::new(wild_grid());
    for number in 300..320 {
        let mut config = scenario(number);
        config.events = crate::market::events::EventsConfig::default();
        config.controls.discrete_levels = 0;
        config.it_capacity_mw = 200.0;
        config.import_limit_mw = 400.0;
        let mut env = fleet_of(config, &grid);
        let mut action = vec![0.0; env.action_space().flat_len()];
        env.view().decide_each(&mut action, |_| SiteAction::fifo());
        let window = window_of(env.setup(), 0);
        env.reset_to(window);
        for _ in 0..window.periods {
            env.step(&action);
        }
        let total = env.ledger().total;
        let apart = (total.cost_gbp() - total.fifo_cost_gbp).abs();
        assert!(apart < 1e-9 * total.fifo_cost_gbp.abs().max(1e3), "scenario {number}: {apart} pounds apart");
    }
}

/// Plays 32 environments for some steps and gives every bit of what came back.
fn play_batch(setup: &Arc<SiteSetup>, threads: usize) -> Vec<u64> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
    let boxed = |_| Box::new(FlexFleet::new(Arc::clone(setup))) as Box<dyn Env>;
    let mut envs = VecEnv::new((0..32).map(boxed).collect());
    let mut rng = SeedTree::new(5).stream("actions");
    let mut bits = Vec::new();
    pool.install(|| {
        envs.reset(3);
        let mut action = vec![0.0; 32 * envs.action_space().flat_len()];
        for _ in 0..120 {
            random_action(&mut rng, setup.config.controls.discrete_levels, &mut action);
            let step = envs.step(&action);
            bits.extend(step.observation.iter().map(|x| u64::from(x.to_bits())));
            bits.extend(step.reward.iter().chain(step.info).map(|x| x.to_bits()));
        }
        bits.extend(envs.save_state().iter().flatten().map(|byte| u64::from(*byte)));
    });
    bits
}

#[test]
fn the_same_seed_gives_the_same_bytes_on_one_two_and_four_threads() {
    let grid = Arc::new(wild_grid());
    for number in [400, 401] {
        let mut config = scenario(number);
        config.episode_periods = 60;
        let setup = Arc::clone(fleet_of(config, &grid).setup());
        let once = play_batch(&setup, 1);
        assert!(once == play_batch(&setup, 1), "scenario {number}: the same seed again");
        assert!(once == play_batch(&setup, 2) && once == play_batch(&setup, 4), "scenario {number}: threads");
    }
}

#[test]
fn a_damaged_state_is_refused_and_a_forged_one_never_panics() {
    let grid = Arc::new(wild_grid());
    let mut rng = SeedTree::new(6).stream("damage");
    let (mut accepted, mut refused) = (0, 0);
    for number in 500..508 {
        let mut env = fleet_of(scenario(number), &grid);
        let levels = env.setup().config.controls.discrete_levels;
        let mut action = vec![0.0; env.action_space().flat_len()];
        env.reset(Some(number));
        for _ in 0..20 {
            random_action(&mut rng, levels, &mut action);
            env.step(&action);
        }
        let saved = env.save_state();
        for _ in 0..60 {
            let cut = rng.random_range(0..saved.len());
            assert!(env.load_state(&saved[..cut]).is_err(), "{cut} of {} bytes", saved.len());
            let mut flipped = saved.clone();
            flipped[cut] ^= 1 << rng.random_range(0..8);
            assert!(env.load_state(&flipped).is_err(), "byte {cut} is damaged");
        }
        for round in 0..150 {
            let mut forged = saved.clone();
            for _ in 0..rng.random_range(1..4) {
                // Small offsets hold lengths, windows and clocks.
                let reach = if round % 3 == 0 { 400.min(forged.len()) } else { forged.len() };
                let at = rng.random_range(0..reach);
                forged[at] = rng.random();
            }
            seal_again(&mut forged);
            match env.load_state(&forged) {
                Ok(()) => {
                    accepted += 1;
                    for _ in 0..40 {
                        random_action(&mut rng, levels, &mut action);
                        if env.episode().is_over() || env.step(&action).truncated {
                            env.reset(None);
                        }
                    }
                }
                Err(_) => refused += 1,
            }
        }
        env.load_state(&saved).expect("its own state");
    }
    assert!(accepted > 50 && refused > 50, "{accepted} forged states accepted, {refused} refused");
}

#[test]
fn an_action_that_is_no_number_acts_like_fifo_and_an_infinite_one_like_its_bound() {
    let grid = Arc::new(wild_grid());
    for number in 600..606 {
        let mut config = scenario(number);
        config.controls.discrete_levels = 0;
        let play = |x: f32| {
            let mut env = fleet_of(config.clone(), &grid);
            let mut action = vec![x; env.action_space().flat_len()];
            if x == 9.0 {
                env.view().decide_each(&mut action, |_| SiteAction::fifo());
            }
            let window = window_of(env.setup(), 1);
            env.reset_to(window);
            (0..100).for_each(|_| {
                env.step(&action);
            });
            (env.save_state(), env.ledger().total.cost_gbp())
        };
        assert!(play(f32::NAN) == play(9.0), "scenario {number}");
        assert!(play(f32::INFINITY) == play(1.0) && play(f32::NEG_INFINITY) == play(-1.0), "scenario {number}");
        assert!(play(f32::INFINITY).1.is_finite());
    }
}

/// What the mask forbids would change nothing against the nearest level that it allows; FIFO's own action included.
#[test]
fn a_masked_level_has_the_effect_of_the_nearest_legal_one() {
    let grid = Arc::new(wild_grid());
    let mut rng = SeedTree::new(7).stream("masks");
    let (mut masked, mut fifo_masked) = (0, 0);
    for number in 700..712 {
        let mut config = scenario(number);
        config.controls.discrete_levels = 5;
        let mut env = fleet_of(config, &grid);
        let mut twin = FlexFleet::new(Arc::clone(env.setup()));
        let mut action = vec![0.0; env.action_space().flat_len()];
        let window = window_of(env.setup(), 1);
        env.reset_to(window);
        for t in 0..window.periods {
            if t % 7 == 0 {
                env.view().decide_each(&mut action, |_| SiteAction::fifo());
            } else {
                random_action(&mut rng, 5, &mut action);
                action.iter_mut().filter(|a| !a.is_finite()).for_each(|a| *a = 4.0);
            }
            let mask = env.action_mask().expect("discrete actions have one").to_vec();
            let mut legal = action.clone();
            for (level, options) in legal.iter_mut().zip(mask.chunks(5)) {
                let wanted = *level as i32;
                let nearest = (0..5).filter(|i| options[*i as usize]).min_by_key(|i| (i - wanted).abs());
                let nearest = nearest.expect("some level is always legal") as f32;
                masked += usize::from(nearest != *level);
                fifo_masked += usize::from(nearest != *level && t % 7 == 0);
                *level = nearest;
            }
            twin.load_state(&env.save_state()).expect("the same scenario");
            env.step(&action);
            twin.step(&legal);
            let (mut a, mut b) = ([0.0; INFO_KEYS.len()], [0.0; INFO_KEYS.len()]);
            env.last_account().write_info(&mut a);
            twin.last_account().write_info(&mut b);
            // A battery that could move a milliwatt-hour counts as full or empty.
            let apart = a.iter().zip(&b).position(|(a, b)| (a - b).abs() > 1e-5);
            assert_eq!(apart.map(|i| (INFO_KEYS[i], a[i], b[i])), None, "scenario {number}, period {t}");
        }
    }
    assert!(masked > 1000 && fifo_masked > 10, "{masked} levels were masked, {fifo_masked} of FIFO");
}

#[test]
fn interactive_load_that_can_exceed_the_machines_is_refused() {
    let mut config = SiteConfig::default();
    config.workload.interactive.energy_share = 0.95;
    config.workload.classes.iter_mut().for_each(|class| class.energy_share = 0.01);
    config.workload.mean_it_mw = 11.0;
    config.import_limit_mw = 30.0;
    // 11 MW x 0.95 x 1.15 x 1.09 at the peak of the day and of the noise.
    let expected = ("workload.interactive".to_string(), "is 13.099".to_string());
    let faults = config.validate();
    assert_eq!(faults.len(), 1, "{faults:?}");
    assert_eq!((&faults[0].0, &faults[0].1[..9]), (&expected.0, &expected.1[..]));
}

#[test]
fn a_job_on_its_way_loses_value_as_one_that_waits() {
    let value = |send: bool| {
        let mut config: SiteConfig = toml::from_str(
            "[[sites]]\nname = \"a\"\n[[sites]]\nname = \"b\"\n[migration]\nbandwidth_gbit_per_s = 0.02\n",
        )
        .expect("a scenario");
        for class in &mut config.workload.classes {
            class.migratable = true;
            class.data_gb_median = 1.0;
            class.value_steps = vec![crate::workload::ValueStep { slack_used: 0.5, loss_gbp_per_mwh: 50.0 }];
        }
        let mut env = fleet_of(config, &Arc::new(wild_grid()));
        let mut action = vec![0.0; env.action_space().flat_len()];
        let mut first = true;
        env.view().decide_each(&mut action, |_| {
            let sends = std::mem::take(&mut first);
            let amount = |now: bool| f64::from(u8::from(now && send));
            SiteAction { send: amount(sends), receive: amount(!sends), ..SiteAction::default() }
        });
        let window = window_of(env.setup(), 1);
        env.reset_to(window);
        (0..12).for_each(|_| {
            env.step(&action);
        });
        let total = env.ledger().total;
        (total.value_lost_gbp, total.jobs_migrated, MegawattHours(total.transfer_mwh))
    };
    let (home, away) = (value(false), value(true));
    assert!(away.1 > 10.0 && home.0 > 0.0, "{home:?} {away:?}");
    assert!((home.0 - away.0).abs() < 1e-9, "waiting costs {} pounds, travelling {}", home.0, away.0);
}
