//! The part of the observation that depends on the grid alone.
//!
//! In: what is known at the start of a period, and a forecast made from it. Out: scale-free numbers and the forecast.
//! Always: a price enters as a distance from the mean of the coming day in units of its spread, so that a calm year and
//! a crisis look alike; nothing but `Knowledge` is read. Not here: the site's own state (`observation.rs`).

use super::setup::{FORECAST_LEN, Place, SiteSetup};
use crate::core::ObservationField;
use crate::grid::{ForecastSource, Knowledge, Signal};
use std::f64::consts::TAU;

/// Length of the grid part of the observation.
pub const GRID_FEATURES: usize = 75;

/// Standardised numbers are clipped here.
const CLIP: f64 = 5.0;
/// Spread of the forecast is at least this, and at least this share of its mean.
const SPREAD_FLOOR_GBP: f64 = 3.0;
const SPREAD_FLOOR_SHARE: f64 = 0.05;
const DAY: usize = 48;

/// Writes numbers one after another.
struct Writer<'a> {
    out: &'a mut [f32],
    at: usize,
}

impl Writer<'_> {
    /// The crossing from physics (`f64`) to tensors (`f32`).
    fn push(&mut self, x: f64) {
        self.out[self.at] = x.clamp(-CLIP, CLIP) as f32;
        self.at += 1;
    }
}

/// What a forecast source expects of the grid from a period on, `[FORECAST_LEN]`.
pub(super) struct Expected {
    /// Index price paid, GBP/MWh.
    pub(super) price: [f64; FORECAST_LEN],
    /// National carbon intensity, g/kWh.
    pub(super) carbon: [f64; FORECAST_LEN],
}

impl Expected {
    /// `None` if nothing is known to forecast from.
    pub(super) fn new(known: &Knowledge<'_>, paid: Signal, source: &dyn ForecastSource) -> Option<Self> {
        let mut expected = Self { price: [0.0; FORECAST_LEN], carbon: [0.0; FORECAST_LEN] };
        source.forecast(known, paid, &mut expected.price).ok()?;
        source.forecast(known, Signal::CarbonIntensity, &mut expected.carbon).ok()?;
        Some(expected)
    }
}

/// Fills the features of a period; prices are those of the first site.
pub(super) fn grid_features(
    setup: &SiteSetup,
    known: &Knowledge<'_>,
    expected: &Expected,
    source: &dyn ForecastSource,
    features: &mut [f32],
) {
    let place = &setup.places()[0];
    let carbon_price = setup.config.carbon_price_gbp_per_tonne / 1000.0;
    let full = place.full_forecast(known.now(), expected);
    let mean = full[..DAY].iter().sum::<f64>() / DAY as f64;
    let variance = full[..DAY].iter().map(|f| (f - mean).powi(2)).sum::<f64>() / DAY as f64;
    let spread = variance.sqrt().max(SPREAD_FLOOR_GBP).max(SPREAD_FLOOR_SHARE * mean.abs());
    let mut w = Writer { out: features, at: 0 };
    price_curve(&mut w, &full, mean, spread);
    price_history(&mut w, known, mean, spread, place);
    carbon_and_grid(&mut w, known, &place.expected_carbon(expected), carbon_price, spread);
    solar(&mut w, known, source, setup);
    calendar(&mut w, known);
    assert_eq!(w.at, GRID_FEATURES, "every grid feature is written once");
}

/// 0..31: the forecast curve.
fn price_curve(w: &mut Writer<'_>, full: &[f64; FORECAST_LEN], mean: f64, spread: f64) {
    let z = |x: f64| (x - mean) / spread;
    (0..9).for_each(|k| w.push(z(full[k])));
    (9..FORECAST_LEN).step_by(2).for_each(|k| w.push(z(0.5 * (full[k] + full[k + 1]))));
    let share_below = |n: usize| full[1..n].iter().filter(|f| **f < full[0]).count() as f64 / (n - 1) as f64;
    w.push(share_below(8));
    w.push(share_below(DAY));
    w.push((spread / mean.abs().max(10.0)).ln());
}

