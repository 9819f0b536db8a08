//! Model-predictive control: a linear program over the coming day, solved anew in every period; its first period is done.
//!
//! In: what is known now, and a forecast made from it. Out: an action.
//! Always: the model is that of the oracle, so that the two differ by what they know; lateness and import beyond the limit
//! cost and are never forbidden, so that there is always a plan; where a solver fails, or nothing is known to forecast
//! from, the fast planner decides, and that is counted. Sites one by one; power caps off, nothing sold, nothing moved.
//! Not here: the model (`planning/dispatch_model/`), its solvers (`planning/solver/`).

use super::planner::{ENDS, FORECAST, Planner, PlannerOptions, run_share};
use super::rival::{OptionSpec, RivalPolicy, first_fault};
use crate::planning::solver::{InteriorPoint, Limits, Simplex, Solver};
use crate::planning::{
    BatteryHorizon, ClassHorizon, DispatchModel, ForecastChoice, JobPlan, Outlook, OutlookOptions, PeriodPlan,
    SiteHorizon, Wanted, thrifty,
};
use crate::policy::{Policy, Situation};
use flexai_env::grid::ForecastSource;
use flexai_env::site::{SiteAction, SiteView};
use flexai_env::units::PERIOD_HOURS;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// A set-point below this share of the power is the rounding of a solver.
const NO_SET_POINT: f64 = 1e-3;

/// How model-predictive control plans.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MpcOptions {
    /// Periods that are looked ahead, the present one included.
    pub horizon: usize,
    /// Where prices, carbon and sun come from.
    pub forecast: ForecastChoice,
    /// How much of the expected arrivals is counted on; 1 is what the generator brings on average.
    pub arrivals: f64,
    /// Work left at the end of the horizon costs this quantile of the forecast; without it, the mean.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub work_end_quantile: Option<f64>,
    /// Charge left at the end of the horizon is worth this quantile of the forecast; without it, the mean.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub charge_end_quantile: Option<f64>,
    /// Whether what an event pays and charges for a MWh counts as part of the price while it lasts.
    pub event_prices: bool,
    /// Who solves.
    pub solver: SolverChoice,
    /// Relative accuracy asked of an interior-point method.
    pub tolerance: f64,
    /// Whether classes that cannot be divided, because a pause loses work or is forbidden, are decided job by job as the
    /// fast planner does; else their share of the plan is rounded to whole jobs.
    pub job_by_job: bool,
    /// Share of the work expected to arrive that has slots ahead kept for it, where jobs are looked at one by one.
    pub reserve: f64,
}

/// A solver by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SolverChoice {
    /// Clarabel.
    #[default]
    InteriorPoint,
    /// microlp.
    Simplex,
}

/// Solves each site anew in every period.
pub struct Mpc {
    options: MpcOptions,
    outlook: Outlook,
    horizon: SiteHorizon,
    model: DispatchModel,
    solver: Box<dyn Solver>,
    jobs: JobPlan,
    fallback: Planner,
    decisions: u64,
    fallbacks: u64,
}

impl Default for MpcOptions {
    fn default() -> Self {
        let outlook = OutlookOptions::default();
        Self {
            horizon: outlook.horizon,
            forecast: outlook.forecast,
            arrivals: outlook.arrivals,
            work_end_quantile: outlook.work_end_quantile,
            charge_end_quantile: outlook.charge_end_quantile,
            event_prices: outlook.event_prices,
            solver: SolverChoice::default(),
            tolerance: 1e-7,
            job_by_job: true,
            reserve: PlannerOptions::default().reserve,
        }
    }
}

impl MpcOptions {
    /// What of them concerns the outlook.
    pub fn outlook(&self) -> OutlookOptions {
        OutlookOptions {
            horizon: self.horizon,
            forecast: self.forecast,
            arrivals: self.arrivals,
            work_end_quantile: self.work_end_quantile,
            charge_end_quantile: self.charge_end_quantile,
            event_prices: self.event_prices,
        }
    }

    /// Faults as `(key, message)`.
    pub fn validate(&self) -> Vec<(String, String)> {
        let mut faults = self.outlook().validate();
        if !(1e-12..=1e-2).contains(&self.tolerance) {
            faults.push(("tolerance".into(), format!("is {}, expected 1e-12 to 1e-2", self.tolerance)));
        }
        if !(0.0..=10.0).contains(&self.reserve) {
            faults.push(("reserve".into(), format!("is {}, expected 0 to 10", self.reserve)));
        }
        faults
    }
}

impl SolverChoice {
    fn make(self) -> Box<dyn Solver> {
        match self {
            Self::InteriorPoint => Box::new(InteriorPoint::default()),
            Self::Simplex => Box::new(Simplex),
        }
    }
}

impl Default for Mpc {
    fn default() -> Self {
        Self::new(MpcOptions::default())
    }
}

impl Mpc {
    /// A controller with the forecast that its options name.
    pub fn new(options: MpcOptions) -> Self {
        let outlook = Outlook::new(options.outlook());
        Self::over(options, outlook)
    }

    /// A controller with a forecast source of one's own.
    pub fn with_source(options: MpcOptions, source: Arc<dyn ForecastSource>) -> Self {
        let outlook = Outlook::with_source(options.outlook(), source);
        Self::over(options, outlook)
    }

    fn over(options: MpcOptions, outlook: Outlook) -> Self {
        let solver = options.solver.make();
        Self {
            options,
            outlook,
            horizon: SiteHorizon::default(),
            model: DispatchModel::default(),
            solver,
            jobs: JobPlan::default(),
            fallback: Planner::new(PlannerOptions::default()),
            decisions: 0,
            fallbacks: 0,
        }
    }

    /// How it plans.
    pub fn options(&self) -> &MpcOptions {
        &self.options
    }

