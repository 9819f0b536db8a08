//! `flexai data check|fit-synthetic|synthesise`; imports are in `data_import.rs`, workload traces in `workload.rs`.

use super::data_import::import;
use super::evaluate::date;
use super::output::{print_json, print_line};
use super::workload::{check_workload, fit_to};
use super::{Failure, Outcome};
use crate::cli::DataCommand;
use crate::fault::Fault;
use crate::run_dir::replace_file;
use crate::setting::EMBEDDED_GRID;
use comfy_table::{CellAlignment, Table, presets};
use flexai_env::grid::{
    Comparison, FitDescription, GridTrace, ImportOptions, MissingPeriods, Split, SyntheticParameters, TraceReport,
    compare, embedded_trace, fit, generate, read_trace, save_trace,
};
use rayon::prelude::*;
use serde_json::json;
use std::path::Path;
use std::process::ExitCode;

/// Synthetic draws that a table is compared with.
const DRAWS: u64 = 8;

pub(super) fn data(command: &DataCommand) -> Outcome {
    match command {
        DataCommand::Check { table, allow_missing, json } => check(table, *allow_missing, *json),
        DataCommand::Import(arguments) => import(arguments),
        DataCommand::FitSynthetic { table, out } => fit_synthetic(table, out),
        DataCommand::FitWorkload { folder, out } => fit_to(folder, out),
        DataCommand::CheckWorkload { folder, parameters, json } => check_workload(folder, parameters.as_deref(), *json),
        DataCommand::Synthesise { from, days, seed, parameters, out } => {
            synthesise(from, *days, *seed, parameters.as_deref(), out)
        }
    }
}

fn read(table: &Path, allow_missing: bool) -> Result<(GridTrace, TraceReport), Failure> {
    let missing_periods = if allow_missing { MissingPeriods::AsHoles } else { MissingPeriods::Refuse };
    read_trace(table, &ImportOptions { missing_periods, ..ImportOptions::default() }).map_err(Failure::input)
}

/// Holes and clock changes, then every figure beside that of the synthetic grid on the same dates.
fn check(table: &str, allow_missing: bool, json: bool) -> Outcome {
    let (trace, report) = if table == EMBEDDED_GRID {
        (embedded_trace(), None)
    } else {
        let (trace, report) = read(Path::new(table), allow_missing)?;
        (trace, Some(report))
    };
    let comparison = compare_with_draws(&trace);
    if json {
        print_json(&json!({"report": report, "comparison": comparison}))?;
    } else {
        if let Some(report) = &report {
            print_line(&report_text(report))?;
        }
        print_line(&comparison_table(&comparison))?;
        let misfits: Vec<&str> = comparison.misfits().map(|row| row.name.as_str()).collect();
        let judged = comparison.rows.iter().filter(|row| row.ok.is_some()).count();
        print_line(&format!("\n{} of {judged} figures within tolerance", judged - misfits.len()))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Every figure of a table beside its mean over several synthetic draws: one draw has a luck of its own.
fn compare_with_draws(trace: &GridTrace) -> Comparison {
    let parameters = SyntheticParameters::embedded();
    let draws: Vec<Comparison> = (0..DRAWS)
        .into_par_iter()
        .map(|seed| compare(trace, &generate(&parameters, trace.start(), trace.len(), seed)))
        .collect();
    let mut comparison = draws[0].clone();
    comparison.reference = format!("mean of {DRAWS} synthetic draws");
    for (i, row) in comparison.rows.iter_mut().enumerate() {
        let values: Option<Vec<f64>> = draws.iter().map(|draw| draw.rows[i].reference).collect();
        row.reference = values.map(|v| v.iter().sum::<f64>() / v.len() as f64);
        row.ok = row.table.zip(row.reference).and_then(|(table, reference)| row.tolerance.judge(table, reference));
    }
    comparison
}

fn report_text(report: &TraceReport) -> String {
    let mut lines = vec![format!("{} rows, {} to {}", report.rows, report.first, report.last)];
    if report.inserted_periods > 0 {
        lines.push(format!("{} missing half-hours held as holes", report.inserted_periods));
    }
    let changes: Vec<String> = report.clock_changes.iter().map(|c| format!("{} ({})", c.date, c.periods)).collect();
    lines.push(format!(
        "clock-change days (periods): {}",
        if changes.is_empty() { "none".into() } else { changes.join(", ") }
    ));
    for hole in report.holes.iter().filter(|hole| hole.count > 0) {
        let first = hole.first_run_start.map_or_else(String::new, |p| format!(", first at {p}"));
        lines.push(format!("{}: {} empty{first}, longest run {}", hole.column, hole.count, hole.longest_run));
    }
    if !report.absent_columns.is_empty() {
        lines.push(format!("absent columns: {}", report.absent_columns.join(", ")));
    }
    if !report.unknown_columns.is_empty() {
        lines.push(format!("ignored columns: {}", report.unknown_columns.join(", ")));
    }
    lines.push(String::new());
    lines.join("\n")
}

fn comparison_table(comparison: &Comparison) -> String {
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN);
    table.set_header(["figure", "table", "synthetic", "tolerance", "ok"]);
    let number = |x: Option<f64>| x.map_or_else(|| "-".into(), |v| format!("{v:.3}"));
    for row in &comparison.rows {
        let verdict = match row.ok {
            Some(true) => "yes",
            Some(false) => "NO",
            None => "",
        };
        table.add_row([
            row.name.clone(),
            number(row.table),
            number(row.reference),
            row.tolerance.to_string(),
            verdict.to_string(),
        ]);
    }
    for column in table.column_iter_mut().skip(1).take(2) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table.to_string()
}

fn fit_synthetic(table: &Path, out: &Path) -> Outcome {
    let (trace, _) = read(table, false)?;
    let train = Split::Train.indices(&trace);
    let range = if train.is_empty() { 0..trace.len() } else { train };
    let fitted_on = jiff::Timestamp::now().strftime("%Y-%m-%d").to_string();
    let description = FitDescription { source: trace.source().name.clone(), fitted_on };
    let parameters = fit(&trace, range, description).map_err(Failure::input)?;
    replace_file(out, parameters.to_toml().as_bytes())?;
    print_line(&out.display().to_string())?;
    Ok(ExitCode::SUCCESS)
}

fn synthesise(from: &str, days: usize, seed: u64, parameters: Option<&Path>, out: &Path) -> Outcome {
    if days == 0 || days > 36_525 {
        let message = format!("is {days}, expected 1 to 36525 (a century)");
        return Err(Fault::new("--days", message).hint("a year has 366 at most").into());
    }
    let parameters = match parameters {
        None => SyntheticParameters::embedded(),
        Some(path) => {
            let text = std::fs::read_to_string(path).map_err(|e| Fault::of_io(path, "read the parameters", &e))?;
            SyntheticParameters::from_toml(&path.display().to_string(), &text).map_err(Failure::input)?
        }
    };
    let trace = generate(&parameters, date("--from", from)?, days * 48, seed);
    save_trace(&trace, out).map_err(|e| Fault::of_io(out, "write the table", &e))?;
    print_line(&out.display().to_string())?;
    Ok(ExitCode::SUCCESS)
}
