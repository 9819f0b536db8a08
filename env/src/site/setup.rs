//! Joins a scenario with a grid trace, once, for all environments that share them.
//!
//! In: a [`SiteConfig`], a [`GridTrace`], a forecast source. Out: prices, features and forecasts of every period.
//! Always: features and forecasts of period t are made from what is known at t (`grid/knowledge.rs`); what the site
//! pays and scores by is kept apart from them. Not here: episodes (`episode.rs`).

use super::config::SiteConfig;
use super::grid_features::{Expected, GRID_FEATURES, grid_features};
use crate::core::SeedTree;
use crate::grid::{
    DayAheadPersistence, ForecastSource, GridTrace, Knowledge, PERIODS_PER_DAY, Period, Region, RegionalCarbon,
    RegionalError, Signal, SolarPlace, SolarTable, read_regional, region_from_national, site_solar_factor,
};
use crate::market::events::{EventError, EventSchedule};
use crate::market::{SoldAt, p415_label};
use crate::units::{Megawatts, PERIOD_HOURS, PoundsPerMegawattHour};
use crate::workload::traces::WorkloadTraceError;
use crate::workload::{ClassRules, JobClassConfig, JobGenerator, PowerCurve};
use rayon::prelude::*;
use std::ops::Range;
use std::sync::Arc;

/// Periods that a forecast covers, the present one included.
pub const FORECAST_LEN: usize = 49;
/// Periods of history before an episode: two days for forecasts and for the jobs in progress.
pub const HISTORY: usize = 96;
/// Days that FIFO plays before an episode so that a baseline of ten working and four other days can be made.
const BASELINE_DAYS: usize = 21;
/// Grid of the curve of regional carbon intensity, g/kWh, and its length: up to 1000 g/kWh.
const CARBON_STEP: f64 = 1.0;
const CARBON_POINTS: usize = 1001;
/// What must be said where regional carbon intensities come from the model.
const SIMULATED_CARBON: &str = "simulated: carbon intensity by region, by a model from the national value";
/// Random events are the same in every run.
const EVENT_SEED: u64 = 0;
/// Periods after a scored episode whose mean price settles what is left over.
pub(super) const SETTLEMENT: usize = 48;

/// A scenario on a trace, shared by many environments.
pub struct SiteSetup {
    /// The scenario.
    pub config: SiteConfig,
    /// The grid.
    pub trace: Arc<GridTrace>,
    places: Vec<Place>,
    features: Vec<f32>,
    events: EventSchedule,
    training_starts: Vec<u32>,
    forecast: Arc<dyn ForecastSource>,
}

/// One site of a scenario: what it is and what it meets in every period of the trace.
pub struct Place {
    /// The scenario as this site sees it.
    pub config: SiteConfig,
    /// Rules of its job classes.
    pub rules: Vec<ClassRules>,
    /// Its classes, the first to be served first.
    pub priority: Vec<u8>,
    /// Draws its work; sites of the same workload share its tables, which would not fit into a cache otherwise.
    pub generator: Arc<JobGenerator>,
    /// Whether a class may be kept from running.
    pub(super) has_gates: bool,
    /// Per class: 1 / (2 x mean power), 1 / (2 x typical queue); observations are scaled by them.
    pub(super) class_scales: Vec<[f64; 2]>,
    /// Where its panels stand.
    panels: SolarPlace,
    /// Regional carbon intensity by national one, every [`CARBON_STEP`] g/kWh; empty where they are the same.
    regional: Vec<f64>,
    /// One per period of the trace.
    rows: Vec<PeriodRow>,
    /// Network and policy charges, beyond the trace as far as forecasts reach.
    charges: Vec<f64>,
    forecasts: Vec<f32>,
}

/// What a site meets in one period, and what it expects at its start: all that a step looks at, in one cache line.
#[derive(Debug, Clone, Copy)]
#[repr(align(64))]
struct PeriodRow {
    paid: f64,
    fixed_gbp: f64,
    charges: f64,
    carbon: f64,
    solar: f64,
    outlook: Outlook,
    /// Forecast of the full price of the period itself.
    forecast: f32,
}

/// What a site expects at the start of a period, in short.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Outlook {
    /// Mean of the forecast of the full price over the coming day: what energy is worth on average, GBP/MWh.
    pub mean_gbp_per_mwh: f32,
    /// Its mean over the coming four hours.
    pub mean_4h_gbp_per_mwh: f32,
    /// Expected carbon intensity of the period, g/kWh.
    pub carbon_gco2_kwh: f32,
}

