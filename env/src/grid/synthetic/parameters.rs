//! Parameters of the synthetic grid: a small TOML file, fitted once and embedded in the program.
//!
//! In: TOML. Out: checked parameters, or every fault in words.
//! Always: unknown keys are refused; a parameter set that passes [`SyntheticParameters::validate`] generates without a fault.
//! Not here: how they are fitted (`fit.rs`) and used (`generate.rs`).

use super::noise::{Memory, Noise, Volatility, marginal_is_sound};
use super::shape::{Curve, Regime, SeasonalProfile};
use crate::files::rounded_toml;
use crate::grid::calendar::Period;
use serde::{Deserialize, Serialize};

/// Everything the generator knows about the grid.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SyntheticParameters {
    /// What they were fitted to.
    pub origin: FitOrigin,
    /// Demand before embedded generation.
    pub demand: DemandParameters,
    /// Wind, transmission-metered and embedded.
    pub wind: WindParameters,
    /// Embedded solar.
    pub solar: SolarParameters,
    /// Published day-ahead forecasts.
    pub forecast: ForecastParameters,
    /// Day-ahead price.
    pub day_ahead: DayAheadParameters,
    /// Intraday price.
    pub intraday: IntradayParameters,
    /// Net imbalance volume and imbalance price.
    pub imbalance: ImbalanceParameters,
    /// Carbon intensity.
    pub carbon: CarbonParameters,
    /// Columns of lesser use, in the mean.
    pub generation: GenerationParameters,
}

/// What a parameter set was fitted to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FitOrigin {
    /// Always that the file holds fitted parameters only, no row of any table.
    pub statement: String,
    /// Name of the table, and who published what is in it.
    pub source: String,
    /// Half-hours used.
    pub rows: usize,
    /// First period used.
    pub from: Period,
    /// Last period used.
    pub to: Period,
    /// Date of the fit, `YYYY-MM-DD`.
    pub fitted_on: String,
}

/// Demand before embedded generation, MW.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DemandParameters {
    /// Expected value, MW.
    pub profile: SeasonalProfile,
    /// Deviation from it, MW.
    pub noise: Noise,
}

/// Wind.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WindParameters {
    /// Most transmission-metered wind, MW.
    pub maximum_mw: f64,
    /// Expected transmission-metered wind, MW.
    pub profile: SeasonalProfile,
    /// Wind over its expected value.
    pub noise: Noise,
    /// Embedded wind at no transmission-metered wind, MW.
    pub embedded_intercept_mw: f64,
    /// Embedded wind per transmission-metered wind.
    pub embedded_slope: f64,
    /// Deviation of embedded wind from that line, MW.
    pub embedded_noise: Noise,
}

/// Embedded solar: capacity factor = clearness x sun height to a power.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SolarParameters {
    /// Power of the sine of the sun's elevation.
    pub height_exponent: f64,
    /// Expected clearness.
    pub profile: SeasonalProfile,
    /// Clearness over its expected value.
    pub noise: Noise,
}

/// Published day-ahead forecasts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ForecastParameters {
    /// Demand; errors in MW.
    pub demand: ForecastError,
    /// Transmission-metered wind; errors in MW.
    pub wind: ForecastError,
    /// Embedded wind; errors in MW.
    pub embedded_wind: ForecastError,
    /// Embedded solar; errors over the clear-sky output.
    pub embedded_solar: ForecastError,
}

/// Outturn minus forecast: slope x outturn + profile + scale(outturn) x noise.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ForecastError {
    /// What the forecast misses of a deviation of the outturn from the season's mean: forecasts are smoother than weather.
    pub slope: f64,
    /// Mean of the rest by season and time of day.
    pub profile: SeasonalProfile,
    /// Mean absolute deviation from it by outturn.
    pub scale: Curve,
    /// Deviation over its scale.
    pub noise: Noise,
}

/// Price level, GBP/MWh, and the unit in which prices lie around it: price = level + unit x what the market says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LevelParameters {
    /// Logarithm of the level by quarter: the fuel price regime.
    pub log: Regime,
    /// Deviation of the level's logarithm from the regime, day by day.
    pub noise: Noise,
    /// Level at which the unit equals it, GBP/MWh.
    pub reference: f64,
    /// Per cent by which the unit grows when the level grows by one per cent.
    pub elasticity: f64,
}

