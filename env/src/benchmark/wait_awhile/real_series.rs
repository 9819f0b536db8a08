//! The benchmark on the carbon intensity it was published with.
//!
//! In: the folder named by `FLEXAI_SHARED`, else `../shared` beside the workspace.
//! Always: where it is absent the tests say so and pass; with `CI=true` absence fails.
//! Not here: the rows with forecast errors, which the integration tests play by `flexai bench wait-awhile`.

use super::{CarbonSeries, Noise, WaitAwhile};
use crate::grid::real_table::shared;

fn series() -> Option<CarbonSeries> {
    let path = shared("data/grid/lets_wait_awhile_gb_ci_2020.csv")?;
    Some(CarbonSeries::read(&path).expect("the shared series is good"))
}

#[test]
fn the_published_series_has_the_published_mean() {
    let Some(series) = series() else { return };
    assert!((series.mean() - 214.9055).abs() < 5e-5, "{}", series.mean());
    let year = &series.gco2_kwh()[..366 * 48];
    let mean = year.iter().sum::<f64>() / year.len() as f64;
    assert!((mean - 212.9415).abs() < 5e-5, "{mean}");
}

#[test]
fn every_published_cell_without_forecast_error_is_met() {
    let Some(series) = series() else { return };
    let report = WaitAwhile::new(series).run(&Noise::Own(0));
    let cells: Vec<_> = report.cells.iter().filter(|cell| cell.error_pct == 0).collect();
    let failed: Vec<_> = cells.iter().filter(|cell| !cell.ok).collect();
    assert!(failed.is_empty(), "{failed:#?}");
    assert_eq!((cells.len(), report.pool.executions), (11 * 3 + 2 * 2 + 8 * 3, 21));
    assert!(report.pool.ok, "{:?}", report.pool);
}