/// Why a scenario cannot run on a trace.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum SetupError {
    /// The scenario has faults.
    #[error("scenario `{name}`: {faults}\n\nhint: correct the keys named above")]
    Scenario {
        /// Its name.
        name: String,
        /// All faults, a line each.
        faults: String,
    },
    /// The table of regional carbon intensities was refused.
    #[error("{0}")]
    Regional(#[from] RegionalError),
    /// The events cannot be made.
    #[error("{0}")]
    Events(#[from] EventError),
    /// No window of the trace can be used.
    #[error(
        "grid table {table}: no window of {periods} half-hours, with {HISTORY} before and one after it, has all of \
         {signals}\n\nhint: `flexai data check` shows \
         where the holes are"
    )]
    NoWindow {
        /// Name of the table.
        table: String,
        /// Length of an episode.
        periods: usize,
        /// What the scenario pays and scores by.
        signals: String,
    },
    /// A workload trace cannot be played.
    #[error(transparent)]
    Workload(#[from] WorkloadTraceError),
}

impl std::fmt::Debug for SiteSetup {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SiteSetup").field("scenario", &self.config.name).field("periods", &self.trace.len()).finish()
    }
}

impl Place {
    fn new(
        config: SiteConfig,
        generator: Arc<JobGenerator>,
        trace: &GridTrace,
        measured: Option<&RegionalCarbon>,
    ) -> Self {
        // Forecasts reach past the end of the table; the calendar does too.
        let ahead = (0..trace.len() + FORECAST_LEN).map(|t| trace.start() + t as i64);
        let classes = &config.workload.classes;
        let mut priority: Vec<u8> = (0..classes.len() as u8).collect();
        priority.sort_by_key(|c| classes[usize::from(*c)].priority);
        let panels = config.solar.place.unwrap_or_else(|| SolarPlace::of_region(config.region));
        let solar = match config.solar.capacity_mwp {
            0.0 => vec![0.0; trace.len()],
            capacity => SolarTable::for_trace(trace, panels).factors().iter().map(|f| f * capacity).collect(),
        };
        let regional = match config.region {
            Region::GreatBritain => Vec::new(),
            region => (0..CARBON_POINTS).map(|i| region_from_national(region, i as f64 * CARBON_STEP)).collect(),
        };
        let scales = |class: &JobClassConfig| {
            let mean_mw = (class.energy_share * config.workload.mean_it_mw).max(1e-6);
            let typical_mwh = mean_mw * (0.5 * class.slack_hours + class.duration_hours_median);
            [0.5 / mean_mw, 0.5 / typical_mwh]
        };
        let paid = trace.column(config.tariff.paid_price.signal());
        let fixed = fixed_gbp(&config, trace);
        let charges: Vec<f64> = ahead.map(|period| config.tariff.charges(period.local())).collect();
        let national = trace.column(Signal::CarbonIntensity);
        let carbon = |t| match measured {
            Some(table) => hole(table.at(config.region, trace.period(t))),
            None => interpolate(&regional, national[t]),
        };
        let row = |t: usize| PeriodRow {
            paid: paid[t],
            fixed_gbp: fixed[t],
            charges: charges[t],
            carbon: carbon(t),
            solar: solar[t],
            outlook: Outlook::default(),
            forecast: f32::NAN,
        };
        Self {
            rows: (0..trace.len()).map(row).collect(),
            charges,
            has_gates: config.controls.enforce_thresholds || classes.iter().any(|class| class.green_only),
            class_scales: classes.iter().map(scales).collect(),
            rules: classes.iter().map(|class| rules(class, config.controls.power_cap)).collect(),
            priority,
            generator,
            panels,
            regional,
            forecasts: Vec::new(),
            config,
        }
    }

    /// Reads a word of the rows that playing period `t` looks at, which brings them into the cache.
    pub(super) fn warm(&self, t: usize) -> u64 {
        let next = (t + 1).min(self.rows.len() - 1);
        self.rows[t].paid.to_bits() ^ self.rows[next].paid.to_bits()
    }

