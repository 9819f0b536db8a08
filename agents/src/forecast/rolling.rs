//! What the last weeks taught: the weight of each member, and how far their mix has missed.
//!
//! In: forecasts of members at past moments, and what came of them. Out: weights and quantiles for each UTC day.
//! Always: the state of a day rests on errors that were known when it began; windows end, so that nothing older than they
//! reach back matters; the same moments give the same bytes in any order of work. Not here: members (`member.rs`).

use super::conformal::{self, Conformal};
use super::contract::Target;
use super::lead::{self, GROUPS};
use super::member::Member;
use super::moment::{DAY, Moment};
use super::residuals;
use super::rows::NEXT_DAY_ORIGIN;
use super::selection::Joins;
use flexai_env::grid::Knowledge;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// How weights and intervals follow the last weeks.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EnsembleOptions {
    /// Days of errors that weights rest on.
    pub weight_days: usize,
    /// Days of errors that intervals rest on.
    pub interval_days: usize,
    /// Days after which an error counts half for intervals, so that they follow the seasons.
    pub interval_half_life_days: f64,
    /// A member whose error is `x` times larger than that of the best one weighs `exp(-sharpness (x - 1))` of it.
    pub sharpness: f64,
    /// Share of the mix's mean error of those days that is corrected.
    pub bias_share: f64,
}

impl Default for EnsembleOptions {
    fn default() -> Self {
        Self { weight_days: 28, interval_days: 56, interval_half_life_days: 21.0, sharpness: 20.0, bias_share: 0.25 }
    }
}

/// An error known so many half-hours after its period began counts for the next UTC day: imbalance prices and hourly carbon
/// are out by then.
const DELAY: usize = 4;
/// Scaled errors are cut here before they count for a weight: one spike shall not decide a month.
const SPIKE: f64 = 8.0;
/// Fewer errors than this decide nothing.
const LEAST_ERRORS: u32 = 40;
/// Days that an error can be on its way: the furthest lead, and the delay.
const UNDERWAY_DAYS: usize = 3;

/// Scaled errors of all members for one period, seen from one moment.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct ErrorRow {
    /// UTC day of the moment of issue, and that for which it counts first.
    issued: i32,
    counts: i32,
    group: usize,
    /// The scale over the unit of intervals.
    stretch: f64,
    /// Truth minus forecast, in units of the scale; NaN where a member said nothing.
    errors: Vec<f32>,
}

/// State of one UTC day.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct DayState {
    /// Weight of each member, by group of leads.
    pub(super) weights: Vec<Vec<f64>>,
    /// What the mix has missed by on average lately, shrunk, in units of the scale; by group.
    bias: Vec<f64>,
    /// Quantiles of the mix's scaled errors.
    pub(super) errors: Conformal,
}

/// States of consecutive UTC days.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Rolling {
    first_day: i32,
    states: Vec<DayState>,
}

impl Rolling {
    /// State for a moment.
    pub(super) fn state(&self, known: &Knowledge<'_>) -> Option<&DayState> {
        let day = known.period(known.now()).utc_day();
        usize::try_from(day - self.first_day).ok().and_then(|i| self.states.get(i))
    }

    /// States of the UTC days from `first` to `last`, indices of moments; nothing later than `known` is used.
    ///
    /// `means(now, reach)` are the members' forecasts from a moment, one row each of `reach + 1` leads.
    pub(super) fn learn(
        known: &Knowledge<'_>,
        target: Target,
        joins: &Joins,
        options: &EnsembleOptions,
        fallback: &Conformal,
        (first, last): (usize, usize),
        means: impl Fn(usize, usize) -> Vec<Vec<f32>> + Sync,
    ) -> Self {
        let back = (2 * options.weight_days + options.interval_days + 3 * UNDERWAY_DAYS) * DAY;
        let earliest = first.saturating_sub(back + DAY);
        let moments: Vec<usize> = (earliest..=last).filter(|now| is_counted(known, *now)).collect();
        let rows = all_error_rows(known, target, &moments, &means);
        let days = (known.period(earliest).utc_day(), known.period(last).utc_day());
        let first_day = known.period(first).utc_day();
        let Replayed { weights, bias, mixed } = Replayed::new(&rows, joins, options, days);
        let keep = (first_day - days.0) as usize;
        let states = weights.into_par_iter().zip(bias).enumerate().skip(keep).map(|(i, (weights, bias))| {
            let errors = intervals(&mixed, i, options).unwrap_or_else(|| fallback.clone());
            DayState { weights, bias, errors }
        });
        Self { first_day, states: states.collect() }
    }
}

/// Errors of the moments that are known by now, in the order of time.
pub(super) fn all_error_rows(
    known: &Knowledge<'_>,
    target: Target,
    moments: &[usize],
    means: &(impl Fn(usize, usize) -> Vec<Vec<f32>> + Sync),
) -> Vec<ErrorRow> {
    moments.par_iter().flat_map_iter(|now| error_rows(known, target, *now, means)).collect()
}

