//! The real grid table: what is claimed of it is true of the program on it.
//!
//! In: the folder named by `FLEXAI_SHARED`, `../shared` beside the workspace by default.
//! Always: without it a test is skipped, which is said on stderr; where `CI` is `true` its absence fails.

use crate::support::{TINY_SITE, assert_keys, flexai, folder_with, text, train_in, workspace};
use flexai_agents::rivals::RIVALS;
use std::io::Write;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A file of the shared material; none if it is not there.
pub(crate) fn shared(name: &str) -> Option<PathBuf> {
    let root = std::env::var_os("FLEXAI_SHARED").map_or_else(|| workspace().join("../shared"), PathBuf::from);
    let path = root.join(name);
    if path.is_file() {
        return Some(path);
    }
    skip(&path.display().to_string(), "set FLEXAI_SHARED to the folder of the shared test material");
    None
}

/// Counts a test that cannot run because something is missing; fails where `CI` is `true`.
pub(crate) fn skip(missing: &str, hint: &str) {
    static SKIPPED: AtomicUsize = AtomicUsize::new(0);
    assert!(std::env::var("CI").as_deref() != Ok("true"), "{missing} is not there, but CI needs it\n\nhint: {hint}");
    let count = SKIPPED.fetch_add(1, Ordering::SeqCst) + 1;
    // The test harness hides what `eprintln!` writes in passing tests, so stderr is written directly.
    let text = format!("skipped: {count} test(s) so far: {missing} is not there ({hint})");
    writeln!(std::io::stderr(), "{text}").expect("stderr can be written");
}

fn table() -> Option<PathBuf> {
    shared("data/grid/gb_joined_halfhourly_2020_2024H1.csv.gz")
}

#[test]
fn a_policy_trained_on_the_real_table_is_judged_on_its_thirteen_test_weeks() {
    let Some(table) = table() else { return };
    let folder = folder_with(TINY_SITE);
    let run = train_in(&folder, &["--grid", text(&table)]);
    // The table is remembered: no --grid is needed.
    let evaluation = flexai(&["evaluate", text(&run), "--split", "test", "--json"]).ok().json();
    assert_eq!(evaluation["grid"], "gb_joined_halfhourly_2020_2024H1.csv.gz");
    assert_eq!(evaluation["grid_kind"], "real");
    assert_eq!(
        (evaluation["weeks"].as_u64(), evaluation["skipped_weeks"].as_array().map(Vec::len)),
        (Some(13), Some(0))
    );
    assert_eq!(evaluation["from"], "2024-04-01T00:00:00Z");
    let policies = evaluation["policies"].as_array().expect("it lists policies");
    assert_eq!(policies.len(), RIVALS.len() + 1);
    for policy in policies {
        assert_keys(policy, &["cost_gbp", "carbon_t", "versus", "per_week"]);
        assert_eq!(policy["per_week"].as_array().map(Vec::len), Some(13), "{}", policy["name"]);
        assert!(policy["cost_gbp"].as_f64().is_some_and(|cost| cost > 0.0));
    }
}

#[test]
fn the_real_table_is_whole_and_most_figures_of_the_synthetic_grid_are_near_it() {
    let Some(table) = table() else { return };
    let check = flexai(&["data", "check", text(&table), "--json"]).ok().json();
    // Figures of the table's own description: 78,864 half-hours without a gap, 23,234 of them without demand.
    assert_eq!(check["report"]["rows"], 78_864);
    assert_eq!(check["report"]["inserted_periods"], 0);
    let holes = check["report"]["holes"].as_array().expect("it lists holes");
    let empty = |column: &str| {
        let hole = holes.iter().find(|hole| hole["column"] == column).expect("every column is counted");
        hole["count"].as_u64().expect("a count is a number")
    };
    assert_eq!((empty("demand_mw"), empty("price_gbp_mwh"), empty("carbon_mix_gco2_kwh")), (23_234, 82, 336));
    let rows = check["comparison"]["rows"].as_array().expect("it compares figures");
    let judged = rows.iter().filter(|row| row["ok"].is_boolean()).count();
    let misfits: Vec<_> = rows.iter().filter(|row| row["ok"] == false).collect();
    assert!(judged >= 50 && misfits.len() * 10 <= judged, "{} of {judged}: {misfits:?}", misfits.len());
}

/// Folder of the published workload traces.
fn traces() -> Option<PathBuf> {
    shared("data/workload/server_power_reference.csv")?.parent().map(PathBuf::from)
}

#[test]
fn the_workload_generator_is_fitted_anew_to_what_ships_and_is_like_its_traces() {
    let Some(folder) = traces() else { return };
    let made = folder_with("");
    let out = made.path().join("parameters.toml");
    flexai(&["data", "fit-workload", text(&folder), "--out", text(&out)]).ok();
    let arguments = ["data", "check-workload", text(&folder), "--json"];
    let shipped = flexai(&arguments).ok().json();
    let anew = flexai(&[&arguments[..], &["--parameters", text(&out)]].concat()).ok().json();
    assert_eq!(shipped["figures"], anew["figures"]);
    let figures = shipped["figures"].as_array().expect("it compares figures");
    let misfits: Vec<_> = figures.iter().filter(|figure| figure["ok"] == false).collect();
    assert!(figures.len() >= 60 && misfits.is_empty(), "{misfits:?}");
}

#[test]
fn a_scenario_plays_a_trace_named_beside_it_from_any_folder() {
    let Some(folder) = traces() else { return };
    let made = folder_with("");
    std::fs::copy(folder.join("gpu_jobs_philly_deadlines_days0-9.csv.gz"), made.path().join("philly.csv.gz")).unwrap();
    let scenario = made.path().join("traced.toml");
    let toml = "[workload]\nsource = \"trace\"\n\n[[workload.trace.jobs]]\npath = \"philly.csv.gz\"\nskip_days = 1\n";
    std::fs::write(&scenario, toml).unwrap();
    let play = |scenario: &str| {
        flexai(&["evaluate", "fifo", "--rivals", "none", "--weeks", "1", "--scenario", scenario, "--json"])
    };
    let evaluation = play(text(&scenario)).ok().json();
    let fifo = &evaluation["policies"][0];
    assert!(fifo["gbp_per_million_inferences"].as_f64().is_some_and(|x| x > 0.1 && x < 20.0), "{fifo}");
    assert!(fifo["kgco2_per_million_inferences"].as_f64().is_some_and(|x| x > 0.1 && x < 20.0), "{fifo}");
    std::fs::write(&scenario, toml.replace("philly.csv.gz", "absent.csv")).unwrap();
    let refused = play(text(&scenario));
    assert_eq!(refused.code, Some(2), "{}", refused.stderr);
    assert!(refused.stderr.contains("absent.csv: the table cannot be read: "), "{}", refused.stderr);
}

#[test]
fn the_sample_week_can_be_checked_but_is_too_short_to_train_on() {
    let Some(week) = shared("data/grid/gb_joined_sample_week_2023-01-16.csv") else { return };
    let check = flexai(&["data", "check", text(&week), "--json"]).ok().json();
    assert_eq!(check["report"]["rows"], 336);
    let folder = folder_with(TINY_SITE);
    let (config, out) = (folder.path().join("config.toml"), folder.path().join("run"));
    let refused = flexai(&["train", text(&config), "--grid", text(&week), "--out", text(&out)]);
    assert_eq!(refused.code, Some(2), "{}", refused.stderr);
    assert!(refused.stderr.contains("\n\nhint: ") && !refused.stderr.contains("panicked"), "{}", refused.stderr);
    assert!(!out.exists(), "nothing is made before everything is checked");
}
