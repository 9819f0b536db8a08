//! Generation of a synthetic grid trace.
//!
//! In: parameters, start, length, seed. Out: a trace with every signal and no hole.
//! Always: physics first (demand, wind, sun), then forecasts of it, then prices and carbon that follow from both;
//! each random part has its own stream, so that a change in one leaves the others as they are.
//! Not here: where the parameters come from (`fit.rs`).

use super::days::Days;
use super::noise::{Memory, Noise, days_of, mixed, value_at};
use super::parameters::{ForecastError, SyntheticParameters};
use super::shape::sun_height;
use crate::core::{SeedTree, StreamRng};
use crate::grid::calendar::{LocalStamp, PERIODS_PER_DAY, Period};
use crate::grid::signal::Signal;
use crate::grid::trace::{GridTrace, SourceKind, TraceSource, solar_capacity_mw};

/// Carbon intensity of an electricity system without fossil fuel, g/kWh: biomass and imports remain.
const CARBON_MINIMUM: f64 = 15.0;
/// Largest national solar output over capacity.
const SOLAR_FACTOR_MAXIMUM: f64 = 0.8;

/// A trace of `len` half-hours from `start` on.
pub fn generate(parameters: &SyntheticParameters, start: Period, len: usize, seed: u64) -> GridTrace {
    let source = TraceSource { name: format!("synthetic-{seed}"), kind: SourceKind::Synthetic };
    // Whole hours are generated, because auction and carbon are hourly.
    let lead = start.0.rem_euclid(2) as usize;
    let span = Span::new(start - lead as i64, (lead + len).next_multiple_of(2), seed);
    let physics = Physics::generate(parameters, &span);
    let forecasts = Forecasts::generate(parameters, &span, &physics);
    let market = Market::generate(parameters, &span, &physics, &forecasts);
    let carbon = carbon(parameters, &span, &physics, &market);
    let whole = GridTrace::holes(source, span.start, span.len())
        .with_columns(physics.columns(parameters))
        .with_columns(forecasts.columns())
        .with_columns(market.columns())
        .with_columns([
            (Signal::CarbonResolution, vec![60.0; span.len()]),
            (Signal::CarbonActual, carbon.clone()),
            (Signal::CarbonForecast, last_carbon_forecast(parameters, &span, &carbon)),
            (Signal::CarbonIntensity, carbon),
        ]);
    whole.slice(lead..lead + len)
}

/// The periods to generate, and where their randomness comes from.
struct Span {
    start: Period,
    local: Vec<LocalStamp>,
    seeds: SeedTree,
}

impl Span {
    fn new(start: Period, len: usize, seed: u64) -> Self {
        let local = (0..len).map(|t| (start + t as i64).local()).collect();
        Self { start, local, seeds: SeedTree::new(seed) }
    }

    fn len(&self) -> usize {
        self.local.len()
    }

    fn hours(&self) -> usize {
        self.len() / 2
    }

    fn period(&self, t: usize) -> Period {
        self.start + t as i64
    }

    /// Place of the local day of an index.
    fn day(&self, t: usize) -> usize {
        (self.local[t].day - self.local[0].day) as usize
    }

    /// Number of local days.
    fn days(&self) -> usize {
        self.local.last().map_or(0, |last| (last.day - self.local[0].day) as usize + 1)
    }

    /// Values drawn flatter or steeper around the mean of their local day.
    fn by_day(&self, values: &[f64], amplitude: &Noise, scores: &[f64]) -> Vec<f64> {
        let amplitude: Vec<f64> = scores.iter().map(|score| amplitude.value(*score)).collect();
        let (mut sum, mut count) = (vec![0.0; self.days()], vec![0_usize; self.days()]);
        for (t, x) in values.iter().enumerate() {
            sum[self.day(t)] += x;
            count[self.day(t)] += 1;
        }
        let centre = |day: usize| sum[day] / count[day] as f64;
        self.column(|t| centre(self.day(t)) + amplitude[self.day(t)] * (values[t] - centre(self.day(t))))
    }

    fn stream(&self, name: &str) -> StreamRng {
        self.seeds.stream(name)
    }

    fn column(&self, value: impl Fn(usize) -> f64) -> Vec<f64> {
        (0..self.len()).map(value).collect()
    }
}

/// Mean of the two half-hours of each hour, written in both.
fn hourly(values: &[f64]) -> Vec<f64> {
    values.chunks(2).flat_map(|hour| [(hour[0] + hour[1]) / 2.0; 2]).collect()
}

fn round(x: f64, digits: i32) -> f64 {
    let scale = 10.0_f64.powi(digits);
    (x * scale).round() / scale
}

