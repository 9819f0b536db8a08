//! The numbers of an evaluation, as `evaluate --json` prints them.
//!
//! In: outcomes per policy, week and seed. Out: totals in natural units, savings against FIFO, paired comparisons.
//! Always: pounds, tonnes and MWh are sums over the weeks, averaged over job seeds; intervals are paired bootstraps over
//! weeks. Bill, energy part and emissions include what a week leaves over, as J does, so that none is saved by leaving it.
//! `gap_captured` stays null until a perfect-foresight optimum has been computed for the same weeks.

use super::parts::CostParts;
use super::plan::EvaluationPlan;
use super::play::{PlayedWeek, play_policies};
use crate::stats::{Bootstrap, Estimate, Scores, StatsError, compare_paired};
use flexai_agents::policy::PolicySource;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A whole evaluation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// Name of the scenario.
    pub scenario: String,
    /// Name of the grid table.
    pub grid: String,
    /// Whether the grid is real or synthetic.
    pub grid_kind: String,
    /// First period asked for.
    pub from: String,
    /// End of the range, exclusive.
    pub to: String,
    /// What in the figures is simulated or counterfactual.
    #[serde(default)]
    pub labels: Vec<String>,
    /// Weeks played.
    pub weeks: usize,
    /// Job seeds per week.
    pub seeds: usize,
    /// Weeks left out, with reasons.
    pub skipped_weeks: Vec<String>,
    /// Weeks whose leftovers are settled on their own last day, because the table ends with them.
    pub settled_on_last_day: Vec<String>,
    /// The players.
    pub policies: Vec<PolicyReport>,
}

/// A number with its 95 % interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
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
    /// The other policy.
    pub rival: String,
    /// Pounds of J saved per week against it.
    pub saving_gbp_per_week: Interval,
    /// Chance of being cheaper on a week and seed drawn at random.
    pub probability_of_improvement: Interval,
}

/// One policy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PolicyReport {
    /// Name in tables.
    pub name: String,
    /// `network` or `rival`.
    pub kind: String,
    /// Share of the gap between FIFO and the optimum; null without an optimum.
    pub gap_captured: Option<Value>,
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
    /// Saving of J against FIFO, as a share of FIFO's J.
    pub cost_saving_pct: f64,
    /// The same with its interval.
    pub cost_saving_pct_interval: Interval,
    /// Saving of the bill against FIFO.
    pub bill_saving_pct: f64,
    /// Saving of the energy part against FIFO, as a share of FIFO's energy part.
    pub energy_saving_pct: f64,
    /// Saving of emissions against FIFO.
    pub carbon_saving_pct: f64,
    /// Bill per million interactive inferences: they bear their share of the IT energy.
    pub gbp_per_million_inferences: f64,
    /// Emissions per million interactive inferences, kg of CO2, by the same share.
    pub kgco2_per_million_inferences: f64,
    /// Share of jobs that ended in the week and met their deadline; null where no job ended.
    pub deadlines_met_pct: Option<f64>,
    /// IT energy moved in time against FIFO.
    pub shifted_mwh: f64,
    /// IT energy run above its class's carbon threshold.
    pub threshold_breach_mwh: f64,
    /// Half-hours in which a site drew more than its import limit, or than the cap that the grid asked for.
    #[serde(default)]
    pub import_breaches: f64,
    /// What was drawn beyond it.
    #[serde(default)]
    pub import_breach_mwh: f64,
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
    /// Paired comparison with each rival.
    pub versus: Vec<Versus>,
    /// Week by week, seed by seed.
    pub per_week: Vec<WeekReport>,
}

/// Milliseconds per decision.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct DecisionTime {
    /// Median.
    pub p50: f64,
    /// 99th percentile.
    pub p99: f64,
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
    /// Bill.
    pub bill_gbp: f64,
    /// Emissions.
    pub carbon_t: f64,
    /// What was left over at the end of the week, settled.
    pub settlement_gbp: f64,
    /// Jobs that ended late or were left over late.
    pub jobs_late: f64,
}

