//! What lies ahead of a site as far as it is known now: fills a [`SiteHorizon`] from a [`SiteView`].
//!
//! In: a site at the moment of decision, a forecast source. Out: a horizon, and the power of work still to arrive.
//! Always: prices, carbon and sun come from the source, which reads nothing but what is known; durations are estimates;
//! jobs and load that have not arrived are expected values of the generator. Nothing is allocated once buffers have
//! grown. Not here: the work of the classes (`queues.rs`), what is decided from it (`rivals/`).
//!
//! One exception is named for what it is: [`ForecastChoice::Perfect`] looks prices, carbon and sun up in the trace, to
//! measure what a better forecast would be worth. It is a cheat.

use super::horizon::{BatteryHorizon, EndValue, SiteHorizon};
use super::queues::Queues;
use flexai_env::grid::{DayAheadPersistence, ForecastGap, ForecastSource};
use flexai_env::market::events::EventKind;
use flexai_env::site::{LEFT_LATE_HOURS, SettlementAhead, SiteView};
use flexai_env::units::{Megawatts, PERIOD_HOURS, PoundsPerMegawattHour};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Periods whose mean price is what energy is worth, if nothing else is said: a day.
const DAY: usize = 48;

/// How far ahead is looked, and what is taken for granted there.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OutlookOptions {
    /// Periods, the present one included; fewer where a scored episode ends before. At least 1.
    pub horizon: usize,
    /// Where prices, carbon and sun come from.
    pub forecast: ForecastChoice,
    /// How much of the expected arrivals is counted on; 1 is what the generator brings on average.
    pub arrivals: f64,
    /// Work left at the end of the horizon costs this quantile of the forecast; without it, the mean.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub work_end_quantile: Option<f64>,
    /// Charge left at the end of the horizon is worth this quantile of the forecast; without it, the mean.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub charge_end_quantile: Option<f64>,
    /// Whether what an event pays and charges for a MWh counts as part of the price while it lasts.
    pub event_prices: bool,
}

/// Where prices, carbon and sun of the future come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ForecastChoice {
    /// That of the site: without another one published day-ahead prices with today's deviations fading out, and the same
    /// half-hour of the last days elsewhere.
    #[default]
    DayAheadPersistence,
    /// The truth, which nobody has: a cheat that measures what a forecast is worth.
    Perfect,
}

impl Default for OutlookOptions {
    fn default() -> Self {
        Self {
            horizon: DAY,
            forecast: ForecastChoice::default(),
            arrivals: 1.0,
            work_end_quantile: None,
            charge_end_quantile: None,
            event_prices: true,
        }
    }
}

impl OutlookOptions {
    /// Faults as `(key, message)`.
    pub fn validate(&self) -> Vec<(String, String)> {
        let share = |x: &Option<f64>| x.is_none_or(|x| (0.0..=1.0).contains(&x));
        let checks = [
            ("horizon", self.horizon.to_string(), "1 to 672 (two weeks)", (1..=672).contains(&self.horizon)),
            ("arrivals", self.arrivals.to_string(), "0 to 10", (0.0..=10.0).contains(&self.arrivals)),
            (
                "work_end_quantile",
                format!("{:?}", self.work_end_quantile),
                "0 to 1, or nothing",
                share(&self.work_end_quantile),
            ),
            (
                "charge_end_quantile",
                format!("{:?}", self.charge_end_quantile),
                "0 to 1, or nothing",
                share(&self.charge_end_quantile),
            ),
        ];
        let wrong = checks.into_iter().filter(|(.., holds)| !holds);
        wrong.map(|(key, found, expected, _)| (key.into(), format!("is {found}, expected {expected}"))).collect()
    }
}

/// Makes horizons, one after another, in the same buffers.
#[derive(Clone)]
pub struct Outlook {
    options: OutlookOptions,
    /// A source of one's own; without it that of the site.
    source: Option<Arc<dyn ForecastSource>>,
    /// Index price, then full price without events, from now on.
    full: Vec<f64>,
    index: Vec<f64>,
    carbon: Vec<f64>,
    solar_factor: Vec<f64>,
    sorted: Vec<f64>,
    queues: Queues,
}

impl std::fmt::Debug for Outlook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Outlook")
            .field("options", &self.options)
            .field("source", &self.source.as_ref().map(|source| source.name()))
            .finish()
    }
}

impl Outlook {
    /// An outlook with the forecast of the site that it looks at.
    pub fn new(options: OutlookOptions) -> Self {
        Self { source: None, ..Self::with_source(options, Arc::new(DayAheadPersistence)) }
    }

    /// The same with a forecast source of one's own.
    pub fn with_source(options: OutlookOptions, source: Arc<dyn ForecastSource>) -> Self {
        let empty = Vec::new;
        Self {
            options,
            source: Some(source),
            full: empty(),
            index: empty(),
            carbon: empty(),
            solar_factor: empty(),
            sorted: empty(),
            queues: Queues::default(),
        }
    }

    /// How far ahead is looked, and how.
    pub fn options(&self) -> &OutlookOptions {
        &self.options
    }