/// Demand, wind and sun, MW.
struct Physics {
    demand: Vec<f64>,
    wind: Vec<f64>,
    embedded_wind: Vec<f64>,
    solar: Vec<f64>,
    /// Solar output under the mean clear sky of the moment: the scale of its forecast error.
    clear_solar: Vec<f64>,
}

impl Physics {
    fn generate(p: &SyntheticParameters, span: &Span) -> Self {
        let n = span.len();
        let wind_noise = p.wind.noise.sample(n, PERIODS_PER_DAY, &mut span.stream("grid/wind"));
        let embedded_noise = p.wind.embedded_noise.sample(n, PERIODS_PER_DAY, &mut span.stream("grid/embedded-wind"));
        let clearness = p.solar.noise.sample(n, PERIODS_PER_DAY, &mut span.stream("grid/solar"));
        let demand_noise = p.demand.noise.sample(n, PERIODS_PER_DAY, &mut span.stream("grid/demand"));
        let wind = span
            .column(|t| round((p.wind.profile.at(&span.local[t]) * wind_noise[t]).clamp(0.0, p.wind.maximum_mw), 0));
        let embedded_wind = span.column(|t| {
            let expected = p.wind.embedded_intercept_mw + p.wind.embedded_slope * wind[t];
            round((expected + embedded_noise[t]).max(0.0), 0)
        });
        let clear_solar =
            span.column(|t| clear_sky_factor(p, span.period(t), &span.local[t]) * solar_capacity_mw(span.period(t)));
        let solar = span.column(|t| {
            let most = SOLAR_FACTOR_MAXIMUM * solar_capacity_mw(span.period(t));
            round((clear_solar[t] * clearness[t]).clamp(0.0, most), 0)
        });
        let demand = span.column(|t| {
            let gross = p.demand.profile.at(&span.local[t]) + demand_noise[t];
            round((gross - solar[t] - embedded_wind[t]).max(0.0), 0)
        });
        Self { demand, wind, embedded_wind, solar, clear_solar }
    }

    fn columns(&self, p: &SyntheticParameters) -> Vec<(Signal, Vec<f64>)> {
        let g = &p.generation;
        let of = |f: &dyn Fn(f64) -> f64| self.demand.iter().map(|x| f(*x)).collect::<Vec<f64>>();
        let constant = |x: f64| vec![round(x, 0); self.demand.len()];
        let total = of(&|demand| round(demand + g.total_minus_demand_mw, 0));
        let steady: f64 =
            [g.nuclear_mw, g.biomass_mw, g.hydro_mw, g.other_mw, g.coal_mw].map(|x| round(x, 0)).iter().sum();
        let open: Vec<f64> = total.iter().zip(&self.wind).map(|(total, wind)| total - wind - steady).collect();
        let gas: Vec<f64> =
            open.iter().map(|open| round((open - g.interconnectors_mw).max(g.gas_minimum_mw), 0)).collect();
        let interconnectors = open.iter().zip(&gas).map(|(open, gas)| open - gas).collect();
        vec![
            (Signal::TransmissionDemand, of(&|demand| round(demand + g.transmission_minus_demand_mw, 0))),
            (Signal::Demand, self.demand.clone()),
            (Signal::Wind, self.wind.clone()),
            (Signal::EmbeddedWind, self.embedded_wind.clone()),
            (Signal::Solar, self.solar.clone()),
            (Signal::PvLive, self.solar.clone()),
            (Signal::Nuclear, constant(g.nuclear_mw)),
            (Signal::Biomass, constant(g.biomass_mw)),
            (Signal::Hydro, constant(g.hydro_mw)),
            (Signal::OtherGeneration, constant(g.other_mw)),
            (Signal::Coal, constant(g.coal_mw)),
            (Signal::PumpedStorage, constant(0.0)),
            (Signal::Gas, gas),
            (Signal::Interconnectors, interconnectors),
            (Signal::FuelTotal, total),
        ]
    }
}

/// Expected solar output over capacity at a moment.
pub(super) fn clear_sky_factor(p: &SyntheticParameters, period: Period, stamp: &LocalStamp) -> f64 {
    (p.solar.profile.at(stamp) * sun_height(period).powf(p.solar.height_exponent)).max(0.0)
}

/// Day-ahead forecasts, MW.
struct Forecasts {
    demand: Vec<f64>,
    wind: Vec<f64>,
    embedded_wind: Vec<f64>,
    solar: Vec<f64>,
}