    /// Which signal that the site pays or is scored by is missing in period `t`, if any.
    pub fn missing(&self, t: usize) -> Option<&'static str> {
        let row = &self.rows[t];
        if row.paid.is_nan() || row.fixed_gbp.is_nan() {
            Some("the paid price")
        } else if row.carbon.is_nan() {
            Some("carbon intensity")
        } else if row.solar.is_nan() {
            Some("solar output")
        } else if row.forecast.is_nan() {
            Some("history to forecast from")
        } else {
            None
        }
    }

    /// Index price paid in period `t`, GBP/MWh.
    pub fn paid_price(&self, t: usize) -> f64 {
        self.rows[t].paid
    }

    /// Carbon intensity of the region where that of the nation is given, g/kWh.
    pub fn regional_carbon(&self, national_gco2_kwh: f64) -> f64 {
        interpolate(&self.regional, national_gco2_kwh)
    }

    /// On-site solar output per capacity in a period where that of the nation is given.
    pub fn site_solar(&self, period: Period, national_factor: f64) -> f64 {
        site_solar_factor(&self.panels, period, national_factor)
    }

    /// What a period costs whatever is drawn: the day-ahead position against its settlement, pounds.
    pub fn fixed_gbp(&self, t: usize) -> f64 {
        self.rows[t].fixed_gbp
    }

    /// What an exported MWh earns in period `t`, GBP/MWh.
    pub fn export_price(&self, t: usize) -> f64 {
        let row = &self.rows[t];
        let (index, charges) = (PoundsPerMegawattHour(row.paid), PoundsPerMegawattHour(row.charges));
        self.config.tariff.export_price(index, charges).0
    }

    /// Whether surplus sun is curtailed in period `t` rather than exported: export costs money, and the inverter knows it
    /// in time. Where the price is known only later, as that of imbalance is, export goes on.
    pub fn curtails(&self, t: usize) -> bool {
        self.export_price(t) < 0.0 && self.config.knows_paid_price()
    }

    /// Largest export.
    pub fn export_limit(&self) -> Megawatts {
        Megawatts(self.config.tariff.export.as_ref().map_or(0.0, |export| export.limit_mw))
    }

    /// Network and policy charges in period `t`, GBP/MWh.
    pub fn charges(&self, t: usize) -> f64 {
        self.rows.get(t).map_or_else(|| self.charges[t], |row| row.charges)
    }

    /// Carbon intensity in period `t`, g/kWh.
    pub fn carbon(&self, t: usize) -> f64 {
        self.rows[t].carbon
    }

    /// On-site solar power available in period `t`, MW.
    pub fn solar_mw(&self, t: usize) -> f64 {
        self.rows[t].solar
    }

    /// What one MWh of import costs in period `t`, carbon price included, GBP/MWh.
    pub fn full_price(&self, t: usize) -> f64 {
        let row = &self.rows[t];
        row.paid + row.charges + self.config.carbon_price_gbp_per_tonne * row.carbon / 1000.0
    }

    /// Mean full price that settles what is left over after an episode ending before `end`: that of the following
    /// 24 hours, or of the last 24 hours of the episode where the table ends or has holes.
    pub fn settlement_price(&self, end: usize) -> f64 {
        self.settlement_mean(end, |t| self.full_price(t))
    }

    /// Mean over the 24 hours that settle an episode ending before `end`.
    pub(super) fn settlement_mean(&self, end: usize, of: impl Fn(usize) -> f64) -> f64 {
        let from = if self.settles_on_following_day(end) { end } else { end - SETTLEMENT };
        (from..from + SETTLEMENT).map(of).sum::<f64>() / SETTLEMENT as f64
    }

    /// Whether the 24 hours after an episode ending before `end` are in the table.
    pub fn settles_on_following_day(&self, end: usize) -> bool {
        end + SETTLEMENT <= self.rows.len() && (end..end + SETTLEMENT).all(|t| self.full_price(t).is_finite())
    }

    /// Forecast of the full price for periods `t ..`, made at the start of `t`; `[FORECAST_LEN]`, GBP/MWh.
    pub fn forecast(&self, t: usize) -> &[f32] {
        &self.forecasts[t * FORECAST_LEN..(t + 1) * FORECAST_LEN]
    }

    /// What the site expects at the start of period `t`.
    pub fn outlook(&self, t: usize) -> &Outlook {
        &self.rows[t].outlook
    }

    /// Forecast of the full price of period `t`, made at its start, GBP/MWh: the first number of [`Place::forecast`].
    pub(super) fn forecast_now(&self, t: usize) -> f32 {
        self.rows[t].forecast
    }

    /// Whether the data of a class may be held here.
    pub(super) fn may_hold(&self, class: usize) -> bool {
        let residency = &self.config.workload.classes[class].residency;
        residency.is_empty() || residency.contains(&self.config.region)
    }

    /// IT power that capacity, grid connection and sun allow in period `t`.
    pub fn it_limit(&self, t: usize) -> Megawatts {
        self.it_limit_within(Megawatts(self.config.import_limit_mw), t)
    }

    /// The same with another import limit, e.g. one that the grid asked for.
    pub fn it_limit_within(&self, import_limit: Megawatts, t: usize) -> Megawatts {
        let supply = (import_limit.0 + self.solar_mw(t)) / self.config.pue;
        Megawatts(self.config.it_capacity_mw.min(supply))
    }
}

