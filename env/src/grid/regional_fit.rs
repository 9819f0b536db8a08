//! Fit of the regional model to published regional values, and how far it is from them.
//!
//! In: regional values, a trace with the national ones, the periods that may be seen. Out: [`RegionalModel`], scores.
//! Always: periods in which a region or the nation is a hole are left out; simulated values are refused as evidence.
//! Not here: the model itself (`regional_model.rs`).

use super::calendar::{PERIODS_PER_DAY, Period};
use super::regional::{RegionalCarbon, RegionalSource};
use super::regional_model::{GAS_G_PER_KWH, RegionalModel, RegionalParameters};
use super::regions::Region;
use super::signal::Signal;
use super::synthetic::{FitDescription, FitOrigin};
use super::trace::GridTrace;
use serde::Serialize;
use std::ops::Range;

/// Half a unit of what is published in whole g/kWh: a region whose mean is 0 lies somewhere below it.
const ROUNDING_G_PER_KWH: f64 = 0.5;
const MOST_ROUNDS: usize = 2000;

/// Values that the model cannot be fitted to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RegionalFitError {
    /// Too little is known.
    #[error(
        "{table}: `{region}` and the national value are both known in {found} half-hours of the part to fit, expected \
         at least {PERIODS_PER_DAY} (a day)\n\nhint: fit to regional values within the national table"
    )]
    TooFewValues {
        /// Name of the regional table.
        table: String,
        /// The region.
        region: Region,
        /// Half-hours found.
        found: usize,
    },
    /// The values come from the model.
    #[error("{table}: the regional values are simulated\n\nhint: fit to values that the API published")]
    Simulated {
        /// Name of the regional table.
        table: String,
    },
}

/// How far the model is from the published values of a region.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct RegionalScore {
    /// The region.
    pub region: Region,
    /// Half-hours compared.
    pub periods: usize,
    /// Mean of the published values, g/kWh.
    pub published_g_per_kwh: f64,
    /// Mean of the model, g/kWh.
    pub modelled_g_per_kwh: f64,
    /// Mean absolute difference, g/kWh.
    pub error_g_per_kwh: f64,
    /// Mean absolute difference if every region had the national value, g/kWh.
    pub national_error_g_per_kwh: f64,
}

/// Fits the regions' odds so that every region's mean over the periods is the published one.
///
/// The areas' weighted mean cannot be both the national value and the published means' mean; what they differ by is
/// spread over all regions alike.
///
/// # Errors
/// [`RegionalFitError`] if less than a day is known of a region, or the values are simulated.
pub fn fit_regional(
    regional: &RegionalCarbon,
    trace: &GridTrace,
    periods: Range<Period>,
    description: FitDescription,
) -> Result<RegionalModel, RegionalFitError> {
    let table = regional.name().to_string();
    if regional.source() == RegionalSource::Simulated {
        return Err(RegionalFitError::Simulated { table });
    }
    let mut samples = Vec::new();
    for region in Region::all().filter(|region| *region != Region::GreatBritain) {
        let pairs = pairs(regional, trace, region, &periods);
        if pairs.len() < PERIODS_PER_DAY {
            return Err(RegionalFitError::TooFewValues { table, region, found: pairs.len() });
        }
        samples.push((region, pairs));
    }
    let origin = FitOrigin {
        statement: "It holds fitted parameters only, no row of any table.".into(),
        source: description.source,
        rows: samples.iter().map(|(_, pairs)| pairs.len()).sum(),
        from: periods.start.max(regional.start()),
        to: periods.end.min(regional.end()) - 1,
        fitted_on: description.fitted_on,
    };
    let log_odds = samples.iter().map(|(region, _)| (*region, 0.0)).collect();
    let mut parameters = RegionalParameters { ceiling_g_per_kwh: GAS_G_PER_KWH, origin, log_odds };
    for _ in 0..MOST_ROUNDS {
        if improve(&mut parameters, &samples) < 1e-10 {
            break;
        }
    }
    Ok(model_of(parameters))
}

/// The model against published values in the periods given, region by region.
pub fn score_regional(
    model: &RegionalModel,
    regional: &RegionalCarbon,
    trace: &GridTrace,
    periods: Range<Period>,
) -> Vec<RegionalScore> {
    let score = |region| {
        let pairs = pairs(regional, trace, region, &periods);
        let mean =
            |of: &dyn Fn(f64, f64) -> f64| pairs.iter().map(|(n, r)| of(*n, *r)).sum::<f64>() / pairs.len() as f64;
        let modelled = |national| model.region_from_national(region, national);
        RegionalScore {
            region,
            periods: pairs.len(),
            published_g_per_kwh: mean(&|_, published| published),
            modelled_g_per_kwh: mean(&|national, _| modelled(national)),
            error_g_per_kwh: mean(&|national, published| (modelled(national) - published).abs()),
            national_error_g_per_kwh: mean(&|national, published| (national - published).abs()),
        }
    };
    Region::all().map(score).collect()
}

/// National and regional value wherever both are known.
fn pairs(regional: &RegionalCarbon, trace: &GridTrace, region: Region, periods: &Range<Period>) -> Vec<(f64, f64)> {
    let known = |t: usize| {
        let period = regional.period(t);
        let national = trace.get(Signal::CarbonIntensity, trace.index_of(period)?)?;
        Some((national, regional.get(region, t)?)).filter(|_| periods.contains(&period))
    };
    (0..regional.len()).filter_map(known).collect()
}

/// One round: each region's logarithm moves by what its mean is off; returns the largest move.
fn improve(parameters: &mut RegionalParameters, samples: &[(Region, Vec<(f64, f64)>)]) -> f64 {
    let model = model_of(parameters.clone());
    let ceiling = parameters.ceiling_g_per_kwh;
    let log_odds = |mean: f64| {
        let share = (mean.max(ROUNDING_G_PER_KWH) / ceiling).min(0.999);
        (share / (1.0 - share)).ln()
    };
    let mut moves = Vec::new();
    for (region, pairs) in samples {
        let mean =
            |of: &dyn Fn(f64, f64) -> f64| pairs.iter().map(|(n, r)| of(*n, *r)).sum::<f64>() / pairs.len() as f64;
        let modelled = mean(&|national, _| model.region_from_national(*region, national));
        moves.push((*region, log_odds(mean(&|_, published| published)) - log_odds(modelled)));
    }
    // What all areas want alike would only change what "common" means.
    let common: f64 = moves.iter().map(|(region, step)| region.weight() * step).sum();
    let mut largest = 0.0_f64;
    for (region, step) in moves {
        let step = 0.5 * (step - common);
        let x = parameters.log_odds.entry(region).or_insert(0.0);
        let moved = (*x + step).clamp(-20.0, 20.0);
        largest = largest.max((moved - *x).abs());
        *x = moved;
    }
    largest
}

fn model_of(parameters: RegionalParameters) -> RegionalModel {
    RegionalModel::new("fit", parameters).expect("every region has a logarithm within the limits")
}
