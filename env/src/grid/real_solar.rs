//! Facts about on-site solar on the shared real table: yield, bright noons, nights.
//!
//! In: the shared table (`real_table.rs` says where from).
//! Always: the constants of the model are what the fit gives today.

use super::real_table::joined;
use super::solar_site::{CLEARNESS_CONTRAST, NATIONAL_CLEAR_SCALE};
use super::{Date, GridTrace, Region, SolarPlace, SolarTable, Split, fit_solar};

fn year(trace: &GridTrace, year: i32) -> std::ops::Range<usize> {
    let start = |year| Date { year, month: 1, day: 1 }.utc_midnight();
    trace.indices(start(year), start(year + 1))
}

/// Mean of the known values times the hours of a year, kWh per kWp.
fn yearly_yield(factors: &[f64]) -> f64 {
    let known: Vec<f64> = factors.iter().copied().filter(|x| !x.is_nan()).collect();
    8766.0 * known.iter().sum::<f64>() / known.len() as f64
}

#[test]
fn the_constants_of_the_solar_model_are_those_fitted_to_the_train_split() {
    let Some((trace, _)) = joined() else { return };
    let fit = fit_solar(trace, Split::Train.indices(trace)).expect("four years");
    eprintln!("{fit:?}");
    assert!((fit.clear_scale - NATIONAL_CLEAR_SCALE).abs() < 5e-4, "{fit:?}");
    assert!((fit.contrast - CLEARNESS_CONTRAST).abs() < 5e-3, "{fit:?}");
    let error = fit_solar(trace, 0..100).expect_err("two days").to_string();
    assert_eq!(
        error,
        "gb_joined_halfhourly_2020_2024H1.csv.gz: national solar output is known in 100 half-hours of the part to \
         fit, expected at least 17520 (a year)\n\nhint: fit to a longer table"
    );
}

#[test]
fn panels_at_the_middle_of_the_nation_yield_over_the_train_split_what_the_nation_does() {
    let Some((trace, _)) = joined() else { return };
    let table = SolarTable::for_trace(trace, SolarPlace::default());
    let train = Split::Train.indices(trace);
    let (site, national) = (yearly_yield(&table.factors()[train.clone()]), yearly_yield(&trace.solar_factor()[train]));
    eprintln!("site {site:.1}, national {national:.1} kWh/kWp a year");
    assert!((site - national).abs() < 2.0 && (900.0..1000.0).contains(&site), "{site} {national}");
    for region in Region::areas() {
        let table = SolarTable::for_trace(trace, SolarPlace::of_region(region));
        eprintln!("{:<28} {:>6.0}", region.key(), yearly_yield(&table.factors()[Split::Train.indices(trace)]));
    }
    let of = |region| {
        yearly_yield(
            &SolarTable::for_trace(trace, SolarPlace::of_region(region)).factors()[Split::Train.indices(trace)],
        )
    };
    assert!(of(Region::SouthEngland) > of(Region::Yorkshire) && of(Region::Yorkshire) > of(Region::NorthScotland));
}

#[test]
fn the_green_only_window_opens_in_every_year_and_not_often() {
    let Some((trace, _)) = joined() else { return };
    let table = SolarTable::for_trace(trace, SolarPlace::default());
    for y in 2020..=2024 {
        let factors = &table.factors()[year(trace, y)];
        let open = factors.iter().filter(|x| **x > 0.8).count();
        let highest = factors.iter().copied().fold(0.0, f64::max);
        eprintln!(
            "{y}: {open} half-hours above 80 % ({:.2} %), highest {highest:.3}, {:.0} kWh/kWp",
            100.0 * open as f64 / factors.len() as f64,
            yearly_yield(factors)
        );
        assert!((1..factors.len() / 50).contains(&open) && highest < 0.95, "{y}: {open}, {highest}");
    }
}

#[test]
fn a_site_is_dark_by_night_and_a_hole_only_where_the_nation_is_one() {
    let Some((trace, _)) = joined() else { return };
    for region in [Region::NorthScotland, Region::SouthWestEngland] {
        let table = SolarTable::for_trace(trace, SolarPlace::of_region(region));
        for t in 0..trace.len() {
            let (site, national) = (table.factors()[t], trace.solar_factor()[t]);
            assert!(site.is_nan() == national.is_nan(), "{}", trace.period(t));
            let night = trace.period(t).utc_half_hour() < 5;
            assert!(
                site.is_nan() || (0.0..0.95).contains(&site) && (!night || site == 0.0),
                "{} {site}",
                trace.period(t)
            );
        }
    }
}
