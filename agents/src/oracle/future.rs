//! A window as the dispatch model sees it, known from end to end.
//!
//! In: a scenario and a window. Out: horizons, pools and extras of all sites, and what is paid whatever is done.
//! Always: what any policy can do in the environment keeps the curves made here. Work is what it truly is, whatever was
//! estimated; a job that ends after the window is never late in it.
//! Not here: what flexibility earns (`flex.rs`).

use super::flex::earnings;
use super::groups::job_groups;
use crate::planning::{BatteryHorizon, ClassHorizon, EndValue, JobGroups, Pool, SiteExtras, SiteHorizon};
use flexai_env::battery::{BatteryHealth, kept};
use flexai_env::site::{EpisodeEnd, LEFT_LATE_HOURS, Place, SiteCourse, SiteSetup, WindowChoice, courses};
use flexai_env::units::{MegawattHours, Megawatts, PERIOD_HOURS};
use flexai_env::workload::{ClassRules, Job, PowerCurve};

/// Everything that a window brings.
#[derive(Debug, Clone, PartialEq)]
pub struct Future {
    /// The sites.
    pub sites: Vec<SiteHorizon>,
    /// Work that may be done at several of them.
    pub pools: Vec<Pool>,
    /// Jobs of classes that are looked at job by job.
    pub groups: Vec<JobGroups>,
    /// By site.
    pub extras: Vec<SiteExtras>,
    /// Paid whatever is done: positions bought ahead, and work that cannot be done within the window.
    pub fixed_gbp: f64,
    /// Pounds that are added up, for their rounding.
    pub(super) size_gbp: f64,
    /// Whether the model without jobs is the environment itself, but for choices.
    pub(super) exact: bool,
    /// Whether some choice needs an integer.
    pub(super) has_choices: bool,
}

/// Collects the future of a window.
///
/// Jobs are looked at one by one in classes that need no more than `detail` columns for it; the others are queues.
pub fn future(setup: &SiteSetup, window: WindowChoice, detail: usize) -> Future {
    let courses = courses(setup, window);
    let seen = Seen { setup, window };
    let places = setup.places();
    let mut sites: Vec<SiteHorizon> =
        places.iter().zip(&courses).map(|(place, course)| seen.horizon(place, course)).collect();
    let moves = |c: usize| places.len() > 1 && places[0].config.workload.classes[c].migratable;
    let pooled = (0..places[0].rules.len()).filter(|c| moves(*c));
    let pools: Vec<Pool> = pooled.map(|c| seen.pool(c, &courses)).collect();
    let mut groups = Vec::new();
    for (i, (place, course)) in places.iter().zip(&courses).enumerate() {
        for c in (0..place.rules.len()).filter(|c| !moves(*c)) {
            groups.extend(job_groups(&place.rules[c], c, i, course, window.periods, detail));
        }
    }
    let mut fixed_gbp = 0.0;
    for (site, place) in sites.iter().zip(places) {
        fixed_gbp += (0..window.periods).map(|t| place.fixed_gbp(window.start + t)).sum::<f64>();
        debug_assert_eq!(site.classes.len(), place.rules.len());
    }
    let grouped = |i: usize, c: usize| groups.iter().any(|groups: &JobGroups| groups.site == i && groups.class == c);
    for c in 0..places[0].rules.len() {
        let cheapest = sites.iter().map(|site| site.end.work_gbp_per_mwh).fold(f64::INFINITY, f64::min);
        for (i, course) in courses.iter().enumerate() {
            let price = if moves(c) { cheapest } else { sites[i].end.work_gbp_per_mwh };
            let class = (!grouped(i, c)).then(|| &sites[i].classes[c]);
            fixed_gbp += price * seen.cannot_be_done(&places[i].rules[c], c, course, class, price);
        }
    }
    let extras: Vec<SiteExtras> = (0..places.len()).map(|i| seen.extras(i, &courses, &sites[i])).collect();
    let worthless = |site: &SiteHorizon| {
        site.price.iter().any(|price| *price < 0.0)
            || (site.export_limit_mw > 0.0 && site.export_price.iter().any(|price| *price < 0.0))
    };
    let has_choices = sites.iter().any(worthless) || extras.iter().any(|extra| !extra.earnings.is_empty());
    let config = &setup.config;
    let plain = places.len() == 1 && config.workload.classes.is_empty() && !config.has_flex();
    let controls = config.controls.discrete_levels == 0 && !config.controls.power_cap;
    let battery = !extras[0].loses_charge && config.battery.min_charge == 0.0 && sites[0].export_limit_mw == 0.0;
    let exports = sites[0].battery.exports || sites[0].export_limit_mw == 0.0;
    let exact = plain && controls && (battery || (exports && config.battery.min_charge == 0.0));
    let size_gbp = sites.iter().map(gross_gbp).sum();
    for site in &mut sites {
        // What rounding serves on top of a period's power must not be seen as too much.
        site.it_capacity_mw += 1e-9 * site.it_capacity_mw;
    }
    Future { sites, pools, groups, extras, fixed_gbp, size_gbp, exact, has_choices }
}

