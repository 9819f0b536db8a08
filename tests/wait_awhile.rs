//! The public benchmark Let's Wait Awhile: every published cell is met, and what cannot be run is refused.
//!
//! In: the shared carbon series; a Python with NumPy (`FLEXAI_PYTHON`, else `python3`) for what only NumPy draws.
//! Always: without them a test is skipped, which is said on stderr; where `CI` is `true` their absence fails.

use crate::shared_data::{shared, skip};
use crate::support::{assert_keys, flexai, temporary, text, workspace};
use flexai_env::benchmark::wait_awhile::{HALF_HOURS, ML_JOBS_CSV, START};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::fmt::Write;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

fn series() -> Option<PathBuf> {
    shared("data/grid/lets_wait_awhile_gb_ci_2020.csv")
}

/// Runs the script that draws with NumPy; none if there is no NumPy.
fn make_inputs(arguments: &[&str]) -> Option<()> {
    let python = std::env::var("FLEXAI_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let found = Command::new(&python).args(["-c", "import numpy"]).output();
    if !found.is_ok_and(|output| output.status.success()) {
        skip(&format!("{python} with NumPy"), "set FLEXAI_PYTHON to a Python with tests/requirements.txt installed");
        return None;
    }
    let mut command = Command::new(&python);
    command.arg("tests/wait_awhile/make_inputs.py").args(arguments).current_dir(workspace());
    let output = command.output().expect("it was there a moment ago");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(())
}

fn cells(report: &Value) -> &[Value] {
    report["cells"].as_array().expect("a list of cells")
}

/// Asserts that all went well, naming the cells that did not.
fn assert_all_met(report: &Value) {
    let failed: Vec<String> = cells(report).iter().filter(|cell| cell["ok"] != true).map(Value::to_string).collect();
    assert!(failed.is_empty(), "{}", failed.join("\n"));
    assert_eq!((&report["cells_ok"], &report["cells_failed"]), (&Value::from(123), &Value::from(0)));
    assert_eq!((&report["pool"]["late_or_unfinished"], &report["ok"]), (&Value::from(0), &Value::from(true)));
}

#[test]
fn every_published_cell_is_met_with_two_hundred_seeds_of_our_own_errors() {
    let Some(series) = series() else { return };
    let report = flexai(&["bench", "wait-awhile", "--data", text(&series), "--json"]).ok().json();
    let keys = ["benchmark", "region", "data", "noise", "seeds", "cells", "pool", "ok", "seconds", "machine"];
    assert_keys(&report, &keys);
    assert_all_met(&report);
    assert_eq!((&report["noise"], &report["seeds"]), (&Value::from("own"), &Value::from(200)));
    // A cell may differ by three standard errors of the difference to a mean of ten seeds, of which ours is a small part.
    for cell in cells(&report).iter().filter(|cell| cell["error_pct"] != 0 && cell["source"] == "simulation") {
        let (allowed, own) = (cell["allowed"].as_f64().unwrap(), cell["standard_error"].as_f64().unwrap());
        assert!((allowed - 3.0 * own * 21.0_f64.sqrt()).abs() < 1e-9, "{cell}");
    }
}

#[test]
fn every_published_cell_is_met_to_a_thousandth_with_the_errors_that_numpy_drew() {
    let Some(series) = series() else { return };
    let folder = temporary();
    let Some(()) = make_inputs(&["noise", "--out", text(folder.path())]) else { return };
    let arguments = ["bench", "wait-awhile", "--data", text(&series), "--noise", text(folder.path()), "--json"];
    let report = flexai(&arguments).ok().json();
    assert_all_met(&report);
    assert_eq!((&report["noise"], &report["seeds"]), (&Value::from("numpy"), &Value::from(10)));
    for cell in cells(&report).iter().filter(|cell| cell["quantity"] == "saving_pct") {
        let allowed = if cell["source"] == "notebook" { 0.005 } else { 0.001 };
        assert_eq!(cell["allowed"], allowed, "{cell}");
    }
}

#[test]
fn the_job_list_is_the_one_the_figures_were_made_with() {
    let found = Sha256::digest(ML_JOBS_CSV).iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a string can be written");
        text
    });
    assert_eq!(found, "83adca0145e273a095cabdbe632c962381d83f338a70c6f392d050aeada8445f");
}

#[test]
fn the_script_draws_the_committed_job_list() {
    let folder = temporary();
    let path = folder.path().join("ml_jobs.csv");
    let Some(()) = make_inputs(&["jobs", "--out", text(&path)]) else { return };
    assert_eq!(fs::read_to_string(&path).unwrap(), ML_JOBS_CSV);
}

#[test]
fn another_grid_fails_the_cells_and_ends_with_1() {
    let folder = temporary();
    let path = folder.path().join("gb_ci.csv");
    let mut series = "Time,Carbon Intensity\n".to_owned();
    for t in 0..HALF_HOURS {
        writeln!(series, "{},{}", START + t as i64, 150 + (t * 37) % 101).expect("a string can be written");
    }
    fs::write(&path, series).unwrap();
    let arguments = ["bench", "wait-awhile", "--data", text(&path), "--seeds", "10"];
    let ran = flexai(&arguments);
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    assert!(ran.stdout.contains("| semi_weekly  | strict ") && ran.stdout.contains("| NO "), "{}", ran.stdout);
    assert!(ran.stdout.contains(" of 123 cells pass; forecast errors from 10 seeds of our own"), "{}", ran.stdout);
    assert!(ran.stdout.contains(", 0 late or unfinished;"), "{}", ran.stdout);
}
