//! What an evaluation says: the document that `evaluate --json` prints.
//!
//! Always: pounds, tonnes and MWh are sums over the weeks, averaged over job seeds; intervals are paired bootstraps over
//! weeks. Bill, energy part and emissions include what a week leaves over, as J does, so that none is saved by leaving it.
//! Keys are added, never renamed. Not here: how the numbers are made (`summary.rs`, `against.rs`).

use super::parts::CostParts;
use serde::{Deserialize, Serialize};

/// A whole evaluation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// Name of the scenario.
    pub scenario: String,
    /// SHA-256 of the scenario and of the files that it names.
    pub scenario_digest: String,
    /// Name of the grid table.
    pub grid: String,
    /// SHA-256 of its values.
    pub grid_digest: String,
    /// SHA-256 of the program.
    pub code_digest: String,
    /// Whether the grid is real or synthetic.
    pub grid_kind: String,
    /// The split of the calendar, or `dates`.
    pub split: String,
    /// First period asked for.
    pub from: String,
    /// End of the range, exclusive.
    pub to: String,
    /// Forecast that observations, planners and rivals rested on; null where an older version did not say.
    #[serde(default)]
    pub forecast: Option<String>,
    /// What in the figures is simulated or counterfactual.
    pub labels: Vec<String>,
    /// Weeks played.
    pub weeks: usize,
    /// Job seeds per week.
    pub seeds: usize,
    /// The job seeds, in decimal: more digits than a number of JSON is sure to keep.
    pub job_seeds: Vec<String>,
    /// Weeks left out, with reasons.
    pub skipped_weeks: Vec<String>,
    /// Number of sites, whose energies stand together in the half-hours; null where an older version did not say.
    #[serde(default)]
    pub sites: Option<usize>,
    /// Full charge of all batteries, MWh.
    #[serde(default)]
    pub battery_mwh: Option<f64>,
    /// Largest export of all sites, MW; 0 where none is allowed.
    #[serde(default)]
    pub export_limit_mw: Option<f64>,
    /// Weeks whose leftovers are settled at the prices of their own last day, because those of the day after are not all
    /// in the table: it ends there, or has a hole.
    pub settled_on_last_day: Vec<String>,
    /// Perfect foresight on the same weeks; null if it was not asked for.
    pub oracle: Option<OracleReport>,
    /// The players.
    pub policies: Vec<PolicyReport>,
}

/// What nobody can beat.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OracleReport {
    /// `optimum` if a schedule reaches the number in every week, `bound` if J is known not to be below it.
    pub kind: String,
    /// What solved it.
    pub solver: String,
    /// Sum over the weeks, averaged over job seeds.
    pub total_gbp: f64,
    /// Week by week, seed by seed.
    pub per_week: Vec<OracleWeek>,
}

/// Perfect foresight in one week with one job seed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OracleWeek {
    /// Monday.
    pub week: String,
    /// Position of the job seed.
    pub seed: usize,
    /// No J is below it.
    pub bound_gbp: f64,
}

/// A number with its 95 % interval.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Interval {
    /// Of the data as it is.
    pub value: f64,
    /// Lower end.
    pub lo: f64,
    /// Upper end.
    pub hi: f64,
}

/// One policy against another, paired by week and seed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Versus {
    /// The other policy, trained or not.
    pub rival: String,
    /// Pounds of J saved per week against it.
    pub saving_gbp_per_week: Interval,
    /// Chance of being cheaper on a week and seed drawn at random.
    pub probability_of_improvement: Interval,
}

/// Share of the gap between FIFO and perfect foresight, as fractions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GapReport {
    /// Sum of gains over sum of gains of perfect foresight.
    pub pooled: f64,
    /// Lower end of its 95 % interval.
    pub pooled_lo: f64,
    /// Upper end.
    pub pooled_hi: f64,
    /// Mean of the middle half of the weekly ratios.
    pub iqm: f64,
    /// Lower end of its 95 % interval.
    pub lo: f64,
    /// Upper end.
    pub hi: f64,
    /// By how much the runs miss perfect foresight on average, those above it counted as reaching it.
    pub optimality_gap: Interval,
    /// Runs without a ratio, because perfect foresight gains nothing there.
    pub runs_without_gap: usize,
    /// Share of runs that reach each share of the gap.
    pub profile: Vec<ProfilePoint>,
}

/// One point of a performance profile.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ProfilePoint {
    /// Share of the gap.
    pub tau: f64,
    /// Share of the runs that capture at least that.
    pub share: f64,
    /// Lower end of its 95 % interval.
    pub lo: f64,
    /// Upper end.
    pub hi: f64,
}