/// What everything would cost at once, for the size of rounding.
fn gross_gbp(site: &SiteHorizon) -> f64 {
    let most = site.it_capacity_mw * site.pue * PERIOD_HOURS;
    site.price.iter().map(|price| price.abs() * most).sum()
}

struct Seen<'a> {
    setup: &'a SiteSetup,
    window: WindowChoice,
}

impl Seen<'_> {
    fn horizon(&self, place: &Place, course: &SiteCourse) -> SiteHorizon {
        let periods = self.window.start..self.window.start + self.window.periods;
        let each = |of: &dyn Fn(usize) -> f64| periods.clone().map(of).collect::<Vec<f64>>();
        let config = &place.config;
        let initial = initial_stored(place);
        SiteHorizon {
            price: each(&|at| place.full_price(at)),
            export_price: each(&|at| place.export_price(at)),
            interactive_mw: course.least_interactive_mw.clone(),
            solar_mw: each(&|at| place.solar_mw(at)),
            import_limit_mw: each(&|at| self.import_limit_mw(place, at)),
            export_limit_mw: place.export_limit().value(),
            it_capacity_mw: config.it_capacity_mw,
            pue: config.pue,
            lateness_gbp_per_mwh_hour: config.lateness_gbp_per_mwh_hour,
            battery: battery(place, initial),
            classes: (0..place.rules.len()).map(|c| self.class(place, course, c, true)).collect(),
            end: self.end(place, initial),
        }
    }

    /// What may be drawn from the grid: the connection, or less where the grid asks for it.
    fn import_limit_mw(&self, place: &Place, at: usize) -> f64 {
        let connection = Megawatts(place.config.import_limit_mw);
        let event = self.setup.events().active_at(self.setup.trace.period(at));
        event.and_then(|event| event.import_cap(connection)).unwrap_or(connection).value()
    }

    fn end(&self, place: &Place, initial: f64) -> EndValue {
        if self.window.end == EpisodeEnd::Bootstrap {
            return EndValue { reference_mwh: initial, ..EndValue::default() };
        }
        let price = place.settlement_price(self.window.start + self.window.periods);
        EndValue {
            work_gbp_per_mwh: price * place.config.pue,
            reference_mwh: initial,
            missing_gbp_per_mwh: price / place.config.battery.charge_efficiency,
            surplus_gbp_per_mwh: price * place.config.battery.discharge_efficiency,
            late_gbp_per_mwh: LEFT_LATE_HOURS * place.config.lateness_gbp_per_mwh_hour,
        }
    }

    /// The curves of a class.
    fn class(&self, place: &Place, course: &SiteCourse, c: usize, gates: bool) -> ClassHorizon {
        let n = self.window.periods;
        let rules = &place.rules[c];
        let mut curves = Curves::new(n);
        let initial = course.initial_jobs.jobs(c).iter();
        let arriving = course.jobs.iter().filter(|job| usize::from(job.class) == c);
        let is_gated = |t: usize| gates && course.gated[t] & (1 << c) != 0;
        for job in initial.chain(arriving) {
            curves.add(job, rules, &is_gated);
        }
        let gated = (0..n).map(is_gated).collect();
        ClassHorizon { least_energy_per_work: rules.power_curve.least_energy_per_work(), gated, ..curves.finish() }
    }

    /// A class that may be done at several sites. No gate holds it: its jobs could be where there is none.
    fn pool(&self, c: usize, courses: &[SiteCourse]) -> Pool {
        let places = self.setup.places();
        let mut all: Option<ClassHorizon> = None;
        for (place, course) in places.iter().zip(courses) {
            let own = self.class(place, course, c, false);
            match &mut all {
                None => all = Some(own),
                Some(all) => join(all, &own),
            }
        }
        let may_hold = |place: &Place| {
            let residency = &place.config.workload.classes[c].residency;
            residency.is_empty() || residency.contains(&place.config.region)
        };
        Pool { class: c, work: all.unwrap_or_default(), may_hold: places.iter().map(may_hold).collect() }
    }

    /// Work of a queue that does not fit into the window however early it runs, MWh; all of the class's where a pause can bring work
    /// back and leaving it over earns money.
    fn cannot_be_done(
        &self,
        rules: &ClassRules,
        c: usize,
        course: &SiteCourse,
        class: Option<&ClassHorizon>,
        price: f64,
    ) -> f64 {
        let jobs = course.jobs.iter().filter(|job| usize::from(job.class) == c);
        let all: f64 = course.initial_jobs.jobs(c).iter().chain(jobs.clone()).map(Job::left_mwh).sum();
        let brought_back: f64 = if price < 0.0 && rules.checkpoint_periods > 0.0 {
            course.initial_jobs.jobs(c).iter().chain(jobs).map(Job::work_mwh).sum()
        } else {
            0.0
        };
        class.map_or(0.0, |class| all - class.earliest_mwh.last().copied().unwrap_or(0.0)) + brought_back
    }

    fn extras(&self, i: usize, courses: &[SiteCourse], site: &SiteHorizon) -> SiteExtras {
        let place = &self.setup.places()[i];
        let wastes = |rules: &ClassRules| rules.checkpoint_periods > 0.0 || rules.power_curve != PowerCurve::Linear;
        let wasteful = place.rules.iter().any(wastes);
        let transfer = self.transfers_gb(courses);
        let per_gb = place.config.migration.energy_kwh_per_gb / 1000.0;
        let spare_mwh: Vec<f64> = (0..self.window.periods)
            .map(|t| {
                let least = courses[i].least_interactive_mw[t];
                let most = if wasteful { site.it_capacity_mw } else { courses[i].interactive_mw[t] };
                ((most - least).max(0.0) * PERIOD_HOURS + transfer.get(t).map_or(0.0, |gb| gb * per_gb)) * site.pue
            })
            .collect();
        let some = spare_mwh.iter().any(|spare| *spare > 0.0);
        SiteExtras {
            spare_mwh: if some { spare_mwh } else { Vec::new() },
            loses_charge: place.config.battery.fade.shrinks_capacity,
            earnings: earnings(self.setup, self.window, place, &courses[i]),
        }
    }

    /// Data of all jobs that could be sent in a period; a job moves once in a period at most, and never past its deadline.
    fn transfers_gb(&self, courses: &[SiteCourse]) -> Vec<f64> {
        let places = self.setup.places();
        if places.len() == 1 {
            return Vec::new();
        }
        let mut gb = vec![0.0; self.window.periods];
        for (place, course) in places.iter().zip(courses) {
            let classes = &place.config.workload.classes;
            let initial = (0..classes.len()).flat_map(|c| course.initial_jobs.jobs(c));
            for job in initial.chain(&course.jobs).filter(|job| classes[usize::from(job.class)].migratable) {
                let from = job.release.max(0) as usize;
                let until = (job.deadline.max(0) as usize).min(gb.len());
                gb.iter_mut()
                    .take(until)
                    .skip(from)
                    .for_each(|sum| *sum += classes[usize::from(job.class)].data_gb_median);
            }
        }
        gb
    }
}