/// 32..53: how the index moved against the day-ahead price, and the imbalance price against the index.
fn price_history(w: &mut Writer<'_>, known: &Knowledge<'_>, mean: f64, spread: f64, place: &Place) {
    let now = known.now();
    let both = |a, b, t| known.get(a, t).zip(known.get(b, t)).map_or(0.0, |(x, y)| (x - y) / spread);
    let index_spread = |t| both(Signal::IntradayPrice, Signal::DayAheadPrice, t);
    (0..4).for_each(|lag| w.push(index_spread(now - lag)));
    (1..9).for_each(|k| w.push(index_spread(now + k - DAY)));
    w.push(step_change(known, now, spread));
    (2..4).for_each(|lag| w.push(both(Signal::ImbalancePrice, Signal::IntradayPrice, now - lag)));
    (2..4).for_each(|lag| w.push(known.get(Signal::NetImbalanceVolume, now - lag).unwrap_or(0.0) / 500.0));
    w.push((mean - mean_known_price(known, place)) / spread);
    let ahead = known.day_ahead_until().saturating_sub(now);
    w.push(ahead as f64 / 74.0);
    w.push(f64::from(u8::from(known.get(Signal::DayAheadPrice, now).is_some())));
}

fn step_change(known: &Knowledge<'_>, now: usize, spread: f64) -> f64 {
    let (a, b) = (known.get(Signal::IntradayPrice, now), known.get(Signal::IntradayPrice, now - 1));
    a.zip(b).map_or(0.0, |(x, y)| (x - y) / spread)
}

/// Mean full price of the last 24 hours as far as known.
fn mean_known_price(known: &Knowledge<'_>, place: &Place) -> f64 {
    let now = known.now();
    let carbon_price = place.config.carbon_price_gbp_per_tonne / 1000.0;
    let (mut sum, mut n) = (0.0, 0.0);
    for t in now - DAY..now {
        let price = known.get(place.config.tariff.paid_price.signal(), t);
        if let Some((price, carbon)) = price.zip(known.get(Signal::CarbonIntensity, t)) {
            sum += price + place.charges(t) + carbon_price * place.regional_carbon(carbon);
            n += 1.0;
        }
    }
    if n > 0.0 { sum / n } else { 0.0 }
}

/// Carbon now against its mean, and the published or last known state of demand and wind.
fn carbon_and_grid(
    w: &mut Writer<'_>,
    known: &Knowledge<'_>,
    carbon: &[f64; FORECAST_LEN],
    carbon_price: f64,
    spread: f64,
) {
    let now = known.now();
    let mean = carbon[..DAY].iter().sum::<f64>() / DAY as f64;
    w.push(carbon_price * (carbon[0] - mean) / spread);
    w.push(carbon[0] / 200.0 - 1.0);
    // The newer of the two, so that the substitute stands in from the first period of a hole on.
    let demand = [Signal::Demand, Signal::FuelTotal].into_iter().filter_map(|signal| known.latest(signal, now));
    let demand = demand.reduce(|national, total| if total.0 > national.0 { total } else { national });
    w.push(demand.map_or(0.0, |(_, mw)| mw / 30_000.0 - 1.0));
    w.push(f64::from(u8::from(known.get(Signal::Demand, now - 1).is_some())));
    let wind = |t: usize| known.get(Signal::Wind, t).map(|mw| mw / 10_000.0);
    let last_wind = known.latest(Signal::Wind, now).map_or(0.0, |(_, mw)| mw / 10_000.0);
    w.push(last_wind);
    w.push(wind(now - 7).map_or(0.0, |before| last_wind - before));
    for k in [8, 16, 24] {
        let published = known.get(Signal::DayAheadForecastWind, now + k).map(|mw| mw / 10_000.0);
        w.push(published.map_or(0.0, |ahead| ahead - last_wind));
    }
    w.push(f64::from(u8::from(known.get(Signal::DayAheadForecastWind, now).is_some())));
}

/// On-site sun: expected now and in the coming hours.
fn solar(w: &mut Writer<'_>, known: &Knowledge<'_>, source: &dyn ForecastSource, setup: &SiteSetup) {
    let (now, place) = (known.now(), &setup.places()[0]);
    let on_site = |t: usize, national: f64| place.site_solar(setup.trace.start() + t as i64, national);
    let mut factor = [0.0; FORECAST_LEN];
    source.forecast_solar(known, &mut factor);
    w.push(known.solar_factor(now - 1).map_or(0.0, |national| on_site(now - 1, national)));
    [0, 4, 12].iter().for_each(|k| w.push(on_site(now + k, factor[*k])));
}

