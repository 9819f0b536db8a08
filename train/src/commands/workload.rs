//! `flexai data fit-workload|check-workload`.
//!
//! In: the folder of published traces. Out: a parameter file, or drawn figures beside those of the traces.
//! Not here: grid tables (`data.rs`), the fit itself (`flexai_env::workload`).

use super::output::{print_json, print_line};
use super::{Failure, Outcome};
use crate::fault::Fault;
use crate::run_dir::replace_file;
use comfy_table::{CellAlignment, Table, presets};
use flexai_env::workload::{WorkloadComparison, WorkloadParameters, WorkloadTables, compare_workload, fit_workload};
use serde_json::json;
use std::path::Path;
use std::process::ExitCode;

fn read(folder: &Path) -> Result<WorkloadTables, Failure> {
    WorkloadTables::read(folder).map_err(Failure::input)
}

pub(super) fn fit_to(folder: &Path, out: &Path) -> Outcome {
    let fitted_on = jiff::Timestamp::now().strftime("%Y-%m-%d").to_string();
    let parameters = fit_workload(&read(folder)?, &fitted_on).map_err(Failure::input)?;
    replace_file(out, parameters.to_toml().as_bytes())?;
    print_line(&out.display().to_string())?;
    Ok(ExitCode::SUCCESS)
}

/// Every figure of the fitted and of the held-out part of each trace beside that of the generator.
pub(super) fn check_workload(folder: &Path, parameters: Option<&Path>, json: bool) -> Outcome {
    let read_parameters = |path: &Path| {
        let text = std::fs::read_to_string(path).map_err(|e| Fault::of_io(path, "read the parameters", &e))?;
        WorkloadParameters::from_toml(&path.display().to_string(), &text).map_err(Failure::input)
    };
    let given = parameters.map(read_parameters).transpose()?;
    let parameters = given.as_ref().unwrap_or(WorkloadParameters::embedded());
    let comparison = compare_workload(&read(folder)?, parameters);
    if json {
        print_json(&json!({"origin": parameters.origin, "figures": comparison.figures}))?;
    } else {
        print_line(&comparison_table(&comparison))?;
        let total = comparison.figures.len();
        let held_out = comparison.figures.iter().filter(|figure| figure.held_out_ok).count();
        let fitted = total - comparison.misfits().count();
        print_line(&format!(
            "\n{fitted} of {total} figures within tolerance of the first 70 % of each trace (fitted to), {held_out} of \
             the rest (held out)"
        ))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn comparison_table(comparison: &WorkloadComparison) -> String {
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN);
    table.set_header(["figure", "fitted part", "held out", "generator", "tolerance", "ok", "held out ok"]);
    let number = |x: f64| format!("{x:.3}");
    let verdict = |ok: bool| if ok { "yes" } else { "NO" };
    for row in &comparison.figures {
        table.add_row([
            row.name.clone(),
            number(row.trace),
            number(row.held_out),
            number(row.generated),
            number(row.tolerance),
            verdict(row.ok).to_string(),
            verdict(row.held_out_ok).to_string(),
        ]);
    }
    for column in table.column_iter_mut().skip(1).take(4) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table.to_string()
}
