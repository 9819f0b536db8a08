//! An evaluation as the report looks at it: who is whom, and what follows from the numbers.
//!
//! In: a [`ReportInput`]. Out: policies in order, differences, shares.
//! Always: intervals are those of the evaluation; with one week there are none.
//! Not here: words (`verdict.rs`, `claims.rs`), pictures.

use super::ReportInput;
use crate::evaluation::{Evaluation, GridWeek, Interval, PolicyReport, WeekTrace};

/// Weeks of a year.
pub(crate) const WEEKS_PER_YEAR: f64 = 365.25 / 7.0;

/// How two policies compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Comparison {
    /// They were not compared, or one week allows no word.
    Unknown,
    Cheaper,
    NotClear,
    Dearer,
}

/// The evaluation with its main characters.
pub(crate) struct View<'a> {
    pub(crate) evaluation: &'a Evaluation,
    pub(crate) grid: &'a [GridWeek],
    pub(crate) traces: &'a [WeekTrace],
    /// Cheapest first.
    pub(crate) order: Vec<&'a PolicyReport>,
    pub(crate) fifo: Option<&'a PolicyReport>,
    /// Whom the pictures show: the cheapest trained policy, or else the cheapest that is not FIFO.
    pub(crate) subject: Option<&'a PolicyReport>,
}

impl<'a> View<'a> {
    pub(crate) fn new(input: &'a ReportInput<'a>) -> Self {
        let evaluation = input.evaluation;
        let mut order: Vec<&PolicyReport> = evaluation.policies.iter().collect();
        order.sort_by(|a, b| a.cost_gbp.total_cmp(&b.cost_gbp));
        let fifo = order.iter().find(|policy| policy.name == "fifo").copied();
        let others = || order.iter().filter(|policy| policy.name != "fifo");
        let subject = others().find(|policy| policy.kind == "network").or_else(|| others().next()).copied();
        Self { evaluation, grid: input.grid, traces: input.traces, order, fifo, subject }
    }

    /// The strongest policy beside another: the cheapest that is neither that nor FIFO, or else FIFO.
    pub(crate) fn rival_of(&self, policy: &PolicyReport) -> Option<&'a PolicyReport> {
        let other = self.order.iter().find(|other| other.name != policy.name && other.name != "fifo");
        other.copied().or(self.fifo.filter(|fifo| fifo.name != policy.name))
    }

    /// Whether a policy is what savings are measured against.
    pub(crate) fn is_fifo(&self, policy: &PolicyReport) -> bool {
        self.fifo.is_none_or(|fifo| fifo.name == policy.name)
    }

    /// The weeks as a divisor.
    pub(crate) fn weeks(&self) -> f64 {
        self.evaluation.weeks.max(1) as f64
    }

    /// Whether intervals over weeks mean anything.
    pub(crate) fn has_intervals(&self) -> bool {
        self.evaluation.weeks > 1
    }

    /// Pounds per week that one policy saves against another; found in the comparisons of either.
    pub(crate) fn saving(&self, policy: &PolicyReport, other: &PolicyReport) -> Option<Interval> {
        let of = |a: &PolicyReport, b: &PolicyReport| {
            a.versus.iter().find(|versus| versus.rival == b.name).map(|versus| versus.saving_gbp_per_week)
        };
        let turned = |i: Interval| Interval { value: -i.value, lo: -i.hi, hi: -i.lo };
        of(policy, other).or_else(|| of(other, policy).map(turned))
    }

    /// What the interval of the difference allows to say.
    pub(crate) fn compare(&self, policy: &PolicyReport, other: &PolicyReport) -> Comparison {
        match self.saving(policy, other) {
            Some(saving) if self.has_intervals() => match (saving.lo > 0.0, saving.hi < 0.0) {
                (true, _) => Comparison::Cheaper,
                (_, true) => Comparison::Dearer,
                _ => Comparison::NotClear,
            },
            _ => Comparison::Unknown,
        }
    }

    /// Pounds over all weeks between FIFO and perfect foresight.
    pub(crate) fn oracle_gain_gbp(&self) -> Option<f64> {
        let gain = self.fifo?.cost_gbp - self.evaluation.oracle.as_ref()?.total_gbp;
        (gain.is_finite() && gain > 0.0).then_some(gain)
    }

    /// The traces of a policy.
    pub(crate) fn traces_of(&self, policy: &PolicyReport) -> Vec<&'a WeekTrace> {
        self.traces.iter().filter(|trace| trace.policy == policy.name).collect()
    }

    /// Mean IT power under FIFO, MW; `None` without traces.
    pub(crate) fn mean_it_mw(&self) -> Option<f64> {
        let traces = self.traces_of(self.fifo?);
        let steps = || traces.iter().flat_map(|trace| &trace.steps);
        let count = steps().count();
        let mean = 2.0 * steps().map(|step| step.it_mwh).sum::<f64>() / count.max(1) as f64;
        (count > 0 && mean > 0.0).then_some(mean)
    }

    /// Full charge of all batteries, MWh, or the fullest ever seen where it is not stated; `None` without a battery.
    pub(crate) fn battery_mwh(&self) -> Option<f64> {
        let most = self.traces.iter().flat_map(|trace| &trace.steps).map(|step| step.stored_mwh).fold(0.0, f64::max);
        Some(self.evaluation.battery_mwh.unwrap_or(0.0).max(most)).filter(|mwh| *mwh > 0.0)
    }
}

/// Share of the gap between FIFO and perfect foresight: pooled, and the mean of the middle half of the weeks.
pub(crate) fn gap(policy: &PolicyReport) -> Option<(Interval, Interval)> {
    let gap = policy.gap_captured.as_ref()?;
    let pooled = Interval { value: gap.pooled, lo: gap.pooled_lo, hi: gap.pooled_hi };
    Some((pooled, Interval { value: gap.iqm, lo: gap.lo, hi: gap.hi }))
}

/// A share as per cent.
pub(crate) fn in_percent(share: &Interval) -> Interval {
    Interval { value: 100.0 * share.value, lo: 100.0 * share.lo, hi: 100.0 * share.hi }
}
