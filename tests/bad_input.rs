//! Bad input and a failing world: each ends in a message that says where, what was found, what was expected, and what to
//! do, with exit code 2 for wrong use or input and 1 for the world; never in a panic.

use crate::support::{
    Ran, TINY_POLE, TINY_SITE, command, copy_folder, files_of, flexai, folder_with, pole_run, run, site_run, temporary,
    text, train_in, workspace,
};
use flexai_agents::artifact::{LoadedPolicy, PolicyExport, export_policy};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use tempfile::TempDir;

/// Asserts exit code, shape and words of a refusal.
pub(crate) fn assert_refused(ran: &Ran, code: i32, words: &[&str]) {
    let stderr = &ran.stderr;
    assert_eq!(ran.code, Some(code), "{stderr}");
    assert!(stderr.starts_with("error: "), "{stderr}");
    assert!(stderr.contains("\n\nhint: "), "{stderr}");
    assert!(!stderr.contains("panicked") && !stderr.contains("RUST_BACKTRACE"), "{stderr}");
    for word in words {
        assert!(stderr.contains(word), "`{word}` is missing in: {stderr}");
    }
}

/// Runs a command that ends with exit code 2 and these words.
pub(crate) fn refused(arguments: &[&str], words: &[&str]) {
    assert_refused(&flexai(arguments), 2, words);
}

/// Clap's own refusals: they show the usage instead of a hint.
fn misused(arguments: &[&str], words: &[&str]) {
    let ran = flexai(arguments);
    assert_eq!(ran.code, Some(2), "{}", ran.stderr);
    assert!(ran.stderr.starts_with("error: ") && ran.stderr.contains("--help"), "{}", ran.stderr);
    for word in words {
        assert!(ran.stderr.contains(word), "`{word}` is missing in: {}", ran.stderr);
    }
}

/// Trains from a text; returns what came of it, and the folder it happened in.
pub(crate) fn train(config: &str, more: &[&str]) -> (TempDir, Ran) {
    let folder = folder_with(config);
    let (file, out) = (folder.path().join("config.toml"), folder.path().join("run"));
    let ran = flexai(&[&["train", text(&file), "--out", text(&out)], more].concat());
    if ran.code != Some(0) {
        assert!(!out.exists(), "a refused run leaves no folder: {}", ran.stderr);
    }
    (folder, ran)
}

#[test]
fn a_configuration_that_is_not_there_is_named_with_the_one_that_was_meant() {
    refused(
        &["train", "configs/train/quickstrat.toml"],
        &[
            "configs/train/quickstrat.toml: there is no such file, but a TOML file is expected",
            "hint: did you mean configs/train/quickstart.toml?",
        ],
    );
    refused(&["train", "configs/train"], &["configs/train: this is a folder, but a TOML file is expected"]);
    refused(&["bench", "train", "nowhere.toml"], &["nowhere.toml: there is no such file"]);
}

#[test]
fn a_value_of_the_wrong_type_is_named_with_line_and_default() {
    let (_folder, ran) = train(&TINY_SITE.replace("num_envs = 4", "num_envs = \"four\""), &[]);
    let words =
        ["config.toml:9:12: `ppo.num_envs` is the text \"four\"", "a whole number", "the default is `num_envs = 16`"];
    assert_refused(&ran, 2, &words);
    let (_folder, ran) = train(&TINY_SITE.replace("[ppo]", "[ppo"), &[]);
    assert_refused(&ran, 2, &["config.toml:8:5: not valid TOML"]);
}

#[test]
fn an_unknown_key_is_refused_with_the_nearest_one() {
    let (_folder, ran) = train(&TINY_SITE.replace("num_steps", "num_stepz"), &[]);
    assert_refused(
        &ran,
        2,
        &["config.toml:10:1: `ppo.num_stepz` is not a key of `[ppo]`", "did you mean `ppo.num_steps`?"],
    );
    let (_folder, ran) = train(&format!("{TINY_SITE}\n[scenario.batery]\ncapacity_mwh = 1.0\n"), &[]);
    assert_refused(&ran, 2, &["`scenario.batery` is not a key", "did you mean `scenario.battery`?"]);
}

