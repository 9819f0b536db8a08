//! What the network sees of a history: two days hour by hour, and for each half-hour ahead what the past says of it.
//!
//! In: the last week of a series. Out: [`Example`], in units of the week's own mean and deviation.
//! Always: scale-free; a hole is filled by the day before for seeing only, never for learning or scoring.
//! Not here: the network.

use super::series::{DAY, HISTORY, HORIZON, ShortHistory, WEEK, WeekClock};
use std::f64::consts::TAU;

/// Hours that the recurrent part reads.
pub(super) const STEPS: usize = 48;
/// Inputs per hour: two values, two of the day before, clock, weekend.
pub(super) const STEP_INPUTS: usize = 7;
/// Inputs per half-hour ahead.
pub(super) const AHEAD_INPUTS: usize = 13;
/// The first of them are forecasts themselves, which the network may mix.
pub(super) const ANCHORS: usize = 6;
/// Least deviation, as a share of the mean: a flat series is not blown up.
const LEAST_DEVIATION: f64 = 0.005;

/// A prepared history.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Example {
    /// `[STEPS, STEP_INPUTS]`.
    pub(super) steps: Vec<f32>,
    /// `[HORIZON, AHEAD_INPUTS]`.
    pub(super) ahead: Vec<f32>,
    pub(super) centre: f64,
    pub(super) scale: f64,
}

impl Example {
    pub(super) fn new(history: &[f64], next: WeekClock) -> Result<Self, ShortHistory> {
        let week = filled(history)?;
        let centre = week.iter().sum::<f64>() / WEEK as f64;
        let deviation = (week.iter().map(|x| (x - centre).powi(2)).sum::<f64>() / WEEK as f64).sqrt();
        let scale = deviation.max(LEAST_DEVIATION * centre.abs()).max(1e-9);
        let x: Vec<f64> = week.iter().map(|v| (v - centre) / scale).collect();
        let clock = |clock: WeekClock| {
            let angle = TAU * clock.day_share();
            [angle.sin(), angle.cos(), f64::from(u8::from(clock.is_weekend()))]
        };
        let mut steps = Vec::with_capacity(STEPS * STEP_INPUTS);
        for hour in 0..STEPS {
            let i = WEEK - 2 * (STEPS - hour);
            steps.extend([x[i], x[i + 1], x[i - DAY], x[i + 1 - DAY]].map(|v| v as f32));
            steps.extend(clock(next.minus(WEEK - i)).map(|v| v as f32));
        }
        let mean = |part: &[f64]| part.iter().sum::<f64>() / part.len() as f64;
        let (last, last_hours, last_day) = (x[WEEK - 1], mean(&x[WEEK - 6..]), mean(&x[WEEK - DAY..]));
        // How much the series moves from one half-hour to the next, and from one day to the next.
        let moves = |step: usize| (step..WEEK).map(|i| (x[i] - x[i - step]).abs()).sum::<f64>() / (WEEK - step) as f64;
        let restless = [moves(1), moves(DAY)].map(|v| v as f32);
        let mut ahead = Vec::with_capacity(HORIZON * AHEAD_INPUTS);
        for k in 0..HORIZON {
            let days: f64 = (0..7).map(|day| x[k + day * DAY]).sum::<f64>() / 7.0;
            ahead.extend([x[k + WEEK - DAY], x[k], days, last, last_hours, last_day].map(|v| v as f32));
            ahead.extend(clock(next.plus(k)).map(|v| v as f32));
            let share = k as f64 / HORIZON as f64;
            ahead.extend([share as f32, (-6.0 * share).exp() as f32]);
            ahead.extend(restless);
        }
        Ok(Self { steps, ahead, centre, scale })
    }
}

/// The last week without holes: the day before stands in, else the value before, else the week's mean.
fn filled(history: &[f64]) -> Result<Vec<f64>, ShortHistory> {
    let from = history.len().saturating_sub(HISTORY);
    let week = &history[from..];
    let known: Vec<f64> = week.iter().copied().filter(|x| x.is_finite()).collect();
    if week.len() < HISTORY || known.is_empty() {
        return Err(ShortHistory { found: history.len(), known: known.len() });
    }
    let mean = known.iter().sum::<f64>() / known.len() as f64;
    let mut full = Vec::with_capacity(WEEK);
    for (i, value) in week.iter().enumerate() {
        let stand_in = if i >= DAY { full[i - DAY] } else { full.last().copied().unwrap_or(mean) };
        full.push(if value.is_finite() { *value } else { stand_in });
    }
    Ok(full)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inputs_are_those_of_the_hours_and_days_they_name() {
        let history: Vec<f64> = (0..HISTORY + 10).map(|i| i as f64).collect();
        let example = Example::new(&history, WeekClock::new(2, 0)).expect("long enough");
        let back = |v: f32| f64::from(v) * example.scale + example.centre;
        let last_step = &example.steps[(STEPS - 1) * STEP_INPUTS..];
        assert!((back(last_step[0]) - 344.0).abs() < 1e-3 && (back(last_step[1]) - 345.0).abs() < 1e-3);
        assert!((back(last_step[2]) - 296.0).abs() < 1e-3);
        let third = &example.ahead[3 * AHEAD_INPUTS..];
        assert!((back(third[0]) - 301.0).abs() < 1e-3 && (back(third[1]) - 13.0).abs() < 1e-3);
        assert_eq!(example.ahead[8], 0.0);
    }

    #[test]
    fn scale_and_level_do_not_matter() {
        let history: Vec<f64> = (0..HISTORY).map(|i| (i as f64 / 7.0).sin() * 3.0 + 10.0).collect();
        let other: Vec<f64> = history.iter().map(|x| 1000.0 * x + 5.0).collect();
        let next = WeekClock::new(5, 20);
        let (a, b) = (Example::new(&history, next).expect("long"), Example::new(&other, next).expect("long"));
        assert!(a.steps.iter().zip(&b.steps).chain(a.ahead.iter().zip(&b.ahead)).all(|(x, y)| (x - y).abs() < 1e-5));
    }

    #[test]
    fn a_short_or_empty_history_is_refused_in_words() {
        let error = Example::new(&[1.0; 100], WeekClock::new(0, 0)).expect_err("too short");
        assert!(error.to_string().contains("holds 100 values"));
        assert!(Example::new(&[f64::NAN; HISTORY], WeekClock::new(0, 0)).is_err());
    }
}
