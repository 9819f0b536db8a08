//! What is known when period `now` is decided, at its start.
//!
//! In: a trace and a moment. Out: values that were public (or on the trader's screen) by then, `None` for the rest.
//! Always: observations, masks and forecasts read the trace through [`Knowledge`] only, so nothing can leak.
//! Not here: what the site pays and scores by (`site/`), which is looked up after the decision.

use super::calendar::{LocalStamp, Period, local_midnight};
use super::signal::Signal;
use super::trace::GridTrace;
use serde::{Deserialize, Serialize};

/// Local half-hour (11:00) from which the next local day's auction result and day-ahead forecasts are known. The table
/// of published forecasts gives issue times of 08:30-10:00, so 11:00 is on the safe side for them.
const DAY_AHEAD_PUBLICATION_HALF_HOUR: u8 = 22;
/// The system price and the imbalance volume are published with this delay.
const IMBALANCE_DELAY: usize = 2;
/// Length of a settlement period in minutes.
const PERIOD_MIN: u32 = 30;

/// Who decides, and therefore what is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InformationSet {
    /// The site sees its supplier's screen: the intraday index of period t trades before t is decided.
    #[default]
    Trader,
    /// Public feeds only: the intraday index up to t-1.
    Published,
}

/// When the value of a period becomes known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Availability {
    /// So many periods after it begins: with 0 when it is decided itself.
    Lag(usize),
    /// For the whole local day at 11:00 local time of the day before.
    DayAhead,
    /// Once the hour, or whatever the value is a mean of, is over.
    MeanIsOver,
    /// Not at all.
    Never,
}

impl Availability {
    /// The information set as a rule per signal; `day_ahead_prices` is false where a scenario hides them.
    pub fn of(signal: Signal, information: InformationSet, day_ahead_prices: bool) -> Self {
        match signal {
            Signal::IntradayPrice => match information {
                InformationSet::Trader => Self::Lag(0),
                InformationSet::Published => Self::Lag(1),
            },
            Signal::DayAheadPrice if !day_ahead_prices => Self::Never,
            Signal::DayAheadPrice
            | Signal::DayAheadForecastDemand
            | Signal::DayAheadForecastWind
            | Signal::DayAheadForecastEmbeddedWind
            | Signal::DayAheadForecastEmbeddedSolar => Self::DayAhead,
            Signal::ImbalancePrice | Signal::NetImbalanceVolume => Self::Lag(IMBALANCE_DELAY),
            Signal::CarbonIntensity => Self::MeanIsOver,
            _ => Self::Lag(1),
        }
    }

    /// Whether the value of a period is known when that period is decided, at its start.
    pub fn is_in_time(self) -> bool {
        matches!(self, Self::Lag(0) | Self::DayAhead)
    }
}

/// The past and the published future of a trace, seen at the start of period `now`.
#[derive(Debug, Clone, Copy)]
pub struct Knowledge<'a> {
    trace: &'a GridTrace,
    now: usize,
    information: InformationSet,
    day_ahead: bool,
    day_ahead_until: usize,
}

impl<'a> Knowledge<'a> {
    /// What is known at the start of period `now` (an index of the trace).
    pub fn at(trace: &'a GridTrace, now: usize, information: InformationSet) -> Self {
        let local = trace.local(now);
        let last_day = if local.half_hour >= DAY_AHEAD_PUBLICATION_HALF_HOUR { local.day + 1 } else { local.day };
        let until = local_midnight(last_day + 1).0 - trace.start().0;
        let day_ahead_until = (until.max(0) as usize).min(trace.len());
        Self { trace, now, information, day_ahead: true, day_ahead_until }
    }

    /// The same without any day-ahead price (scenario `no-day-ahead`).
    pub fn without_day_ahead(mut self) -> Self {
        self.day_ahead = false;
        self
    }

    /// The moment.
    pub fn now(&self) -> usize {
        self.now
    }

    /// The same at an earlier moment: what was known then.
    ///
    /// # Panics
    /// If `now` is later than the moment.
    pub fn rewound(&self, now: usize) -> Self {
        assert!(now <= self.now, "nobody is told what is not known yet");
        let day_ahead = self.day_ahead;
        Self { day_ahead, ..Self::at(self.trace, now, self.information) }
    }