/// Whether a job can have to run in a period before its deadline, although a gate would hold it: in its last periods, or
/// because it may not be paused.
pub(super) fn may_have_to_run(job: &Job, rules: &ClassRules, t: i32) -> bool {
    let expected = job.work_periods.max(job.estimate_periods).max(1.0) + rules.checkpoint_periods;
    !rules.interruptible || f64::from(job.deadline - t) - 1.0 < expected
}

/// Adds the curves of a class at another site.
fn join(all: &mut ClassHorizon, own: &ClassHorizon) {
    let add = |sum: &mut Vec<f64>, own: &[f64]| sum.iter_mut().zip(own).for_each(|(sum, x)| *sum += x);
    add(&mut all.earliest_mwh, &own.earliest_mwh);
    add(&mut all.latest_mwh, &own.latest_mwh);
    add(&mut all.due_mwh, &own.due_mwh);
    add(&mut all.most_mw, &own.most_mw);
    all.tail_periods = all.tail_periods.max(own.tail_periods);
    all.least_energy_per_work = all.least_energy_per_work.min(own.least_energy_per_work);
}

/// Energy in the battery at the start of an episode: no more than one that has aged before can hold.
fn initial_stored(place: &Place) -> f64 {
    let battery = &place.config.battery;
    battery.initial_stored().min(BatteryHealth::new(battery).capacity(battery)).value()
}

