//! `flexai forecast workload`: fits the LSTM of workload demand, and says how good it is.

use super::output::{print_json, print_line};
use super::{Failure, Outcome};
use crate::cli::WorkloadForecastArgs;
use crate::fault::Fault;
use comfy_table::{Cell, CellAlignment, Table, presets};
use flexai_agents::forecast::lstm::{
    Choice, LstmOptions, SeriesEntry, WorkloadForecasts, fit_all, generated_workload, read_workload,
};
use serde_json::json;
use std::process::ExitCode;
use std::time::Instant;

/// Days drawn from the workload generator.
const GENERATED_DAYS: usize = 120;

pub(super) fn forecast_workload(args: &WorkloadForecastArgs) -> Outcome {
    let mut series = generated_workload(args.seed, GENERATED_DAYS).map_err(Failure::input)?;
    if let Some(folder) = &args.workload {
        let traces = read_workload(folder).map_err(Failure::input)?;
        if traces.is_empty() {
            let message = "holds none of the workload traces that are long enough to fit on";
            let hint = "name the folder with the published traces; `flexai workload --help` names them";
            return Err(Fault::new(folder.display().to_string(), message).hint(hint).into());
        }
        series.splice(0..0, traces);
    }
    let began = Instant::now();
    eprintln!("fitting on {} series ..", series.len());
    let options = LstmOptions { seed: args.seed, ..LstmOptions::default() };
    let fitted = fit_all(&series, &options).map_err(Failure::input)?;
    if let Some(folder) = args.out.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder).map_err(|error| {
            let fault =
                Fault::new(folder.display().to_string(), format!("{error}, expected a folder that can be made"));
            Failure::world(fault)
        })?;
    }
    fitted.save(&args.out).map_err(Failure::world)?;
    let seconds = began.elapsed().as_secs_f64();
    if args.json {
        print_json(&json!({"file": args.out, "fit_seconds": seconds, "series": fitted.entries()}))?;
    } else {
        print_line(
            "median of the next 24 hours, forecast every half-hour; errors against the floor that was best on validation\n",
        )?;
        print_line(&table(&fitted))?;
        print_line(&format!("\nfile {}, in {seconds:.0} s", args.out.display()))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn table(fitted: &WorkloadForecasts) -> String {
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN);
    table.set_header([
        "series",
        "unit",
        "speaks",
        "floor",
        "validation %",
        "test MAE",
        "test %",
        "DM",
        "in 80 % on test",
    ]);
    for entry in fitted.entries() {
        table.add_row(row(entry));
    }
    table.to_string()
}

fn row(entry: &SeriesEntry) -> Vec<Cell> {
    let floor = entry.validation.best_floor();
    let at = flexai_agents::forecast::lstm::Floor::ALL.iter().position(|f| *f == floor).unwrap_or(0);
    let speaks = match entry.choice {
        Choice::Lstm => "lstm",
        Choice::Floor(floor) => floor.name(),
    };
    let mut cells: Vec<Cell> =
        [entry.name.as_str(), entry.unit.as_str(), speaks, floor.name()].into_iter().map(Cell::new).collect();
    let statistic = entry.test.diebold_mariano[at].map_or_else(|| "-".to_string(), |dm| format!("{dm:.1}"));
    let numbers = [
        format!("{:+.0}", 100.0 * entry.validation.against(floor)),
        format!("{:.3}", entry.test.mae),
        format!("{:+.0}", 100.0 * entry.test.against(floor)),
        statistic,
        format!("{:.0}", 100.0 * entry.test.coverage),
    ];
    cells.extend(numbers.into_iter().map(|text| Cell::new(text).set_alignment(CellAlignment::Right)));
    cells
}
