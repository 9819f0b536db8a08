//! What a critic may know while training: the true coming day of the first site.
//!
//! In: the period that is decided, and the whole trace. Out: scale-free numbers, as those of the observation.
//! Always: for a critic only; no policy reads it, and no exported one asks for it.
//! Not here: the observation (`observation.rs`), who asks for this (`agents/src/ppo`).

use super::setup::SiteSetup;
use crate::grid::Signal;

const DAY: usize = 48;
/// Full price, imbalance against the paid price, carbon intensity, on-site sun: each for the coming 24 hours.
pub(super) const PRIVILEGED: usize = 4 * DAY;

const CLIP: f64 = 5.0;
/// Spread of the prices is at least this, and at least this share of their mean; as for the forecast.
const SPREAD_FLOOR_GBP: f64 = 3.0;
const SPREAD_FLOOR_SHARE: f64 = 0.05;

/// Writes what comes from period `now` on; a number that the trace does not have, or beyond its end, is 0.
///
/// Prices count from their mean in units of their spread over the 24 hours; carbon is `/ 200 - 1`, sun output / capacity.
pub(super) fn write_privileged(setup: &SiteSetup, now: usize, out: &mut [f32]) {
    let (place, trace) = (&setup.places()[0], &setup.trace);
    let coming = || (now..now + DAY).map(|t| (t < trace.len()).then_some(t));
    let full = |t: usize| Some(place.full_price(t)).filter(|x| x.is_finite());
    let known: Vec<f64> = coming().flatten().filter_map(full).collect();
    let n = known.len().max(1) as f64;
    let mean = known.iter().sum::<f64>() / n;
    let variance = known.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n;
    let spread = variance.sqrt().max(SPREAD_FLOOR_GBP).max(SPREAD_FLOOR_SHARE * mean.abs());
    let imbalance = |t: usize| trace.get(Signal::ImbalancePrice, t).map(|x| (x - place.paid_price(t)) / spread);
    let sun = |t: usize| trace.solar_capacity_factor(t).map(|x| place.site_solar(trace.period(t), x));
    let prices = coming().map(|t| t.and_then(full).map(|x| (x - mean) / spread));
    let imbalances = coming().map(|t| t.and_then(imbalance));
    let carbon = coming().map(|t| t.map(|t| place.carbon(t) / 200.0 - 1.0));
    let suns = coming().map(|t| t.and_then(sun));
    for (out, x) in out.iter_mut().zip(prices.chain(imbalances).chain(carbon).chain(suns)) {
        *out = x.filter(|x| x.is_finite()).unwrap_or(0.0).clamp(-CLIP, CLIP) as f32;
    }
}

#[cfg(test)]
mod tests {
    use super::super::env::{FlexFleet, default_scenario, embedded_setup};
    use super::*;
    use crate::core::Env;

    #[test]
    fn the_privileged_numbers_are_those_that_come_and_shift_with_every_step() {
        let mut env = FlexFleet::new(embedded_setup(default_scenario("FlexSite-v1")).expect("it ships"));
        env.reset(Some(3));
        let (now, place_price) = (env.episode().at(), |env: &FlexFleet, t| env.setup().places()[0].full_price(t));
        let mut first = vec![9.0; env.privileged_len()];
        env.privileged(&mut first);
        assert!(first.iter().all(|x| x.is_finite() && x.abs() <= 5.0));
        // Differences of the numbers are differences of the true prices in one unit.
        let unit = |k: usize| (place_price(&env, now + k) - place_price(&env, now)) / f64::from(first[k] - first[0]);
        let inner: Vec<usize> =
            (1..DAY).filter(|k| first[*k].abs() < 4.9 && (first[*k] - first[0]).abs() > 0.1).collect();
        assert!(inner.len() > 20, "{} prices differ", inner.len());
        for k in &inner {
            assert!((unit(*k) / unit(inner[0]) - 1.0).abs() < 1e-3, "price {k}");
        }
        // Carbon needs no unit of the day: after a step it has moved by one place.
        let action = vec![0.0; env.action_space().flat_len()];
        env.step(&action);
        let mut second = first.clone();
        env.privileged(&mut second);
        assert_eq!(second[2 * DAY..3 * DAY - 1], first[2 * DAY + 1..3 * DAY]);
        assert_ne!(second, first);
    }
}
