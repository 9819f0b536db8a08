//! The embedded synthetic parameters against the real train split they were fitted to.
//!
//! Always: the embedded file is what the fit gives today; `UPDATE_GOLDEN=1` writes it anew.

use super::real_table::joined;
use super::{Comparison, FitDescription, Signal, Split, SyntheticParameters, compare, fit, generate};

fn description(fitted_on: String) -> FitDescription {
    let source = "shared joined half-hourly GB table 2020 to 2024-06 (Elexon, NESO, Sheffield Solar PV_Live)".into();
    FitDescription { source, fitted_on }
}

#[test]
fn the_embedded_parameters_are_those_fitted_to_the_train_split() {
    let Some((trace, _)) = joined() else { return };
    let update = std::env::var("UPDATE_GOLDEN").as_deref() == Ok("1");
    let fitted_on = std::env::var("FITTED_ON").unwrap_or_else(|_| SyntheticParameters::embedded().origin.fitted_on);
    let fitted = fit(trace, Split::Train.indices(trace), description(fitted_on)).expect("the train split is whole");
    if update {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/grid/synthetic/gb_parameters.toml");
        std::fs::write(path, fitted.to_toml()).expect("the parameter file is writable");
        return;
    }
    let rounded = SyntheticParameters::from_toml("fitted", &fitted.to_toml()).expect("a fit is sound");
    assert_eq!(rounded, SyntheticParameters::embedded());
}

/// One trace scatters around what the parameters mean, above all in its price level; eight of them show the mean.
#[test]
fn eight_synthetic_train_periods_are_like_the_real_one_in_every_judged_figure() {
    let Some((trace, _)) = joined() else { return };
    let train = trace.slice(Split::Train.indices(trace));
    let parameters = SyntheticParameters::embedded();
    let compared = |seed| compare(&generate(&parameters, train.start(), train.len(), seed), &train);
    let all: Vec<Comparison> = (1..=8).map(compared).collect();
    let mut misfits = Vec::new();
    for (i, row) in all[0].rows.iter().enumerate() {
        let figures = all.iter().filter_map(|comparison| comparison.rows[i].table);
        let mean = figures.sum::<f64>() / all.len() as f64;
        let reference = row.reference.unwrap_or(f64::NAN);
        let verdict = row.tolerance.judge(mean, reference);
        eprintln!("{:<85} {mean:>10.3} {reference:>10.3}  {} {verdict:?}", row.name, row.tolerance);
        if verdict == Some(false) {
            misfits.push(format!("{}: {mean:.3} against {reference:.3}, {}", row.name, row.tolerance));
        }
    }
    assert!(misfits.is_empty(), "{misfits:#?}");
    for comparison in &all {
        let missed: Vec<&str> = comparison.misfits().map(|row| row.name.as_str()).collect();
        assert!(missed.len() <= 3, "{}: {missed:?}", comparison.table);
    }
}

#[test]
fn a_table_too_short_or_without_a_needed_signal_cannot_be_fitted_to() {
    let Some((trace, _)) = joined() else { return };
    let error = fit(trace, 0..1000, description("2026-11-22".into())).expect_err("three weeks").to_string();
    assert_eq!(
        error,
        "gb_joined_halfhourly_2020_2024H1.csv.gz: the part to fit has 1000 half-hours, expected at least 17520 (a \
         year)\n\nhint: fit to a longer table"
    );
    let holes = vec![f64::NAN; trace.len()];
    let poor = trace.clone().with_columns([(Signal::DayAheadForecastWind, holes)]);
    let error = fit(&poor, Split::Train.indices(trace), description("2026-11-22".into())).expect_err("no forecast");
    assert_eq!(
        error.to_string(),
        "gb_joined_halfhourly_2020_2024H1.csv.gz: `da_fc_wind_mw` has 0 values in the part to fit, expected at least \
         8760 together with the other columns\n\nhint: fit to a table that publishes it"
    );
}
