//! Evaluations made apart, as one: the same weeks, the same jobs, more policies.
//!
//! In: stored evaluations, each with the name it is called by. Out: one record with all their policies.
//! Always: what differs in scenario, grid, weeks or job seeds is refused, and so is what plays FIFO differently: then the
//! programs differ. A policy that stands in several is taken once. Not here: files (`record.rs`).

use super::against::compare_all;
use super::record::EvaluationRecord;
use super::report::{Evaluation, OracleReport, OracleWeek, PolicyReport};
use super::trace::WeekTrace;
use crate::fault::Fault;

/// Relative difference of two sums of the same numbers.
const ROUNDING: f64 = 1e-9;

/// Puts stored evaluations together.
///
/// # Errors
/// A [`Fault`] naming the first evaluation that does not fit to the one before all others, and in what.
///
/// # Panics
/// Without any evaluation.
pub fn join(records: Vec<(String, EvaluationRecord)>) -> Result<EvaluationRecord, Fault> {
    let mut records = records.into_iter();
    let (first, mut joint) = records.next().expect("the caller has one at least");
    for (name, record) in records {
        require_alike(&first, &joint.evaluation, &name, &record.evaluation)?;
        add(&mut joint, &name, record);
    }
    compare_all(&mut joint.evaluation)?;
    Ok(joint)
}

/// That two evaluations are about the same thing.
fn require_alike(first: &str, a: &Evaluation, name: &str, b: &Evaluation) -> Result<(), Fault> {
    let differs = |what: &str, theirs: String, ours: String| {
        let message = format!("was made on {what} {theirs}, expected {ours} like {first}");
        Err(Fault::new(name, message).hint("compare evaluations of one scenario, grid, range and number of seeds"))
    };
    let short = |name: &str, digest: &str| format!("`{name}` ({})", digest.get(..12).unwrap_or(digest));
    if a.scenario_digest != b.scenario_digest {
        return differs("the scenario", short(&b.scenario, &b.scenario_digest), short(&a.scenario, &a.scenario_digest));
    }
    if a.grid_digest != b.grid_digest {
        return differs("the grid", short(&b.grid, &b.grid_digest), short(&a.grid, &a.grid_digest));
    }
    if a.job_seeds != b.job_seeds {
        return differs("the job seeds", b.job_seeds.join(", "), a.job_seeds.join(", "));
    }
    let (ours, theirs) = (weeks(a), weeks(b));
    if ours != theirs {
        let range = |weeks: &[&str]| match weeks {
            [first, .., last] => format!("{} from {first} to {last}", weeks.len()),
            [only] => format!("1, that of {only}"),
            [] => "0".into(),
        };
        return differs("the weeks", range(&theirs), range(&ours));
    }
    require_same_fifo(first, a, name, b)
}

/// FIFO decides nothing by itself: where its J differs, the world does.
fn require_same_fifo(first: &str, a: &Evaluation, name: &str, b: &Evaluation) -> Result<(), Fault> {
    let costs = |of: &Evaluation| -> Vec<f64> {
        of.policies.first().map_or_else(Vec::new, |p| p.per_week.iter().map(|week| week.fifo_cost_gbp).collect())
    };
    let apart = |(ours, theirs): &(f64, f64)| (ours - theirs).abs() > ROUNDING * ours.abs().max(1.0);
    match costs(a).into_iter().zip(costs(b)).find(apart) {
        None => Ok(()),
        Some((ours, theirs)) => {
            let message = format!(
                "FIFO costs {theirs:.2} GBP in a week, expected {ours:.2} like {first}: other versions of the program"
            );
            Err(Fault::new(name, message).hint("evaluate both with the same version"))
        }
    }
}

fn weeks(evaluation: &Evaluation) -> Vec<&str> {
    let rows = evaluation.policies.first().map_or(&[][..], |policy| &policy.per_week);
    rows.iter().step_by(evaluation.seeds.max(1)).map(|row| row.week.as_str()).collect()
}

fn add(joint: &mut EvaluationRecord, name: &str, record: EvaluationRecord) {
    let stated = (record.evaluation.sites, record.evaluation.battery_mwh, record.evaluation.export_limit_mw);
    let policies = &mut joint.evaluation.policies;
    let mut traces = record.traces;
    for mut policy in record.evaluation.policies {
        let own: Vec<WeekTrace> = traces.extract_if(.., |trace| trace.policy == policy.name).collect();
        let same = policies.iter().find(|known| known.identity == policy.identity && costs_alike(known, &policy));
        let called = match same {
            Some(known) => known.name.clone(),
            None if policies.iter().any(|known| known.name == policy.name) => format!("{} ({name})", policy.name),
            None => policy.name.clone(),
        };
        // Half-hours of a policy that stands in several may be stored with any of them.
        if !joint.traces.iter().any(|trace| trace.policy == called) {
            joint.traces.extend(own.into_iter().map(|trace| WeekTrace { policy: called.clone(), ..trace }));
        }
        if same.is_none() {
            policy.name = called;
            policies.push(policy);
        }
    }
    add_heading(&mut joint.evaluation, record.evaluation.labels, &stated);
    if joint.grid.is_empty() {
        joint.grid = record.grid;
    }
    joint.evaluation.oracle = match (joint.evaluation.oracle.take(), record.evaluation.oracle) {
        (Some(a), Some(b)) => Some(tighter(a, b)),
        (a, b) => a.or(b),
    };
}

/// What a heading says beside what all have in common: labels of single players, and what older versions left out.
fn add_heading(joint: &mut Evaluation, labels: Vec<String>, stated: &(Option<usize>, Option<f64>, Option<f64>)) {
    for label in labels {
        if !joint.labels.contains(&label) {
            joint.labels.push(label);
        }
    }
    joint.sites = joint.sites.or(stated.0);
    joint.battery_mwh = joint.battery_mwh.or(stated.1);
    joint.export_limit_mw = joint.export_limit_mw.or(stated.2);
}

fn costs_alike(a: &PolicyReport, b: &PolicyReport) -> bool {
    a.per_week.iter().zip(&b.per_week).all(|(a, b)| (a.cost_gbp - b.cost_gbp).abs() <= ROUNDING * a.cost_gbp.abs())
}

/// Of two bounds on the same weeks the higher one, week by week: both hold.
fn tighter(a: OracleReport, b: OracleReport) -> OracleReport {
    let weeks = a.per_week.into_iter().zip(b.per_week);
    let per_week: Vec<OracleWeek> =
        weeks.map(|(a, b)| OracleWeek { bound_gbp: a.bound_gbp.max(b.bound_gbp), ..a }).collect();
    let is_optimum = a.kind == "optimum" || b.kind == "optimum";
    let seeds = per_week.iter().map(|week| week.seed + 1).max().unwrap_or(1) as f64;
    let total_gbp = per_week.iter().map(|week| week.bound_gbp).sum::<f64>() / seeds;
    OracleReport {
        kind: if is_optimum { "optimum" } else { "bound" }.into(),
        solver: if a.solver == b.solver { a.solver } else { format!("{}, {}", a.solver, b.solver) },
        total_gbp,
        per_week,
    }
}
