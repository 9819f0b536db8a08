//! Evaluations on disk: a killed one goes on, stored ones are compared, and README's leaderboard is made of them; what
//! cannot be evaluated is refused.

use crate::bad_input::{assert_refused, refused, train};
use crate::support::{TINY_SITE, files_of, finish, flexai, site_run, start, temporary, text, workspace};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// The finished entries of a cache.
fn entries(cache: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = if cache.is_dir() { files_of(cache) } else { BTreeMap::new() };
    files.retain(|name, _| name.ends_with(".json"));
    files
}

/// An evaluation without what the machine adds to it.
fn without_times(mut evaluation: Value) -> Value {
    for policy in evaluation["policies"].as_array_mut().unwrap() {
        policy.as_object_mut().unwrap().remove("decision_ms");
    }
    evaluation
}

#[test]
fn a_killed_evaluation_goes_on_and_plays_no_week_twice() {
    let folder = temporary();
    let cache = folder.path().join("cache");
    let arguments = ["evaluate", "random", "--rivals", "ctss", "--no-oracle", "--seeds", "40", "--json"];
    let cached = [arguments.as_slice(), &["--cache", text(&cache)]].concat();
    let mut child = start(&cached);
    let begin = Instant::now();
    while fs::read_dir(&cache).map_or(0, Iterator::count) < 20 && child.try_wait().unwrap().is_none() {
        assert!(begin.elapsed() < Duration::from_secs(120), "no week is stored");
        std::thread::sleep(Duration::from_millis(1));
    }
    child.kill().unwrap();
    let (code, _) = finish(child);
    assert_eq!(code, None, "it was killed in the middle");
    let before = entries(&cache);
    let weeks = 3 * 13 * 40;
    assert!(before.len() >= 20 && before.len() < weeks, "{} of {weeks}", before.len());
    let resumed = flexai(&cached).ok().json();
    let after = entries(&cache);
    assert_eq!(after.len(), weeks);
    assert!(before.iter().all(|(name, bytes)| after[name] == *bytes), "a stored week was played again");
    let fresh = flexai(&[arguments.as_slice(), &["--no-cache"]].concat()).ok().json();
    assert_eq!(without_times(resumed), without_times(fresh));
}

#[test]
fn evaluations_made_apart_are_compared_and_others_refused() {
    let folder = temporary();
    let make = |name: &str, arguments: &[&str]| {
        let out = folder.path().join(name);
        let fixed = ["evaluate", "--rivals", "none", "--no-oracle", "--json", "--out", text(&out)];
        (flexai(&[&fixed, arguments].concat()).ok().json(), out)
    };
    let (ctss, first) = make("first", &["ctss", "--weeks", "2"]);
    let (rule, second) = make("second", &["day_ahead_quantile", "--weeks", "2"]);
    let joint = flexai(&["compare", text(&first), text(&second), "--json"]).ok().json();
    let names: Vec<&Value> = joint["policies"].as_array().unwrap().iter().map(|policy| &policy["name"]).collect();
    assert_eq!(names, ["ctss", "fifo", "day_ahead_quantile"]);
    assert_eq!(joint["policies"][0]["per_week"], ctss["policies"][0]["per_week"]);
    assert_eq!(joint["policies"][2]["cost_gbp"], rule["policies"][0]["cost_gbp"]);
    assert_eq!(joint["policies"][2]["versus"].as_array().unwrap().len(), 2);
    // What --json prints is an evaluation too, and a joint one can be stored and compared on.
    let file = folder.path().join("printed.json");
    fs::write(&file, ctss.to_string()).unwrap();
    let out = folder.path().join("joint");
    let table = flexai(&["compare", text(&file), text(&second), "--out", text(&out)]).ok().stdout;
    assert!(table.contains("| ctss") && table.contains("| day_ahead_quantile"), "{table}");
    assert!(out.join("evaluation.json").is_file());
    let again = flexai(&["compare", text(&out), text(&first), "--json"]).ok().json();
    assert_eq!(again["policies"].as_array().unwrap().len(), 3);
    let (_, other) = make("other", &["ctss", "--weeks", "1"]);
    let refused = flexai(&["compare", text(&first), text(&other)]);
    assert_eq!(refused.code, Some(2), "{}", refused.stderr);
    assert!(refused.stderr.contains("other: was made on the weeks 1, that of 2024-01-01"), "{}", refused.stderr);
    assert!(refused.stderr.contains("hint: compare evaluations of one scenario"), "{}", refused.stderr);
    let refused = flexai(&["compare", "README.md"]);
    assert_eq!(refused.code, Some(2), "{}", refused.stderr);
    assert!(refused.stderr.contains("README.md: ") && refused.stderr.contains("expected an evaluation as"));
}