/// Weights, corrections and errors of the corrected mix, day after day.
pub(super) struct Replayed {
    weights: Vec<Vec<Vec<f64>>>,
    bias: Vec<Vec<f64>>,
    /// By the day they count for first.
    pub(super) mixed: Vec<Vec<Mixed>>,
}

impl Replayed {
    pub(super) fn new(rows: &[ErrorRow], joins: &Joins, options: &EnsembleOptions, days: (i32, i32)) -> Self {
        let weights = weights(rows, joins, options, days);
        let mut mixed = mix(rows, &weights, days);
        let bias: Vec<Vec<f64>> =
            (0..weights.len()).into_par_iter().map(|i| biases(&mixed, i, joins, options)).collect();
        // From here on the errors are those of the corrected mix.
        for mixed in mixed.iter_mut().flatten() {
            mixed.error -= bias[mixed.issued][mixed.group];
        }
        Self { weights, bias, mixed }
    }
}

impl DayState {
    /// The mix of the members' forecasts for a group of leads; members without a forecast (NaN) are left out.
    pub(super) fn mix(&self, group: usize, scale: f64, forecasts: impl Iterator<Item = f64>) -> f64 {
        let (mut sum, mut total) = (0.0, 0.0);
        for (forecast, weight) in forecasts.zip(&self.weights[group]) {
            if forecast.is_finite() {
                sum += weight * forecast;
                total += weight;
            }
        }
        if total > 0.0 { sum / total + scale * self.bias[group] } else { f64::NAN }
    }
}

/// Whether the errors of a moment are counted: every seventh half-hour, and 11:00 for the next local day.
pub(super) fn is_counted(known: &Knowledge<'_>, now: usize) -> bool {
    known.period(now).0.rem_euclid(residuals::STRIDE as i64) == 0 || is_next_day_origin(known, now)
}

/// How far ahead the errors of a moment are counted.
pub(super) fn reach(known: &Knowledge<'_>, now: usize) -> usize {
    if is_next_day_origin(known, now) { lead::LAST } else { DAY }
}

fn is_next_day_origin(known: &Knowledge<'_>, now: usize) -> bool {
    known.local(now).half_hour == NEXT_DAY_ORIGIN
}

