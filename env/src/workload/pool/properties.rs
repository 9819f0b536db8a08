//! What must hold of a pool whatever its classes, its jobs, its capacity and whoever decides.
//!
//! In: random classes, arrivals, capacities and decisions from fixed seeds. Out: the first broken promise, with its case.
//! Always: what is promised is worked out here from the jobs before and after a period, not asked of the pool.
//! Not here: single situations worked out by hand (`tests.rs`).

use super::*;
use crate::core::SeedTree;
use crate::core::StreamRng;
use crate::units::PERIOD_HOURS;
use crate::workload::{JobClassConfig, PowerCurve, ValueStep};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed};
use rand::RngExt;
use rand::seq::SliceRandom;
use std::collections::{BTreeMap, BTreeSet};

/// Cases times periods of each property: at least 100 000 served periods.
const CASES: u32 = 700;
const PERIODS: i32 = 160;
/// Jobs arrive until then, so that the rest can finish.
const ARRIVALS_END: i32 = 110;
const EXACT: f64 = 1e-9;

const _: () = assert!(CASES as i64 * PERIODS as i64 >= 100_000);

fn config() -> Config {
    Config { cases: CASES, rng_seed: RngSeed::Fixed(20_260_101), failure_persistence: None, ..Config::default() }
}

fn curve() -> impl Strategy<Value = PowerCurve> {
    prop_oneof![
        Just(PowerCurve::Linear),
        Just(PowerCurve::PreTraining),
        Just(PowerCurve::FineTuning),
        Just(PowerCurve::Inference)
    ]
}

fn class() -> impl Strategy<Value = JobClassConfig> {
    let steps = prop::collection::vec((0.0..=1.0_f64, 0.0..50.0_f64), 0..3);
    let numbers =
        (prop_oneof![Just(0.0), 0.0..60.0_f64], prop_oneof![Just(0.0), Just(1.0), 0.0..1.0_f64], 0.5..12.0_f64);
    (any::<bool>(), any::<bool>(), curve(), numbers, steps).prop_map(
        |(interruptible, uncertain, power_curve, (checkpoint_minutes, floor, slack_hours), steps)| {
            let lowest = power_curve.lowest_floor().max(0.01);
            let step = |(slack_used, loss_gbp_per_mwh)| ValueStep { slack_used, loss_gbp_per_mwh };
            JobClassConfig {
                interruptible,
                checkpoint_minutes,
                power_curve,
                slack_hours,
                power_floor: lowest + floor * (1.0 - lowest),
                duration_estimate_log_sd: if uncertain { 0.4 } else { 0.0 },
                value_steps: steps.into_iter().map(step).collect(),
                ..JobClassConfig::default()
            }
        },
    )
}

/// How plentiful capacity is.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Capacity {
    Unlimited,
    /// Anything from nothing to more than asked for, period by period.
    Random,
}

/// One random world.
struct Play {
    rng: StreamRng,
    rules: Vec<ClassRules>,
    priority: Vec<u8>,
    pool: JobPool,
    pushed: i32,
    /// What the jobs were when they came, by name.
    jobs: BTreeMap<i32, Job>,
    /// Period in which a job was finished.
    finished: BTreeMap<i32, i32>,
    total: Totals,
}

/// Sums of what the pool reported.
#[derive(Default)]
struct Totals {
    in_time: u32,
    late: u32,
    late_by_estimate: u32,
    late_work: f64,
    value_lost: f64,
}

/// One served period, seen from outside.
struct Period<'a> {
    t: i32,
    capacity_mw: f64,
    before: &'a JobPool,
    must_run_mw: f64,
    served: &'a Served,
}

impl Play {
    fn new(classes: &[JobClassConfig], seed: u64) -> Self {
        let mut rng = SeedTree::new(seed).stream("pool-properties");
        let mut priority: Vec<u8> = (0..classes.len() as u8).collect();
        priority.shuffle(&mut rng);
        Self {
            rng,
            rules: classes.iter().map(ClassRules::new).collect(),
            priority,
            pool: JobPool::new(classes.len()),
            pushed: 0,
            jobs: BTreeMap::new(),
            finished: BTreeMap::new(),
            total: Totals::default(),
        }
    }