/// Clock and calendar, UK local.
fn calendar(w: &mut Writer<'_>, known: &Knowledge<'_>) {
    let local = known.local(known.now());
    let day = TAU * f64::from(local.half_hour) / DAY as f64;
    let year = TAU * f64::from(local.day_of_year) / 365.25;
    [day.sin(), day.cos(), (2.0 * day).sin(), (2.0 * day).cos(), year.sin(), year.cos()]
        .iter()
        .for_each(|x| w.push(*x));
    let weekend = |weekday: u8| f64::from(u8::from(weekday >= 5));
    w.push(weekend(local.weekday));
    w.push(weekend((local.weekday + 1) % 7));
    w.push(f64::from(local.half_hour % 2));
}

/// Name, unit and scaling of each grid feature, in order.
pub(super) fn grid_schema() -> Vec<ObservationField> {
    let mut fields = Vec::with_capacity(GRID_FEATURES);
    let mut add = |name: String, unit: &str, scaling: &str| {
        fields.push(ObservationField { name, unit: unit.into(), scaling: scaling.into() });
    };
    let z = "(x - mean) / spread of the 48-period forecast, clipped to +-5";
    let by_spread = "/ spread of the 48-period forecast, clipped to +-5; 0 where unknown";
    (0..9).for_each(|k| add(format!("price_ahead_{k}"), "GBP/MWh", z));
    (9..FORECAST_LEN).step_by(2).for_each(|k| add(format!("price_ahead_{k}_{}", k + 1), "GBP/MWh", z));
    add("share_of_next_7_below_now".into(), "1", "none");
    add("share_of_next_47_below_now".into(), "1", "none");
    add("relative_price_spread".into(), "1", "ln(spread / max(|mean|, 10))");
    (0..4).for_each(|lag| add(format!("intraday_minus_day_ahead_lag_{lag}"), "GBP/MWh", by_spread));
    (1..9).for_each(|k| add(format!("intraday_minus_day_ahead_lag_{}", DAY - k), "GBP/MWh", by_spread));
    add("intraday_change".into(), "GBP/MWh", by_spread);
    (2..4).for_each(|lag| add(format!("imbalance_minus_intraday_lag_{lag}"), "GBP/MWh", by_spread));
    (2..4).for_each(|lag| add(format!("net_imbalance_volume_lag_{lag}"), "MWh", "/ 500"));
    add("price_level_change".into(), "GBP/MWh", "(mean of the forecast - mean of the last 24 h) / spread");
    add("day_ahead_periods_known".into(), "periods", "/ 74");
    add("day_ahead_present".into(), "1", "1 if known, 0 if not");
    add("carbon_cost_now".into(), "GBP/MWh", "(carbon cost now - mean of 24 h) / spread");
    add("carbon_intensity_now".into(), "gCO2/kWh", "/ 200 - 1");
    add("demand".into(), "MW", "newest value / 30000 - 1");
    add("demand_present".into(), "1", "1 if national demand is published, 0 if the fuel total stands in");
    add("wind".into(), "MW", "newest value / 10000");
    add("wind_change".into(), "MW", "over 3 h, / 10000");
    [8, 16, 24]
        .iter()
        .for_each(|k| add(format!("wind_forecast_change_{k}"), "MW", "published forecast - wind, / 10000"));
    add("wind_forecast_present".into(), "1", "1 if published, 0 if not");
    add("solar_last".into(), "1", "output / capacity");
    [0, 4, 12].iter().for_each(|k| add(format!("solar_ahead_{k}"), "1", "expected output / capacity"));
    ["day_sin", "day_cos", "half_day_sin", "half_day_cos", "year_sin", "year_cos"]
        .iter()
        .for_each(|name| add((*name).into(), "1", "UK local time"));
    add("weekend_today".into(), "1", "0 or 1");
    add("weekend_tomorrow".into(), "1", "0 or 1");
    add("half_hour_parity".into(), "1", "0 or 1");
    fields
}