#[test]
fn an_even_number_of_levels_is_refused_because_no_level_would_leave_the_battery_alone() {
    let (_folder, ran) = train(&format!("{TINY_SITE}\n[scenario.controls]\ndiscrete_levels = 4\n"), &[]);
    let words = [
        "`controls.discrete_levels` is 4, expected an odd number from 3 to 31, so that a battery at rest is among the levels",
        "or 0 for continuous actions",
    ];
    assert_refused(&ran, 2, &words);
}

#[test]
fn impossible_values_are_reported_all_together_in_the_order_of_the_file() {
    let config = TINY_SITE
        .replace("num_envs = 4", "num_envs = 0")
        .replace("update_epochs = 2", "gamma = 1.5\nlearning_rate = -1.0")
        .replace("hidden = [16]", "hidden = []")
        + "\n[scenario]\npue = 0.5\n[scenario.battery]\ncapacity_mwh = -3.0\n";
    let (_folder, ran) = train(&config, &[]);
    let words = [
        "`ppo.num_envs` is 0, expected at least 1",
        "`ppo.gamma` is 1.5, expected a number in (0, 1]",
        "`ppo.learning_rate` is -1, expected a positive number",
        "`network.hidden` is [], expected at least one width",
        "`pue` is 0.5, expected between 1 and 3",
        "`battery.capacity_mwh` is -3, expected 0 or more",
    ];
    assert_refused(&ran, 2, &words);
    let places: Vec<usize> = words.iter().map(|word| ran.stderr.find(word).unwrap()).collect();
    assert!(places.is_sorted(), "{}", ran.stderr);
    assert_eq!(ran.stderr.matches("error: ").count(), words.len(), "{}", ran.stderr);
    assert_eq!(ran.stderr.matches("\n\nhint: ").count(), words.len(), "each has its hint: {}", ran.stderr);
}

#[test]
fn a_minibatch_that_does_not_divide_the_rollout_is_refused_with_a_divisor() {
    let (_folder, ran) = train(TINY_SITE, &["--set", "ppo.num_minibatches=7"]);
    assert_refused(&ran, 2, &["--set ppo.num_minibatches=7: `ppo.num_minibatches` is 7", "the nearest are 4 and 8"]);
}

#[test]
fn overrides_are_checked_like_the_file() {
    let cases: [(&str, &[&str]); 5] = [
        ("ppo.gama=0.9", &["--set ppo.gama=0.9: `ppo.gama` is not a key of `[ppo]`", "did you mean `ppo.gamma`?"]),
        ("ppo.gamma", &["--set ppo.gamma: there is no `=`, but KEY=VALUE is expected"]),
        ("ppo.gamma=x", &["`ppo.gamma` is the text \"x\", but a number is expected"]),
        ("scenario.battery.capacity_mwh=-3", &["`battery.capacity_mwh` is -3, expected 0 or more"]),
        (
            "env.id=CartPol-v1",
            &["unknown environment `CartPol-v1`, expected one of FlexSite-v1, FlexFleet-v1, CartPole-v1"],
        ),
    ];
    for (text, words) in cases {
        let (_folder, ran) = train(TINY_SITE, &["--set", text]);
        assert_refused(&ran, 2, words);
    }
}

#[test]
fn a_scenario_named_by_a_configuration_is_checked_too() {
    let folder =
        folder_with(&TINY_SITE.replace("id = \"FlexSite-v1\"", "id = \"FlexSite-v1\"\nscenario = \"site.toml\""));
    let config = folder.path().join("config.toml");
    let out = folder.path().join("run");
    let arguments = ["train", text(&config), "--out", text(&out)];
    refused(&arguments, &["site.toml: there is no such file, but a TOML file is expected"]);
    fs::write(folder.path().join("site.toml"), "name = \"a\"\nimport_limit_mw = 5.0\n").unwrap();
    refused(
        &arguments,
        &["site.toml:2:19: `import_limit_mw` is 5, expected more than the mean facility load (9.60 MW)"],
    );
    fs::write(folder.path().join("site.toml"), "pue = 1.1\n").unwrap();
    refused(
        &[arguments.as_slice(), &["--set", "scenario.pue=9"]].concat(),
        &["`pue` is 9, expected between 1 and 3", "the default is `pue = 1.2`"],
    );
}

