//! `flexai forecast bench`: how long a full set of forecasts takes, with the machine it was measured on.
//!
//! Always: one thread, CPU time; what a day begins with is held, as callers should hold it, and measured apart.
//! Not here: how good forecasts are (`forecast.rs`).

use super::forecast::grid_name;
use super::output::{print_json, print_line};
use super::{Failure, Outcome};
use crate::cli::BenchForecastArgs;
use crate::clock::{machine, process_cpu_seconds, thread_cpu};
use crate::fault::Fault;
use crate::setting::load_grid;
use flexai_agents::forecast::{Distribution, Ensemble, FittedForecasts, Standing, Target};
use flexai_env::grid::{ForecastGap, InformationSet, Knowledge};
use serde_json::json;
use std::process::ExitCode;

/// Half-hours of a set: the coming day.
const PERIODS: usize = 48;

pub(super) fn bench_forecast(args: &BenchForecastArgs) -> Outcome {
    let grid = load_grid(&grid_name(args.grid.as_deref()))?;
    let fitted = FittedForecasts::load(&args.forecasts).map_err(Failure::input)?;
    let ensemble = fitted.ensemble();
    // The last whole UTC day of the table.
    let end = grid.len() - usize::from(grid.end().utc_half_hour()).min(grid.len());
    let moments = end.saturating_sub(PERIODS)..end;
    let short = || Fault::new(grid.source().name.clone(), "holds no day to forecast, expected a year or more");
    let first = moments.clone().next().ok_or_else(|| short().hint("name a longer table with --grid"))?;
    let before = process_cpu_seconds();
    let standing = ensemble.standing(&Knowledge::at(&grid, first, InformationSet::Trader), &Target::ALL);
    let standing_s = process_cpu_seconds() - before;
    let mut ms = Vec::new();
    for now in moments.cycle().take(args.sets) {
        let known = Knowledge::at(&grid, now, InformationSet::Trader);
        let before = thread_cpu();
        full_set(&ensemble, &standing, &known).map_err(Failure::input)?;
        ms.push(thread_cpu().saturating_sub(before).as_secs_f64() * 1e3);
    }
    ms.sort_by(f64::total_cmp);
    let at = |share: f64| ms.get((share * ms.len().saturating_sub(1) as f64) as usize).copied().unwrap_or(f64::NAN);
    let day = grid.period(first);
    if args.json {
        print_json(
            &json!({"forecasts": fitted.hash(), "grid": grid.source().name, "day": day, "targets": Target::ALL.len(),
                           "periods": PERIODS, "sets": ms.len(), "cpu_ms_p50": at(0.5), "cpu_ms_p99": at(0.99),
                           "standing_cpu_seconds": standing_s, "machine": machine()}),
        )?;
    } else {
        let what = format!("{} targets, {PERIODS} half-hours each, {} times over {day}", Target::ALL.len(), ms.len());
        print_line(&format!("one set      {:.2} ms of CPU, p99 {:.2} ms ({what})", at(0.5), at(0.99)))?;
        print_line(&format!("its standing {standing_s:.1} s of CPU, once a day"))?;
        print_line(&format!("machine      {}", machine()))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Forecasts of the coming day, of every target.
fn full_set(ensemble: &Ensemble, standing: &Standing, known: &Knowledge<'_>) -> Result<(), ForecastGap> {
    for target in Target::ALL {
        let mut out = [Distribution::certain(0.0); PERIODS];
        ensemble.predict_with(standing, known, target, known.now() + 1, &mut out)?;
        std::hint::black_box(&out);
    }
    Ok(())
}
