//! What forecasters share: errors over history, quantiles around means, and how missing inputs are named.
//!
//! In: a forecaster and the history it was fitted on. Out: quantiles of its scaled errors.
//! Always: errors are those of forecasts made from `Knowledge`. Not here: the forecasters.

use super::conformal::{self, Conformal};
use super::contract::{Distribution, Target};
use super::lead::{self, GROUPS};
use super::member::Member;
use super::moment::{DAY, Moment};
use super::rows::NEXT_DAY_ORIGIN;
use flexai_env::grid::{ForecastGap, GridTrace, InformationSet, Knowledge, Signal};
use rayon::prelude::*;

/// Half-hours between two moments whose errors count: they fall on every half-hour of the day in turn.
pub(super) const STRIDE: usize = 7;
/// Days at the end of history whose errors make quantiles: a year, so that every season counts.
const DAYS: usize = 365;

/// Quantiles of the scaled errors of a forecaster in the last year of a trace.
pub(super) fn conformal(member: &dyn Member, target: Target, trace: &GridTrace, from: usize) -> Conformal {
    conformal_of(&|_| member, target, trace, from)
}

/// The same where the forecaster of a moment depends on the moment.
pub(super) fn conformal_of<'m, F: (Fn(usize) -> &'m dyn Member) + Sync>(
    member: &F,
    target: Target,
    trace: &GridTrace,
    from: usize,
) -> Conformal {
    let first = trace.len().saturating_sub(DAYS * DAY).max(from + 14 * DAY);
    let moments: Vec<usize> = (first..trace.len()).filter(|now| is_counted(trace, *now)).collect();
    let parts: Vec<Vec<(usize, f64)>> =
        moments.par_iter().map(|now| scaled_errors(member(*now), target, trace, *now)).collect();
    let mut errors = vec![Vec::new(); GROUPS];
    parts.into_iter().flatten().for_each(|(group, error)| errors[group].push((error, 1.0)));
    Conformal::from_errors(errors, ((trace.len() - first) / DAY) as f64)
}

/// Whether the errors of a moment are counted: every seventh half-hour, and 11:00 for the next local day.
pub(super) fn is_counted(trace: &GridTrace, now: usize) -> bool {
    trace.period(now).0.rem_euclid(STRIDE as i64) == 0 || is_next_day_origin(trace, now)
}

/// Whether the next local day is forecast from here.
pub(super) fn is_next_day_origin(trace: &GridTrace, now: usize) -> bool {
    trace.local(now).half_hour == NEXT_DAY_ORIGIN
}

fn scaled_errors(member: &dyn Member, target: Target, trace: &GridTrace, now: usize) -> Vec<(usize, f64)> {
    let known = Knowledge::at(trace, now, InformationSet::Trader);
    let reach = if is_next_day_origin(trace, now) { lead::LAST } else { DAY };
    let mut means = vec![0.0; (reach + 1).min(trace.len() - now)];
    let (Some(moment), Ok(_)) =
        (Moment::without_features(&known, target), member.points(&known, target, now, &mut means))
    else {
        return Vec::new();
    };
    let of = |(lead, mean): (usize, &f64)| {
        let t = now + lead;
        let scale = moment.scale_at(t);
        let usable = scale > 0.0 && target.known(&known, t).is_none();
        Some((
            lead::group(&known, t),
            (target.truth(trace, t).filter(|_| usable)? - mean) / conformal::unit(target, scale),
        ))
    };
    means.iter().enumerate().filter_map(of).collect()
}

/// Distributions around means; what is known already has no spread.
///
/// # Errors
/// [`ForecastGap`] if nothing is known of the target.
pub(super) fn spread_out(
    known: &Knowledge<'_>,
    target: Target,
    first: usize,
    means: &[f64],
    errors: Option<&Conformal>,
    out: &mut [Distribution],
) -> Result<(), ForecastGap> {
    let moment = Moment::without_features(known, target).ok_or_else(|| gap(known, target))?;
    for (k, (mean, out)) in means.iter().zip(out).enumerate() {
        let t = first + k;
        *out = match errors {
            Some(errors) if target.known(known, t).is_none() => {
                errors.around(*mean, moment.scale_at(t), lead::group(known, t), target)
            }
            _ => Distribution::certain(*mean),
        };
    }
    Ok(())
}

/// Puts what is known already in the place of what was forecast.
pub(super) fn keep_known(known: &Knowledge<'_>, target: Target, first: usize, out: &mut [f64]) {
    for (k, out) in out.iter_mut().enumerate() {
        if let Some(value) = target.known(known, first + k) {
            *out = value;
        }
    }
}

/// Nothing is known of a target.
pub(super) fn gap(known: &Knowledge<'_>, target: Target) -> ForecastGap {
    ForecastGap { signal: target.signal().unwrap_or(Signal::Solar), now: known.now() }
}

/// Adds a name once.
pub(super) fn note(missing: &mut Vec<String>, name: &str) {
    if !missing.iter().any(|known| known == name) {
        missing.push(name.into());
    }
}
