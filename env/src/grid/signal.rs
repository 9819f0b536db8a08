//! The columns of a grid trace: their names, units and plausible magnitudes.
//!
//! In: a column name. Out: the [`Signal`] it carries. One column, one line in [`SPECS`].
//! Not here: values (`trace.rs`), reading them (`import.rs`).

use serde::{Deserialize, Serialize};
use std::fmt;

/// One national half-hourly signal of a grid trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Signal {
    /// Carbon Intensity API, `actual`, g/kWh.
    CarbonActual,
    /// Carbon Intensity API, last forecast before delivery (not a day-ahead forecast), g/kWh.
    CarbonForecast,
    /// NESO generation-mix carbon intensity, g/kWh: the carbon signal of the workbench.
    CarbonIntensity,
    /// Minutes over which a carbon value is a mean: 60 is an hourly mean, written in both half-hours.
    CarbonResolution,
    /// Intraday price (Elexon Market Index, APX), GBP/MWh.
    IntradayPrice,
    /// GB day-ahead hourly auction price, GBP/MWh.
    DayAheadPrice,
    /// Imbalance (system) price, GBP/MWh.
    ImbalancePrice,
    /// Net imbalance volume, MWh per half-hour; positive = system short.
    NetImbalanceVolume,
    /// NESO National Demand, MW.
    Demand,
    /// NESO Transmission System Demand, MW.
    TransmissionDemand,
    /// Transmission-metered wind generation, MW.
    Wind,
    /// NESO estimate of embedded wind, MW.
    EmbeddedWind,
    /// NESO estimate of embedded solar, MW.
    Solar,
    /// Sheffield PV_Live national solar, MW: the substitute where [`Signal::Solar`] is absent.
    PvLive,
    /// Gas generation, MW.
    Gas,
    /// Coal generation, MW.
    Coal,
    /// Nuclear generation, MW.
    Nuclear,
    /// Hydro generation, MW.
    Hydro,
    /// Pumped storage, MW; negative = pumping.
    PumpedStorage,
    /// Biomass generation, MW.
    Biomass,
    /// Other generation, MW.
    OtherGeneration,
    /// Net import over the interconnectors, MW.
    Interconnectors,
    /// Sum of all FUELHH technologies, MW: the substitute where [`Signal::Demand`] is absent.
    FuelTotal,
    /// Day-ahead forecast of National Demand, MW.
    DayAheadForecastDemand,
    /// Day-ahead forecast of wind, MW.
    DayAheadForecastWind,
    /// Day-ahead forecast of embedded wind, MW.
    DayAheadForecastEmbeddedWind,
    /// Day-ahead forecast of embedded solar, MW.
    DayAheadForecastEmbeddedSolar,
}

/// What a column is called and what it may hold.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SignalSpec {
    /// The signal.
    pub signal: Signal,
    /// Column name without its unit.
    pub stem: &'static str,
    /// Unit as it ends the column name.
    pub unit: &'static str,
    /// Column name in the joined table.
    pub column: &'static str,
    /// Smallest plausible value; below it a table is refused.
    pub plausible_min: f64,
    /// Largest plausible value; above it a table is refused.
    pub plausible_max: f64,
}

const PRICE: (f64, f64) = (-10_000.0, 10_000.0);
const CARBON: (f64, f64) = (0.0, 1500.0);
const POWER: (f64, f64) = (-100_000.0, 100_000.0);
const OUTPUT: (f64, f64) = (0.0, 100_000.0);

macro_rules! spec {
    ($signal:ident, $stem:literal, $unit:literal, $range:expr) => {
        SignalSpec {
            signal: Signal::$signal,
            stem: $stem,
            unit: $unit,
            column: concat!($stem, "_", $unit),
            plausible_min: $range.0,
            plausible_max: $range.1,
        }
    };
}

/// All columns, in the order of the joined table.
pub const SPECS: [SignalSpec; 27] = [
    spec!(CarbonActual, "carbon_actual", "gco2_kwh", CARBON),
    spec!(CarbonForecast, "carbon_forecast", "gco2_kwh", CARBON),
    spec!(CarbonIntensity, "carbon_mix", "gco2_kwh", CARBON),
    spec!(CarbonResolution, "carbon_mix_resolution", "min", (1.0, 1440.0)),
    spec!(IntradayPrice, "price", "gbp_mwh", PRICE),
    spec!(DayAheadPrice, "price_da", "gbp_mwh", PRICE),
    spec!(ImbalancePrice, "imbalance_price", "gbp_mwh", PRICE),
    spec!(NetImbalanceVolume, "niv", "mwh", POWER),
    spec!(Demand, "demand", "mw", OUTPUT),
    spec!(TransmissionDemand, "tsd", "mw", OUTPUT),
    spec!(Wind, "wind", "mw", POWER),
    spec!(EmbeddedWind, "embedded_wind", "mw", POWER),
    spec!(Solar, "solar", "mw", OUTPUT),
    spec!(PvLive, "pvlive", "mw", OUTPUT),
    spec!(Gas, "gas", "mw", POWER),
    spec!(Coal, "coal", "mw", POWER),
    spec!(Nuclear, "nuclear", "mw", POWER),
    spec!(Hydro, "hydro", "mw", POWER),
    spec!(PumpedStorage, "pumped_storage", "mw", POWER),
    spec!(Biomass, "biomass", "mw", POWER),
    spec!(OtherGeneration, "other", "mw", POWER),
    spec!(Interconnectors, "interconnectors_net", "mw", POWER),
    spec!(FuelTotal, "fuelhh_total", "mw", POWER),
    spec!(DayAheadForecastDemand, "da_fc_demand", "mw", POWER),
    spec!(DayAheadForecastWind, "da_fc_wind", "mw", POWER),
    spec!(DayAheadForecastEmbeddedWind, "da_fc_embedded_wind", "mw", POWER),
    spec!(DayAheadForecastEmbeddedSolar, "da_fc_embedded_solar", "mw", POWER),
];

impl Signal {
    /// Number of signals.
    pub const COUNT: usize = SPECS.len();

    /// All signals, in the order of the joined table.
    pub fn all() -> impl Iterator<Item = Signal> {
        SPECS.iter().map(|spec| spec.signal)
    }

    /// The signal of a column name.
    pub fn from_column(name: &str) -> Option<Signal> {
        SPECS.iter().find(|spec| spec.column == name).map(|spec| spec.signal)
    }

    /// Name, unit and plausible magnitudes.
    pub fn spec(self) -> &'static SignalSpec {
        &SPECS[self as usize]
    }

    /// Column name in the joined table, unit included.
    pub fn column_name(self) -> &'static str {
        self.spec().column
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.column_name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_lists_each_signal_at_its_own_index() {
        for (i, spec) in SPECS.iter().enumerate() {
            assert_eq!(spec.signal as usize, i, "{}", spec.column);
            assert_eq!(Signal::from_column(spec.column), Some(spec.signal));
        }
    }

    #[test]
    fn configuration_names_are_snake_case() {
        let text = serde_json::to_string(&Signal::DayAheadPrice).expect("serialises");
        assert_eq!(text, "\"day_ahead_price\"");
        assert_eq!(Signal::IntradayPrice.to_string(), "price_gbp_mwh");
    }
}