    /// Decisions so far, and those of them that the fast planner took because there was no plan.
    pub fn decisions(&self) -> (u64, u64) {
        (self.decisions, self.fallbacks)
    }

    /// What to do at a site now.
    pub fn advise(&mut self, site: &SiteView<'_>) -> SiteAction {
        self.decisions += 1;
        match self.plan(site) {
            Some(plan) => self.action(site, &plan),
            None => {
                self.fallbacks += 1;
                self.fallback.advise(site).action()
            }
        }
    }

    /// The first period of the optimum of what lies ahead; `None` if there is none to be had.
    pub fn plan(&mut self, site: &SiteView<'_>) -> Option<PeriodPlan> {
        self.outlook.fill(site, &mut self.horizon).ok()?;
        must_is_due(&mut self.horizon);
        let sites = std::slice::from_ref(&self.horizon);
        let program = self.model.build(Wanted { sites, ..Wanted::default() });
        let limits = Limits { tolerance: self.options.tolerance, ..Limits::default() };
        let solution = self.solver.solve(program, &limits, None).ok()?;
        Some(self.model.plan(&solution.values, 0, 0))
    }

    /// The first period of a plan as an action.
    fn action(&mut self, site: &SiteView<'_>, plan: &PeriodPlan) -> SiteAction {
        let mut decision = SiteAction { battery: set_point(&self.horizon.battery, plan), ..SiteAction::default() };
        if self.options.job_by_job {
            self.jobs.solve(site, &self.horizon, &self.outlook, self.options.reserve);
        }
        for (c, run) in decision.run.iter_mut().enumerate().take(self.horizon.classes.len()) {
            let rules = &site.place().rules[c];
            let planned_mw = plan.work_mwh[c] / PERIOD_HOURS;
            let divisible = rules.interruptible && rules.checkpoint_periods == 0.0;
            let run_mw = if divisible {
                planned_mw
            } else if self.options.job_by_job {
                self.jobs.classes()[c].run_mw
            } else {
                whole_jobs(site, c, planned_mw)
            };
            *run = run_share(run_mw, site.class(c).available_mw);
        }
        decision
    }

    /// What lay ahead of the site decided last.
    pub fn horizon(&self) -> &SiteHorizon {
        &self.horizon
    }
}

/// Takes work for due as soon as it must be done: the environment runs it then, whatever is planned. What does not fit is
/// late in the plan, so that there is always one.
fn must_is_due(horizon: &mut SiteHorizon) {
    for class in &mut horizon.classes {
        let ClassHorizon { due_mwh, latest_mwh, .. } = class;
        due_mwh.iter_mut().zip(latest_mwh).for_each(|(due, latest)| *due = due.max(*latest));
    }
}

/// What the battery does in the first period of a plan, as a share of its power.
pub(super) fn set_point(battery: &BatteryHorizon, plan: &PeriodPlan) -> f64 {
    let moved = plan.charge_mwh - plan.discharge_mwh;
    let most = if moved > 0.0 { battery.charge_mwh } else { battery.discharge_mwh };
    let set_point = if most > 0.0 { (moved / most).clamp(-1.0, 1.0) } else { 0.0 };
    if set_point.abs() < NO_SET_POINT { 0.0 } else { set_point }
}

/// Power of the first so many jobs of a class that comes closest to a plan: what cannot be paused starts whole.
fn whole_jobs(site: &SiteView<'_>, class: usize, planned_mw: f64) -> f64 {
    let rules = &site.place().rules[class];
    let mut sum_mw = site.class(class).must_run_mw;
    for job in site.jobs(class).iter().filter(|job| !job.must_run) {
        let usable = job.usable_mw(rules);
        if planned_mw - sum_mw < 0.5 * usable {
            break;
        }
        sum_mw += usable;
    }
    sum_mw
}

impl RivalPolicy for Mpc {
    type Options = MpcOptions;
    const NAME: &'static str = "mpc";
    const SUMMARY: &'static str = "a linear program over the coming day, solved anew in every half-hour on a forecast";
    const OPTIONS: &'static [OptionSpec] = &[
        OptionSpec::fixed("horizon", "half-hours that are looked ahead"),
        OptionSpec::fixed("forecast", FORECAST),
        OptionSpec::fixed("arrivals", "how much of the expected arrivals is counted on"),
        OptionSpec::tuned(
            "work_end_quantile",
            "work left at the end costs this quantile of the forecast; none: its mean",
            ENDS,
        ),
        OptionSpec::tuned(
            "charge_end_quantile",
            "charge left is worth this quantile of the forecast; none: its mean",
            ENDS,
        ),
        OptionSpec::fixed("event_prices", "count what an event pays as part of the price while it lasts"),
        OptionSpec::fixed("solver", "interior_point or simplex"),
        OptionSpec::fixed("tolerance", "relative accuracy asked of an interior-point method"),
        OptionSpec::fixed("job_by_job", "decide jobs that cannot be divided one by one, as the planner does"),
        OptionSpec::fixed("reserve", "capacity kept for work to come where jobs are looked at one by one"),
    ];
    const SLOW: bool = true;

    fn new(options: MpcOptions) -> Self {
        Mpc::new(options)
    }

    fn fault(options: &MpcOptions) -> Option<String> {
        first_fault(options.validate())
    }

    fn sees_the_future(options: &MpcOptions) -> bool {
        options.forecast == ForecastChoice::Perfect
    }
}

impl Policy for Mpc {
    fn name(&self) -> &str {
        Self::NAME
    }

    fn decide(&mut self, situation: &Situation<'_>, action: &mut [f32]) {
        let fleet = situation.site.expect("rivals of the site are only offered for site environments");
        fleet.decide_each(action, |site| thrifty(site, self.advise(site)));
    }
}