impl LevelParameters {
    /// Unit of prices around a level, GBP/MWh.
    pub fn unit(&self, level: f64) -> f64 {
        self.unit_of(self.elasticity, level)
    }

    /// The unit of a price that grows otherwise with the level, GBP/MWh.
    pub fn unit_of(&self, elasticity: f64, level: f64) -> f64 {
        self.reference * (level / self.reference).powf(elasticity)
    }
}

/// Day-ahead price, hour by hour, in units around its level. Expected: curve(residual demand) + profile. Each local day
/// has an offset and is flatter or steeper than expected; scale(residual demand) x noise comes on top.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DayAheadParameters {
    /// Lowest and highest price, GBP/MWh: half as far again as the table went.
    pub limits: [f64; 2],
    /// Level that prices lie around.
    pub level: LevelParameters,
    /// Price by forecast residual demand (demand - wind) in MW.
    pub curve: Curve,
    /// What time of day and season add to it.
    pub profile: SeasonalProfile,
    /// Offset of a day's price.
    pub offset: Noise,
    /// Steepness of a day's price; 1 = as expected.
    pub amplitude: Noise,
    /// Mean absolute noise by forecast residual demand in MW.
    pub scale: Curve,
    /// Hourly noise over its scale.
    pub noise: Noise,
    /// Correlation of the size of a day's noise with the day's steepness, of normal scores.
    pub volatility_correlation: f64,
}

/// Intraday price, in units around its level. Expected: curve(day-ahead price), flatter or steeper from day to day; on top
/// come slope x error of residual demand, a profile, and scale x noise.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IntradayParameters {
    /// Lowest and highest price, GBP/MWh: half as far again as the table went.
    pub limits: [f64; 2],
    /// Price by day-ahead price.
    pub curve: Curve,
    /// Steepness of a day's price against that curve; 1 = as expected.
    pub amplitude: Noise,
    /// Price per MW of residual demand beyond its forecast.
    pub per_residual_error_mw: f64,
    /// Mean difference from the curve by season and time of day.
    pub profile: SeasonalProfile,
    /// Mean absolute noise by forecast residual demand in MW.
    pub scale: Curve,
    /// Noise over its scale.
    pub noise: Noise,
    /// Correlation of the size of a day's noise with that of the day-ahead price, of normal scores.
    pub volatility_correlation: f64,
}

/// Net imbalance volume and imbalance price.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImbalanceParameters {
    /// Lowest and highest price, GBP/MWh: half as far again as the table went.
    pub limits: [f64; 2],
    /// Mean volume, MWh per half-hour.
    pub profile: SeasonalProfile,
    /// Deviation of the volume, MWh per half-hour.
    pub noise: Noise,
    /// Per cent by which the premium grows when the price level grows by one per cent.
    pub elasticity: f64,
    /// Premium over the intraday price while the system is short.
    pub short: PremiumParameters,
    /// Premium over the intraday price while the system is long.
    pub long: PremiumParameters,
    /// Memory of the premium's own score, whose sign is turned while the system is long.
    pub memory: Memory,
    /// Size of the premium over its scale, from day to day.
    pub volatility: Volatility,
    /// Correlation of the size of a day's premium with that of the intraday noise, of normal scores.
    pub volatility_correlation: f64,
}

/// Imbalance premium over the intraday price, in units of its own elasticity: curve(intraday price) + scale(intraday
/// price) x size of the day x marginal(own score).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PremiumParameters {
    /// Mean premium by intraday price in units around its level.
    pub curve: Curve,
    /// Mean absolute deviation from it by the same.
    pub scale: Curve,
    /// Deviation over scale and size at the normal scores.
    pub marginal: Vec<f64>,
}

/// Carbon intensity = regime + curve(share of residual demand) + profile + noise, hour by hour, g/kWh.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CarbonParameters {
    /// Slow drift of the fleet, g/kWh.
    pub regime: Regime,
    /// Carbon by the share of demand, embedded generation included, that neither wind nor solar serves, g/kWh.
    pub curve: Curve,
    /// What time of day and season add, g/kWh.
    pub profile: SeasonalProfile,
    /// Hourly noise, g/kWh.
    pub noise: Noise,
    /// Correlation of its score with that of the day-ahead price.
    pub price_correlation: f64,
    /// Outturn minus the last forecast before delivery, g/kWh.
    pub last_forecast_error: Noise,
}

