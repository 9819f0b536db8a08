//! Events where day-ahead signals show stress.
//!
//! In: a trace, read through what is known at 11:00 local. Out: at most one event for each next local day.
//! Always: nothing is read but [`Knowledge`] of the moment of publication; a day whose signals are not all there is
//! counted, never guessed. Not here: whether the event overlaps another (`schedule.rs`).

use super::config::StressEvents;
use super::{Depth, EventKind, EventSource, FlexEvent};
use crate::grid::calendar::{local_day, local_midnight};
use crate::grid::{GridTrace, InformationSet, Knowledge, PERIODS_PER_DAY, Period, Signal};
use std::ops::Range;

/// Local half-hour of publication, 11:00, when the auction's result and the forecasts are known.
const PUBLICATION_HALF_HOUR: i64 = 22;
/// Share of the trailing half-hours that must be there for a rank to mean something.
const MIN_HISTORY: f64 = 0.8;

/// Events, and the days that could not be judged.
pub(super) struct StressFound {
    pub(super) events: Vec<FlexEvent>,
    pub(super) days_judged: usize,
    pub(super) days_without_signals: usize,
}

/// The trailing values of the two signals, kept between days so that their memory is used again.
#[derive(Default)]
struct Trailing {
    price: Vec<f64>,
    residual: Vec<f64>,
}

/// Judges every local day that lies within the trace as a whole.
pub(super) fn find(config: &StressEvents, trace: &GridTrace) -> StressFound {
    let mut found = StressFound { events: Vec::new(), days_judged: 0, days_without_signals: 0 };
    if trace.is_empty() {
        return found;
    }
    let mut trailing = Trailing::default();
    for day in trace.local(0).day + 1..=trace.local(trace.len() - 1).day {
        let periods = local_day(day);
        let (Some(now), Some(first), Some(last)) =
            (trace.index_of(publication(day)), trace.index_of(periods.start), trace.index_of(periods.end - 1))
        else {
            continue;
        };
        // The issuing desk sees the auction even where the scenario hides it from the site.
        let known = Knowledge::at(trace, now, InformationSet::Published);
        match judge(config, &known, first..last + 1, &mut trailing) {
            Some((at, score)) => {
                found.days_judged += 1;
                if score >= config.threshold {
                    found.events.push(event(config, trace, now, at));
                }
            }
            None => found.days_without_signals += 1,
        }
    }
    found
}

/// 11:00 local on the day before, from the next midnight back, so that a clock change in the night does not move it.
fn publication(day: i32) -> Period {
    local_midnight(day) - (PERIODS_PER_DAY as i64 - PUBLICATION_HALF_HOUR)
}

/// The run of half-hours with the highest mean score: its first index, and its score.
fn judge(
    config: &StressEvents,
    known: &Knowledge<'_>,
    day: Range<usize>,
    trailing: &mut Trailing,
) -> Option<(usize, f64)> {
    let look_back = config.trailing_days as usize * PERIODS_PER_DAY;
    let past = day.start.checked_sub(look_back)?..day.start;
    trailing.price.clear();
    trailing.residual.clear();
    trailing.price.extend(past.clone().filter_map(|t| known.get(Signal::DayAheadPrice, t)));
    trailing.residual.extend(past.filter_map(|t| residual(known, t)));
    let enough = (MIN_HISTORY * look_back as f64) as usize;
    if trailing.price.len() < enough || trailing.residual.len() < enough {
        return None;
    }
    trailing.price.sort_unstable_by(f64::total_cmp);
    trailing.residual.sort_unstable_by(f64::total_cmp);
    let mut scores = [0.0; 50];
    for (score, t) in scores.iter_mut().zip(day.clone()) {
        let price = known.get(Signal::DayAheadPrice, t)?;
        *score = 0.5 * (rank(&trailing.price, price) + rank(&trailing.residual, residual(known, t)?));
    }
    let length = config.periods as usize;
    let runs = scores[..day.len()].windows(length).map(|run| run.iter().sum::<f64>() / length as f64);
    let (offset, score) = runs.enumerate().fold((0, f64::MIN), |best, run| if run.1 > best.1 { run } else { best });
    Some((day.start + offset, score))
}

/// Forecast demand that wind is not forecast to serve.
///
/// NESO's National Demand is net of embedded wind and sun already,
/// so that their forecasts (`da_fc_embedded_*`) are not taken off a second time.
fn residual(known: &Knowledge<'_>, t: usize) -> Option<f64> {
    Some(known.get(Signal::DayAheadForecastDemand, t)? - known.get(Signal::DayAheadForecastWind, t)?)
}

/// Share of the sorted values that lie below.
fn rank(sorted: &[f64], value: f64) -> f64 {
    sorted.partition_point(|x| *x < value) as f64 / sorted.len() as f64
}

fn event(config: &StressEvents, trace: &GridTrace, now: usize, at: usize) -> FlexEvent {
    FlexEvent {
        published: trace.period(now),
        start: trace.period(at),
        periods: config.periods,
        kind: EventKind::TurnDown(Depth::Share(config.depth_share)),
        price_gbp_per_mwh: config.price_gbp_per_mwh,
        penalty_gbp_per_mwh: config.penalty_gbp_per_mwh,
        source: EventSource::Stress,
    }
}
