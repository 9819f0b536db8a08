//! One source of Prophet's: a fitted model, its correction by what it missed lately, and its intervals.
//!
//! In: a trace up to the end of a range. Out: [`Tier`]s, with published forecasts or by the calendar alone.
//! Always: correction and intervals are learned on the last part of the range from a model fitted to the part before, so
//! that they are about misses and not about remainders of a fit; only then is the model fitted to the whole.
//! Not here: which tier speaks of a period (`forecaster.rs`).

use super::super::contract::Target;
use super::correction::{Correction, LAST_LEAD, Sums};
use super::design::clear_sky;
use super::inputs::{Inputs, Past, Published};
use super::intervals::{Intervals, Miss, Situation};
use super::model::{Additive, AdditiveOptions, ModelError, Ready};
use super::recent::{Missed, Recent};
use flexai_env::grid::{GridTrace, InformationSet, Knowledge};
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// Every so many periods a forecast is issued to learn from; coprime to 48, so that every half-hour comes up.
const ORIGIN_STRIDE: usize = 5;
/// Periods after the first part before the first of these: the longest look back.
const SETTLING: usize = 60 * 48;
/// How far back the newest value of a target is looked for.
const LOOK_BACK: usize = 14 * 48;

/// A fitted source.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Tier {
    pub(super) model: Additive,
    pub(super) correction: Correction,
    pub(super) intervals: Intervals,
}

/// Why a tier could not be fitted.
#[derive(Debug, thiserror::Error)]
pub(super) enum TierError {
    #[error(transparent)]
    Model(#[from] ModelError),
    #[error("the last part of the range holds too few values to learn intervals from")]
    Calibration,
}

impl Tier {
    pub(super) fn fit(
        trace: &GridTrace,
        range: Range<usize>,
        target: Target,
        options: &AdditiveOptions,
        calibration_share: f64,
    ) -> Result<Self, TierError> {
        let past = Past { trace, end: range.end };
        let published = options.regressors.iter().any(|r| r.is_published());
        let usable = |t: &usize| {
            past.value(target, *t).is_some()
                && weight(&past, target, *t) > 0.0
                && (!published || Published::at(&past, *t).is_some())
        };
        let rows: Vec<usize> = range.clone().filter(usable).collect();
        let fit = |rows: &[usize]| {
            let values: Vec<f64> = rows.iter().filter_map(|t| past.value(target, *t)).collect();
            Additive::fit(&past, rows, &values, options)
        };
        let first = (rows.len() as f64 * (1.0 - calibration_share)) as usize;
        let before = fit(&rows[..first])?;
        let from = rows.get(first).copied().unwrap_or(range.end);
        let (correction, intervals) = learn(&past, target, &before, from..range.end).ok_or(TierError::Calibration)?;
        Ok(Self { model: fit(&rows)?, correction, intervals })
    }

    /// Faults of a tier that was read from a file.
    pub(super) fn fault(&self) -> Option<&'static str> {
        if !self.correction.is_whole() {
            return Some("weights of the correction are missing or not finite");
        }
        if !self.intervals.is_whole() {
            return Some("intervals are missing, not finite or crossing");
        }
        self.model.fault()
    }
}

/// How much a period can miss: by night solar output cannot.
pub(super) fn weight(inputs: &(impl Inputs + ?Sized), target: Target, t: usize) -> f64 {
    if target == Target::Solar { clear_sky(inputs.period(t)) } else { 1.0 }
}

/// The newest period before or at `now` whose value is known.
pub(super) fn newest(known: &Knowledge<'_>, target: Target) -> Option<usize> {
    let now = known.now();
    (now.saturating_sub(LOOK_BACK)..=now).rev().find(|t| target.known(known, *t).is_some())
}

/// Correction, and intervals around what it corrects, of a model that has not seen the range `part`.
fn learn(past: &Past<'_>, target: Target, model: &Additive, part: Range<usize>) -> Option<(Correction, Intervals)> {
    let ready = model.ready();
    let mut row = Vec::new();
    let first = part.start;
    let expected: Vec<Option<f64>> = part.clone().map(|t| ready.expected(past, t, &mut row)).collect();
    let weights: Vec<f64> = part.clone().map(|t| weight(past, target, t)).collect();
    let missed: Vec<Missed> = part
        .clone()
        .map(|t| {
            let i = t - first;
            let truth = past.value(target, t).filter(|_| weights[i] > 0.0);
            Missed { residual: truth.zip(expected[i]).map(|(truth, model)| truth - model), weight: weights[i] }
        })
        .collect();
    let at = |t: usize| t.checked_sub(first).map_or(Missed::default(), |i| missed[i]);
    let origins: Vec<Origin> = (first + SETTLING..part.end)
        .step_by(ORIGIN_STRIDE)
        .filter_map(|now| Origin::new(past, target, model, now, at))
        .collect();
    let each = |act: &mut dyn FnMut(&Origin, usize, f64)| {
        for origin in &origins {
            for t in origin.now..(origin.now + LAST_LEAD + 1).min(origin.until).min(part.end) {
                if let Some(residual) = missed[t - first].residual.filter(|_| t > origin.newest) {
                    act(origin, t, residual);
                }
            }
        }
    };
    let mut sums = Sums::new();
    each(&mut |o, t, missed| sums.add(t - o.now, &o.recent.features(t, weights[t - first]), missed));
    let correction = sums.solve();
    let mut misses = Vec::new();
    each(&mut |o, t, residual| {
        let (lead, weight) = (t - o.now, weights[t - first]);
        let added = correction.at(lead, &o.recent.features(t, weight));
        let point = expected[t - first].unwrap_or(0.0) + added;
        let situation = Situation { level: point / model.unit, weight, volatility: o.recent.volatility };
        misses.push(Miss { lead, situation, miss: residual - added });
    });
    Intervals::fit(&misses).map(|intervals| (correction, intervals))
}

/// A moment to learn from.
struct Origin {
    now: usize,
    newest: usize,
    /// First period whose inputs were not published yet.
    until: usize,
    recent: Recent,
}

impl Origin {
    fn new(
        past: &Past<'_>,
        target: Target,
        model: &Additive,
        now: usize,
        at: impl Fn(usize) -> Missed,
    ) -> Option<Self> {
        let known = Knowledge::at(past.trace, now, InformationSet::default());
        let newest = newest(&known, target)?;
        let until = if model.is_published() { known.day_ahead_until() } else { past.end };
        Some(Self { now, newest, until, recent: Recent::new(newest, at) })
    }
}

/// A tier laid out for forecasting.
#[derive(Debug, Clone)]
pub(super) struct ReadyTier {
    pub(super) tier: Tier,
    pub(super) ready: Ready,
}

impl ReadyTier {
    pub(super) fn new(tier: Tier) -> Self {
        Self { ready: tier.model.ready(), tier }
    }

    /// What it has missed up to the newest known period.
    pub(super) fn recent(&self, known: &Knowledge<'_>, target: Target, newest: usize, row: &mut Vec<f64>) -> Recent {
        Recent::new(newest, |t| {
            let weight = weight(known, target, t);
            let truth = target.known(known, t).filter(|_| weight > 0.0);
            let residual = truth.and_then(|truth| self.ready.expected(known, t, row).map(|model| truth - model));
            Missed { residual, weight }
        })
    }
}
