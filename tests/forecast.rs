//! `flexai forecast` and `--forecast`: fit, backtest, page, and what evaluations say they rest on.
//!
//! In: a small table drawn here. Not here: the forecasts themselves (`agents/src/forecast/tests.rs`).

use crate::support::{TINY_SITE, assert_keys, flexai, folder_with, temporary, text, train_in};
use serde_json::Value;
use std::fs;
use std::path::Path;

/// A table of the generator: the end of the train split and some weeks of validation.
fn table(folder: &Path) -> String {
    let out = folder.join("table.csv.gz");
    flexai(&["data", "synthesise", "--from", "2023-05-20", "--days", "262", "--seed", "3", "--out", text(&out)]).ok();
    text(&out).to_owned()
}

#[test]
fn forecasts_are_fitted_judged_drawn_and_used_by_an_evaluation_that_says_so() {
    let folder = temporary();
    let (grid, out, page) = (table(folder.path()), folder.path().join("forecast"), folder.path().join("page"));
    let fitted = flexai(&["forecast", "fit", "--grid", &grid, "--out", text(&out), "--json"]).ok().json();
    assert_keys(
        &fitted,
        &["forecasts", "hash", "from", "to", "table", "fit_seconds", "members", "folds", "selections"],
    );
    assert_eq!(fitted["to"], "2024-01-01T00:00:00Z", "nothing of the validation split");
    let days = ["--from", "2024-01-02", "--to", "2024-01-22"];
    let backtest = ["forecast", "backtest", text(&out), "--grid", &grid];
    let json = flexai(&[&backtest[..], &days, &["--json", "--report", text(&page)]].concat()).ok().json();
    let scores = json["scores"].as_array().expect("scores");
    assert_keys(
        &scores[0],
        &[
            "target",
            "forecaster",
            "horizon",
            "n",
            "mae",
            "rmse",
            "pinball",
            "crps",
            "coverage_pct",
            "skill_pct",
            "test",
        ],
    );
    assert!(scores.iter().any(|score| score["forecaster"] == "ensemble" && score["horizon"] == "next_day"));
    let html = fs::read_to_string(page.join("index.html")).expect("the page was written");
    assert!(html.contains("the ensemble beats the best floor on ") && !html.contains("<script"));
    assert!(page.join("figures/carbon-by-lead.svg").is_file() && page.join("backtest.json").is_file());
    let words = flexai(&[&backtest[..], &days].concat()).ok().stdout;
    assert!(words.contains("next local day, forecast at 11:00") && words.contains("| carbon"), "{words}");

    let bench = flexai(&["forecast", "bench", text(&out), "--grid", &grid, "--sets", "3", "--json"]).ok().json();
    assert_keys(&bench, &["forecasts", "targets", "periods", "cpu_ms_p50", "standing_cpu_seconds", "machine"]);
    assert_eq!((&bench["sets"], &bench["periods"]), (&3.into(), &48.into()));
    let rows = folder.path().join("rows");
    let export = ["forecast", "rows", text(&out), "--grid", &grid, "--target", "wind", "--out", text(&rows)];
    flexai(&export).ok();
    let npy = fs::read(rows.join("train.npy")).expect("it was written");
    let header = 10 + usize::from(u16::from_le_bytes([npy[8], npy[9]]));
    let columns: Vec<String> =
        serde_json::from_slice(&fs::read(rows.join("columns.json")).expect("it was written")).expect("a list of names");
    assert!(npy.starts_with(b"\x93NUMPY\x01\x00") && header.is_multiple_of(64) && npy.len() > header);
    assert!(
        (npy.len() - header).is_multiple_of(8 * columns.len()) && columns.ends_with(&["truth".into(), "ours".into()])
    );

    let evaluate =
        ["evaluate", "planner", "--rivals", "none", "--no-oracle", "--no-cache", "--weeks", "1", "--grid", &grid];
    let range = ["--from", "2024-01-08", "--to", "2024-01-15", "--json", "--forecast"];
    let play = |forecast: &str| flexai(&[&evaluate[..], &range, &[forecast]].concat()).ok().json();
    let identity = format!("fitted_ensemble {}", fitted["hash"].as_str().expect("a hash"));
    let of = |forecast: &str| {
        let mut played = play(forecast);
        (played["forecast"].take(), played["scenario_digest"].take())
    };
    let named = [text(&out), "none", "perfect", "persistence"].map(of);
    let names: Vec<&str> = named.iter().filter_map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, [identity.as_str(), "none", "perfect", "day_ahead_persistence"]);
    assert!(named.iter().enumerate().all(|(i, (_, digest))| named[..i].iter().all(|(_, other)| other != digest)));
    assert!(play("perfect")["labels"].to_string().contains("cheat: the forecast is the truth"));
}