/// One policy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PolicyReport {
    /// Name in tables.
    pub name: String,
    /// `network` or `rival`.
    pub kind: String,
    /// What tells it from every policy that decides differently.
    pub identity: String,
    /// Share of the gap between FIFO and perfect foresight; null without it, as at the end of training, which does not ask.
    pub gap_captured: Option<GapReport>,
    /// J: everything the score counts, carbon price included.
    pub cost_gbp: f64,
    /// The terms of J.
    pub cost_parts: CostParts,
    /// What is paid, without the carbon price.
    pub bill_gbp: f64,
    /// Bill per MWh of IT energy.
    pub cost_per_mwh_it_gbp: f64,
    /// The part of the bill that follows the price index.
    pub energy_cost_gbp: f64,
    /// Emissions, location-based average.
    pub carbon_t: f64,
    /// Emissions at the marginal intensity, a sensitivity; null where wind or demand is unknown.
    pub carbon_marginal_t: Option<f64>,
    /// Saving of J against FIFO, as a share of FIFO's J.
    pub cost_saving_pct: f64,
    /// The same with its interval.
    pub cost_saving_pct_interval: Interval,
    /// Saving of the bill against FIFO.
    pub bill_saving_pct: f64,
    /// The same with its interval.
    pub bill_saving_pct_interval: Interval,
    /// Saving of the energy part against FIFO, as a share of FIFO's energy part.
    pub energy_saving_pct: f64,
    /// The same with its interval.
    pub energy_saving_pct_interval: Interval,
    /// Saving of emissions against FIFO.
    pub carbon_saving_pct: f64,
    /// The same with its interval.
    pub carbon_saving_pct_interval: Interval,
    /// Saving of marginal emissions against FIFO.
    pub carbon_marginal_saving_pct: Option<f64>,
    /// Bill per million interactive inferences: they bear their share of the IT energy.
    pub gbp_per_million_inferences: f64,
    /// Emissions per million interactive inferences, kg of CO2, by the same share.
    pub kgco2_per_million_inferences: f64,
    /// Share of jobs that ended in the week and met their deadline; null where no job ended.
    pub deadlines_met_pct: Option<f64>,
    /// The job classes.
    pub classes: Vec<ClassReport>,
    /// IT energy moved in time against FIFO.
    pub shifted_mwh: f64,
    /// IT energy run above its class's carbon threshold.
    pub threshold_breach_mwh: f64,
    /// Half-hours in which a site drew more than its import limit, or than the cap that the grid asked for.
    pub import_breaches: f64,
    /// What was drawn beyond it.
    pub import_breach_mwh: f64,
    /// Turn-down delivered and rewarded, MWh; null where an older version did not say.
    #[serde(default)]
    pub flex_delivered_mwh: Option<f64>,
    /// Revenue of flexibility sold and of events delivered, less penalties and fees.
    pub flex_revenue_gbp: f64,
    /// Battery wear, pounds.
    pub wear_gbp: f64,
    /// Full cycles of the battery per week.
    pub battery_cycles: f64,
    /// Largest import.
    pub peak_import_mw: f64,
    /// Time per decision; a figure of the machine.
    pub decision_ms: DecisionTime,
    /// Paired comparison with each of the others.
    pub versus: Vec<Versus>,
    /// Week by week, seed by seed.
    pub per_week: Vec<WeekReport>,
}

/// One job class.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClassReport {
    /// Name in the scenario.
    pub name: String,
    /// Jobs finished by their deadline.
    pub jobs_in_time: f64,
    /// Jobs finished late, or left over late.
    pub jobs_late: f64,
    /// Share that met their deadline; null where no job ended.
    pub deadlines_met_pct: Option<f64>,
    /// Work past its deadline, times the hours that it was.
    pub late_mwh_hours: f64,
}

/// Milliseconds per decision.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct DecisionTime {
    /// Median, by the clock on the wall.
    pub p50: f64,
    /// 99th percentile, by the clock on the wall.
    pub p99: f64,
    /// Mean CPU time.
    pub cpu_mean: f64,
}

/// One week with one job seed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WeekReport {
    /// Monday.
    pub week: String,
    /// Position of the job seed.
    pub seed: usize,
    /// J.
    pub cost_gbp: f64,
    /// FIFO's J on the same week and jobs.
    pub fifo_cost_gbp: f64,
    /// Share of the gap captured; null without a gap.
    pub gap_captured: Option<f64>,
    /// Bill.
    pub bill_gbp: f64,
    /// Emissions.
    pub carbon_t: f64,
    /// What was left over at the end of the week, settled.
    pub settlement_gbp: f64,
    /// Jobs that ended late or were left over late.
    pub jobs_late: f64,
}

impl Evaluation {
    /// A policy by name.
    pub fn policy(&self, name: &str) -> Option<&PolicyReport> {
        self.policies.iter().find(|policy| policy.name == name)
    }
}
