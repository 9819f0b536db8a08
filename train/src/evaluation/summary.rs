//! From weeks as played to the numbers of a policy.
//!
//! In: outcomes per policy, week and seed. Out: a [`PolicyReport`] in natural units, with savings against FIFO.
//! Not here: gap captured and comparisons with rivals (`against.rs`).

use super::parts::CostParts;
use super::plan::EvaluationPlan;
use super::play::{Contestant, PlayedWeek};
use super::report::{ClassReport, DecisionTime, Interval, PolicyReport, WeekReport};
use super::watch::ClassCount;
use crate::stats::{Bootstrap, Estimate};

type Pick = fn(&PlayedWeek) -> f64;

/// One policy beside FIFO, with no comparison but with it.
pub(super) fn summarise(
    plan: &EvaluationPlan,
    contestant: &Contestant<'_>,
    mine: &[PlayedWeek],
    fifo: &[PlayedWeek],
) -> PolicyReport {
    let seeds = plan.job_seeds.len() as f64;
    let sum = |pick: Pick| total(mine, pick) / seeds;
    let saved = |pick: Pick| saving_interval(plan, mine, fifo, pick);
    let cost: Pick = |o| o.ledger.total.cost_gbp();
    let bill: Pick = |o| o.ledger.total.settled_bill_gbp();
    let carbon: Pick = |o| o.ledger.total.settled_carbon_t();
    let energy: Pick = |o| o.ledger.total.settled_energy_gbp();
    let [cost_saving, bill_saving, energy_saving, carbon_saving] = [cost, bill, energy, carbon].map(saved);
    let battery_mwh: f64 = plan.setup.places().iter().map(|place| place.config.battery.capacity_mwh).sum();
    let cycles = sum(|o| o.ledger.total.discharged_mwh) / battery_mwh.max(1e-9) / plan.weeks.len() as f64;
    let (in_time, late) = (sum(|o| o.ledger.total.jobs_in_time), sum(|o| o.ledger.total.jobs_late));
    let inference = PerInference::of(mine);
    PolicyReport {
        name: contestant.source.name().into(),
        kind: contestant.kind.into(),
        identity: contestant.identity.clone(),
        gap_captured: None,
        cost_gbp: sum(cost),
        cost_parts: CostParts::of(mine.iter().map(|o| &o.ledger), plan.job_seeds.len()),
        bill_gbp: sum(bill),
        cost_per_mwh_it_gbp: inference.gbp_per_mwh_it,
        energy_cost_gbp: sum(energy),
        carbon_t: sum(carbon),
        carbon_marginal_t: marginal_t(mine).map(|t| t / seeds),
        cost_saving_pct: cost_saving.value,
        cost_saving_pct_interval: cost_saving,
        bill_saving_pct: bill_saving.value,
        bill_saving_pct_interval: bill_saving,
        energy_saving_pct: energy_saving.value,
        energy_saving_pct_interval: energy_saving,
        carbon_saving_pct: carbon_saving.value,
        carbon_saving_pct_interval: carbon_saving,
        carbon_marginal_saving_pct: marginal_t(mine).zip(marginal_t(fifo)).map(|(m, f)| percent_saved(m, f)),
        gbp_per_million_inferences: inference.gbp_per_million,
        kgco2_per_million_inferences: inference.kgco2_per_million,
        deadlines_met_pct: percent_met(in_time, late),
        classes: classes(plan, mine),
        shifted_mwh: sum(|o| o.ledger.total.shifted_mwh),
        threshold_breach_mwh: sum(|o| o.ledger.total.threshold_breach_mwh),
        import_breaches: sum(|o| f64::from(o.ledger.import_breaches)),
        import_breach_mwh: sum(|o| o.ledger.total.import_breach_mwh),
        flex_delivered_mwh: Some(sum(|o| o.ledger.total.flex_delivered_mwh)),
        flex_revenue_gbp: sum(|o| o.ledger.total.flex_revenue_gbp),
        wear_gbp: sum(|o| o.ledger.total.wear_gbp),
        battery_cycles: cycles,
        peak_import_mw: mine.iter().map(|o| o.ledger.peak_import_mw).fold(0.0, f64::max),
        decision_ms: decision_time(mine),
        versus: Vec::new(),
        per_week: per_week(plan, mine, fifo),
    }
}

fn total(weeks: &[PlayedWeek], pick: Pick) -> f64 {
    weeks.iter().map(pick).sum()
}

/// Pounds and emissions per million inferences; within the week, so without what is left over.
struct PerInference {
    gbp_per_mwh_it: f64,
    gbp_per_million: f64,
    kgco2_per_million: f64,
}