#[test]
fn a_run_and_its_policy_name_the_fitted_forecast_and_another_one_is_told() {
    let folder = temporary();
    let (grid, out) = (table(folder.path()), folder.path().join("forecast"));
    let fitted = flexai(&["forecast", "fit", "--grid", &grid, "--out", text(&out), "--json"]).ok().json();
    let identity = format!("fitted_ensemble {}", fitted["hash"].as_str().expect("a hash"));
    let config = folder_with(TINY_SITE);
    let run = train_in(&config, &["--grid", &grid, "--forecast", text(&out), "--steps", "128"]);
    let file = run.join("run.json");
    let manifest: Value = serde_json::from_slice(&fs::read(&file).expect("it was written")).expect("JSON");
    assert_eq!(manifest["forecast"], identity.as_str());
    let policy = run.join("policy/manifest.json");
    let policy: Value = serde_json::from_slice(&fs::read(policy).expect("it was written")).expect("JSON");
    assert_eq!(policy["training"]["run"]["forecast_identity"], identity.as_str());

    let evaluate = ["evaluate", text(&run), "--rivals", "none", "--no-oracle", "--no-cache", "--weeks", "1"];
    let other = ["--grid", &grid, "--forecast", "persistence"];
    let told = flexai(&[&evaluate[..], &other].concat()).ok().stdout;
    let note = format!(" learnt with the forecast {identity}, and observes day_ahead_persistence here");
    assert!(told.contains(&note), "{told}");

    let text_of_run = fs::read_to_string(&file).expect("it was written");
    fs::write(&file, text_of_run.replace(&identity, "fitted_ensemble 0123456789abcdef")).expect("it can be written");
    let ran = flexai(&["train", "--resume", text(&run)]);
    assert_eq!(ran.code, Some(2), "{}", ran.stderr);
    assert!(ran.stderr.contains("but the run was begun with `fitted_ensemble 0123456789abcdef`"), "{}", ran.stderr);
    assert!(ran.stderr.contains("\n\nhint: restore that folder"), "{}", ran.stderr);
}

#[test]
fn a_forecast_that_is_none_is_refused_with_a_hint() {
    let folder = temporary();
    for arguments in [
        &["evaluate", "fifo", "--no-oracle", "--forecast", "nowhere"][..],
        &["forecast", "backtest", text(folder.path())],
    ] {
        let ran = flexai(arguments);
        assert_eq!(ran.code, Some(2), "{}", ran.stderr);
        assert!(ran.stderr.starts_with("error: ") && ran.stderr.contains("\n\nhint: "), "{}", ran.stderr);
    }
    let short = folder.path().join("short.csv");
    flexai(&["data", "synthesise", "--from", "2023-09-20", "--days", "20", "--out", text(&short)]).ok();
    let ran = flexai(&["forecast", "fit", "--grid", text(&short), "--out", text(&folder.path().join("f"))]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.stderr.contains("20 days to fit on, expected at least 180"), "{}", ran.stderr);
}
