//! Regional carbon from the national value: a model for all the years of which no regional series is at hand.
//!
//! In: national carbon intensity of a period (outturn or forecast). Out: that of any region in the same period, g/kWh.
//! Always: `0 <= region <= ceiling`, rising with the national value, and the areas' weighted mean is the national value exactly.
//! Not here: the published regional values (`regional.rs`), how the parameters are fitted (`regional_fit.rs`).
//!
//! # The model
//! A unit of power comes from gas or from something without carbon, so a region's intensity is `ceiling x share`, where
//! `ceiling` is that of gas alone. Each region has a fixed factor by which its odds of gas, `share / (1 - share)`, differ
//! from common odds; the common odds of a period are those at which the customers' mean over the 14 areas is the national
//! value. One number per region is all that two days can teach. Fitted to one day and tested on the other, the mean
//! absolute error over the areas is 21.2 g/kWh on the second day and 16.9 on the first; if every region had the national
//! value it would be 55.7 and 45.1, if each kept its difference from the nation 23.3 and 19.3, its ratio to the nation 22.3
//! and 16.9. A slope per region came closer on the day it saw and gave 23 to 25 and 16 to 17; wind as a second driver,
//! through each region's generation mix, 20 to 22 and 17 to 19 (tried on 2026-11-22). Neither was worth its parameters.
//!
//! # What it cannot know
//! - It was fitted to two windy days (national 38 to 104 g/kWh). On calm days the regions draw together by the form alone,
//!   not by evidence; in the one calmer hour at hand (2026-05-31T01:30Z, 171 g/kWh) North Scotland is right (0
//!   published, about 10 modelled), but East England is not (237 published, about 120 modelled), because there its nearby
//!   wind had died down and a nuclear plant was out.
//! - A region's own outages, imports and constraints: region and nation always move together.
//! - Coal (closed 2024-09-30) and dirtier imports lift a real region above the ceiling.
//!
//! Whatever rests on it is therefore labelled [`RegionalSource::Simulated`].

use super::regional::{RegionalCarbon, RegionalSource};
use super::regions::Region;
use super::signal::Signal;
use super::synthetic::FitOrigin;
use super::trace::GridTrace;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// Carbon intensity of gas in a combined-cycle plant, g/kWh: NESO's fuel factors, method of May 2024.
pub const GAS_G_PER_KWH: f64 = 394.0;

const FILE: &str = "regional_parameters.toml";
/// Newton's method needs 5 to 8 steps at the fitted factors; more are needed only by absurd ones.
const MOST_STEPS: usize = 200;

/// What the model was fitted to, and what came out: `regional_parameters.toml`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegionalParameters {
    /// Intensity of a region that burns gas alone, g/kWh.
    pub ceiling_g_per_kwh: f64,
    /// What they were fitted to.
    pub origin: FitOrigin,
    /// Logarithm of each region's odds of gas over the common odds; all regions but Great Britain.
    pub log_odds: BTreeMap<Region, f64>,
}

/// Parameters that cannot be used.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum RegionalParameterError {
    /// The text is no parameter file.
    #[error("{file}: the text is no regional parameter file: {reason}\n\nhint: fit the model to regional values again")]
    NotParameters {
        /// File as given.
        file: String,
        /// What the reader says.
        reason: String,
    },
    /// Some parameters are missing or beyond reason.
    #[error("{file}: unusable parameters: {}\n\nhint: fit the model to regional values again", faults.join("; "))]
    Unsound {
        /// File as given.
        file: String,
        /// What is wrong, each with its key.
        faults: Vec<String>,
    },
}

/// Regional carbon as a function of national carbon.
#[derive(Debug, Clone, PartialEq)]
pub struct RegionalModel {
    parameters: RegionalParameters,
    odds: [f64; Region::COUNT],
    weights: [f64; Region::AREAS],
}

static EMBEDDED: LazyLock<RegionalModel> = LazyLock::new(|| {
    RegionalModel::from_toml(FILE, include_str!("regional_parameters.toml")).expect("the embedded file is tested")
});

/// Carbon intensity of a region, g/kWh, where the national one is `national_g_per_kwh`: the embedded model.
///
/// Pure and cheap, and as good for a forecast as for an outturn. NaN (a hole) gives NaN; below 0 counts as 0.
pub fn region_from_national(region: Region, national_g_per_kwh: f64) -> f64 {
    EMBEDDED.region_from_national(region, national_g_per_kwh)
}

