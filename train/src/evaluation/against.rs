//! Policies against each other and against perfect foresight, from their costs week by week.
//!
//! In: reports with `per_week`, and the oracle's weeks. Out: the same reports with comparisons and gap captured.
//! Always: evaluated now or read from a file, the numbers are made here.

use super::report::{Evaluation, GapReport, Interval, OracleReport, PolicyReport, ProfilePoint, Versus};
use crate::fault::Fault;
use crate::stats::{
    Bootstrap, GapCaptured, Scores, StatsError, compare_paired, gap_captured, optimality_gap, performance_profile,
};

/// A policy may be below the oracle's number by rounding only, relative to it.
const ROUNDING: f64 = 1e-6;

/// Compares every policy with every other, and with perfect foresight where it is known.
///
/// # Errors
/// A [`Fault`] if a cost is no finite number, or below what perfect foresight can reach.
pub(super) fn compare_all(evaluation: &mut Evaluation) -> Result<(), Fault> {
    if let Some(oracle) = &evaluation.oracle {
        evaluation.policies.iter().try_for_each(|policy| nobody_beats(oracle, policy))?;
    }
    fill(evaluation).map_err(|error| Fault { exit_code: 1, ..Fault::new("evaluation", error.to_string()) })
}

fn fill(evaluation: &mut Evaluation) -> Result<(), StatsError> {
    let (weeks, seeds) = (evaluation.weeks, evaluation.seeds);
    let policies = &evaluation.policies;
    let costs =
        |policy: &PolicyReport| Scores::new(weeks, seeds, policy.per_week.iter().map(|week| week.cost_gbp).collect());
    let scores = policies.iter().map(costs).collect::<Result<Vec<_>, _>>()?;
    let versus = |p: usize| {
        let others = (0..policies.len()).filter(|q| *q != p);
        others.map(|q| versus(&policies[q].name, &scores[p], &scores[q])).collect::<Result<Vec<_>, _>>()
    };
    let versus = (0..policies.len()).map(versus).collect::<Result<Vec<_>, _>>()?;
    let gaps = match &evaluation.oracle {
        None => vec![None; policies.len()],
        Some(oracle) => {
            let bound = Scores::new(weeks, seeds, oracle.per_week.iter().map(|week| week.bound_gbp).collect())?;
            let fifo = Scores::new(weeks, seeds, fifo_costs(policies))?;
            let gap = |mine: &Scores| gap_captured(mine, &fifo, &bound, &Bootstrap::default()).map(Some);
            scores.iter().map(gap).collect::<Result<_, _>>()?
        }
    };
    for ((policy, versus), gap) in evaluation.policies.iter_mut().zip(versus).zip(gaps) {
        policy.versus = versus;
        let per_run = gap.as_ref().map(|gap| gap.per_run.clone()).unwrap_or_default();
        for (i, week) in policy.per_week.iter_mut().enumerate() {
            week.gap_captured = per_run.get(i).copied().flatten();
        }
        policy.gap_captured = gap.and_then(|gap| gap_report(&gap, weeks, seeds));
    }
    Ok(())
}

fn fifo_costs(policies: &[PolicyReport]) -> Vec<f64> {
    policies.first().map_or_else(Vec::new, |policy| policy.per_week.iter().map(|week| week.fifo_cost_gbp).collect())
}

fn versus(rival: &str, mine: &Scores, theirs: &Scores) -> Result<Versus, StatsError> {
    let comparison = compare_paired(mine, theirs, &Bootstrap::default())?;
    Ok(Versus {
        rival: rival.into(),
        saving_gbp_per_week: comparison.saving.into(),
        probability_of_improvement: comparison.probability_of_improvement.into(),
    })
}

fn gap_report(gap: &GapCaptured, weeks: usize, seeds: usize) -> Option<GapReport> {
    let bootstrap = Bootstrap::default();
    let (pooled, iqm) = (gap.pooled?, gap.iqm?);
    let miss = optimality_gap(&gap.per_run, weeks, seeds, &bootstrap)?;
    let profile = performance_profile(&gap.per_run, weeks, seeds, &bootstrap);
    let point = |(tau, share): (f64, Interval)| ProfilePoint { tau, share: share.value, lo: share.lo, hi: share.hi };
    Some(GapReport {
        pooled: pooled.value,
        pooled_lo: pooled.lo,
        pooled_hi: pooled.hi,
        iqm: iqm.value,
        lo: iqm.lo,
        hi: iqm.hi,
        optimality_gap: miss.into(),
        runs_without_gap: gap.undefined(),
        profile: profile.into_iter().map(|(tau, share)| point((tau, share.into()))).collect(),
    })
}

/// Nobody can be below what perfect foresight reaches; who is has a terminal state or a bound that is wrong.
fn nobody_beats(oracle: &OracleReport, policy: &PolicyReport) -> Result<(), Fault> {
    let beats = |cost: f64, bound: f64| cost < bound - ROUNDING * bound.abs().max(1.0);
    let weeks = policy.per_week.iter().zip(&oracle.per_week);
    match weeks.into_iter().find(|(mine, best)| beats(mine.cost_gbp, best.bound_gbp)) {
        None => Ok(()),
        Some((mine, best)) => {
            let message = format!(
                "{} costs {:.6} GBP in the week of {} with job seed {}, less than the {:.6} GBP that perfect \
                 foresight needs at least: a score above 100 % is a fault of the program",
                policy.name, mine.cost_gbp, mine.week, mine.seed, best.bound_gbp
            );
            let hint = "report this week and scenario; --no-oracle evaluates without it";
            Err(Fault { exit_code: 1, ..Fault::new("oracle", message).hint(hint) })
        }
    }
}