#[test]
fn devices_that_are_unknown_or_not_built_in_are_refused() {
    misused(&["train", "a.toml", "--device", "gpu"], &["unknown device `gpu`, expected one of flex, ndarray, wgpu"]);
    if cfg!(feature = "wgpu") {
        return;
    }
    let (_folder, ran) = train(TINY_SITE, &["--device", "wgpu"]);
    assert_refused(&ran, 2, &["device `wgpu` is not part of this build", "build with `--features wgpu`"]);
}

#[test]
fn wrong_use_of_options_is_refused() {
    misused(&["train"], &["<CONFIG>"]);
    misused(&["train", "a.toml", "--resume", "b"], &["cannot be used with"]);
    misused(&["train", "a.toml", "--seed", "-1"], &["invalid value '-1' for '--seed <SEED>'"]);
    misused(&["train", "a.toml", "--seed", "9223372036854775808"], &["is not in 0..=9223372036854775807"]);
    misused(&["evaluate", "fifo", "--from", "2024-01-01"], &["--to <TO>"]);
    misused(
        &["evaluate", "fifo", "--split", "test", "--from", "2024-01-01", "--to", "2024-02-01"],
        &["cannot be used"],
    );
    misused(&["nonsense"], &["nonsense"]);
}

#[test]
fn rivals_splits_dates_and_counts_are_checked() {
    let play = |more: &[&str], words: &[&str]| refused(&[&["evaluate", "fifo"], more].concat(), words);
    play(
        &["--rivals", "ctss,nobody"],
        &["--rivals: `nobody` is no rival, expected all, none, or some of random, fifo"],
    );
    play(&["--split", "tests"], &["--split: `tests` is no split, expected train, validation or test"]);
    play(&["--from", "2024-13-01", "--to", "2024-02-01"], &["--from: `2024-13-01` is no date, expected one like"]);
    play(&["--from", "2024-01-01", "--to", "2024-02-30"], &["--to: `2024-02-30` is no date"]);
    play(&["--from", "2024-02-01", "--to", "2024-01-01"], &["--to: `2024-01-01` is not after `2024-02-01`"]);
    play(&["--from", "2031-01-01", "--to", "2031-02-01"], &["no week between 2031-01-01", "ends at 2024-07-03"]);
    play(&["--from", "2022-06-07", "--to", "2022-06-12"], &["the range holds no Monday to Sunday"]);
    play(&["--weeks", "0"], &["--weeks: is 0, expected 1 or more"]);
    play(&["--seeds", "0"], &["--seeds: is 0, expected 1 or more"]);
    play(&["--seeds", "99999999999"], &["(--seeds): is 99999999999, expected at most 1000"]);
    play(&["--scenario", "nowhere.toml"], &["nowhere.toml: there is no such file"]);
}

#[test]
fn what_is_no_policy_is_refused() {
    refused(
        &["evaluate", "fivo"],
        &["fivo: no such file or rival, expected a run directory", "or one of random, fifo"],
    );
    refused(&["evaluate", "configs"], &["configs: neither a run directory, nor a checkpoint, nor an artifact"]);
    refused(&["export", "configs", "--out", "x"], &["configs: neither a run directory, nor a checkpoint"]);
    refused(&["decide", "configs"], &["configs/manifest.json: no such file", "the folder that `flexai export` wrote"]);
    refused(&["bench", "decide", "configs"], &["configs/manifest.json: no such file"]);
    refused(&["evaluate", "fifo", "fifo"], &["fifo: is named twice, expected each policy once"]);
}