impl RegionalModel {
    /// The model that the program carries.
    pub fn embedded() -> &'static RegionalModel {
        &EMBEDDED
    }

    /// A model of checked parameters; `file` names them in errors.
    ///
    /// # Errors
    /// [`RegionalParameterError::Unsound`] with all faults together.
    pub fn new(file: &str, parameters: RegionalParameters) -> Result<Self, RegionalParameterError> {
        let mut faults = Vec::new();
        let ceiling = parameters.ceiling_g_per_kwh;
        if !(1.0..=1500.0).contains(&ceiling) {
            faults.push(format!("`ceiling_g_per_kwh` is {ceiling}, expected a value in 1 ..= 1500"));
        }
        let mut odds = [1.0; Region::COUNT];
        for region in Region::all().filter(|region| *region != Region::GreatBritain) {
            match parameters.log_odds.get(&region) {
                Some(x) if (-20.0..=20.0).contains(x) => odds[region.index()] = x.exp(),
                Some(x) => faults.push(format!("`log_odds.{region}` is {x}, expected a value in -20 ..= 20")),
                None => faults.push(format!("`log_odds.{region}` is missing, expected a value in -20 ..= 20")),
            }
        }
        if !faults.is_empty() {
            return Err(RegionalParameterError::Unsound { file: file.to_string(), faults });
        }
        let mut weights = [0.0; Region::AREAS];
        weights.iter_mut().zip(Region::areas()).for_each(|(weight, region)| *weight = region.weight());
        Ok(Self { parameters, odds, weights })
    }

    /// Reads a parameter file; `file` names it in errors.
    ///
    /// # Errors
    /// [`RegionalParameterError`].
    pub fn from_toml(file: &str, text: &str) -> Result<Self, RegionalParameterError> {
        let not_parameters = |e: toml::de::Error| RegionalParameterError::NotParameters {
            file: file.to_string(),
            reason: e.to_string(),
        };
        Self::new(file, toml::from_str(text).map_err(not_parameters)?)
    }

    /// The text of a parameter file, each logarithm with four decimals.
    pub fn to_toml(&self) -> String {
        let mut rounded = self.parameters.clone();
        rounded.log_odds.values_mut().for_each(|x| *x = (*x * 1e4).round() / 1e4);
        let text = toml::to_string(&rounded).expect("plain numbers and texts serialise");
        format!("# Regional carbon from national carbon. {}\n\n{text}", self.parameters.origin.statement)
    }

    /// What it was fitted to, and what came out.
    pub fn parameters(&self) -> &RegionalParameters {
        &self.parameters
    }

    /// Carbon intensity of a region, g/kWh, where the national one is `national_g_per_kwh`.
    ///
    /// NaN (a hole) gives NaN; below 0 counts as 0; from the ceiling on every region has the national value.
    pub fn region_from_national(&self, region: Region, national_g_per_kwh: f64) -> f64 {
        match self.common_odds(national_g_per_kwh) {
            Some(common) => self.at_odds(region, common),
            None => national_g_per_kwh.clamp(0.0, f64::INFINITY),
        }
    }

    /// [`RegionalModel::region_from_national`] of all regions, by [`Region::index`].
    pub fn all_regions(&self, national_g_per_kwh: f64) -> [f64; Region::COUNT] {
        let mut values = [national_g_per_kwh.clamp(0.0, f64::INFINITY); Region::COUNT];
        if let Some(common) = self.common_odds(national_g_per_kwh) {
            values.iter_mut().zip(Region::all()).for_each(|(value, region)| *value = self.at_odds(region, common));
            values[Region::GreatBritain.index()] = national_g_per_kwh;
        }
        values
    }

    /// Regional carbon of every period of a trace, from its national column; a hole there is a hole in every region.
    pub fn simulate(&self, trace: &GridTrace) -> RegionalCarbon {
        let name = format!("{FILE} on {}", trace.source().name);
        let mut carbon = RegionalCarbon::holes(name, RegionalSource::Simulated, trace.start(), trace.len());
        for (t, national) in trace.column(Signal::CarbonIntensity).iter().enumerate().filter(|(_, x)| !x.is_nan()) {
            for (region, value) in Region::all().zip(self.all_regions(*national)) {
                carbon.set(region, t, Some(value));
            }
        }
        carbon
    }

    fn at_odds(&self, region: Region, common: f64) -> f64 {
        if region == Region::GreatBritain {
            return self.parameters.ceiling_g_per_kwh * self.mean_share(common).0;
        }
        let odds = common * self.odds[region.index()];
        self.parameters.ceiling_g_per_kwh * odds / (1.0 + odds)
    }

    /// Weighted mean share of gas at common odds, and its derivative.
    fn mean_share(&self, common: f64) -> (f64, f64) {
        self.weights.iter().zip(&self.odds).fold((0.0, 0.0), |(share, slope), (weight, odds)| {
            let rest = 1.0 / (1.0 + common * odds);
            (share + weight * common * odds * rest, slope + weight * odds * rest * rest)
        })
    }

    /// The common odds at which the areas' mean is the national value; `None` where there is nothing to share out.
    fn common_odds(&self, national_g_per_kwh: f64) -> Option<f64> {
        let share = national_g_per_kwh / self.parameters.ceiling_g_per_kwh;
        if !(share > 0.0 && share < 1.0) {
            return None;
        }
        // The mean is concave in the common odds. So Newton's method, started where even the dirtiest area alone would
        // not reach the mean, climbs towards the root without ever passing it.
        let dirtiest = self.odds[..Region::AREAS].iter().copied().fold(0.0, f64::max);
        let mut common = share / (1.0 - share) / dirtiest;
        for _ in 0..MOST_STEPS {
            let (mean, slope) = self.mean_share(common);
            let step = (share - mean) / slope;
            if step <= 1e-13 * common {
                break;
            }
            common += step;
        }
        Some(common)
    }
}

#[cfg(test)]
#[path = "regional_model_tests.rs"]
mod tests;