/// Means for the columns of lesser use, MW.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GenerationParameters {
    /// Sum of all generation minus demand.
    pub total_minus_demand_mw: f64,
    /// Transmission system demand minus demand.
    pub transmission_minus_demand_mw: f64,
    /// Nuclear.
    pub nuclear_mw: f64,
    /// Biomass.
    pub biomass_mw: f64,
    /// Hydro.
    pub hydro_mw: f64,
    /// Other.
    pub other_mw: f64,
    /// Coal.
    pub coal_mw: f64,
    /// Net import while gas covers the rest.
    pub interconnectors_mw: f64,
    /// Gas never runs below this.
    pub gas_minimum_mw: f64,
}

/// Parameters that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SyntheticError {
    /// The text is no parameter file.
    #[error("{file}: the text is no parameter file: {reason}\n\nhint: write one with `flexai data fit-synthetic`")]
    NotParameters {
        /// File as given.
        file: String,
        /// What the reader says.
        reason: String,
    },
    /// Some parameters cannot be used.
    #[error(
        "{file}: unusable parameters: {}, expected finite numbers, ascending marginals and knots, and persistences in 0 .. 1\n\n\
         hint: write the file again with `flexai data fit-synthetic`", faults.join(", ")
    )]
    Unsound {
        /// File as given.
        file: String,
        /// The tables at fault.
        faults: Vec<String>,
    },
}

impl SyntheticParameters {
    /// The set that ships with the program.
    pub fn embedded() -> Self {
        Self::from_toml("gb_parameters.toml", include_str!("gb_parameters.toml")).expect("the embedded file is tested")
    }

    /// Reads and checks a parameter file; `file` names it in errors.
    ///
    /// # Errors
    /// [`SyntheticError`] with all faults together.
    pub fn from_toml(file: &str, text: &str) -> Result<Self, SyntheticError> {
        let not_parameters =
            |e: toml::de::Error| SyntheticError::NotParameters { file: file.to_string(), reason: e.to_string() };
        let parameters: Self = toml::from_str(text).map_err(not_parameters)?;
        parameters.validate(file)?;
        Ok(parameters)
    }

    /// The text of a parameter file, each number with five significant digits.
    pub fn to_toml(&self) -> String {
        let text = rounded_toml(self);
        format!("# Parameters of the synthetic GB-like grid. {}\n\n{text}", self.origin.statement)
    }