#[test]
fn what_has_no_meaning_for_a_task_without_weeks_is_refused() {
    let pole = text(pole_run());
    refused(&["evaluate", pole, "fifo"], &["fifo: is a rival on sites, expected a policy of CartPole-v1"]);
    refused(&["evaluate", pole, text(site_run())], &["plays FlexSite-v1, expected a policy of CartPole-v1"]);
    refused(&["evaluate", pole, "--grid", "a.csv"], &["--grid: is for sites, but the policy plays CartPole-v1"]);
    refused(&["evaluate", pole, "--seeds", "0"], &["--seeds: is 0, expected 1 or more"]);
    refused(&["evaluate", pole, "--seeds", "99999999999"], &["--seeds: is 99999999999, expected at most 1000000"]);
    let out = temporary();
    let folder = out.path().join("evaluation");
    refused(&["evaluate", pole, "--out", text(&folder)], &["--out: is for sites, but the policy plays CartPole-v1"]);
    assert!(!folder.exists());
    let svg = out.path().join("day.svg");
    let figure = ["figure", "day", pole, "--date", "2024-02-14", "--out", text(&svg)];
    refused(&figure, &["manifest.json: the policy reads `position`", "schema hash"]);
}

#[test]
fn environments_figures_and_benches_check_what_they_are_given() {
    for arguments in [["env", "describe", "FlexSite-v9"], ["env", "check", "FlexSite-v9"]] {
        refused(&arguments, &["unknown environment `FlexSite-v9`, expected one of FlexSite-v1", "`flexai env list`"]);
    }
    refused(&["bench", "env", "--id", "Nothing-v0"], &["unknown environment `Nothing-v0`"]);
    refused(&["bench", "env", "--num-envs", "0"], &["--num-envs: is 0, expected 1 or more"]);
    refused(&["bench", "wait-awhile", "--seeds", "3"], &["--seeds: is 3, expected 10 or more"]);
    refused(
        &["bench", "wait-awhile", "--data", "nowhere.csv"],
        &["nowhere.csv: the carbon intensity cannot be read", "data/gb_ci.csv", "hint: name the file with --data"],
    );
    refused(&["bench", "wait-awhile", "--noise", "nowhere"], &["seed_0.csv: the forecast errors cannot be read"]);
    misused(&["bench", "wait-awhile", "--noise", "nowhere", "--seeds", "20"], &["cannot be used with"]);
    refused(&["figure", "learning", "configs", "--out", "l.svg"], &["configs: no run is kept here"]);
    let run = text(site_run());
    refused(&["figure", "learning", run, "--tag", "los", "--out", "l.svg"], &["metrics.jsonl: no `los` in it"]);
    refused(&["figure", "day", run, "--date", "2024-02-31", "--out", "d.svg"], &["--date: `2024-02-31` is no date"]);
    refused(&["figure", "day", run, "--date", "1999-02-01", "--out", "d.svg"], &["--date: the week of 1999-02-01"]);
    refused(&["figure", "learning", run, "--out", "nowhere/l.svg"], &["nowhere/l.svg: cannot write the file"]);
}

/// Sixty days of a table, as text.
fn table() -> &'static str {
    static TABLE: OnceLock<String> = OnceLock::new();
    TABLE.get_or_init(|| {
        let folder = temporary();
        let path = folder.path().join("table.csv");
        let days = ["--from", "2021-03-01", "--days", "60"];
        flexai(&[&["data", "synthesise", "--out", text(&path)], days.as_slice()].concat()).ok();
        fs::read_to_string(&path).expect("it was just written")
    })
}

/// The commands that read a table all refuse it with the same words.
fn assert_table_refused(name: &str, bytes: &[u8], words: &[&str]) {
    let folder = folder_with(TINY_SITE);
    let path = folder.path().join(name);
    fs::write(&path, bytes).unwrap();
    let (config, out) = (folder.path().join("config.toml"), folder.path().join("run"));
    let words = [&[name], words].concat();
    refused(&["train", text(&config), "--out", text(&out), "--grid", text(&path)], &words);
    assert!(!out.exists());
    refused(&["evaluate", "fifo", "--grid", text(&path)], &words);
    refused(&["data", "check", text(&path)], &words);
    refused(&["data", "fit-synthetic", text(&path), "--out", text(&out)], &words);
}

#[test]
fn a_table_that_is_not_there_is_named() {
    let (_folder, ran) = train(TINY_SITE, &["--grid", "nowhere.csv"]);
    assert_refused(&ran, 2, &["nowhere.csv: the table cannot be read", "check the path"]);
}