impl SiteSetup {
    /// What environments observe of the future, and rivals plan by.
    pub fn forecast_source(&self) -> &Arc<dyn ForecastSource> {
        &self.forecast
    }

    /// Prepares a scenario on a trace; training windows start inside `training`.
    ///
    /// # Errors
    /// [`SetupError`] if the scenario has faults.
    pub fn new(config: SiteConfig, trace: Arc<GridTrace>, training: Range<usize>) -> Result<Self, SetupError> {
        Self::with_forecast(config, trace, training, Arc::new(DayAheadPersistence))
    }

    /// The same with another forecast source, which environments observe and rivals plan by.
    ///
    /// # Errors
    /// As [`SiteSetup::new`].
    pub fn with_forecast(
        config: SiteConfig,
        trace: Arc<GridTrace>,
        training: Range<usize>,
        forecast: Arc<dyn ForecastSource>,
    ) -> Result<Self, SetupError> {
        let faults: Vec<String> = config.validate().into_iter().map(|(key, text)| format!("`{key}` {text}")).collect();
        if !faults.is_empty() {
            return Err(SetupError::Scenario { name: config.name.clone(), faults: faults.join("; ") });
        }
        let measured = config.regional_carbon.as_deref().map(read_regional).transpose()?;
        let mut places: Vec<Place> = Vec::new();
        for site in config.sites() {
            let generator = match places.iter().find(|place| place.config.workload == site.workload) {
                Some(place) => Arc::clone(&place.generator),
                None => Arc::new(JobGenerator::new(&site.workload)?),
            };
            places.push(Place::new(site, generator, &trace, measured.as_ref()));
        }
        let events = EventSchedule::build(&config.events, &trace, &SeedTree::new(EVENT_SEED))?;
        let mut setup =
            Self { config, trace, places, events, features: Vec::new(), training_starts: Vec::new(), forecast };
        setup.fill_features();
        setup.training_starts = setup.usable_starts(training);
        Ok(setup)
    }

    /// That there is a window to train on; scored weeks do not need one.
    ///
    /// # Errors
    /// [`SetupError::NoWindow`].
    pub fn require_training(&self) -> Result<(), SetupError> {
        if !self.training_starts.is_empty() {
            return Ok(());
        }
        let paid = self.config.tariff.paid_price.signal();
        let mut signals = vec![paid.column_name(), Signal::CarbonIntensity.column_name()];
        if self.places.iter().any(|place| place.config.solar.capacity_mwp > 0.0) {
            signals.push("solar_mw or pvlive_mw");
        }
        Err(SetupError::NoWindow {
            table: self.trace.source().name.clone(),
            periods: self.config.episode_periods,
            signals: signals.join(", "),
        })
    }

    /// The sites; one at least.
    pub fn places(&self) -> &[Place] {
        &self.places
    }