fn battery(place: &Place, initial: f64) -> BatteryHorizon {
    let config = &place.config.battery;
    let capacity = BatteryHealth::new(config).capacity(config).value();
    // The reserve shrinks with the capacity, nobody knows how far: none is the safe side.
    let reserve = if config.fade.shrinks_capacity { 0.0 } else { capacity * config.min_charge };
    BatteryHorizon {
        stored_mwh: initial,
        initial_mwh: initial,
        capacity_mwh: capacity,
        reserve_mwh: reserve,
        charge_mwh: config.charge_power().over_period().value(),
        discharge_mwh: config.discharge_power().over_period().value(),
        charge_efficiency: config.charge_efficiency,
        discharge_efficiency: config.discharge_efficiency,
        kept_per_period: kept(config, MegawattHours(1.0)).value(),
        wear_gbp_per_mwh: config.wear_gbp_per_mwh,
        exports: config.export_allowed,
    }
}

/// Sums of the curves of jobs, as their changes from period to period.
struct Curves {
    earliest: Vec<f64>,
    latest: Vec<f64>,
    due: Vec<f64>,
    most: Vec<f64>,
    tail: usize,
}

impl Curves {
    fn new(n: usize) -> Self {
        Self { earliest: vec![0.0; n], latest: vec![0.0; n], due: vec![0.0; n], most: vec![0.0; n], tail: 0 }
    }

    fn add(&mut self, job: &Job, rules: &ClassRules, is_gated: &dyn Fn(usize) -> bool) {
        let n = self.earliest.len() as i32;
        let mwh = job.power_mw * PERIOD_HOURS;
        let (left, release) = (job.left_periods, job.release.max(0));
        let mut done = 0.0;
        for t in release..n {
            let step = (left - done).min(1.0);
            if step <= 0.0 {
                break;
            }
            self.earliest[t as usize] += step * mwh;
            done += step;
        }
        for t in release..job.deadline.min(n) {
            if !is_gated(t as usize) || may_have_to_run(job, rules, t) {
                self.most[t as usize] += job.power_mw * left.min(1.0);
            }
        }
        if job.deadline <= 0 {
            // Late before the first period; the model knows of late work only what the periods before one left.
            self.most[0] += job.power_mw * left.min(1.0);
        }
        if job.deadline > n {
            return;
        }
        self.due[(job.deadline - 1).max(0) as usize] += job.left_mwh();
        let short = |t: i32| (left - f64::from((job.deadline - 1 - t).max(0))).max(0.0);
        let mut before = 0.0;
        let first = (f64::from(job.deadline - 1) - left.ceil()).max(0.0) as i32;
        for t in first..job.deadline.max(1) {
            self.latest[t as usize] += (short(t) - before) * mwh;
            before = short(t);
        }
        self.tail = self.tail.max((left.ceil() as usize).max(1));
    }

    fn finish(self) -> ClassHorizon {
        let summed = |mut changes: Vec<f64>| {
            let mut sum = 0.0;
            for change in &mut changes {
                sum += *change;
                *change = sum;
            }
            changes
        };
        ClassHorizon {
            earliest_mwh: summed(self.earliest),
            latest_mwh: summed(self.latest),
            due_mwh: summed(self.due),
            most_mw: self.most,
            tail_periods: self.tail.max(1),
            ..ClassHorizon::default()
        }
    }
}