#[test]
fn a_damaged_table_is_refused_with_line_and_reason() {
    let lines: Vec<&str> = table().lines().collect();
    let change = |line: usize, to: &str| {
        let mut lines = lines.clone();
        lines[line - 1] = to;
        (lines.join("\n") + "\n").into_bytes()
    };
    let header = lines[0];
    assert_table_refused(
        "stamp.csv",
        &change(1, &header.replace("timestamp_utc", "time")),
        &[":1: the column `timestamp_utc` is missing"],
    );
    assert_table_refused(
        "unit.csv",
        &change(1, &header.replace("price_gbp_mwh", "price_gbp_kwh")),
        &[":1: the column `price_gbp_kwh` has the wrong unit, expected `price_gbp_mwh`"],
    );
    assert_table_refused("twice.csv", &change(11, lines[9]), &[":11: 2021-03-01T04:00:00Z appears a second time"]);
    let mut missing = lines.clone();
    missing.remove(10);
    assert_table_refused(
        "gap.csv",
        (missing.join("\n") + "\n").as_bytes(),
        &[":11: found 2021-03-01T05:00:00Z, expected 2021-03-01T04:30:00Z: 1 half-hour(s) are missing before it"],
    );
    assert_table_refused("ragged.csv", &change(5, "2021-03-01T01:30:00Z,1"), &[":5: the row has 2 cells"]);
    let cells = lines[4].replacen(',', ",abc", 1);
    assert_table_refused("number.csv", &change(5, &cells), &[":5: ", "expected a number or an empty cell"]);
    assert_table_refused("empty.csv", b"", &["the table has no rows"]);
    assert_table_refused(
        "bytes.csv",
        b"timestamp_utc,price_gbp_mwh,carbon_mix_gco2_kwh\n\xff\xfe,1,2\n",
        &["no UTF-8"],
    );
}

#[test]
fn a_table_without_the_column_that_is_paid_by_is_refused() {
    let folder = folder_with(TINY_SITE);
    let path = folder.path().join("table.csv");
    fs::write(&path, table().replacen("price_gbp_mwh", "price", 1)).unwrap();
    let (config, out) = (folder.path().join("config.toml"), folder.path().join("run"));
    let ran = ["train", text(&config), "--out", text(&out), "--grid", text(&path)];
    refused(&ran, &["table.csv:1: the column `price_gbp_mwh` is missing; the nearest is `price`", "rename it"]);
}

#[test]
fn a_damaged_gzip_table_is_refused() {
    let folder = temporary();
    let path = folder.path().join("table.csv.gz");
    flexai(&["data", "synthesise", "--days", "30", "--out", text(&path)]).ok();
    let whole = fs::read(&path).unwrap();
    assert_table_refused(
        "cut.csv.gz",
        &whole[..whole.len() / 2],
        &["the gzip stream ends after", "expected a whole file"],
    );
    let mut flipped = whole.clone();
    let middle = flipped.len() / 2;
    flipped[middle..middle + 64].fill(0xff);
    assert_table_refused("flipped.csv.gz", &flipped, &["the gzip stream is damaged"]);
}

#[test]
fn a_missing_half_hour_may_be_held_as_a_hole_when_asked() {
    let folder = temporary();
    let path = folder.path().join("gap.csv");
    let mut lines: Vec<&str> = table().lines().collect();
    lines.remove(10);
    fs::write(&path, lines.join("\n") + "\n").unwrap();
    let ran = flexai(&["data", "check", text(&path), "--allow-missing"]).ok();
    assert!(ran.stdout.contains("1 missing half-hours held as holes"), "{}", ran.stdout);
}

#[test]
fn a_folder_in_use_is_not_trained_into() {
    let run = site_run();
    let before = files_of(run);
    let (folder, _) = (folder_with(TINY_POLE), ());
    let config = folder.path().join("config.toml");
    let arguments = ["train", text(&config), "--out", text(run)];
    refused(&arguments, &["the folder is not empty, but a new run needs a new or empty one", "--resume"]);
    assert!(before == files_of(run), "nothing in it changed");
    let arguments = ["train", text(&config), "--out", text(&config)];
    refused(&arguments, &["config.toml: this is a file, but a new or empty folder is expected"]);
}