impl Forecasts {
    fn generate(p: &SyntheticParameters, span: &Span, physics: &Physics) -> Self {
        let ones = vec![1.0; span.len()];
        let of = |error: &ForecastError, actual: &[f64], unit: &[f64], name: &str| {
            let noise = error.noise.sample(span.len(), PERIODS_PER_DAY, &mut span.stream(name));
            span.column(|t| {
                let spread = error.scale.at(actual[t]) * noise[t];
                let miss = error.slope * actual[t] + unit[t] * (error.profile.at(&span.local[t]) + spread);
                round((actual[t] - miss).max(0.0), 0)
            })
        };
        Self {
            demand: of(&p.forecast.demand, &physics.demand, &ones, "grid/forecast/demand"),
            wind: of(&p.forecast.wind, &physics.wind, &ones, "grid/forecast/wind"),
            embedded_wind: of(&p.forecast.embedded_wind, &physics.embedded_wind, &ones, "grid/forecast/embedded-wind"),
            solar: of(&p.forecast.embedded_solar, &physics.solar, &physics.clear_solar, "grid/forecast/solar"),
        }
    }

    fn columns(self) -> [(Signal, Vec<f64>); 4] {
        [
            (Signal::DayAheadForecastDemand, self.demand),
            (Signal::DayAheadForecastWind, self.wind),
            (Signal::DayAheadForecastEmbeddedWind, self.embedded_wind),
            (Signal::DayAheadForecastEmbeddedSolar, self.solar),
        ]
    }
}

/// Prices in GBP/MWh and the imbalance volume in MWh per half-hour.
struct Market {
    day_ahead: Vec<f64>,
    intraday: Vec<f64>,
    imbalance: Vec<f64>,
    volume: Vec<f64>,
    /// Hourly score of the day-ahead noise, which carbon shares.
    day_ahead_scores: Vec<f64>,
}

impl Market {
    fn generate(p: &SyntheticParameters, span: &Span, physics: &Physics, forecasts: &Forecasts) -> Self {
        let level = level(p, span);
        let unit: Vec<f64> = level.iter().map(|level| p.day_ahead.level.unit(*level)).collect();
        let forecast: Vec<f64> = forecasts.demand.iter().zip(&forecasts.wind).map(|(d, w)| d - w).collect();
        let driver = hourly(&forecast);
        let sizes = Sizes::draw(p, span);
        let day_ahead_scores = p.day_ahead.noise.memory.scores(span.hours(), &mut span.stream("grid/day-ahead"));
        let around = day_ahead(p, span, &driver, &day_ahead_scores, &sizes);
        let (hours_level, hours_unit) = (hourly(&level), hourly(&unit));
        let day_ahead = span.column(|t| price(p.day_ahead.limits, hours_level[t] + hours_unit[t] * around[t]));
        let around = span.column(|t| (day_ahead[t] - level[t]) / unit[t]);
        let surprise = span.column(|t| physics.demand[t] - physics.wind[t] - forecast[t]);
        let around = intraday(p, span, &driver, &around, &surprise, &sizes);
        let intraday = span.column(|t| price(p.intraday.limits, level[t] + unit[t] * around[t]));
        let volume = imbalance_volume(p, span);
        let premium = imbalance_premium(p, span, &around, &volume, &sizes);
        let unit = |t: usize| p.day_ahead.level.unit_of(p.imbalance.elasticity, level[t]);
        let imbalance = span.column(|t| price(p.imbalance.limits, intraday[t] + unit(t) * premium[t]));
        Self { day_ahead, intraday, imbalance, volume, day_ahead_scores }
    }

    fn columns(self) -> [(Signal, Vec<f64>); 4] {
        [
            (Signal::DayAheadPrice, self.day_ahead),
            (Signal::IntradayPrice, self.intraday),
            (Signal::ImbalancePrice, self.imbalance),
            (Signal::NetImbalanceVolume, self.volume),
        ]
    }
}

fn price(limits: [f64; 2], x: f64) -> f64 {
    round(x.clamp(limits[0], limits[1]), 2)
}

/// Normal scores of each day's steepness, and of the size of its noise: wild days are wild on every market.
struct Sizes {
    steepness: Vec<f64>,
    day_ahead: Vec<f64>,
    intraday: Vec<f64>,
    imbalance: Vec<f64>,
}