    /// Checks every table.
    ///
    /// # Errors
    /// [`SyntheticError::Unsound`] naming all tables at fault.
    pub fn validate(&self, file: &str) -> Result<(), SyntheticError> {
        let mut faults = Vec::new();
        let mut check = |sound: bool, name: &str| {
            if !sound {
                faults.push(format!("`{name}`"));
            }
        };
        let noise = Noise::is_sound;
        let correlation = |x: f64| (-1.0..=1.0).contains(&x);
        let error =
            |e: &ForecastError| e.slope.is_finite() && e.profile.is_sound() && e.scale.is_sound() && noise(&e.noise);
        let premium =
            |p: &PremiumParameters| marginal_is_sound(&p.marginal) && p.curve.is_sound() && p.scale.is_sound();
        check(self.demand.profile.is_sound() && noise(&self.demand.noise), "demand");
        let embedded = [self.wind.maximum_mw, self.wind.embedded_intercept_mw, self.wind.embedded_slope]
            .iter()
            .all(|x| x.is_finite());
        check(self.wind.profile.is_sound() && noise(&self.wind.noise), "wind");
        check(embedded && noise(&self.wind.embedded_noise), "wind.embedded");
        let exponent = self.solar.height_exponent.is_finite();
        check(exponent && self.solar.profile.is_sound() && noise(&self.solar.noise), "solar");
        check(error(&self.forecast.demand), "forecast.demand");
        check(error(&self.forecast.wind), "forecast.wind");
        check(error(&self.forecast.embedded_wind), "forecast.embedded_wind");
        check(error(&self.forecast.embedded_solar), "forecast.embedded_solar");
        let price = &self.day_ahead;
        let limits = [price.limits, self.intraday.limits, self.imbalance.limits];
        check(limits.iter().all(|[low, high]| low.is_finite() && high.is_finite() && low <= high), "limits");
        let level = &price.level;
        let numbers = level.reference > 0.0 && level.reference.is_finite() && level.elasticity.is_finite();
        check(numbers && level.log.is_sound() && noise(&level.noise), "day_ahead.level");
        check(price.curve.is_sound() && price.profile.is_sound(), "day_ahead");
        check(
            noise(&price.offset) && noise(&price.amplitude) && correlation(price.volatility_correlation),
            "day_ahead.days",
        );
        check(price.scale.is_sound() && noise(&price.noise), "day_ahead.noise");
        let intraday = &self.intraday;
        check(intraday.per_residual_error_mw.is_finite() && intraday.profile.is_sound(), "intraday");
        check(
            intraday.curve.is_sound() && noise(&intraday.amplitude) && correlation(intraday.volatility_correlation),
            "intraday.days",
        );
        check(intraday.scale.is_sound() && noise(&intraday.noise), "intraday.noise");
        let imbalance = &self.imbalance;
        check(imbalance.profile.is_sound() && noise(&imbalance.noise), "imbalance");
        check(
            correlation(imbalance.volatility_correlation) && imbalance.elasticity.is_finite(),
            "imbalance.volatility",
        );
        check(premium(&imbalance.short), "imbalance.short");
        check(premium(&imbalance.long), "imbalance.long");
        check(
            imbalance.memory.is_sound()
                && imbalance.volatility.memory.is_sound()
                && marginal_is_sound(&imbalance.volatility.marginal),
            "imbalance.memory",
        );
        let carbon = &self.carbon;
        check(carbon.regime.is_sound() && carbon.curve.is_sound() && carbon.profile.is_sound(), "carbon");
        check(noise(&carbon.noise) && correlation(carbon.price_correlation), "carbon.noise");
        check(noise(&carbon.last_forecast_error), "carbon.last_forecast_error");
        check(self.generation.is_finite(), "generation");
        if faults.is_empty() { Ok(()) } else { Err(SyntheticError::Unsound { file: file.to_string(), faults }) }
    }
}

impl GenerationParameters {
    fn is_finite(&self) -> bool {
        [
            self.total_minus_demand_mw,
            self.transmission_minus_demand_mw,
            self.nuclear_mw,
            self.biomass_mw,
            self.hydro_mw,
            self.other_mw,
            self.coal_mw,
            self.interconnectors_mw,
            self.gas_minimum_mw,
        ]
        .iter()
        .all(|x| x.is_finite())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_embedded_file_is_small_sound_and_says_what_it_is() {
        assert!(include_str!("gb_parameters.toml").len() <= 40_000);
        let parameters = SyntheticParameters::embedded();
        assert!(parameters.origin.statement.contains("fitted parameters only"));
        assert_eq!(parameters.origin.to.to_string(), "2023-12-31T23:30:00Z");
    }

    #[test]
    fn text_form_survives_the_round_trip() {
        let parameters = SyntheticParameters::embedded();
        let back = SyntheticParameters::from_toml("copy.toml", &parameters.to_toml()).expect("our own text is good");
        assert_eq!(back, parameters);
    }

    #[test]
    fn unusable_parameters_are_refused_together_and_by_name() {
        let mut parameters = SyntheticParameters::embedded();
        parameters.wind.noise.marginal.pop();
        parameters.carbon.price_correlation = 1.5;
        assert_eq!(
            parameters.validate("north.toml").expect_err("two faults").to_string(),
            "north.toml: unusable parameters: `wind`, `carbon.noise`, expected finite numbers, ascending marginals and \
             knots, and persistences in 0 .. 1\n\nhint: write the file again with `flexai data fit-synthetic`"
        );
        let error = SyntheticParameters::from_toml("north.toml", "tide = 1").expect_err("no such key").to_string();
        assert!(error.starts_with("north.toml: the text is no parameter file: "), "{error}");
    }
}