impl PerInference {
    fn of(weeks: &[PlayedWeek]) -> Self {
        let it_mwh = total(weeks, |o| o.ledger.total.it_mwh);
        let gbp_per_mwh_it = total(weeks, |o| o.ledger.total.bill_gbp()) / it_mwh;
        let kg_per_mwh_it = 1000.0 * total(weeks, |o| o.ledger.total.carbon_t) / it_mwh;
        let millions = total(weeks, |o| o.ledger.total.inferences_millions);
        let interactive_mwh = total(weeks, |o| o.ledger.total.interactive_mwh);
        let mwh_per_million = if millions > 0.0 { interactive_mwh / millions } else { 0.0 };
        Self {
            gbp_per_mwh_it,
            gbp_per_million: gbp_per_mwh_it * mwh_per_million,
            kgco2_per_million: kg_per_mwh_it * mwh_per_million,
        }
    }
}

fn marginal_t(weeks: &[PlayedWeek]) -> Option<f64> {
    weeks.iter().map(|o| o.seen.carbon_marginal_t).sum()
}

fn percent_saved(mine: f64, base: f64) -> f64 {
    if base == 0.0 { 0.0 } else { 100.0 * (1.0 - mine / base) }
}

fn percent_met(in_time: f64, late: f64) -> Option<f64> {
    (in_time + late > 0.0).then(|| 100.0 * in_time / (in_time + late))
}

/// Ratio of sums over drawn weeks: 100 x (1 - mine / theirs).
fn saving_interval(plan: &EvaluationPlan, mine: &[PlayedWeek], theirs: &[PlayedWeek], pick: Pick) -> Interval {
    let seeds = plan.job_seeds.len();
    let of_weeks = |of: &[PlayedWeek]| -> Vec<f64> { of.chunks(seeds).map(|week| total(week, pick)).collect() };
    let (mine, theirs) = (of_weeks(mine), of_weeks(theirs));
    let statistic = |weeks: &[usize]| {
        let sum = |of: &[f64]| weeks.iter().map(|week| of[*week]).sum::<f64>();
        let base = sum(&theirs);
        (base != 0.0).then(|| percent_saved(sum(&mine), base))
    };
    Bootstrap::default().estimate(plan.weeks.len(), statistic).map_or(Interval::default(), Interval::from)
}

impl From<Estimate> for Interval {
    fn from(estimate: Estimate) -> Self {
        Self { value: estimate.value, lo: estimate.lo, hi: estimate.hi }
    }
}

fn classes(plan: &EvaluationPlan, mine: &[PlayedWeek]) -> Vec<ClassReport> {
    let seeds = plan.job_seeds.len() as f64;
    let report = |(c, name): (usize, String)| {
        let sum =
            |of: &dyn Fn(&ClassCount) -> f64| mine.iter().map(|week| of(&week.seen.classes[c])).sum::<f64>() / seeds;
        let (in_time, late) = (sum(&|n| f64::from(n.jobs_in_time)), sum(&|n| f64::from(n.jobs_late)));
        ClassReport {
            name,
            jobs_in_time: in_time,
            jobs_late: late,
            deadlines_met_pct: percent_met(in_time, late),
            late_mwh_hours: sum(&|n| n.late_mwh_hours),
        }
    };
    let names = plan.setup.config.workload.classes.iter().map(|class| class.name.clone());
    names.enumerate().map(report).collect()
}

fn decision_time(outcomes: &[PlayedWeek]) -> DecisionTime {
    let mut ns: Vec<u64> = outcomes.iter().flat_map(|o| o.decision_ns.iter().copied()).collect();
    ns.sort_unstable();
    let at = |share: f64| ns.get((share * (ns.len().saturating_sub(1)) as f64) as usize).copied().unwrap_or(0);
    let cpu_ns: u64 = outcomes.iter().map(|o| o.cpu_ns).sum();
    let ms = |ns: f64| ns / 1e6;
    DecisionTime {
        p50: ms(at(0.5) as f64),
        p99: ms(at(0.99) as f64),
        cpu_mean: ms(cpu_ns as f64 / ns.len().max(1) as f64),
    }
}

fn per_week(plan: &EvaluationPlan, mine: &[PlayedWeek], fifo: &[PlayedWeek]) -> Vec<WeekReport> {
    let seeds = plan.job_seeds.len();
    let rows = mine.iter().zip(fifo).enumerate().map(|(i, (o, f))| WeekReport {
        week: plan.weeks[i / seeds].period.to_string(),
        seed: i % seeds,
        cost_gbp: o.ledger.total.cost_gbp(),
        fifo_cost_gbp: f.ledger.total.cost_gbp(),
        gap_captured: None,
        bill_gbp: o.ledger.total.settled_bill_gbp(),
        carbon_t: o.ledger.total.settled_carbon_t(),
        settlement_gbp: o.ledger.total.settlement_gbp,
        jobs_late: o.ledger.total.jobs_late,
    });
    rows.collect()
}
