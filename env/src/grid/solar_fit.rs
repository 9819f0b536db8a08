//! Fit of the two numbers that lead from national solar output to a site's.
//!
//! In: a trace and the periods that may be seen. Out: [`SolarFit`].
//! Always: half-hours without a national value are left out.
//! Not here: the model (`solar_site.rs`), which carries the result as constants.

use super::calendar::PERIODS_PER_DAY;
use super::solar_site::{SolarPlace, blend, clear_sky_kw_per_m2};
use super::statistics::{quantile_of_sorted, sorted};
use super::trace::GridTrace;
use serde::Serialize;
use std::ops::Range;

/// Share of bright half-hours in which the nation is not wholly clear: the rest counts as clear.
const CLEAR_QUANTILE: f64 = 0.90;
/// Clear-sky irradiance from which a half-hour counts as bright, kW/m2.
const BRIGHT_KW_PER_M2: f64 = 0.3;
const LARGEST_CONTRAST: f64 = 4.0;
const SHORTEST: usize = 365 * PERIODS_PER_DAY;

/// What a table says about national and site output.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct SolarFit {
    /// See [`NATIONAL_CLEAR_SCALE`](super::solar_site::NATIONAL_CLEAR_SCALE).
    pub clear_scale: f64,
    /// See [`CLEARNESS_CONTRAST`](super::solar_site::CLEARNESS_CONTRAST).
    pub contrast: f64,
    /// National yield in kWh per kWp and year, over the half-hours known.
    pub national_kwh_per_kwp: f64,
    /// Half-hours used.
    pub periods: usize,
}

/// A table that cannot be fitted to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{table}: national solar output is known in {found} half-hours of the part to fit, expected at least {SHORTEST} (a \
     year)\n\nhint: fit to a longer table"
)]
pub struct SolarFitError {
    /// Name of the table.
    pub table: String,
    /// Half-hours found.
    pub found: usize,
}

/// Fits the clear-sky scale to the bright half-hours, then the contrast to the yield.
///
/// # Errors
/// [`SolarFitError`] if less than a year of national output is known.
pub fn fit_solar(trace: &GridTrace, range: Range<usize>) -> Result<SolarFit, SolarFitError> {
    let place = SolarPlace::default();
    let factor = trace.solar_factor();
    let known = range.filter(|t| !factor[*t].is_nan());
    let pairs: Vec<(f64, f64)> = known.map(|t| (clear_sky_kw_per_m2(&place, trace.period(t)), factor[t])).collect();
    if pairs.len() < SHORTEST {
        return Err(SolarFitError { table: trace.source().name.clone(), found: pairs.len() });
    }
    let bright = pairs.iter().filter(|(clear, _)| *clear >= BRIGHT_KW_PER_M2).map(|(clear, factor)| factor / clear);
    let clear_scale = quantile_of_sorted(&sorted(&bright.collect::<Vec<_>>()), CLEAR_QUANTILE);
    let national: f64 = pairs.iter().map(|(_, factor)| factor).sum();
    let site = |contrast: f64| -> f64 {
        pairs.iter().map(|(clear, factor)| blend(*clear, *clear, *factor, clear_scale, contrast)).sum()
    };
    // The site's yield falls as contrast grows, because clearness is at most 1.
    let (mut low, mut high) = (0.0, LARGEST_CONTRAST);
    for _ in 0..50 {
        let middle = (low + high) / 2.0;
        if site(middle) > national { low = middle } else { high = middle }
    }
    Ok(SolarFit {
        clear_scale,
        contrast: (low + high) / 2.0,
        national_kwh_per_kwp: 8766.0 * national / pairs.len() as f64,
        periods: pairs.len(),
    })
}