    /// What is known at the start of period `t`, for this scenario.
    pub fn knowledge(&self, t: usize) -> Knowledge<'_> {
        knowledge(&self.config, &self.trace, t)
    }

    /// Which signal that some site pays or is scored by is missing in period `t`, if any.
    pub fn missing(&self, t: usize) -> Option<&'static str> {
        let hole = |signal| self.trace.get(signal, t).is_none();
        let sold_at = match self.config.p415.sold_at {
            SoldAt::Intraday => Signal::IntradayPrice,
            SoldAt::DayAhead => Signal::DayAheadPrice,
        };
        if self.config.p415.enabled && (hole(sold_at) || hole(Signal::ImbalancePrice)) {
            return Some("a price that turn-down is sold or settled at");
        }
        self.places.iter().find_map(|place| place.missing(t))
    }

    /// Whether the 24 hours after an episode ending before `end` are in the table, for all sites.
    pub fn settles_on_following_day(&self, end: usize) -> bool {
        self.places.iter().all(|place| place.settles_on_following_day(end))
    }

    /// Requests of the grid, the same for all sites.
    pub fn events(&self) -> &EventSchedule {
        &self.events
    }

    /// What must be said beside every figure of this scenario: what in it is simulated or counterfactual.
    pub fn labels(&self) -> Vec<&'static str> {
        let mut labels = self.events.labels();
        if self.config.regional_carbon.is_none() && self.places.iter().any(|place| !place.regional.is_empty()) {
            labels.push(SIMULATED_CARBON);
        }
        if self.config.p415.enabled {
            labels.extend(p415_label(self.trace.start()));
        }
        labels
    }

    /// The part of the observation that depends on the grid alone, `[GRID_FEATURES]`.
    pub fn grid_features(&self, t: usize) -> &[f32] {
        &self.features[t * GRID_FEATURES..(t + 1) * GRID_FEATURES]
    }

    /// Periods that FIFO plays before an episode: as long as its longest job, so that as much is in progress as ever.
    pub(super) fn warm_up(&self) -> usize {
        let longest = self.places.iter().map(|place| place.generator.longest_hours()).fold(0.0, f64::max);
        let jobs = ((longest / PERIOD_HOURS).ceil() as usize).clamp(24, HISTORY);
        if self.config.has_flex() { jobs.max(BASELINE_DAYS * PERIODS_PER_DAY) } else { jobs }
    }

    /// Periods of the trace that must lie before an episode.
    pub fn history(&self) -> usize {
        self.warm_up().max(HISTORY)
    }

    /// Starts of training windows.
    pub fn training_starts(&self) -> &[u32] {
        &self.training_starts
    }

    /// Divisor of rewards for an episode starting at `start`.
    pub fn reward_scale(&self, start: usize) -> f64 {
        let Some(floor) = self.config.reward.spread_floor_gbp_per_mwh else {
            return self.config.reward.scale_gbp;
        };
        // A scored week may be shorter than a training episode, and end with the table.
        let window = start..(start + self.config.episode_periods).min(self.trace.len());
        let day_ahead = &self.trace.column(Signal::DayAheadPrice)[window.clone()];
        let holes = day_ahead.iter().any(|p| p.is_nan());
        let prices = || window.clone().map(|t| if holes { self.places[0].paid_price(t) } else { day_ahead[t - start] });
        let n = window.len() as f64;
        let mean = prices().sum::<f64>() / n;
        let variance = prices().map(|p| (p - mean).powi(2)).sum::<f64>() / n;
        variance.sqrt().max(floor) * self.size()
    }

    /// Mean load of all sites in units of the standard site's 8 MW, so that rewards are of order one everywhere.
    fn size(&self) -> f64 {
        if self.places.len() == 1 {
            return 1.0;
        }
        self.places.iter().map(|place| place.config.workload.mean_it_mw).sum::<f64>() / 8.0
    }

    fn usable_starts(&self, range: Range<usize>) -> Vec<u32> {
        let length = self.config.episode_periods;
        let end = range.end.min(self.trace.len());
        // A window needs its own periods and one more, from which the value of its end is bootstrapped.
        let mut free_run = 0;
        let mut starts = Vec::new();
        for t in (range.start.saturating_sub(self.history())..end).rev() {
            free_run = if self.missing(t).is_none() { free_run + 1 } else { 0 };
            if t >= range.start.max(self.history()) && free_run > length {
                starts.push(t as u32);
            }
        }
        starts.reverse();
        starts
    }

    fn fill_features(&mut self) {
        let source = &*self.forecast;
        let n = self.trace.len();
        let mut features = vec![f32::NAN; n * GRID_FEATURES];
        let rows: Vec<Vec<(Vec<f32>, Outlook)>> = features
            .par_chunks_mut(GRID_FEATURES)
            .enumerate()
            .map(|(t, features)| if t >= HISTORY { self.fill_period(t, source, features) } else { Vec::new() })
            .collect();
        for (i, place) in self.places.iter_mut().enumerate() {
            let unknown = (vec![f32::NAN; FORECAST_LEN], Outlook::default());
            let of_place = || rows.iter().map(|row| row.get(i).unwrap_or(&unknown));
            place.forecasts = of_place().flat_map(|(forecast, _)| forecast.iter().copied()).collect();
            for (row, (forecast, outlook)) in place.rows.iter_mut().zip(of_place()) {
                (row.outlook, row.forecast) = (*outlook, forecast[0]);
            }
        }
        self.features = features;
    }

    /// Features of a period, and forecast and outlook of every site; nothing if nothing is known to forecast from.
    fn fill_period(&self, t: usize, source: &dyn ForecastSource, features: &mut [f32]) -> Vec<(Vec<f32>, Outlook)> {
        let known = self.knowledge(t);
        let Some(expected) = Expected::new(&known, self.config.tariff.paid_price.signal(), source) else {
            return Vec::new();
        };
        grid_features(self, &known, &expected, source, features);
        self.places.iter().map(|place| place.expect(t, &expected)).collect()
    }
}

