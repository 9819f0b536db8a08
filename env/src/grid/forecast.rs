//! Forecasts: the one door through which the future may be guessed.
//!
//! In: [`Knowledge`] of a moment. Out: expected values from that moment on.
//! Always: a source reads nothing but `Knowledge`; it says how old its newest input was.
//! Not here: fitted models (`flexai-agents`, `forecast/`), which implement the same trait.

use super::knowledge::Knowledge;
use super::signal::Signal;

/// How current a forecast's inputs were.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Freshness {
    /// The newest expected input was there.
    Fresh,
    /// The newest input was this many periods older than it should have been.
    Stale {
        /// Periods.
        age: usize,
    },
}

/// Nothing at all was known of a signal.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no value of `{signal:?}` is known in the two weeks before period {now} of the trace")]
pub struct ForecastGap {
    /// The signal asked for.
    pub signal: Signal,
    /// The moment.
    pub now: usize,
}

/// A forecaster.
pub trait ForecastSource: Send + Sync {
    /// Short name for reports.
    fn name(&self) -> &'static str;

    /// What it is, so that equal identities mean equal forecasts: its name, and a digest where it was fitted.
    fn identity(&self) -> String {
        self.name().into()
    }

    /// Fills `out[k]` with the expected value of `signal` in period `now + k`.
    ///
    /// # Errors
    /// [`ForecastGap`] if nothing is known to forecast from.
    fn forecast(&self, known: &Knowledge<'_>, signal: Signal, out: &mut [f64]) -> Result<Freshness, ForecastGap>;

    /// Fills `out[k]` with expected solar output per installed capacity in period `now + k`.
    fn forecast_solar(&self, known: &Knowledge<'_>, out: &mut [f64]);
}

/// Published day-ahead prices, with today's deviations fading out; the same half-hour of the last days elsewhere.
///
/// Constants measured on 2020-2023 by the policy study: the spread of the intraday index over the day-ahead price
/// persists by 0.84 per period, the change of carbon intensity against yesterday by 0.975, and 0.26 of the last known
/// spread of the imbalance price over the index is still there in the coming period.
#[derive(Debug, Clone, Copy, Default)]
pub struct DayAheadPersistence;

const SPREAD_PERSISTENCE: f64 = 0.84;
const CARBON_PERSISTENCE: f64 = 0.975;
const IMBALANCE_SPREAD_SHARE: f64 = 0.26;
const DAY: usize = 48;
/// A hole is looked up in at most this many earlier days.
const DAYS_BACK: usize = 14;

impl ForecastSource for DayAheadPersistence {
    fn name(&self) -> &'static str {
        "day_ahead_persistence"
    }

    fn forecast(&self, known: &Knowledge<'_>, signal: Signal, out: &mut [f64]) -> Result<Freshness, ForecastGap> {
        match signal {
            Signal::IntradayPrice => intraday(known, out),
            Signal::ImbalancePrice => imbalance(known, out),
            Signal::CarbonIntensity => drifting(known, signal, CARBON_PERSISTENCE, out),
            _ => drifting(known, signal, 0.0, out),
        }
    }

    fn forecast_solar(&self, known: &Knowledge<'_>, out: &mut [f64]) {
        let now = known.now();
        for (k, value) in out.iter_mut().enumerate() {
            let same_slot =
                (1..=DAYS_BACK).filter_map(|d| (now + k).checked_sub(d * DAY)).find_map(|t| known.solar_factor(t));
            *value = same_slot.unwrap_or(0.0);
        }
    }
}

/// Day-ahead price where auctioned (else of the same half-hour in the last days), plus the fading spread of the index.
fn intraday(known: &Knowledge<'_>, out: &mut [f64]) -> Result<Freshness, ForecastGap> {
    let now = known.now();
    let (at, index) = latest(known, Signal::IntradayPrice)?;
    let spread = base_price(known, at).map_or(0.0, |base| index - base);
    for (k, value) in out.iter_mut().enumerate() {
        let lead = (now + k).saturating_sub(at) as i32;
        *value = base_price(known, now + k).unwrap_or(index) + SPREAD_PERSISTENCE.powi(lead) * spread;
    }
    Ok(freshness(known, Signal::IntradayPrice, at))
}

fn base_price(known: &Knowledge<'_>, t: usize) -> Option<f64> {
    let same_slot = |signal| move |d: usize| t.checked_sub(d * DAY).and_then(|i| known.get(signal, i));
    known
        .get(Signal::DayAheadPrice, t)
        .or_else(|| (1..=DAYS_BACK).find_map(same_slot(Signal::DayAheadPrice)))
        .or_else(|| (1..=DAYS_BACK).find_map(same_slot(Signal::IntradayPrice)))
}

/// Intraday forecast, moved in the first period by part of the last known spread of the imbalance price.
fn imbalance(known: &Knowledge<'_>, out: &mut [f64]) -> Result<Freshness, ForecastGap> {
    intraday(known, out)?;
    let (at, price) = latest(known, Signal::ImbalancePrice)?;
    if let (Some(index), Some(first)) = (known.get(Signal::IntradayPrice, at), out.first_mut()) {
        *first += IMBALANCE_SPREAD_SHARE * (price - index);
    }
    Ok(freshness(known, Signal::ImbalancePrice, at))
}

/// The same half-hour of the last days, plus the fading change of the newest value against its day before.
fn drifting(
    known: &Knowledge<'_>,
    signal: Signal,
    persistence: f64,
    out: &mut [f64],
) -> Result<Freshness, ForecastGap> {
    let now = known.now();
    let (at, newest) = latest(known, signal)?;
    let same_slot =
        |t: usize| (1..=DAYS_BACK).filter_map(|d| t.checked_sub(d * DAY)).find_map(|i| known.get(signal, i));
    let change = same_slot(at).map_or(0.0, |before| newest - before);
    for (k, value) in out.iter_mut().enumerate() {
        let t = now + k;
        let lead = t.saturating_sub(at) as i32;
        *value = match known.get(signal, t) {
            Some(published) => published,
            None => same_slot(t).unwrap_or(newest) + persistence.powi(lead) * change,
        };
    }
    Ok(freshness(known, signal, at))
}

fn latest(known: &Knowledge<'_>, signal: Signal) -> Result<(usize, f64), ForecastGap> {
    known.latest(signal, known.now()).ok_or(ForecastGap { signal, now: known.now() })
}

/// The newest value a signal can have is two periods old for imbalance and hourly carbon, one for the rest.
fn freshness(known: &Knowledge<'_>, signal: Signal, at: usize) -> Freshness {
    let expected = match signal {
        Signal::ImbalancePrice | Signal::NetImbalanceVolume | Signal::CarbonIntensity => 2,
        _ => 1,
    };
    match (known.now() - at).saturating_sub(expected) {
        0 => Freshness::Fresh,
        age => Freshness::Stale { age },
    }
}