/// Errors of one moment that are known by now, in the order of leads.
fn error_rows(
    known: &Knowledge<'_>,
    target: Target,
    now: usize,
    means: &impl Fn(usize, usize) -> Vec<Vec<f32>>,
) -> Vec<ErrorRow> {
    let then = known.rewound(now);
    let Some(moment) = Moment::without_features(&then, target) else { return Vec::new() };
    let reach = reach(known, now);
    let forecasts = means(now, reach);
    let issued = known.period(now).utc_day();
    let mut rows = Vec::new();
    let mut morning: Option<(i32, Knowledge<'_>)> = None;
    for lead in 0..=reach {
        let t = now + lead;
        let counts = known.period(t + DELAY + DAY - 1).utc_day();
        let midnight = (t + DELAY + DAY - 1) - usize::from(known.period(t + DELAY + DAY - 1).utc_half_hour());
        if midnight > known.now() {
            break;
        }
        if morning.as_ref().is_none_or(|(day, _)| *day != counts) {
            morning = Some((counts, known.rewound(midnight)));
        }
        let truth = morning.as_ref().and_then(|(_, morning)| target.known(morning, t));
        let scale = moment.scale_at(t);
        if let Some(truth) = truth.filter(|_| scale > 0.0 && target.known(&then, t).is_none()) {
            let error = |of_member: &Vec<f32>| ((truth - f64::from(of_member[lead])) / scale) as f32;
            let errors = forecasts.iter().map(error).collect();
            let stretch = scale / conformal::unit(target, scale);
            rows.push(ErrorRow { issued, counts, group: lead::group(&then, t), stretch, errors });
        }
    }
    rows
}

/// Weights of each day: losses of the window that ends with its beginning.
fn weights(rows: &[ErrorRow], joins: &Joins, options: &EnsembleOptions, days: (i32, i32)) -> Vec<Vec<Vec<f64>>> {
    let members = joins.members();
    let count = (days.1 - days.0 + 1).max(0) as usize;
    // Per day and group: sum of losses of each member, and how many.
    let mut losses = vec![vec![(vec![0.0; members], 0_u32); GROUPS]; count];
    for row in rows.iter().filter(|row| row.errors.iter().all(|error| error.is_finite())) {
        let Some(of_day) = usize::try_from(row.counts - days.0).ok().and_then(|i| losses.get_mut(i)) else { continue };
        let (sums, n) = &mut of_day[row.group];
        sums.iter_mut().zip(&row.errors).for_each(|(sum, error)| *sum += f64::from(error.abs()).min(SPIKE));
        *n += 1;
    }
    let of_day = |i: usize| {
        let window = &losses[(i + 1).saturating_sub(options.weight_days)..=i];
        (0..GROUPS).map(|group| group_weights(window, group, joins, options.sharpness)).collect()
    };
    (0..count).into_par_iter().map(of_day).collect()
}

fn group_weights(window: &[Vec<(Vec<f64>, u32)>], group: usize, joins: &Joins, sharpness: f64) -> Vec<f64> {
    let joins = joins.of(group);
    let mut sums = vec![0.0; joins.len()];
    let mut count = 0;
    for day in window {
        let (losses, n) = &day[group];
        sums.iter_mut().zip(losses).for_each(|(sum, loss)| *sum += loss);
        count += n;
    }
    let of_those = |of: &dyn Fn(f64) -> f64| -> Vec<f64> {
        sums.iter().zip(joins).map(|(loss, joins)| if *joins { of(*loss) } else { 0.0 }).collect()
    };
    let best = sums.iter().zip(joins).filter(|(_, joins)| **joins).map(|(loss, _)| *loss).fold(f64::INFINITY, f64::min);
    let raw = match count >= LEAST_ERRORS && best > 0.0 {
        true => of_those(&|loss| (-sharpness * (loss / best - 1.0)).exp()),
        false => of_those(&|_| 1.0),
    };
    let total: f64 = raw.iter().sum();
    raw.iter().map(|weight| weight / total).collect()
}

/// An error of the mix.
#[derive(Debug, Clone)]
pub(super) struct Mixed {
    /// Index of the day of issue.
    pub(super) issued: usize,
    pub(super) group: usize,
    /// In units of the scale.
    pub(super) error: f64,
    /// The scale over the unit of intervals.
    stretch: f64,
}

/// Scaled errors of the mix, by the day they count for first.
fn mix(rows: &[ErrorRow], weights: &[Vec<Vec<f64>>], days: (i32, i32)) -> Vec<Vec<Mixed>> {
    let index = |day: i32| usize::try_from(day - days.0).ok().filter(|i| *i < weights.len());
    let mut mixed = vec![Vec::new(); weights.len()];
    for row in rows {
        let (Some(issued), Some(counts)) = (index(row.issued), index(row.counts)) else { continue };
        let (mut sum, mut total) = (0.0, 0.0);
        for (error, weight) in row.errors.iter().zip(&weights[issued][row.group]) {
            if error.is_finite() {
                sum += weight * f64::from(*error);
                total += weight;
            }
        }
        if total > 0.0 {
            mixed[counts].push(Mixed { issued, group: row.group, error: sum / total, stretch: row.stretch });
        }
    }
    mixed
}

/// Errors of a window by group.
fn of_window(mixed: &[Vec<Mixed>], day: usize, days: usize) -> Vec<Vec<f64>> {
    let mut errors = vec![Vec::new(); GROUPS];
    let window = &mixed[(day + 1).saturating_sub(days)..=day];
    window.iter().flatten().for_each(|mixed| errors[mixed.group].push(mixed.error));
    errors
}

/// Mean error of the window by group, shrunk: it is half luck.
fn biases(mixed: &[Vec<Mixed>], day: usize, joins: &Joins, options: &EnsembleOptions) -> Vec<f64> {
    let of_group = |(group, errors): (usize, &Vec<f64>)| {
        let sum: f64 = errors.iter().map(|error| error.clamp(-SPIKE, SPIKE)).sum();
        if errors.len() < LEAST_ERRORS as usize || joins.is_plain(group) {
            0.0
        } else {
            options.bias_share * sum / errors.len() as f64
        }
    };
    of_window(mixed, day, options.weight_days).iter().enumerate().map(of_group).collect()
}

/// Quantiles of the errors of a window, the latest counting most; `None` if no group has enough.
fn intervals(mixed: &[Vec<Mixed>], day: usize, options: &EnsembleOptions) -> Option<Conformal> {
    let weight = |age: usize| 0.5_f64.powf(age as f64 / options.interval_half_life_days);
    let mut errors = vec![Vec::new(); GROUPS];
    for age in 0..options.interval_days.min(day + 1) {
        let of_day = mixed[day - age].iter();
        of_day.for_each(|mixed| errors[mixed.group].push((mixed.error * mixed.stretch, weight(age))));
    }
    let enough = errors.iter().any(|errors| errors.len() >= conformal::LEAST);
    enough.then(|| Conformal::from_errors(errors, conformal::worth((0..options.interval_days).map(weight))))
}

/// Means of members from a moment, rounded as they are stored; NaN where a member says nothing.
pub(super) fn member_means(
    members: &[&dyn Member],
    known: &Knowledge<'_>,
    target: Target,
    reach: usize,
) -> Vec<Vec<f32>> {
    let of_member = |member: &&dyn Member| {
        let mut means = vec![0.0; reach + 1];
        match member.points(known, target, known.now(), &mut means) {
            Ok(_) => means.iter().map(|x| *x as f32).collect(),
            Err(_) => vec![f32::NAN; reach + 1],
        }
    };
    members.iter().map(of_member).collect()
}