    /// Plays all periods, checking each, and the whole at the end.
    fn play(mut self, capacity: Capacity, feasible: bool) -> Result<Self, TestCaseError> {
        for t in 0..PERIODS {
            let arrivals = if t < ARRIVALS_END { self.rng.random_range(0..4_u8).saturating_sub(1) } else { 0 };
            (0..arrivals).for_each(|_| self.arrive(t, feasible));
            let before = self.pool.clone();
            let must_run_mw = before.must_run().0;
            let capacity_mw = self.capacity(capacity, t >= ARRIVALS_END);
            let served = self.serve(capacity_mw, t);
            let period = Period { t, capacity_mw, before: &before, must_run_mw, served: &served };
            self.check_energy(&period)?;
            self.check_jobs(&period)?;
            self.check_running(&period)?;
            self.check_shortage(&period)?;
            self.check_lateness(&period)?;
            self.check_summaries(t + 1)?;
        }
        self.check_whole()?;
        Ok(self)
    }

    /// A job whose name is the period from which it may move, which the pool does not use.
    fn arrive(&mut self, t: i32, feasible: bool) {
        let class = self.rng.random_range(0..self.rules.len());
        let rng = &mut self.rng;
        let work =
            if rng.random_bool(0.5) { f64::from(rng.random_range(1..12_u8)) } else { rng.random_range(0.5..12.0) };
        let surprise = if self.rules[class].uncertain { rng.random_range(0.4..2.5) } else { 1.0 };
        let estimate = work / surprise;
        let slack = rng.random_range(0.0..20.0_f64) - if feasible { 0.0 } else { 2.0 };
        let deadline = (t + (estimate + slack).ceil() as i32).max(t + 1);
        let job = Job {
            settled: self.pushed,
            estimate_periods: estimate,
            ..Job::new(class as u8, rng.random_range(0.01..2.0), work, t, deadline)
        };
        self.pushed += 1;
        self.jobs.insert(name(&job), job);
        self.pool.push(&self.rules, job, t);
    }

    fn capacity(&mut self, capacity: Capacity, finishing: bool) -> f64 {
        let asked: f64 = (0..self.pool.classes()).map(|class| self.pool.view(class).available_mw).sum();
        match (capacity, self.rng.random_range(0..8_u8)) {
            (Capacity::Unlimited, _) => f64::INFINITY,
            (Capacity::Random, 0) if !finishing => 0.0,
            (Capacity::Random, 1) => self.pool.must_run().0,
            (Capacity::Random, 2) => f64::INFINITY,
            // A hair short of it, where rounding and shortage meet.
            (Capacity::Random, 3) => self.pool.must_run().0 * (1.0 - 10.0_f64.powf(self.rng.random_range(-12.0..-3.0))),
            (Capacity::Random, _) => asked * self.rng.random_range(0.0..1.2),
        }
    }

    /// Half of the periods are decided by shares and caps, half job by job.
    fn serve(&mut self, capacity_mw: f64, t: i32) -> Served {
        let capacity = Megawatts(capacity_mw);
        let rng = &mut self.rng;
        let share = |rng: &mut StreamRng| match rng.random_range(0..4_u8) {
            0 => 0.0,
            1 => 1.0,
            _ => rng.random_range(0.0..1.0),
        };
        if rng.random_bool(0.5) {
            let run: Vec<f64> = self.rules.iter().map(|_| share(rng)).collect();
            let caps = if rng.random_bool(0.5) { self.rules.len() } else { 0 };
            let cap: Vec<f64> = (0..caps).map(|_| share(rng)).collect();
            self.pool.serve(&self.rules, &self.priority, &mut Shares::new(&run, &cap), capacity, t)
        } else {
            self.pool.serve(&self.rules, &self.priority, &mut ByJob(|_: &Job| share(rng)), capacity, t)
        }
    }

    fn check_energy(&self, period: &Period) -> Result<(), TestCaseError> {
        let Period { t, capacity_mw, before, must_run_mw, served } = *period;
        let by_class: f64 = served.by_class_mwh.iter().sum();
        prop_assert!(near(by_class, served.energy.0), "period {t}: classes {by_class}, all {:?}", served.energy);
        prop_assert!(served.energy.0 <= capacity_mw * PERIOD_HOURS + EXACT, "period {t}: {served:?} of {capacity_mw}");
        prop_assert!(served.by_class_mwh.iter().all(|energy| *energy >= 0.0), "period {t}: {served:?}");
        let conserved = left(before) + served.lost.0 - served.work.0;
        prop_assert!(near(conserved, left(&self.pool)), "period {t}: {conserved} left, found {}", left(&self.pool));
        let refused = (must_run_mw - capacity_mw).max(0.0) * PERIOD_HOURS;
        prop_assert!(near(refused, served.refused.0), "period {t}: refused {refused}, found {:?}", served.refused);
        Ok(())
    }