#[test]
fn a_file_in_place_of_a_folder_is_named() {
    let folder = folder_with(TINY_POLE);
    let config = folder.path().join("config.toml");
    let under = config.join("run");
    let words = ["cannot", "config.toml/run", "a part of the path is a file; choose another path"];
    refused(&["train", text(&config), "--out", text(&under)], &words);
    refused(&["export", text(site_run()), "--out", text(&under)], &words);
    refused(&["data", "synthesise", "--days", "2", "--out", text(&under)], &words);
    refused(
        &["export", text(site_run()), "--out", text(&config)],
        &["config.toml: a file, expected an empty or absent"],
    );
    refused(
        &["export", text(site_run()), "--out", text(folder.path())],
        &["it holds `config.toml`, expected an empty"],
    );
}

#[test]
fn what_is_no_run_is_not_resumed() {
    refused(
        &["train", "--resume", "configs"],
        &["configs: no run is kept here, but a folder with config.toml and run.json"],
    );
    let folder = temporary();
    let copy = |name: &str| {
        let path = folder.path().join(name);
        copy_folder(site_run(), &path);
        path
    };
    let changed = copy("changed");
    let config = fs::read_to_string(changed.join("config.toml")).unwrap();
    fs::write(changed.join("config.toml"), config.replace("seed = 3", "seed = 4")).unwrap();
    refused(&["train", "--resume", text(&changed)], &["config.toml: its SHA-256 is", "but the run was started with"]);
    let cut = copy("cut");
    fs::write(cut.join("run.json"), "{\"seed\": ").unwrap();
    refused(&["train", "--resume", text(&cut)], &["run.json:1: not a run manifest"]);
    let metrics = copy("metrics");
    let lines = fs::read_to_string(metrics.join("metrics.jsonl")).unwrap();
    fs::write(metrics.join("metrics.jsonl"), lines.replacen("{\"step\"", "{\"stp\"", 1)).unwrap();
    refused(&["train", "--resume", text(&metrics)], &["metrics.jsonl:1: the line is damaged"]);
    let empty = copy("empty");
    fs::remove_dir_all(empty.join("checkpoints")).unwrap();
    fs::create_dir(empty.join("checkpoints")).unwrap();
    refused(&["train", "--resume", text(&empty)], &["checkpoints: there is no checkpoint", "start it anew"]);
}

#[test]
fn a_checkpoint_of_another_shape_is_refused() {
    // Checksums hold, but the networks are others: somebody copied a checkpoint between runs.
    let folder = folder_with(&TINY_SITE.replace("hidden = [16]", "hidden = [8]"));
    let out = train_in(&folder, &["--stop-after", "4"]);
    fs::remove_dir_all(out.join("checkpoints")).unwrap();
    copy_folder(&site_run().join("checkpoints"), &out.join("checkpoints"));
    refused(&["train", "--resume", text(&out)], &["trainer.bin", "expected"]);
}

/// A copy of the shared artifact.
fn artifact(folder: &TempDir, name: &str) -> PathBuf {
    let path = folder.path().join(name);
    copy_folder(&site_run().join("policy"), &path);
    path
}

#[test]
fn an_artifact_with_one_changed_byte_is_refused_by_everything_that_loads_one() {
    let folder = temporary();
    for file in ["policy.safetensors", "policy.onnx", "manifest.json"] {
        let path = artifact(&folder, file);
        let mut bytes = fs::read(path.join(file)).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(path.join(file), bytes).unwrap();
        let out = folder.path().join("out");
        for arguments in [
            vec!["decide", text(&path)],
            vec!["evaluate", text(&path)],
            vec!["export", text(&path), "--out", text(&out)],
            vec!["bench", "decide", text(&path)],
        ] {
            refused(&arguments, &[file, "export the artifact again"]);
        }
        assert!(!out.exists());
    }
}