/// Plays and reports. `kinds` names each policy's kind; FIFO must be among the policies.
///
/// # Errors
/// [`StatsError`] if a cost is no finite number.
pub fn evaluate(
    plan: &EvaluationPlan,
    policies: &[(&dyn PolicySource, &str)],
    progress: &(dyn Fn() + Sync),
) -> Result<Evaluation, StatsError> {
    let sources: Vec<&dyn PolicySource> = policies.iter().map(|(source, _)| *source).collect();
    let outcomes = play_policies(plan, &sources, progress);
    let fifo = sources.iter().position(|s| s.name() == "fifo").expect("the caller always adds FIFO");
    let scores = outcomes
        .iter()
        .map(|o| Scores::new(plan.weeks.len(), plan.job_seeds.len(), costs(o)))
        .collect::<Result<Vec<_>, _>>()?;
    let mut reports = Vec::new();
    for (p, (source, kind)) in policies.iter().enumerate() {
        let versus = (0..policies.len())
            .filter(|q| *q != p && policies[*q].1 == "rival")
            .map(|q| versus(sources[q].name(), &scores[p], &scores[q]))
            .collect::<Result<Vec<_>, _>>()?;
        reports.push(report(plan, source.name(), kind, &outcomes[p], &outcomes[fifo], versus));
    }
    let setup = &plan.setup;
    let iso = |period: flexai_env::grid::Period| period.to_string();
    let ends = plan.weeks.iter().filter(|w| !setup.settles_on_following_day(w.start + 336));
    Ok(Evaluation {
        scenario: setup.config.name.clone(),
        grid: setup.trace.source().name.clone(),
        grid_kind: format!("{:?}", setup.trace.source().kind).to_lowercase(),
        from: iso(plan.range.start),
        to: iso(plan.range.end),
        labels: setup.labels().into_iter().map(str::to_owned).collect(),
        weeks: plan.weeks.len(),
        seeds: plan.job_seeds.len(),
        skipped_weeks: plan.skipped.iter().map(|s| format!("{}: {}", s.period, s.reason)).collect(),
        settled_on_last_day: ends.map(|w| iso(w.period)).collect(),
        policies: reports,
    })
}

fn costs(outcomes: &[PlayedWeek]) -> Vec<f64> {
    outcomes.iter().map(|o| o.ledger.total.cost_gbp()).collect()
}

fn interval(estimate: Estimate) -> Interval {
    Interval { value: estimate.value, lo: estimate.lo, hi: estimate.hi }
}

fn versus(rival: &str, mine: &Scores, theirs: &Scores) -> Result<Versus, StatsError> {
    let comparison = compare_paired(mine, theirs, &Bootstrap::default())?;
    Ok(Versus {
        rival: rival.into(),
        saving_gbp_per_week: interval(comparison.saving),
        probability_of_improvement: interval(comparison.probability_of_improvement),
    })
}

/// Ratio of sums over drawn weeks: 100 x (1 - mine / theirs).
fn saving_interval(plan: &EvaluationPlan, mine: &[f64], theirs: &[f64]) -> Interval {
    let seeds = plan.job_seeds.len();
    let sum = |values: &[f64], weeks: &[usize]| -> f64 {
        weeks.iter().map(|w| values[w * seeds..(w + 1) * seeds].iter().sum::<f64>()).sum()
    };
    let statistic = |weeks: &[usize]| {
        let base = sum(theirs, weeks);
        (base != 0.0).then(|| 100.0 * (1.0 - sum(mine, weeks) / base))
    };
    let estimate = Bootstrap::default().estimate(plan.weeks.len(), statistic);
    estimate.map_or(Interval { value: 0.0, lo: 0.0, hi: 0.0 }, interval)
}