#[test]
fn the_leaderboard_of_the_readme_is_made_of_the_stored_evaluations() {
    let folder = workspace().join("docs/leaderboard");
    let mut files: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    files.sort();
    assert!(!files.is_empty());
    let arguments: Vec<&str> = std::iter::once("leaderboard").chain(files.iter().map(|path| text(path))).collect();
    let printed = flexai(&arguments).ok().stdout;
    let readme = fs::read_to_string(workspace().join("README.md")).unwrap();
    assert!(readme.contains(&format!("-->\n{printed}<!-- leaderboard: end -->")), "renew it: {printed}");
    // Writing it into a document that has it changes nothing.
    let copy = temporary();
    let path = copy.path().join("README.md");
    fs::write(&path, &readme).unwrap();
    flexai(&[arguments.as_slice(), &["--write", text(&path)]].concat()).ok();
    assert_eq!(fs::read_to_string(&path).unwrap(), readme);
    fs::write(&path, "no markers").unwrap();
    let refused = flexai(&[arguments.as_slice(), &["--write", text(&path)]].concat());
    assert_eq!(refused.code, Some(2));
    assert!(refused.stderr.contains("is missing, expected the table between two markers"), "{}", refused.stderr);
}

#[test]
fn a_policy_is_refused_where_actions_are_others_though_it_could_read_the_observation() {
    let run = text(site_run());
    let out = temporary();
    let svg = out.path().join("day.svg");
    let words = "manifest.json: the policy decides ";
    for (scenario, found) in [
        ("configs/scenarios/ctss.toml", "by continuous numbers, expected 5 levels, as scenario `ctss` has it"),
        ("configs/scenarios/jobs.toml", "6 numbers, expected 12: `cap_strict_training` is missing, as scenario `jobs`"),
    ] {
        let told = [words, found, "hint: run the scenario the policy was trained on"];
        refused(&["evaluate", run, "--scenario", scenario, "--rivals", "none", "--weeks", "1"], &told);
        let figure = ["figure", "day", run, "--date", "2024-02-14", "--scenario", scenario, "--out", text(&svg)];
        refused(&figure, &told);
    }
}

#[test]
fn a_plan_that_sees_the_future_is_refused_before_training() {
    for source in ["planner:forecast=perfect", "arbitrage:jobs=mpc(forecast=perfect)"] {
        let (_folder, ran) = train(&format!("{TINY_SITE}\n[plan]\nsource = \"{source}\"\n"), &[]);
        assert_refused(&ran, 2, &["`plan.source` is `", source, "which sees the future, expected a rival that knows"]);
    }
    let bare = "[scenario.battery]\ncapacity_mwh = 0.0\n";
    let (_folder, ran) = train(&format!("{TINY_SITE}\n[plan]\nsource = \"arbitrage\"\n{bare}"), &[]);
    assert_refused(&ran, 2, &["`plan.source` is `arbitrage`, which needs a battery"]);
}

#[test]
fn what_is_no_evaluation_is_refused_whatever_its_bytes() {
    let folder = temporary();
    let path = folder.path().join("binary");
    fs::write(&path, [0x1f_u8, 0x8b, 0xff, 0xfe, 0x00]).unwrap();
    for command in ["compare", "leaderboard"] {
        refused(&[command, text(&path)], &["binary: ", "expected an evaluation as `flexai evaluate` writes it"]);
    }
}
