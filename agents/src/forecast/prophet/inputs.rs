//! What a model may read of one period: its place in time, and the day-ahead forecasts published for it.
//!
//! In: a trace (fitting) or [`Knowledge`] (forecasting). Out: values, or `None` in a hole and where not known yet.
//! Always: the same period gives the same inputs, whoever asks, once its local day has been published.
//! Not here: what a model makes of them (`design.rs`).

use super::super::contract::Target;
use flexai_env::grid::calendar::{LocalStamp, Period};
use flexai_env::grid::trace::solar_capacity_mw;
use flexai_env::grid::{GridTrace, Knowledge, Signal};

/// Where values come from.
pub(super) trait Inputs {
    /// A published day-ahead forecast.
    fn get(&self, signal: Signal, t: usize) -> Option<f64>;
    /// A value of the target.
    fn value(&self, target: Target, t: usize) -> Option<f64>;
    /// The period at index `t`.
    fn period(&self, t: usize) -> Period;
    /// Its place on the local clock.
    fn local(&self, t: usize) -> LocalStamp {
        self.period(t).local()
    }
}

impl Inputs for Knowledge<'_> {
    fn get(&self, signal: Signal, t: usize) -> Option<f64> {
        Knowledge::get(self, signal, t)
    }

    fn value(&self, target: Target, t: usize) -> Option<f64> {
        target.known(self, t)
    }

    fn period(&self, t: usize) -> Period {
        Knowledge::period(self, t)
    }

    fn local(&self, t: usize) -> LocalStamp {
        // The trace keeps the stamps of its periods; what is to come may lie beyond its end.
        if t < self.now() { Knowledge::local(self, t) } else { Inputs::period(self, t).local() }
    }
}

/// A trace up to an end: what a fit may see.
pub(super) struct Past<'a> {
    pub(super) trace: &'a GridTrace,
    pub(super) end: usize,
}

impl Inputs for Past<'_> {
    fn get(&self, signal: Signal, t: usize) -> Option<f64> {
        self.trace.get(signal, t).filter(|_| t < self.end)
    }

    fn value(&self, target: Target, t: usize) -> Option<f64> {
        target.truth(self.trace, t).filter(|_| t < self.end)
    }

    fn period(&self, t: usize) -> Period {
        self.trace.period(t)
    }

    fn local(&self, t: usize) -> LocalStamp {
        if t < self.trace.len() { self.trace.local(t) } else { self.period(t).local() }
    }
}

/// The four published day-ahead forecasts, in the order of reports.
pub(super) const PUBLISHED: [(Signal, &str); 4] = [
    (Signal::DayAheadForecastWind, "day-ahead wind forecast"),
    (Signal::DayAheadForecastEmbeddedWind, "day-ahead embedded wind forecast"),
    (Signal::DayAheadForecastEmbeddedSolar, "day-ahead embedded solar forecast"),
    (Signal::DayAheadForecastDemand, "day-ahead demand forecast"),
];

/// Periods on either side over which a forecast is smoothed: an error in time is spread, an error in size is not.
const NEAR: usize = 3;
const WIDE: usize = 8;
const GIGAWATT: f64 = 1000.0;

/// Day-ahead forecasts of one period, in GW; solar per installed capacity.
#[derive(Debug, Clone, Copy)]
pub(super) struct Published {
    pub(super) wind: f64,
    pub(super) wind_near: f64,
    pub(super) wind_wide: f64,
    pub(super) embedded_wind: f64,
    pub(super) solar: f64,
    pub(super) solar_near: f64,
    pub(super) solar_gw: f64,
    pub(super) demand: f64,
}

impl Published {
    /// `None` unless all four are there.
    pub(super) fn at(inputs: &(impl Inputs + ?Sized), t: usize) -> Option<Self> {
        let wind = inputs.get(Signal::DayAheadForecastWind, t)?;
        let embedded_wind = inputs.get(Signal::DayAheadForecastEmbeddedWind, t)?;
        let solar = inputs.get(Signal::DayAheadForecastEmbeddedSolar, t)?;
        let demand = inputs.get(Signal::DayAheadForecastDemand, t)?;
        if demand <= 0.0 {
            return None;
        }
        // What is published is published for a whole local day; its neighbours of other days may not be known yet.
        let local = inputs.local(t);
        let same_day =
            |i: &usize| inputs.get(Signal::DayAheadForecastWind, *i).is_some() && day_of(inputs, *i, t, local);
        let mean = |signal, reach: usize| {
            let (mut sum, mut count) = (0.0, 0.0);
            for i in (t.saturating_sub(reach)..=t + reach).filter(same_day) {
                if let Some(x) = inputs.get(signal, i) {
                    (sum, count) = (sum + x, count + 1.0);
                }
            }
            sum / count
        };
        let capacity = solar_capacity_mw(inputs.period(t));
        Some(Self {
            wind: wind / GIGAWATT,
            wind_near: mean(Signal::DayAheadForecastWind, NEAR) / GIGAWATT,
            wind_wide: mean(Signal::DayAheadForecastWind, WIDE) / GIGAWATT,
            embedded_wind: embedded_wind / GIGAWATT,
            solar: solar / capacity,
            solar_near: mean(Signal::DayAheadForecastEmbeddedSolar, NEAR) / capacity,
            solar_gw: solar / GIGAWATT,
            demand: demand / GIGAWATT,
        })
    }
}

/// Whether period `i`, near `t`, lies on the local day of `t`; far from midnight no calendar is asked.
fn day_of(inputs: &(impl Inputs + ?Sized), i: usize, t: usize, local: LocalStamp) -> bool {
    let half_hour = usize::from(local.half_hour);
    let margin = 2;
    let surely = i + half_hour >= t + margin && i + half_hour + margin < t + 48;
    surely || i == t || inputs.local(i).day == local.day
}
