//! `flexai forecast rows`: the rows that trees are fitted to, for other libraries.
//!
//! Out: `train.npy` and `validation.npy` of NumPy's, and `columns.json`. Not here: the other libraries
//! (`tests/forecast/reference.py`).

use super::forecast::grid_name;
use super::output::print_line;
use super::{Failure, Outcome};
use crate::cli::RowsArgs;
use crate::fault::Fault;
use crate::run_dir::replace_file;
use crate::setting::{load_grid, training_range};
use flexai_agents::forecast::{ExportedRows, FittedForecasts, Target};
use flexai_env::grid::Split;
use std::process::ExitCode;

pub(super) fn forecast_rows(args: &RowsArgs) -> Outcome {
    let target = Target::ALL.into_iter().find(|target| target.name().replace(' ', "_") == args.target);
    let target = target.ok_or_else(|| {
        let names = Target::ALL.map(|target| target.name().replace(' ', "_")).join(", ");
        Fault::new("--target", format!("is `{}`, expected one of {names}", args.target)).hint("choose one of them")
    })?;
    let grid = load_grid(&grid_name(args.grid.as_deref()))?;
    let fitted = FittedForecasts::load(&args.forecasts).map_err(Failure::input)?;
    std::fs::create_dir_all(&args.out).map_err(|error| Fault::of_io(&args.out, "make the folder", &error))?;
    for (name, range) in [("train", training_range(&grid)), ("validation", Split::Validation.indices(&grid))] {
        let rows = ExportedRows::new(&fitted, &grid, target, range);
        replace_file(&args.out.join(format!("{name}.npy")), &npy(&rows))?;
        let columns = serde_json::to_string(&rows.columns).expect("names serialise");
        replace_file(&args.out.join("columns.json"), columns.as_bytes())?;
        print_line(&format!("{name:10} {} rows of {} columns", rows.len(), rows.columns.len()))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// NumPy's format, version 1.0: a header padded to 64 bytes, then numbers, the lowest byte first.
fn npy(rows: &ExportedRows) -> Vec<u8> {
    let shape = format!("({}, {})", rows.len(), rows.columns.len());
    let mut header = format!("{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}, }}");
    let length = (10 + header.len() + 1).next_multiple_of(64) - 10;
    header.push_str(&" ".repeat(length - header.len() - 1));
    header.push('\n');
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((length as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    rows.values.iter().for_each(|value| bytes.extend(value.to_le_bytes()));
    bytes
}