    /// Fills everything.
    ///
    /// # Errors
    /// [`ForecastGap`] if nothing is known to forecast from.
    pub fn fill(&mut self, site: &SiteView<'_>, horizon: &mut SiteHorizon) -> Result<(), ForecastGap> {
        self.fill_site(site, horizon)?;
        self.queues.fill(site, horizon);
        Ok(())
    }

    /// Fills everything but the work of the classes, for those who look at the jobs themselves.
    ///
    /// # Errors
    /// As [`Outlook::fill`].
    pub fn fill_site(&mut self, site: &SiteView<'_>, horizon: &mut SiteHorizon) -> Result<(), ForecastGap> {
        let ending = site.settlement().filter(|ending| ending.periods_left <= self.options.horizon);
        let periods = ending.as_ref().map_or(self.options.horizon, |ending| ending.periods_left).max(1);
        // Past the horizon prices are needed for what is left at its end.
        let priced = ending.as_ref().map_or(DAY, |ending| ending.priced_at.end.saturating_sub(site.now()));
        self.forecast(site, periods.max(priced))?;
        self.fill_grid(site, periods, horizon);
        fill_machines(site, horizon);
        horizon.end = match ending {
            Some(ending) => self.settled(site, &ending),
            None => self.unsettled(site, periods),
        };
        self.queues.fill_gates(site, &self.carbon, horizon);
        self.queues.expect_arrivals(site, periods, self.options.arrivals);
        Ok(())
    }

    /// Expected full price from now on, events not counted, GBP/MWh; reaches past the horizon.
    pub fn full_price(&self) -> &[f64] {
        &self.full
    }

    /// Power that would serve what is expected to arrive in each period of the horizon, all classes together, MW; 0 in
    /// the present one, whose jobs are there.
    pub fn arrivals_mw(&self) -> &[f64] {
        self.queues.arrivals_mw()
    }

    /// The same of one class.
    pub fn class_arrivals_mw(&self, class: usize) -> &[f64] {
        self.queues.class_arrivals_mw(class)
    }

    fn forecast(&mut self, site: &SiteView<'_>, periods: usize) -> Result<(), ForecastGap> {
        let (config, known, now) = (site.config(), site.known(), site.now());
        for buffer in [&mut self.index, &mut self.carbon, &mut self.full, &mut self.solar_factor] {
            buffer.clear();
            buffer.resize(periods, 0.0);
        }
        let source = self.source.as_deref().unwrap_or(site.forecast_source());
        source.forecast(&known, config.tariff.paid_price.signal(), &mut self.index)?;
        source.forecast(&known, flexai_env::grid::Signal::CarbonIntensity, &mut self.carbon)?;
        self.carbon.iter_mut().for_each(|carbon| *carbon = site.place().regional_carbon(*carbon));
        if config.solar.capacity_mwp > 0.0 {
            source.forecast_solar(&known, &mut self.solar_factor);
        }
        if self.options.forecast == ForecastChoice::Perfect {
            self.cheat(site);
        }
        let carbon_price = config.carbon_price_gbp_per_tonne / 1000.0;
        for (k, full) in self.full.iter_mut().enumerate() {
            *full = self.index[k] + site.charges(now + k) + carbon_price * self.carbon[k];
        }
        Ok(())
    }

    /// Looks prices and carbon up; where the trace ends or has holes the forecast stays.
    fn cheat(&mut self, site: &SiteView<'_>) {
        let ahead = (site.now()..site.trace_len()).enumerate();
        for (k, t) in ahead.take(self.index.len()) {
            let truth =
                [(&mut self.index[k], site.place().paid_price(t)), (&mut self.carbon[k], site.place().carbon(t))];
            for (forecast, truth) in truth {
                *forecast = if truth.is_nan() { *forecast } else { truth };
            }
        }
    }

    fn fill_grid(&self, site: &SiteView<'_>, periods: usize, horizon: &mut SiteHorizon) {
        let (config, place, now) = (site.config(), site.place(), site.now());
        let tariff = &config.tariff;
        let ahead = 0..periods;
        refill(&mut horizon.price, ahead.clone().map(|k| self.full[k]));
        let export = |k: usize| {
            let (index, charges) = (self.index[k], site.charges(now + k));
            tariff.export_price(PoundsPerMegawattHour(index), PoundsPerMegawattHour(charges)).value()
        };
        refill(&mut horizon.export_price, ahead.clone().map(export));
        let perfect = self.options.forecast == ForecastChoice::Perfect;
        let solar = |k: usize| {
            let truth = if perfect && now + k < site.trace_len() { place.solar_mw(now + k) } else { f64::NAN };
            if config.solar.capacity_mwp <= 0.0 {
                0.0
            } else if truth.is_nan() {
                config.solar.capacity_mwp * place.site_solar(site.half_hour(now + k), self.solar_factor[k])
            } else {
                truth
            }
        };
        refill(&mut horizon.solar_mw, ahead.clone().map(solar));
        let usual = |k: usize| place.generator.expected_interactive_mw(site.local(now + k));
        let deviation = if usual(0) > 0.0 { site.interactive_mw() / usual(0) - 1.0 } else { 0.0 };
        let load = |k: usize| match k {
            0 => site.interactive_mw(),
            _ => usual(k) * (1.0 + deviation * place.generator.interactive_persistence(k)),
        };
        refill(&mut horizon.interactive_mw, ahead.clone().map(|k| load(k).clamp(0.0, config.it_capacity_mw)));
        refill(&mut horizon.import_limit_mw, ahead.map(|_| config.import_limit_mw));
        self.fill_events(site, horizon);
    }

