//! Looks on while a week is played: half-hours for pictures, jobs by class, marginal emissions, the end.
//!
//! In: the site before the first decision and after every period. Out: a [`Seen`].
//! Always: nothing here changes what is played. At the end the charge lies within its limits, and what is left over is in
//! the settlement, which is part of J: both are asserted for every policy and week.
//! Not here: money (the ledger keeps it).

use super::trace::StepTrace;
use flexai_env::grid::{PERIODS_PER_DAY, marginal_intensity, wind_share};
use flexai_env::site::{FlexFleet, Place, SiteSetup, SiteState};
use flexai_env::units::PERIOD_HOURS;
use flexai_env::workload::Job;
use serde::{Deserialize, Serialize};

/// Hours of lateness charged for work that is late and undone at the end of a scored week.
const LEFT_LATE_HOURS: f64 = 12.0;
/// Rounding of sums over a week, relative.
const ROUNDING: f64 = 1e-6;

/// The jobs of a class in a week.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct ClassCount {
    /// Finished by their deadline.
    pub jobs_in_time: u32,
    /// Finished late, or left over late.
    pub jobs_late: u32,
    /// Work past its deadline, times the hours that it was: what lateness is charged for, without that of the end.
    pub late_mwh_hours: f64,
}

/// What was seen of a week.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Seen {
    /// Half-hour by half-hour, all sites together.
    #[serde(with = "super::columns")]
    pub steps: Vec<StepTrace>,
    /// The job classes, in the order of the scenario.
    pub classes: Vec<ClassCount>,
    /// Emissions at the marginal intensity, with those of what is left over; `None` where wind or demand is unknown.
    pub carbon_marginal_t: Option<f64>,
}

/// Jobs of a class at the start of a period, wherever they are.
#[derive(Debug, Clone, Copy, Default)]
struct Alive {
    jobs: u32,
    late: u32,
}

/// A spectator of one week.
pub(super) struct Watch {
    alive: Vec<Alive>,
    initial_mwh: Vec<f64>,
    marginal_kg: f64,
    seen: Seen,
}

impl Watch {
    pub(super) fn new(setup: &SiteSetup, periods: usize) -> Self {
        let classes = setup.config.workload.classes.len();
        let steps = Vec::with_capacity(periods);
        let seen = Seen { steps, classes: vec![ClassCount::default(); classes], carbon_marginal_t: None };
        Self { alive: vec![Alive::default(); classes], initial_mwh: Vec::new(), marginal_kg: 0.0, seen }
    }

    /// Takes in the site before the first decision, and after every period.
    pub(super) fn see(&mut self, site: &FlexFleet) {
        let t = site.episode().t;
        if t == 0 {
            self.initial_mwh = site.episode().sites.iter().map(|s| s.stored.0).collect();
        } else {
            self.see_period(site, t);
        }
        for (class, alive) in self.alive.iter_mut().enumerate() {
            *alive = Alive::of(site, class, t as i32, t as i32);
        }
        if site.episode().is_over() {
            self.see_end(site);
        }
    }

    pub(super) fn done(self) -> Seen {
        self.seen
    }

    fn see_period(&mut self, site: &FlexFleet, t: usize) {
        let stored_mwh = site.episode().sites.iter().map(|s| s.stored.0).sum();
        self.seen.steps.push(StepTrace::of(site.last_account(), stored_mwh));
        let played = t as i32 - 1;
        for (class, (count, before)) in self.seen.classes.iter_mut().zip(&self.alive).enumerate() {
            let after = Alive::of(site, class, played, played);
            let (gone, late) = (before.jobs.saturating_sub(after.jobs), before.late.saturating_sub(after.late));
            count.jobs_late += late;
            count.jobs_in_time += gone.saturating_sub(late);
            let past = |job: &&Job| job.deadline <= t as i32;
            let late_mwh: f64 = jobs(site, class).filter(past).map(Job::left_mwh).sum();
            count.late_mwh_hours += late_mwh * PERIOD_HOURS;
        }
        let at = site.episode().at() - 1;
        let import = site.imports_mwh().iter().zip(site.setup().places());
        self.marginal_kg += import.map(|(mwh, place)| mwh * marginal(site.setup(), place, at)).sum::<f64>();
    }

    fn see_end(&mut self, site: &FlexFleet) {
        let (setup, end) = (site.setup(), site.episode().at());
        let periods = site.episode().t as i32;
        for (class, count) in self.seen.classes.iter_mut().enumerate() {
            let left = site.episode().sites.iter().flat_map(|s| s.jobs.jobs(class));
            count.jobs_late += left.filter(|job| job.deadline <= periods).count() as u32;
        }
        let mut settlement_gbp = 0.0;
        for ((place, state), initial) in setup.places().iter().zip(&site.episode().sites).zip(&self.initial_mwh) {
            let (stored, most) = (state.stored.0, place.config.battery.capacity_mwh);
            assert!(
                stored >= -ROUNDING && stored <= most + ROUNDING,
                "a battery ends with {stored} MWh, which is not within 0 .. {most}"
            );
            let left_mwh = left_over_mwh(place, state, *initial);
            let late = state.jobs.late(periods).0 * LEFT_LATE_HOURS * place.config.lateness_gbp_per_mwh_hour;
            settlement_gbp += left_mwh * place.settlement_price(end) + late;
            let from = if place.settles_on_following_day(end) { end } else { end - PERIODS_PER_DAY };
            let mean = (from..from + PERIODS_PER_DAY).map(|at| marginal(setup, place, at)).sum::<f64>();
            self.marginal_kg += left_mwh * mean / PERIODS_PER_DAY as f64;
        }
        let stated = site.ledger().total.settlement_gbp;
        assert!(
            (stated - settlement_gbp).abs() <= ROUNDING * (1.0 + settlement_gbp.abs()),
            "what is left over comes to {settlement_gbp} GBP, but J holds {stated}"
        );
        self.seen.carbon_marginal_t = Some(self.marginal_kg / 1000.0).filter(|t| t.is_finite());
    }
}

impl Alive {
    /// Jobs released by a period, and those of them that are due by another.
    fn of(site: &FlexFleet, class: usize, released: i32, due: i32) -> Self {
        let known = jobs(site, class).filter(|job| job.release <= released);
        known.fold(Self::default(), |sum, job| Self {
            jobs: sum.jobs + 1,
            late: sum.late + u32::from(job.deadline <= due),
        })
    }
}

/// The jobs of a class, at a site or between two.
fn jobs(site: &FlexFleet, class: usize) -> impl Iterator<Item = &Job> {
    site.episode().sites.iter().flat_map(move |state| {
        let inbound = state.inbound.iter().map(|transfer| &transfer.job);
        state.jobs.jobs(class).iter().chain(inbound.filter(move |job| usize::from(job.class) == class))
    })
}

/// Marginal carbon intensity at a site, g/kWh, which is kg/MWh; NaN where it is unknown.
fn marginal(setup: &SiteSetup, place: &Place, at: usize) -> f64 {
    marginal_intensity(place.config.region, wind_share(&setup.trace, at).unwrap_or(f64::NAN))
}

/// Import that work left over and missing charge will need, less what surplus charge will spare.
fn left_over_mwh(place: &Place, state: &SiteState, initial_mwh: f64) -> f64 {
    let (battery, surplus) = (&place.config.battery, state.stored.0 - initial_mwh);
    let efficiency = if surplus < 0.0 { battery.charge_efficiency.recip() } else { battery.discharge_efficiency };
    state.queued().0 * place.config.pue - surplus * efficiency
}