    /// No job is lost, duplicated, changed in what it is, or finished twice.
    fn check_jobs(&mut self, period: &Period) -> Result<(), TestCaseError> {
        let (t, served) = (period.t, period.served);
        let (before, after) = (by_name(period.before), by_name(&self.pool));
        prop_assert_eq!(
            (before.len(), after.len()),
            (period.before.len(), self.pool.len()),
            "period {}: a duplicate",
            t
        );
        let gone: BTreeSet<i32> = before.keys().filter(|name| !after.contains_key(name)).copied().collect();
        prop_assert!(after.keys().all(|name| before.contains_key(name)), "period {t}: a job from nowhere");
        prop_assert_eq!(gone.len() as u32, served.finished_in_time + served.finished_late, "period {}", t);
        for name in gone {
            prop_assert!(self.finished.insert(name, t).is_none(), "period {t}: job {name} is finished twice");
        }
        for (name, job) in &after {
            let own = self.jobs[name];
            let same = (job.power_mw, job.work_periods, job.deadline, job.class)
                == (own.power_mw, own.work_periods, own.deadline, own.class);
            let surprised = self.rules[usize::from(job.class)].uncertain && job.work_periods > job.estimate_periods;
            prop_assert!(!job.overran || surprised, "period {t}: no estimate made {job:?} late");
            prop_assert!(same && job.left_periods > 0.0 && job.left_periods <= job.work_periods + EXACT, "{job:?}");
        }
        for class in 0..self.rules.len() {
            prop_assert!(self.pool.jobs(class).is_sorted_by_key(|job| job.deadline), "period {t}: class {class}");
        }
        Ok(())
    }

    /// Who must run runs in full while capacity lasts; who may be slowed runs at its floor at least.
    fn check_running(&self, period: &Period) -> Result<(), TestCaseError> {
        let t = period.t;
        let after = by_name(&self.pool);
        let enough = period.capacity_mw >= period.must_run_mw;
        for job in by_name(period.before).into_values() {
            let rules = &self.rules[usize::from(job.class)];
            let Some(next) = after.get(&name(&job)) else { continue };
            let started = job.left_periods < job.work_periods;
            let latest_start = f64::from(job.deadline - t) - job.expected_periods(rules) < 1.0 - EXACT;
            let must = latest_start || (started && !rules.interruptible);
            prop_assert!(!must || job.must_run, "period {t}: {job:?} must run");
            if enough && must {
                let expected = (job.left_periods - 1.0).max(0.0);
                prop_assert!(next.running && near(next.left_periods, expected), "period {t}: {job:?} became {next:?}");
            }
            if next.running && !job.must_run {
                let progress = job.left_periods - next.left_periods;
                let least = rules.power_curve.throughput(rules.power_floor) * job.left_periods.min(1.0);
                prop_assert!(progress >= least - EXACT, "period {t}: {job:?} became {next:?}, least {least}");
            }
            if !next.running {
                let lost =
                    if job.running { rules.checkpoint_periods.min(job.work_periods - job.left_periods) } else { 0.0 };
                prop_assert!(near(next.left_periods, job.left_periods + lost), "period {t}: {job:?} became {next:?}");
            }
        }
        Ok(())
    }

    /// Scarce capacity goes to what must run: by priority of its class, then by deadline.
    fn check_shortage(&self, period: &Period) -> Result<(), TestCaseError> {
        let after = by_name(&self.pool);
        let mut room = period.capacity_mw;
        for class in self.priority.iter().map(|class| usize::from(*class)) {
            for job in period.before.jobs(class).iter().filter(|job| job.must_run) {
                let usable = job.usable_mw(&self.rules[class]);
                let expected = usable.min(room);
                room -= expected;
                let unchanged = after.get(&name(job)).is_some_and(|next| !next.running);
                let in_full =
                    after.get(&name(job)).is_none_or(|next| next.left_periods <= job.left_periods - 1.0 + EXACT);
                if expected == usable {
                    prop_assert!(in_full, "period {}: {job:?} had {expected} MW", period.t);
                } else if room == 0.0 && expected == 0.0 {
                    prop_assert!(unchanged, "period {}: {job:?} had nothing", period.t);
                }
            }
        }
        Ok(())
    }

    fn check_lateness(&mut self, period: &Period) -> Result<(), TestCaseError> {
        let (t, served) = (period.t, period.served);
        let late: f64 = by_name(&self.pool).values().filter(|job| job.deadline <= t + 1).map(Job::left_mwh).sum();
        prop_assert!(near(late, served.late.0), "period {t}: late {late}, found {:?}", served.late);
        prop_assert!(served.late_by_estimate.0 <= served.late.0 + EXACT, "period {t}: {served:?}");
        prop_assert!(served.finished_late_by_estimate <= served.finished_late, "period {t}: {served:?}");
        self.total.in_time += served.finished_in_time;
        self.total.late += served.finished_late;
        self.total.late_by_estimate += served.finished_late_by_estimate;
        self.total.late_work += served.late.0;
        self.total.value_lost += served.value_lost_gbp;
        Ok(())
    }