    /// What published events cap and pay.
    fn fill_events(&self, site: &SiteView<'_>, horizon: &mut SiteHorizon) {
        let now = site.half_hour(site.now());
        let connection = Megawatts(site.config().import_limit_mw);
        let periods = horizon.price.len();
        for event in site.events(periods) {
            let first = (event.start - now).max(0) as usize;
            let end = ((event.end() - now).max(0) as usize).min(periods);
            for k in first..end {
                match event.kind {
                    EventKind::Constraint { .. } => {
                        let cap = event.import_cap(connection).map_or(connection.value(), Megawatts::value);
                        horizon.import_limit_mw[k] = horizon.import_limit_mw[k].min(cap);
                    }
                    EventKind::TurnDown(_) if self.options.event_prices => {
                        horizon.price[k] += event.price_gbp_per_mwh + event.penalty_gbp_per_mwh;
                    }
                    EventKind::TurnDown(_) => {}
                }
            }
        }
    }

    /// What is left when a scored episode ends: at the mean full price of the 24 hours that settle it.
    fn settled(&self, site: &SiteView<'_>, ending: &SettlementAhead) -> EndValue {
        let config = site.config();
        // Where the table ends with the week these hours may have passed in part; those to come stand for all.
        let ahead = ending.priced_at.clone().filter_map(|t| t.checked_sub(site.now()).and_then(|k| self.full.get(k)));
        let (sum, n) = ahead.fold((0.0, 0), |(sum, n), price| (sum + price, n + 1));
        let price = if n > 0 { sum / f64::from(n) } else { self.full[0] };
        EndValue {
            work_gbp_per_mwh: price * config.pue,
            reference_mwh: site.initial_stored_mwh(),
            missing_gbp_per_mwh: price / config.battery.charge_efficiency,
            surplus_gbp_per_mwh: price * config.battery.discharge_efficiency,
            late_gbp_per_mwh: LEFT_LATE_HOURS * config.lateness_gbp_per_mwh_hour,
        }
    }

    /// What is left when the world goes on: work must still be bought, charge can still be used.
    fn unsettled(&mut self, site: &SiteView<'_>, periods: usize) -> EndValue {
        let config = site.config();
        let window = periods.max(DAY).min(self.full.len());
        let work = self.typical(window, self.options.work_end_quantile);
        let charge = config.battery.discharge_efficiency * self.typical(window, self.options.charge_end_quantile);
        EndValue {
            work_gbp_per_mwh: work * config.pue,
            reference_mwh: 0.0,
            missing_gbp_per_mwh: charge,
            surplus_gbp_per_mwh: charge,
            late_gbp_per_mwh: LEFT_LATE_HOURS * config.lateness_gbp_per_mwh_hour,
        }
    }

    /// Mean or quantile of the coming full prices.
    fn typical(&mut self, window: usize, quantile: Option<f64>) -> f64 {
        let prices = &self.full[..window];
        let Some(quantile) = quantile else {
            return prices.iter().sum::<f64>() / window as f64;
        };
        self.sorted.clear();
        self.sorted.extend_from_slice(prices);
        self.sorted.sort_unstable_by(f64::total_cmp);
        self.sorted[(quantile * (window - 1) as f64).round() as usize]
    }
}

/// What does not change from period to period.
fn fill_machines(site: &SiteView<'_>, horizon: &mut SiteHorizon) {
    let config = site.config();
    let battery = &config.battery;
    horizon.export_limit_mw = site.place().export_limit().value();
    horizon.it_capacity_mw = config.it_capacity_mw;
    horizon.pue = config.pue;
    horizon.lateness_gbp_per_mwh_hour = config.lateness_gbp_per_mwh_hour;
    horizon.battery = BatteryHorizon {
        stored_mwh: site.stored_mwh(),
        initial_mwh: site.initial_stored_mwh(),
        capacity_mwh: site.battery_capacity_mwh(),
        reserve_mwh: site.battery_capacity_mwh() * battery.min_charge,
        charge_mwh: battery.charge_power().over_period().value(),
        discharge_mwh: battery.discharge_power().over_period().value(),
        charge_efficiency: battery.charge_efficiency,
        discharge_efficiency: battery.discharge_efficiency,
        kept_per_period: 1.0 - battery.self_discharge_per_day * PERIOD_HOURS / 24.0,
        wear_gbp_per_mwh: battery.wear_gbp_per_mwh,
        exports: battery.export_allowed,
    };
}

/// Replaces the contents of a buffer.
fn refill(buffer: &mut Vec<f64>, values: impl Iterator<Item = f64>) {
    buffer.clear();
    buffer.extend(values);
}
