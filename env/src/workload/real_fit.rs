//! The embedded parameters against the traces they were fitted to.
//!
//! Always: the embedded file is what the fit gives today; `UPDATE_GOLDEN=1` writes it anew.

use super::*;
use crate::grid::real_table::shared;
use std::sync::LazyLock;

static TABLES: LazyLock<Option<WorkloadTables>> = LazyLock::new(|| {
    let folder = shared("data/workload")?;
    Some(WorkloadTables::read(&folder).expect("the shared traces are good"))
});

fn tables() -> Option<&'static WorkloadTables> {
    TABLES.as_ref()
}

#[test]
fn the_embedded_parameters_are_those_fitted_to_the_first_part_of_the_traces() {
    let Some(tables) = tables() else { return };
    let update = std::env::var("UPDATE_GOLDEN").as_deref() == Ok("1");
    let embedded = || WorkloadParameters::embedded().origin.fitted_on.clone();
    let fitted_on = std::env::var("FITTED_ON").unwrap_or_else(|_| embedded());
    let fitted = fit_workload(tables, &fitted_on).expect("the traces can be fitted to");
    if update {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/workload/workload_parameters.toml");
        std::fs::write(path, fitted.to_toml()).expect("the parameter file is writable");
        return;
    }
    let rounded = WorkloadParameters::from_toml("fitted", &fitted.to_toml()).expect("a fit is sound");
    assert_eq!(rounded, *WorkloadParameters::embedded());
}

#[test]
fn the_generator_is_like_the_fitted_part_of_the_traces_in_every_figure() {
    let Some(tables) = tables() else { return };
    let comparison = compare_workload(tables, WorkloadParameters::embedded());
    for f in &comparison.figures {
        let marks = [f.ok, f.held_out_ok].map(|ok| if ok { ' ' } else { '!' });
        let [fitted, held_out] = marks;
        eprintln!(
            "{:<58} {:>8.3}{fitted} {:>8.3}{held_out} {:>8.3} +-{:.3}",
            f.name, f.trace, f.held_out, f.generated, f.tolerance
        );
    }
    let misfits: Vec<&str> = comparison.misfits().map(|figure| figure.name.as_str()).collect();
    assert!(misfits.is_empty(), "{misfits:#?}");
}

/// PAI jobs are spread over a year, and on weekdays people submit to Helios by habit: neither drifts. Weekends do (fewer
/// submissions in July 2020), and Philly's last three days have jobs half as long.
#[test]
fn held_out_jobs_of_pai_and_held_out_weekdays_of_helios_are_like_the_generator() {
    let Some(tables) = tables() else { return };
    let comparison = compare_workload(tables, WorkloadParameters::embedded());
    let steady = ["MlJobs", "PreTraining", "training: relative arrival rate, weekday"];
    let judged = comparison.figures.iter().filter(|f| steady.iter().any(|name| f.name.starts_with(name)));
    let misfits: Vec<&str> = judged.clone().filter(|f| !f.held_out_ok).map(|f| f.name.as_str()).collect();
    assert!(judged.count() >= 17 && misfits.is_empty(), "{misfits:#?}");
    let soft = comparison.figures.iter().find(|f| f.name == "SoftTraining: duration P50 (h)").expect("it is compared");
    assert!(soft.held_out < 0.5 * soft.trace, "Philly's last days have short jobs: {soft:?}");
}