    /// Period `t` by its absolute number, also beyond the trace.
    pub fn period(&self, t: usize) -> Period {
        self.trace.period(t)
    }

    /// Who looks.
    pub fn information(&self) -> InformationSet {
        self.information
    }

    /// UK local time of period `t`, also beyond the trace; the calendar has no secrets.
    pub fn local(&self, t: usize) -> LocalStamp {
        if t < self.trace.len() { self.trace.local(t) } else { self.trace.period(t).local() }
    }

    /// First index whose day-ahead price is not known yet.
    pub fn day_ahead_until(&self) -> usize {
        if self.day_ahead { self.day_ahead_until } else { 0 }
    }

    /// Value of a signal in period `t`, if it is known now and not a hole.
    pub fn get(&self, signal: Signal, t: usize) -> Option<f64> {
        if self.is_known(signal, t) { self.trace.get(signal, t) } else { None }
    }

    /// National solar output per installed capacity in period `t`, if known now.
    pub fn solar_factor(&self, t: usize) -> Option<f64> {
        if t < self.now { self.trace.solar_capacity_factor(t) } else { None }
    }

    /// The newest known value of a signal at or before period `t`, with its index; looks back at most two weeks.
    pub fn latest(&self, signal: Signal, t: usize) -> Option<(usize, f64)> {
        let from = t.min(self.trace.len().saturating_sub(1));
        let oldest = from.saturating_sub(LOOK_BACK);
        (oldest..=from).rev().find_map(|i| self.get(signal, i).map(|x| (i, x)))
    }

    fn is_known(&self, signal: Signal, t: usize) -> bool {
        if t >= self.trace.len() {
            return false;
        }
        match Availability::of(signal, self.information, self.day_ahead) {
            Availability::Lag(periods) => t + periods <= self.now,
            Availability::DayAhead => t < self.day_ahead_until,
            Availability::MeanIsOver => self.mean_is_over(t),
            Availability::Never => false,
        }
    }

    /// A mean over an hour, or over any other number of half-hours, is known once the last of them is over; they are
    /// counted from the epoch, so that hours and days are those of UTC.
    fn mean_is_over(&self, t: usize) -> bool {
        let start = self.trace.start().0;
        let periods = i64::from(self.trace.carbon_resolution_min(t).div_ceil(PERIOD_MIN)).max(1);
        let end = ((start + t as i64).div_euclid(periods) + 1) * periods;
        end <= start + self.now as i64
    }
}

/// How far back the newest value of a signal is looked for.
const LOOK_BACK: usize = 14 * 48;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grid::{SourceKind, TraceSource};

    /// Three days from 12:30 on, all carbon values there, with their resolution in minutes.
    fn first_unknown_carbon(resolution_min: f64, now: usize) -> usize {
        let source = TraceSource { name: "made by hand".into(), kind: SourceKind::Synthetic };
        let trace = GridTrace::holes(source, "2024-01-03T12:30:00Z".parse().expect("a period"), 144).with_columns([
            (Signal::CarbonIntensity, vec![100.0; 144]),
            (Signal::CarbonResolution, vec![resolution_min; 144]),
        ]);
        let known = Knowledge::at(&trace, now, InformationSet::Trader);
        let unknown: Vec<usize> = (0..144).filter(|t| known.get(Signal::CarbonIntensity, *t).is_none()).collect();
        assert!(unknown.windows(2).all(|w| w[1] == w[0] + 1), "what is unknown is the future");
        unknown[0]
    }

    #[test]
    fn a_carbon_value_is_known_once_the_time_it_is_a_mean_of_is_over() {
        // Index 23 is midnight, index 71 the next one; hours start at odd indices.
        assert_eq!((first_unknown_carbon(30.0, 70), first_unknown_carbon(30.0, 71)), (70, 71));
        assert_eq!((first_unknown_carbon(60.0, 70), first_unknown_carbon(60.0, 71)), (69, 71));
        assert_eq!((first_unknown_carbon(1440.0, 70), first_unknown_carbon(1440.0, 71)), (23, 71));
    }
}