    /// The sums kept while serving are those of looking at every job anew.
    fn check_summaries(&self, now: i32) -> Result<(), TestCaseError> {
        let mut anew = self.pool.clone();
        anew.refresh(&self.rules, now);
        for class in 0..self.rules.len() {
            prop_assert_eq!(self.pool.jobs(class), anew.jobs(class), "period {}", now);
            let (kept, made) = (numbers(self.pool.view(class)), numbers(anew.view(class)));
            let same = kept.iter().zip(&made).all(|(a, b)| near(*a, *b));
            prop_assert!(same, "before period {now}, class {class}: kept {kept:?}, made anew {made:?}");
        }
        Ok(())
    }

    /// Counts and value over the whole play, worked out from when each job came and was finished.
    fn check_whole(&self) -> Result<(), TestCaseError> {
        prop_assert_eq!(self.jobs.len(), self.finished.len() + self.pool.len());
        let in_time = self.finished.iter().filter(|(name, t)| **t < self.jobs[name].deadline).count();
        let late = self.finished.len() - in_time;
        prop_assert_eq!((self.total.in_time, self.total.late), (in_time as u32, late as u32));
        let lost: f64 = self.jobs.iter().map(|(name, job)| self.value_lost(job, self.finished.get(name))).sum();
        prop_assert!((lost - self.total.value_lost).abs() < 1e-6, "lost {lost}, found {}", self.total.value_lost);
        Ok(())
    }

    /// A job loses each step that comes before it is finished.
    fn value_lost(&self, job: &Job, finished: Option<&i32>) -> f64 {
        let last = finished.copied().unwrap_or(PERIODS);
        let slack = (f64::from(job.deadline - job.release) - job.estimate_periods).max(0.0);
        let steps = self.rules[usize::from(job.class)].value_steps.iter();
        let passed = steps.filter(|step| {
            let due = f64::from(job.deadline) - (1.0 - step.slack_used) * slack;
            due.ceil() as i32 > job.release && due.ceil() as i32 <= last
        });
        passed.map(|step| step.loss_gbp_per_mwh * job.work_mwh()).sum()
    }
}

fn near(a: f64, b: f64) -> bool {
    (a - b).abs() <= EXACT
}

fn name(job: &Job) -> i32 {
    job.settled
}

fn by_name(pool: &JobPool) -> BTreeMap<i32, Job> {
    (0..pool.classes()).flat_map(|class| pool.jobs(class)).map(|job| (name(job), *job)).collect()
}

fn left(pool: &JobPool) -> f64 {
    (0..pool.classes()).flat_map(|class| pool.jobs(class)).map(Job::left_mwh).sum()
}

fn numbers(view: &ClassView) -> Vec<f64> {
    let ClassView { jobs, available_mw, must_run_mw, running_mw, queued_mwh, urgent_mwh, true_mwh } = *view;
    let mut numbers = vec![f64::from(jobs), available_mw, must_run_mw, running_mw, queued_mwh, true_mwh];
    numbers.extend(urgent_mwh);
    numbers
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn work_is_conserved_and_every_promise_kept_under_any_capacity_and_decision(
        classes in prop::collection::vec(class(), 1..5),
        seed in any::<u64>(),
    ) {
        Play::new(&classes, seed).play(Capacity::Random, false)?;
    }

    #[test]
    fn nothing_is_late_where_capacity_is_unlimited_and_durations_are_known(
        classes in prop::collection::vec(class(), 1..5),
        seed in any::<u64>(),
    ) {
        let known = |class: JobClassConfig| JobClassConfig { duration_estimate_log_sd: 0.0, ..class };
        let classes: Vec<JobClassConfig> = classes.into_iter().map(known).collect();
        let play = Play::new(&classes, seed).play(Capacity::Unlimited, true)?;
        prop_assert_eq!((play.total.late, play.total.late_work), (0, 0.0));
        prop_assert_eq!((play.pool.len(), play.total.in_time as usize), (0, play.jobs.len()));
    }

    #[test]
    fn with_unlimited_capacity_only_a_wrong_estimate_makes_a_job_late(
        classes in prop::collection::vec(class(), 1..5),
        seed in any::<u64>(),
    ) {
        let play = Play::new(&classes, seed).play(Capacity::Unlimited, true)?;
        prop_assert_eq!(play.total.late, play.total.late_by_estimate);
    }
}
