//! Rows to fit a model on: moments of the train split, leads, features and what came of it.
//!
//! In: a trace, the range to fit on. Out: rows per target. Always: rows come in the order of time at any number of threads;
//! no row's features or outcome lie past the range. Not here: models.

use super::contract::Target;
use super::lead;
use super::moment::{DAY, Moment};
use flexai_env::grid::{GridTrace, InformationSet, Knowledge};
use rayon::prelude::*;
use std::ops::Range;

/// Outcomes are cut here, in units of the scale: a squared loss would chase single spikes.
const OUTLIER: f64 = 6.0;
/// The first moments have too little history.
const HISTORY: usize = 14 * DAY;
/// Local half-hour from which the next local day is forecast: 11:00.
pub(super) const NEXT_DAY_ORIGIN: u8 = 22;

/// Rows of one target.
#[derive(Debug, Default, Clone)]
pub(super) struct Rows {
    /// Number of features.
    pub(super) width: usize,
    /// Features, row after row.
    pub(super) features: Vec<f64>,
    /// `(truth - base) / scale`, cut at [`OUTLIER`].
    pub(super) outcomes: Vec<f64>,
    /// Lead of each row, periods since `now`.
    pub(super) leads: Vec<usize>,
    /// Group of each row.
    pub(super) groups: Vec<usize>,
    /// Days from each row to what it is fitted for: the end of the range, or a hidden block.
    pub(super) age_days: Vec<f64>,
}

impl Rows {
    /// Rows of `target` whose outcome lies inside `range`; `leads(i, now_is_origin)` are the leads of the i-th moment.
    pub(super) fn collect(
        trace: &GridTrace,
        range: Range<usize>,
        hidden: Option<(usize, usize)>,
        target: Target,
        leads: impl Fn(usize, bool) -> Vec<usize> + Sync,
    ) -> Self {
        let first = range.start.max(HISTORY);
        // The first moments after a hole have too little history too.
        let usable = |now: &usize| hidden.is_none_or(|(from, to)| *now < from || *now >= to + HISTORY);
        let age = |now: usize| match hidden {
            Some((from, _)) if now < from => from - now,
            Some((_, to)) => now - to,
            None => range.end - now,
        };
        let moments: Vec<usize> = (first..range.end.max(first)).filter(usable).collect();
        let chunks: Vec<Self> = moments
            .par_chunks(32 * DAY)
            .map(|moments| {
                let mut rows = Self::default();
                for now in moments.iter().copied() {
                    let origin = trace.local(now).half_hour == NEXT_DAY_ORIGIN;
                    rows.add(trace, (now, age(now)), range.end, target, &leads(now, origin));
                }
                rows
            })
            .collect();
        let mut all = Self::default();
        for chunk in chunks {
            all.width = all.width.max(chunk.width);
            all.features.extend(chunk.features);
            all.outcomes.extend(chunk.outcomes);
            all.leads.extend(chunk.leads);
            all.groups.extend(chunk.groups);
            all.age_days.extend(chunk.age_days);
        }
        all
    }

    fn add(&mut self, trace: &GridTrace, (now, age): (usize, usize), end: usize, target: Target, leads: &[usize]) {
        let known = Knowledge::at(trace, now, InformationSet::Trader);
        let usable = |lead: &&usize| now + **lead < end && target.known(&known, now + **lead).is_none();
        let leads: Vec<usize> = leads.iter().filter(usable).copied().collect();
        if leads.is_empty() {
            return;
        }
        let Some(moment) = Moment::new(&known, target) else { return };
        let mut row = Vec::with_capacity(96);
        for lead in leads {
            let t = now + lead;
            let Some(outcome) = outcome(trace, &moment, t) else { continue };
            moment.row(t, &mut row);
            self.width = row.len();
            self.features.extend_from_slice(&row);
            self.outcomes.push(outcome.clamp(-OUTLIER, OUTLIER));
            self.leads.push(lead);
            self.groups.push(lead::group(&known, t));
            self.age_days.push(age as f64 / DAY as f64);
        }
    }

    /// Number of rows.
    pub(super) fn len(&self) -> usize {
        self.outcomes.len()
    }

    /// Features of a row.
    pub(super) fn row(&self, i: usize) -> &[f64] {
        &self.features[i * self.width..(i + 1) * self.width]
    }
}

/// What a model should have answered. The imbalance price is learned as a premium on the index of the same period.
fn outcome(trace: &GridTrace, moment: &Moment<'_, '_>, t: usize) -> Option<f64> {
    let truth = moment.target.truth(trace, t)?;
    let base = match moment.target {
        Target::ImbalancePrice => Target::IntradayPrice.truth(trace, t)?,
        _ => moment.base(t),
    };
    let scale = moment.scale_at(t);
    (scale > 0.0 && base.is_finite()).then(|| (truth - base) / scale)
}

/// A lead of each group in turn, for lines; at 11:00 all of the next local day. Far groups need fewer rows.
pub(super) fn leads_of_groups(now: usize, origin: bool) -> Vec<usize> {
    let far = if now.is_multiple_of(3) { usize::MAX } else { 5 };
    let mut leads: Vec<usize> = lead::turns(now).take(far).collect();
    if origin {
        leads.extend(49..=lead::LAST);
    }
    leads
}

/// Last lead that counts as near: there a forest corrects the line.
pub(super) const NEAR: usize = 8;

/// Two near leads of each moment.
pub(super) fn near_leads(now: usize, _origin: bool) -> Vec<usize> {
    vec![now * 5 % (NEAR + 1), (now * 5 + 4) % (NEAR + 1)]
}

/// One far lead of each moment, and at 11:00 those of the next local day.
pub(super) fn far_leads(now: usize, origin: bool) -> Vec<usize> {
    let mut leads = vec![NEAR + 1 + now * 7 % 40];
    if origin {
        leads.extend((26..=lead::LAST).step_by(2));
    }
    leads
}
