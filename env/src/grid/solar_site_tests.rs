//! Where the sun stands, and what a panel makes of it, against hand-computed figures.

use super::*;

fn period(text: &str) -> Period {
    text.parse().expect("a period")
}

fn greenwich() -> SolarPlace {
    SolarPlace { latitude_deg: 51.5, longitude_deg: 0.0, ..SolarPlace::default() }
}

fn elevation_deg(place: &SolarPlace, at: &str) -> f64 {
    sun_at(place, period(at)).up.asin().to_degrees()
}

#[test]
fn the_noon_sun_stands_as_high_as_latitude_and_date_say() {
    // Noon is 11:45 or 12:15 here, 4 degrees of hour angle from the south: 0.1 degrees lower at most.
    let near = |found: f64, expected: f64| assert!((found - expected).abs() < 0.2, "{found} {expected}");
    near(elevation_deg(&greenwich(), "2023-06-21T12:00:00Z"), 90.0 - 51.5 + 23.44);
    near(elevation_deg(&greenwich(), "2023-12-22T11:30:00Z"), 90.0 - 51.5 - 23.44);
    near(elevation_deg(&greenwich(), "2023-03-20T12:00:00Z"), 90.0 - 51.5);
}

#[test]
fn the_true_sun_is_ahead_of_the_clock_in_november_and_behind_in_february() {
    // Equation of time: +16.4 minutes on 3 November, -14.2 minutes on 11 February (any almanac).
    let south = |at: &str| {
        let sun = sun_at(&greenwich(), period(at));
        sun.east.atan2(-sun.north).to_degrees()
    };
    let near = |found: f64, expected: f64| assert!((found - expected).abs() < 0.4, "{found} {expected}");
    // Azimuth turns by cos(declination) / sin(zenith) per degree of hour angle; 11:45 is 1.4 minutes past true noon.
    near(south("2023-11-03T11:30:00Z"), -1.4 / 4.0 * 15.0_f64.to_radians().cos() / 66.5_f64.to_radians().sin());
    near(south("2023-02-11T12:00:00Z"), -0.8 / 4.0 * 14.0_f64.to_radians().cos() / 65.5_f64.to_radians().sin());
}

#[test]
fn the_sun_rises_in_the_east_and_a_degree_of_longitude_is_four_minutes() {
    let morning = sun_at(&greenwich(), period("2023-06-21T06:00:00Z"));
    assert!(morning.east > 0.8 && morning.up > 0.0);
    let west = SolarPlace { longitude_deg: -7.5, ..greenwich() };
    let (there, here) =
        (elevation_deg(&west, "2023-06-21T08:30:00Z"), elevation_deg(&greenwich(), "2023-06-21T08:00:00Z"));
    assert!((there - here).abs() < 0.02, "{there} {here}");
}

#[test]
fn a_clear_summer_noon_gives_as_much_as_computed_by_hand() {
    // 2023-06-21 12:15Z at 51.5 N: elevation 61.9, air mass 1.133, beam 1.353 x 0.7^1.0884 = 0.918 kW/m2; on a panel at 35
    // degrees the beam falls in at 6.9 degrees: 0.911 + sky 0.0835 + ground 0.0163.
    let clear = clear_sky_kw_per_m2(&greenwich(), period("2023-06-21T12:00:00Z"));
    assert!((clear - 1.011).abs() < 0.003, "{clear}");
    let factor = site_solar_factor(&greenwich(), period("2023-06-21T12:00:00Z"), 0.9);
    assert!((factor - 0.9 * clear).abs() < 1e-12, "{factor}");
}

#[test]
fn panels_facing_east_and_west_share_the_day() {
    let facing = |azimuth_deg: f64| SolarPlace { azimuth_deg, ..greenwich() };
    let at = |azimuth: f64, time: &str| clear_sky_kw_per_m2(&facing(azimuth), period(time));
    assert!(at(90.0, "2023-06-21T07:00:00Z") > 3.0 * at(270.0, "2023-06-21T07:00:00Z"));
    assert!(at(270.0, "2023-06-21T17:00:00Z") > 3.0 * at(90.0, "2023-06-21T17:00:00Z"));
}

#[test]
fn a_hole_stays_a_hole_and_night_is_dark_whatever_the_nation_says() {
    let (noon, night) = (period("2023-06-21T12:00:00Z"), period("2023-06-21T23:30:00Z"));
    let place = SolarPlace::default();
    assert!(site_solar_factor(&place, noon, f64::NAN).is_nan());
    assert!(site_solar_factor(&place, night, f64::NAN).is_nan());
    assert_eq!((site_solar_factor(&place, night, 0.5), site_solar_factor(&place, noon, 0.0)), (0.0, 0.0));
}

#[test]
fn a_place_out_of_range_is_named_with_all_its_faults() {
    let place = SolarPlace { latitude_deg: 520.0, tilt_deg: f64::NAN, ..SolarPlace::default() };
    assert_eq!(
        place.validate(),
        [
            ("latitude_deg".to_string(), "is 520, expected -90 to 90".to_string()),
            ("tilt_deg".to_string(), "is NaN, expected 0 to 90".to_string()),
        ]
    );
    assert!(Region::all().all(|region| SolarPlace::of_region(region).validate().is_empty()));
}

proptest::proptest! {
    #[test]
    fn a_sites_output_is_bounded_and_rises_with_the_nations(
        latitude_deg in -90.0..=90.0_f64,
        longitude_deg in -180.0..=180.0_f64,
        tilt_deg in 0.0..=90.0_f64,
        azimuth_deg in 0.0..=360.0_f64,
        t in -400_000_i64..2_000_000,
        national in 0.0..=1.0_f64,
        more in 0.0..=0.5_f64,
    ) {
        let place = SolarPlace { latitude_deg, longitude_deg, tilt_deg, azimuth_deg };
        let factor = site_solar_factor(&place, Period(t), national);
        proptest::prop_assert!((0.0..=1.0).contains(&factor), "{factor}");
        proptest::prop_assert!(site_solar_factor(&place, Period(t), national + more) >= factor);
        if sun_at(&place, Period(t)).up <= 0.0 {
            proptest::prop_assert_eq!(factor, 0.0);
        }
    }
}