impl Place {
    fn expect(&self, t: usize, expected: &Expected) -> (Vec<f32>, Outlook) {
        let full = self.full_forecast(t, expected);
        let mean = |n: usize| (full[..n].iter().sum::<f64>() / n as f64) as f32;
        let outlook = Outlook {
            mean_gbp_per_mwh: mean(48),
            mean_4h_gbp_per_mwh: mean(8),
            carbon_gco2_kwh: self.regional_carbon(expected.carbon[0]) as f32,
        };
        (full.iter().map(|x| *x as f32).collect(), outlook)
    }

    /// Expected carbon intensity of the region.
    pub(super) fn expected_carbon(&self, expected: &Expected) -> [f64; FORECAST_LEN] {
        expected.carbon.map(|national| self.regional_carbon(national))
    }

    /// Expected full price from period `t` on.
    pub(super) fn full_forecast(&self, t: usize, expected: &Expected) -> [f64; FORECAST_LEN] {
        let carbon_price = self.config.carbon_price_gbp_per_tonne / 1000.0;
        let carbon = |k: usize| carbon_price * self.regional_carbon(expected.carbon[k]);
        std::array::from_fn(|k| expected.price[k] + self.charges[t + k] + carbon(k))
    }
}

/// Rules of a class. Power is capped only where that is a control; a job on less than its full power then has some of its
/// nodes switched off, so that half the power does half the work.
fn rules(class: &JobClassConfig, power_cap: bool) -> ClassRules {
    let mut rules = ClassRules::new(class);
    if !power_cap {
        rules.power_curve = PowerCurve::Linear;
    }
    rules
}

/// Where a curve over national carbon intensity stands; the national value itself if there is no curve.
fn interpolate(curve: &[f64], national: f64) -> f64 {
    if curve.is_empty() || national.is_nan() {
        return national;
    }
    let x = (national / CARBON_STEP).clamp(0.0, (curve.len() - 1) as f64);
    let low = (x as usize).min(curve.len() - 2);
    curve[low] + (x - low as f64) * (curve[low + 1] - curve[low])
}

fn hole(value: Option<f64>) -> f64 {
    value.unwrap_or(f64::NAN)
}

/// Day-ahead position of every period against its settlement; NaN where a price is missing.
fn fixed_gbp(config: &SiteConfig, trace: &GridTrace) -> Vec<f64> {
    let mean_load = Megawatts(config.workload.mean_it_mw * config.pue);
    let price = |signal, t| trace.get(signal, t).map(PoundsPerMegawattHour);
    let fixed = |t| {
        let (day_ahead, imbalance) = (price(Signal::DayAheadPrice, t), price(Signal::ImbalancePrice, t));
        config.tariff.fixed_gbp(mean_load, day_ahead, imbalance).map_or(f64::NAN, |pounds| pounds.0)
    };
    (0..trace.len()).map(fixed).collect()
}

/// What is known at the start of period `t` in a scenario.
fn knowledge<'a>(config: &SiteConfig, trace: &'a GridTrace, t: usize) -> Knowledge<'a> {
    let known = Knowledge::at(trace, t, config.information.set);
    if config.information.day_ahead_prices { known } else { known.without_day_ahead() }
}
