//! `flexai bench wait-awhile`: the public benchmark Let's Wait Awhile, Great Britain, cell by cell.
//!
//! In: the carbon series the paper was published with, and where forecast errors come from. Out: ours beside the
//! published numbers. Always: exit code 0 only if every cell passes and the job pool kept to every plan.
//! Not here: the benchmark itself (`flexai_env::benchmark::wait_awhile`).

use super::output::{print_json, print_line};
use super::{Failure, Outcome};
use crate::cli::WaitAwhileArgs;
use crate::clock::machine;
use crate::fault::Fault;
use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use flexai_env::benchmark::wait_awhile::{CarbonSeries, Cell, Noise, Report, WaitAwhile};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

/// The series inside the shared test material.
const SHARED_FILE: &str = "data/grid/lets_wait_awhile_gb_ci_2020.csv";
/// Fewer seeds say nothing of their own spread.
const FEWEST_SEEDS: usize = 10;

pub(super) fn bench_wait_awhile(args: &WaitAwhileArgs) -> Outcome {
    let noise = match &args.noise {
        Some(folder) => Noise::read_numpy(folder).map_err(Failure::input)?,
        None if args.seeds < FEWEST_SEEDS => {
            let message = format!("is {}, expected {FEWEST_SEEDS} or more", args.seeds);
            return Err(Fault::new("--seeds", message).hint("leave it out for 200").into());
        }
        None => Noise::Own(args.seeds),
    };
    let data = args.data.clone().unwrap_or_else(shared_series);
    let series = CarbonSeries::read(&data).map_err(Failure::input)?;
    let begin = Instant::now();
    let report = WaitAwhile::new(series).run(&noise);
    let seconds = begin.elapsed().as_secs_f64();
    if args.json {
        print_json(&document(&report, &data, seconds))?;
    } else {
        print_line(&table(&report.cells).to_string())?;
        print_line(&format!("\n{}", summary(&report, seconds)))?;
    }
    Ok(if report.ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn shared_series() -> PathBuf {
    let root = std::env::var_os("FLEXAI_SHARED").map_or_else(|| PathBuf::from("../shared"), PathBuf::from);
    root.join(SHARED_FILE)
}

fn document(report: &Report, data: &Path, seconds: f64) -> Value {
    json!({
        "benchmark": "lets-wait-awhile", "region": "GB", "data": data.display().to_string(), "noise": report.noise,
        "seeds": report.seeds, "mean_gco2_kwh": report.mean_gco2_kwh, "cells": report.cells,
        "cells_ok": report.cells.len() - report.failed, "cells_failed": report.failed, "pool": report.pool,
        "ok": report.ok(), "threads": rayon::current_num_threads(), "seconds": seconds, "machine": machine(),
    })
}

fn table(cells: &[Cell]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header([
        "scenario",
        "variant",
        "jobs",
        "error %",
        "quantity",
        "ours",
        "published",
        "difference",
        "allowed",
        "ok",
    ]);
    for cell in cells {
        table.add_row([
            cell.scenario.to_owned(),
            if cell.source == "notebook" { format!("{}, notebook", cell.variant) } else { cell.variant.to_owned() },
            jobs(cell),
            cell.error_pct.to_string(),
            cell.quantity.to_owned(),
            number(cell, cell.ours),
            number(cell, cell.reference),
            format!("{:+.4}", cell.difference),
            format!("{:.4}", cell.allowed),
            if cell.ok { "yes" } else { "NO" }.to_owned(),
        ]);
    }
    for column in [3, 5, 6, 7, 8] {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

fn jobs(cell: &Cell) -> String {
    match (cell.window_hours, cell.interruptible) {
        (Some(hours), _) => format!("+-{hours} h"),
        (None, Some(true)) => "interruptible".to_owned(),
        (None, _) => "non-interruptible".to_owned(),
    }
}

/// As many digits as are published, and one more.
fn number(cell: &Cell, value: f64) -> String {
    match cell.quantity {
        "peak_jobs" => format!("{value:.0}"),
        "emissions_gco2_half_hours_per_kwh" => format!("{value:.3}"),
        _ => format!("{value:.4}"),
    }
}

fn summary(report: &Report, seconds: f64) -> String {
    let (noise, pool) = (if report.noise == "own" { "of our own" } else { "of NumPy" }, &report.pool);
    format!(
        "{} of {} cells pass; forecast errors from {} seeds {noise}\n\
         job pool: {} jobs in {} executions finished in time, {} late or unfinished; largest deviation from a plan \
         {:.1e} job half-hours\n{seconds:.1} s on {} threads, {}",
        report.cells.len() - report.failed,
        report.cells.len(),
        report.seeds,
        pool.finished_in_time,
        pool.executions,
        pool.late_or_unfinished,
        pool.largest_deviation,
        rayon::current_num_threads(),
        machine()
    )
}
