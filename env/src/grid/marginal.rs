//! Marginal carbon intensity: what one more MWh emits, as a sensitivity beside the location-based average.
//!
//! In: a region and wind's share of national demand. Out: g/kWh, at most that of gas.
//! Always: a sensitivity and labelled as one; the score and the reward use the average (`regional.rs`, the national column).
//! Not here: how much wind was really turned down: no public half-hourly series of it is at hand.
//!
//! Gas is the marginal plant of Great Britain in most half-hours, so moving work between two of them saves nothing; moved
//! into an hour and a place where wind is turned down it saves all of it. What is turned down lies behind the boundary
//! between Scotland and England, when there is more Scottish wind than the lines carry.

use super::regional_model::GAS_G_PER_KWH;
use super::regions::Region;
use super::signal::Signal;
use super::trace::GridTrace;

/// The label of every figure that rests on this file.
pub const MARGINAL_LABEL: &str = "marginal (sensitivity: gas, less an assumed curtailment of Scottish wind)";

/// Wind's share of demand above which Scottish wind begins to be turned down, and from which on it always is.
///
/// An assumption, not a measurement. About half of the metered wind stands in Scotland, whose demand is a tenth of the
/// nation's; the boundary carries about 6 GW at its best and less during works (general knowledge of 2023). So at 25
/// GW of demand it fills at a wind share near 0.35 with works and is surely full at 0.60.
pub const CURTAILMENT_BEGINS: f64 = 0.35;
/// See [`CURTAILMENT_BEGINS`].
pub const CURTAILMENT_CERTAIN: f64 = 0.60;

/// Transmission-metered wind over national demand (or its proxy) at `t`; `None` where either is a hole.
pub fn wind_share(trace: &GridTrace, t: usize) -> Option<f64> {
    let wind = trace.get(Signal::Wind, t)?;
    let demand = trace.demand_or_proxy().get(t).copied().filter(|demand| *demand > 0.0)?;
    Some((wind / demand).max(0.0))
}

/// Share of a marginal MWh in a region that comes from wind otherwise turned down, `0..=1`; NaN for NaN.
///
/// Linear between the two thresholds in Scotland, 0 elsewhere.
pub fn curtailment_share(region: Region, wind_share: f64) -> f64 {
    let behind = matches!(region, Region::NorthScotland | Region::SouthScotland | Region::Scotland);
    let ramp = (wind_share - CURTAILMENT_BEGINS) / (CURTAILMENT_CERTAIN - CURTAILMENT_BEGINS);
    f64::from(u8::from(behind)) * ramp.clamp(0.0, 1.0)
}

/// Carbon of one more MWh in a region, g/kWh: gas, less the share served by wind otherwise turned down; NaN for NaN.
pub fn marginal_intensity(region: Region, wind_share: f64) -> f64 {
    GAS_G_PER_KWH * (1.0 - curtailment_share(region, wind_share))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marginal_carbon_is_gas_in_the_south_and_falls_with_the_wind_in_scotland() {
        for wind in [0.0, 0.3, 0.9] {
            assert_eq!(marginal_intensity(Region::London, wind), 394.0);
        }
        assert_eq!(marginal_intensity(Region::NorthScotland, 0.35), 394.0);
        assert!((marginal_intensity(Region::SouthScotland, 0.475) - 197.0).abs() < 1e-9);
        assert_eq!(marginal_intensity(Region::Scotland, 0.7), 0.0);
        assert!(marginal_intensity(Region::Scotland, f64::NAN).is_nan());
        assert!(marginal_intensity(Region::London, f64::NAN).is_nan());
    }
}
