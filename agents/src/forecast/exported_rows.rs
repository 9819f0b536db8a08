//! Rows of the far trees, for whoever wants to fit something else to the same numbers.
//!
//! In: fitted forecasts, a trace, a range. Out: one table of numbers with named columns. Always: rows are those that the
//! trees are fitted to; what the trees forecast stands beside them. Not here: other libraries (`tests/forecast`).

use super::contract::Target;
use super::fitted::FittedForecasts;
use super::moment::{DAY, Moment};
use super::rows::Rows;
use flexai_env::grid::{GridTrace, InformationSet, Knowledge};
use std::ops::Range;

/// A table of numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct ExportedRows {
    /// Names: features by number, then [`ExportedRows::LAST`].
    pub columns: Vec<String>,
    /// Row after row.
    pub values: Vec<f64>,
}

/// Member whose rows these are.
const TREES: &str = "boosted";

impl ExportedRows {
    /// Columns after the features: what a model is to answer, how much the row weighs, what an answer is added to and
    /// times, what came, and what the trees said.
    pub const LAST: [&'static str; 6] = ["outcome", "weight", "base", "scale", "truth", "ours"];

    /// Rows of the moments of `range`, as trees see them that forecast more than four hours ahead.
    pub fn new(fitted: &FittedForecasts, trace: &GridTrace, target: Target, range: Range<usize>) -> Self {
        let rows = Rows::collect(trace, range.clone(), None, target, super::rows::far_leads);
        let half_life = fitted.manifest().fit.boosted.half_life_days;
        let features = (0..rows.width).map(|i| format!("x{i}"));
        let columns = features.chain(Self::LAST.map(String::from)).collect();
        let mut values = Vec::with_capacity(rows.len() * (rows.width + Self::LAST.len()));
        for i in 0..rows.len() {
            let now = range.end - (rows.age_days[i] * DAY as f64).round() as usize;
            let known = Knowledge::at(trace, now, InformationSet::Trader);
            let t = now + rows.leads[i];
            let said = |target: Target| {
                let mut out = [f64::NAN];
                let trees = fitted.members_at(known.period(now)).into_iter().find(|member| member.name() == TREES);
                trees.map(|trees| trees.points(&known, target, t, &mut out));
                out[0]
            };
            let moment = Moment::without_features(&known, target);
            let base = match target {
                Target::ImbalancePrice => said(Target::IntradayPrice),
                _ => moment.as_ref().map_or(f64::NAN, |moment| moment.base(t)),
            };
            let scale = moment.map_or(f64::NAN, |moment| moment.scale_at(t));
            let weight = 0.5_f64.powf(rows.age_days[i] / half_life);
            let truth = target.truth(trace, t).unwrap_or(f64::NAN);
            values.extend_from_slice(rows.row(i));
            values.extend([rows.outcomes[i], weight, base, scale, truth, said(target)]);
        }
        Self { columns, values }
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.values.len() / self.columns.len().max(1)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }
}