fn report(
    plan: &EvaluationPlan,
    name: &str,
    kind: &str,
    mine: &[PlayedWeek],
    fifo: &[PlayedWeek],
    versus: Vec<Versus>,
) -> PolicyReport {
    let places = plan.setup.places();
    let battery_mwh: f64 = places.iter().map(|place| place.config.battery.capacity_mwh).sum();
    let seeds = plan.job_seeds.len() as f64;
    type Pick = fn(&PlayedWeek) -> f64;
    let sum = |of: &[PlayedWeek], pick: Pick| of.iter().map(pick).sum::<f64>() / seeds;
    let saving_pct = |pick: Pick| percent_saved(sum(mine, pick), sum(fifo, pick));
    let bill: Pick = |o| o.ledger.total.settled_bill_gbp();
    let carbon: Pick = |o| o.ledger.total.settled_carbon_t();
    let energy: Pick = |o| o.ledger.total.settled_energy_gbp();
    let it_mwh = sum(mine, |o| o.ledger.total.it_mwh);
    let (in_time, late) = (sum(mine, |o| o.ledger.total.jobs_in_time), sum(mine, |o| o.ledger.total.jobs_late));
    let interval = saving_interval(plan, &costs(mine), &costs(fifo));
    // Per MWh of IT energy in the week, so without what is left over.
    let cost_per_mwh_it = sum(mine, |o| o.ledger.total.bill_gbp()) / it_mwh;
    let carbon_kg_per_mwh_it = 1000.0 * sum(mine, |o| o.ledger.total.carbon_t) / it_mwh;
    let (inference_mwh, millions) =
        (sum(mine, |o| o.ledger.total.interactive_mwh), sum(mine, |o| o.ledger.total.inferences_millions));
    let mwh_per_million = if millions > 0.0 { inference_mwh / millions } else { 0.0 };
    let weeks = plan.weeks.len() as f64;
    PolicyReport {
        name: name.into(),
        kind: kind.into(),
        gap_captured: None,
        cost_gbp: sum(mine, |o| o.ledger.total.cost_gbp()),
        cost_parts: CostParts::of(mine.iter().map(|o| &o.ledger), plan.job_seeds.len()),
        bill_gbp: sum(mine, bill),
        cost_per_mwh_it_gbp: cost_per_mwh_it,
        energy_cost_gbp: sum(mine, energy),
        carbon_t: sum(mine, carbon),
        cost_saving_pct: interval.value,
        cost_saving_pct_interval: interval,
        bill_saving_pct: saving_pct(bill),
        energy_saving_pct: saving_pct(energy),
        carbon_saving_pct: saving_pct(carbon),
        gbp_per_million_inferences: cost_per_mwh_it * mwh_per_million,
        kgco2_per_million_inferences: carbon_kg_per_mwh_it * mwh_per_million,
        deadlines_met_pct: (in_time + late > 0.0).then(|| 100.0 * in_time / (in_time + late)),
        shifted_mwh: sum(mine, |o| o.ledger.total.shifted_mwh),
        threshold_breach_mwh: sum(mine, |o| o.ledger.total.threshold_breach_mwh),
        import_breaches: sum(mine, |o| f64::from(o.ledger.import_breaches)),
        import_breach_mwh: sum(mine, |o| o.ledger.total.import_breach_mwh),
        flex_revenue_gbp: sum(mine, |o| o.ledger.total.flex_revenue_gbp),
        wear_gbp: sum(mine, |o| o.ledger.total.wear_gbp),
        battery_cycles: sum(mine, |o| o.ledger.total.discharged_mwh) / battery_mwh.max(1e-9) / weeks,
        peak_import_mw: mine.iter().map(|o| o.ledger.peak_import_mw).fold(0.0, f64::max),
        decision_ms: decision_time(mine),
        versus,
        per_week: per_week(plan, mine, fifo),
    }
}

fn percent_saved(mine: f64, base: f64) -> f64 {
    if base == 0.0 { 0.0 } else { 100.0 * (1.0 - mine / base) }
}

fn decision_time(outcomes: &[PlayedWeek]) -> DecisionTime {
    let mut ns: Vec<u64> = outcomes.iter().flat_map(|o| o.decision_ns.iter().copied()).collect();
    ns.sort_unstable();
    let at = |share: f64| ns.get((share * (ns.len().saturating_sub(1)) as f64) as usize).copied().unwrap_or(0);
    DecisionTime { p50: at(0.5) as f64 / 1e6, p99: at(0.99) as f64 / 1e6 }
}

fn per_week(plan: &EvaluationPlan, mine: &[PlayedWeek], fifo: &[PlayedWeek]) -> Vec<WeekReport> {
    let seeds = plan.job_seeds.len();
    let rows = mine.iter().zip(fifo).enumerate().map(|(i, (o, f))| WeekReport {
        week: plan.weeks[i / seeds].period.to_string(),
        seed: i % seeds,
        cost_gbp: o.ledger.total.cost_gbp(),
        fifo_cost_gbp: f.ledger.total.cost_gbp(),
        bill_gbp: o.ledger.total.settled_bill_gbp(),
        carbon_t: o.ledger.total.settled_carbon_t(),
        settlement_gbp: o.ledger.total.settlement_gbp,
        jobs_late: o.ledger.total.jobs_late,
    });
    rows.collect()
}