impl Sizes {
    fn draw(p: &SyntheticParameters, span: &Span) -> Self {
        let days = days_of(span.len(), PERIODS_PER_DAY);
        let own = |memory: Memory, name: &str| memory.scores(days, &mut span.stream(name));
        let memory = |noise: &Noise| noise.volatility.as_ref().map_or(Memory::NONE, |volatility| volatility.memory);
        let (a, i, b) = (&p.day_ahead, &p.intraday, &p.imbalance);
        let steepness = own(a.amplitude.memory, "grid/day-ahead-amplitude");
        let fresh = own(memory(&a.noise), "grid/day-ahead-volatility");
        let day_ahead = mixed(a.volatility_correlation, &steepness, &fresh);
        let fresh = own(memory(&i.noise), "grid/intraday-volatility");
        let intraday = mixed(i.volatility_correlation, &day_ahead, &fresh);
        let fresh = own(b.volatility.memory, "grid/imbalance-volatility");
        let imbalance = mixed(b.volatility_correlation, &intraday, &fresh);
        Self { steepness, day_ahead, intraday, imbalance }
    }
}

/// Price level in GBP/MWh: the regime of the quarter, and a slow deviation from it, linear between days.
fn level(p: &SyntheticParameters, span: &Span) -> Vec<f64> {
    let days = days_of(span.len(), PERIODS_PER_DAY);
    let deviation = p.day_ahead.level.noise.sample(days, 1, &mut span.stream("grid/level"));
    span.column(|t| {
        let (day, part) = (t / PERIODS_PER_DAY, (t % PERIODS_PER_DAY) as f64 / PERIODS_PER_DAY as f64);
        let deviation = deviation[day] + (deviation[day + 1] - deviation[day]) * part;
        (p.day_ahead.level.log.at(span.period(t)) + deviation).exp()
    })
}

/// Day-ahead price in units around its level; both half-hours of an hour stand on the stamp of its first one.
fn day_ahead(p: &SyntheticParameters, span: &Span, driver: &[f64], scores: &[f64], sizes: &Sizes) -> Vec<f64> {
    let a = &p.day_ahead;
    let expected = span.column(|t| a.curve.at(driver[t]) + a.profile.at(&span.local[t / 2 * 2]));
    let shaped = span.by_day(&expected, &a.amplitude, &sizes.steepness);
    let offset = a.offset.sample(span.days(), 1, &mut span.stream("grid/day-ahead-offset"));
    let noise = a.noise.from_scores_and_days(scores, &sizes.day_ahead, 24);
    let noise = span.column(|t| a.scale.at(driver[t]) * noise[t / 2]);
    let noise = Days::without_slope(&noise, &expected, &span.local, true);
    hourly(&span.column(|t| shaped[t] + offset[span.day(t)] + noise[t]))
}

/// Intraday price in units around its level.
fn intraday(
    p: &SyntheticParameters,
    span: &Span,
    driver: &[f64],
    day_ahead: &[f64],
    surprise: &[f64],
    sizes: &Sizes,
) -> Vec<f64> {
    let i = &p.intraday;
    let expected = span.column(|t| i.curve.at(day_ahead[t]));
    let steepness = i.amplitude.memory.scores(sizes.steepness.len(), &mut span.stream("grid/intraday-amplitude"));
    let followed = span.by_day(&expected, &i.amplitude, &steepness);
    let scores = i.noise.memory.scores(span.len(), &mut span.stream("grid/intraday"));
    let noise = i.noise.from_scores_and_days(&scores, &sizes.intraday, PERIODS_PER_DAY);
    let noise = span.column(|t| i.scale.at(driver[t]) * noise[t]);
    let noise = Days::without_slope(&noise, &expected, &span.local, false);
    span.column(|t| followed[t] + i.per_residual_error_mw * surprise[t] + i.profile.at(&span.local[t]) + noise[t])
}

/// Net imbalance volume, MWh per half-hour.
fn imbalance_volume(p: &SyntheticParameters, span: &Span) -> Vec<f64> {
    let i = &p.imbalance;
    let deviation = i.noise.sample(span.len(), PERIODS_PER_DAY, &mut span.stream("grid/imbalance-volume"));
    span.column(|t| round(i.profile.at(&span.local[t]) + deviation[t], 2))
}

/// Premium of the imbalance price over the intraday price, in units of its own elasticity.
fn imbalance_premium(
    p: &SyntheticParameters,
    span: &Span,
    intraday: &[f64],
    volume: &[f64],
    sizes: &Sizes,
) -> Vec<f64> {
    let i = &p.imbalance;
    let own = i.memory.scores(span.len(), &mut span.stream("grid/imbalance-price"));
    let size = i.volatility.sizes(&sizes.imbalance, span.len(), PERIODS_PER_DAY);
    span.column(|t| {
        let (side, score) = if volume[t] > 0.0 { (&i.short, own[t]) } else { (&i.long, -own[t]) };
        side.curve.at(intraday[t]) + side.scale.at(intraday[t]) * size[t] * value_at(&side.marginal, score)
    })
}

