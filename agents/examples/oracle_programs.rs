//! Writes the oracle's programs as MPS files, with what our solvers make of them, for a check by another solver.
//!
//!     cargo run --release -p flexai-agents --example oracle_programs -- FOLDER SCENARIO..
//!
//! In: scenario files. Out: for each a linear program and one with integers over some hours of the embedded grid; the file
//! `expected.json` says what they cost and what is proved.

use flexai_agents::oracle::future;
use flexai_agents::planning::DispatchModel;
use flexai_agents::planning::solver::{InteriorPoint, Limits, Simplex, Solver};
use flexai_env::grid::embedded_trace;
use flexai_env::site::{EpisodeEnd, SiteConfig, SiteSetup, WindowChoice};
use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Columns that a class may take to be looked at job by job.
const DETAIL: usize = 4000;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1).map(PathBuf::from);
    let folder = arguments.next().ok_or("expected FOLDER SCENARIO..")?;
    std::fs::create_dir_all(&folder)?;
    let grid = Arc::new(embedded_trace());
    let mut expected = Vec::new();
    for path in arguments {
        let config: SiteConfig = toml::from_str(&std::fs::read_to_string(&path)?)?;
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let setup = SiteSetup::new(config, Arc::clone(&grid), 0..grid.len())?;
        for (periods, integers) in [(96, false), (8, true)] {
            let start = setup.history() + 1000;
            let window = WindowChoice { start, periods, job_seed: 1, end: EpisodeEnd::Settle };
            let future = future(&setup, window, DETAIL);
            let mut model = DispatchModel::default();
            let program = model.build(future.wanted(integers));
            let limits = Limits { gap: 0.0, ..Limits::default() };
            let found = match program.has_integers() {
                true => Simplex.solve(program, &limits, None)?,
                false => InteriorPoint::default().solve(program, &limits, None)?,
            };
            let file = format!("{name}-{periods}.mps");
            std::fs::write(folder.join(&file), program.to_mps())?;
            let (objective, bound) = (found.objective, found.bound);
            expected.push(serde_json::json!({ "file": file, "objective": objective, "bound": bound }));
        }
    }
    std::fs::write(Path::new(&folder).join("expected.json"), serde_json::to_string_pretty(&expected)?)?;
    Ok(())
}