#[test]
fn an_incomplete_artifact_is_refused() {
    let folder = temporary();
    for file in ["policy.safetensors", "policy.onnx"] {
        let path = artifact(&folder, file);
        fs::remove_file(path.join(file)).unwrap();
        refused(&["decide", text(&path)], &[file, "no such file", "the artifact is incomplete"]);
    }
    let path = artifact(&folder, "version");
    let manifest = fs::read_to_string(path.join("manifest.json")).unwrap();
    fs::write(path.join("manifest.json"), manifest.replacen("\"format_version\": 1", "\"format_version\": 9", 1))
        .unwrap();
    refused(&["decide", text(&path)], &["manifest.json: format version 9, this workbench reads versions 1 to 3"]);
}

#[test]
fn an_artifact_for_another_observation_is_refused_with_the_difference() {
    let loaded = LoadedPolicy::load(&site_run().join("policy")).unwrap();
    let manifest = loaded.manifest();
    let mut schema = manifest.observation_schema.clone();
    schema.fields[2].unit = "EUR/MWh".into();
    let folder = temporary();
    let path = folder.path().join("other");
    let export = PolicyExport {
        network: loaded.network(),
        env: manifest.env.clone(),
        observation_space: &manifest.observation_space,
        action_space: &manifest.action_space,
        observation_schema: &schema,
        action_names: manifest.action_head.names.clone(),
        training: manifest.training.clone(),
        evaluation: None,
        golden_inputs: Vec::new(),
    };
    export_policy(&path, &export, false).unwrap();
    let words =
        ["manifest.json: ", "[EUR/MWh]", "at index 2", "schema hash", "run the scenario the policy was trained on"];
    refused(&["evaluate", text(&path), "--weeks", "1"], &words);
    let svg = folder.path().join("day.svg");
    refused(&["figure", "day", text(&path), "--date", "2024-02-14", "--out", text(&svg)], &words);
}

#[test]
fn a_full_disk_ends_a_run_with_the_file_that_could_not_be_written() {
    let folder = folder_with(TINY_SITE);
    let (config, out) = (folder.path().join("config.toml"), folder.path().join("run"));
    // A limit on the size of files stands for a disk that takes no more: lines of metrics fit, a checkpoint does not.
    // 24 blocks of 512 bytes: twice the resolved configuration, which lists every key of the scenario.
    let script = "trap '' XFSZ; ulimit -f 24; exec \"$0\" train \"$1\" --out \"$2\"";
    let mut limited = Command::new("sh");
    limited.args(["-c", script, env!("CARGO_BIN_EXE_flexai"), text(&config), text(&out)]);
    limited.current_dir(workspace()).stdin(Stdio::null());
    let ran = run(limited);
    let checkpoint = out.join("checkpoints/000000128");
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    let message = format!("error: {}: the checkpoint cannot be written", checkpoint.display());
    assert!(ran.stderr.contains(&message) && ran.stderr.contains("\n\nhint: "), "{}", ran.stderr);
    assert!(!ran.stderr.contains("panicked"), "{}", ran.stderr);
    assert!(!checkpoint.exists(), "there is a whole checkpoint or none");
}

#[test]
fn a_stdout_that_takes_no_more_is_a_failure_of_the_world() {
    let full = || fs::OpenOptions::new().write(true).open("/dev/full").expect("Linux has this device");
    let into_full = |arguments: &[&str]| {
        let output = command(arguments).stdout(full()).output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    for arguments in [vec!["evaluate", "fifo", "--rivals", "none", "--weeks", "1", "--json"], vec!["env", "list"]] {
        let (code, stderr) = into_full(&arguments);
        assert_eq!(code, Some(1), "{stderr}");
        assert!(stderr.contains("stdout: cannot be written: No space left on device"), "{stderr}");
        assert!(stderr.contains("\n\nhint: ") && !stderr.contains("panicked"), "{stderr}");
    }
    let table = Path::new("/dev/full");
    let synthesise = flexai(&["data", "synthesise", "--days", "3", "--out", text(table)]);
    assert_refused(&synthesise, 1, &["/dev/full: cannot write the table: No space left", "free space on this disk"]);
}

#[test]
fn a_reader_that_leaves_early_ends_the_program_quietly() {
    let mut child =
        command(&["env", "describe", "FlexSite-v1"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stderr.len()), (Some(0), 0));
}