/// Hourly carbon intensity in g/kWh, the same value in both half-hours.
fn carbon(p: &SyntheticParameters, span: &Span, physics: &Physics, market: &Market) -> Vec<f64> {
    let c = &p.carbon;
    let own = c.noise.memory.scores(span.hours(), &mut span.stream("grid/carbon"));
    let own_weight = (1.0 - c.price_correlation.powi(2)).sqrt();
    let share = hourly(&span.column(|t| {
        let total = physics.demand[t] + physics.solar[t] + physics.embedded_wind[t];
        (physics.demand[t] - physics.wind[t]) / total.max(1.0)
    }));
    span.column(|t| {
        let first = t / 2 * 2;
        let score = c.price_correlation * market.day_ahead_scores[t / 2] + own_weight * own[t / 2];
        let expected = c.regime.at(span.period(first)) + c.curve.at(share[t]) + c.profile.at(&span.local[first]);
        round((expected + c.noise.value(score)).max(CARBON_MINIMUM), 1)
    })
}

/// What the carbon service last expected before delivery, g/kWh.
fn last_carbon_forecast(p: &SyntheticParameters, span: &Span, carbon: &[f64]) -> Vec<f64> {
    let error = &p.carbon.last_forecast_error;
    let error = error.sample(span.len(), PERIODS_PER_DAY, &mut span.stream("grid/carbon-forecast"));
    span.column(|t| round((carbon[t] - error[t]).max(CARBON_MINIMUM), 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start(text: &str) -> Period {
        text.parse().expect("a period")
    }

    fn trace(seed: u64) -> GridTrace {
        generate(&SyntheticParameters::embedded(), start("2021-03-01T00:00:00Z"), 60 * 48, seed)
    }

    #[test]
    fn the_same_seed_gives_the_same_trace_and_another_seed_another() {
        assert_eq!(trace(1).content_hash(), trace(1).content_hash());
        assert_ne!(trace(1).content_hash(), trace(2).content_hash());
    }

    #[test]
    fn every_signal_is_there_without_a_hole_and_plausible() {
        let trace = trace(3);
        for signal in Signal::all() {
            let (low, high) = (signal.spec().plausible_min, signal.spec().plausible_max);
            assert!(trace.column(signal).iter().all(|x| (low..=high).contains(x)), "{signal}");
        }
        assert!(trace.solar_factor().iter().all(|x| (0.0..=1.0).contains(x)));
    }

    #[test]
    fn a_trace_may_start_and_end_on_any_half_hour_and_its_carbon_and_auction_keep_to_the_hour() {
        let parameters = SyntheticParameters::embedded();
        for (offset, len) in [(0, 96), (1, 96), (1, 95), (0, 1), (1, 1), (0, 0)] {
            let trace = generate(&parameters, start("2023-10-28T00:00:00Z") + offset, len, 9);
            assert_eq!((trace.len(), trace.start()), (len, start("2023-10-28T00:00:00Z") + offset));
            for t in (0..len.saturating_sub(1)).filter(|t| trace.period(*t).0 % 2 == 0) {
                for signal in [Signal::CarbonIntensity, Signal::DayAheadPrice] {
                    assert_eq!(trace.get(signal, t), trace.get(signal, t + 1));
                }
            }
        }
    }

    #[test]
    fn generation_adds_up_to_its_total() {
        let trace = trace(4);
        let parts = [
            Signal::Gas,
            Signal::Coal,
            Signal::Nuclear,
            Signal::Wind,
            Signal::Hydro,
            Signal::PumpedStorage,
            Signal::Biomass,
            Signal::OtherGeneration,
            Signal::Interconnectors,
        ];
        for t in 0..trace.len() {
            let sum: f64 = parts.iter().map(|part| trace.column(*part)[t]).sum();
            assert!((sum - trace.column(Signal::FuelTotal)[t]).abs() < 1e-6);
        }
    }

    #[test]
    fn noon_is_known_by_the_sun_and_evening_by_the_local_clock() {
        let parameters = SyntheticParameters::embedded();
        let trace = generate(&parameters, start("2022-12-05T00:00:00Z"), 28 * 48, 11);
        let mean = |half_hour: u8| {
            let at = (0..trace.len()).filter(|t| trace.local(*t).half_hour == half_hour);
            let prices: Vec<f64> = at.map(|t| trace.column(Signal::IntradayPrice)[t]).collect();
            prices.iter().sum::<f64>() / prices.len() as f64
        };
        assert!(mean(35) > 1.3 * mean(7), "17:30 costs {} and 03:30 {}", mean(35), mean(7));
    }
}
