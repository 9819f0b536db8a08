//! The embedded synthetic parameters against the real train split they were fitted to.
//!
//! Always: the embedded file is what the fit gives today; `UPDATE_GOLDEN=1` writes it anew.

use super::real_table::joined;
use super::{Comparison, FitDescription, GridTrace, Split, SyntheticParameters, compare, fit, generate};

fn train() -> Option<GridTrace> {
    let (trace, _) = joined()?;
    Some(trace.slice(Split::Train.indices(trace)))
}

fn synthetic(train: &GridTrace, seed: u64) -> GridTrace {
    generate(&SyntheticParameters::embedded(), train.start(), train.len(), seed)
}

fn listing(comparison: &Comparison) -> String {
    let figure = |x: Option<f64>| x.map_or("-".to_string(), |x| format!("{x:.3}"));
    let row = |r: &super::ComparisonRow| {
        let verdict = r.ok.map_or("", |ok| if ok { "ok" } else { "MISFIT" });
        format!(
            "{:<85} {:>10} {:>10}  {:<18} {verdict}\n",
            r.name,
            figure(r.table),
            figure(r.reference),
            r.tolerance.to_string()
        )
    };
    comparison.rows.iter().map(row).collect()
}

#[test]
fn the_embedded_parameters_are_those_fitted_to_the_train_split() {
    let Some((trace, _)) = joined() else { return };
    let update = std::env::var("UPDATE_GOLDEN").as_deref() == Ok("1");
    let fitted_on = std::env::var("FITTED_ON").unwrap_or_else(|_| SyntheticParameters::embedded().origin.fitted_on);
    let description = FitDescription {
        source: "shared joined half-hourly GB table 2020 to 2024-06 (Elexon, NESO, Sheffield Solar PV_Live)".into(),
        fitted_on,
    };
    let fitted = fit(trace, Split::Train.indices(trace), description).expect("the train split is whole");
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/grid/synthetic/gb_parameters.toml");
    if update {
        std::fs::write(path, fitted.to_toml()).expect("the parameter file is writable");
        return;
    }
    let rounded = SyntheticParameters::from_toml("fitted", &fitted.to_toml()).expect("a fit is sound");
    assert_eq!(rounded, SyntheticParameters::embedded());
}

#[test]
fn show() {
    let Some(train) = train() else { return };
    for seed in [1] {
        eprintln!("{}", listing(&compare(&synthetic(&train, seed), &train)));
    }
    for seed in [2, 3] {
        for r in compare(&synthetic(&train, seed), &train).misfits() {
            eprintln!("{seed} {} {:?} {:?}", r.name, r.table, r.reference);
        }
    }
}
