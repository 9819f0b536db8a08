//! `flexai sweep` and `flexai trial`: the same table after any end, a best configuration that keeps its word, and no score
//! of the test split.

use crate::bad_input::refused;
use crate::support::{
    TINY_POLE, TINY_SITE, assert_keys, assert_same_run, command, finish, flexai, folder_with, json_lines, pole_run,
    run, start, temporary, text, wait_for_lines, workspace,
};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use tempfile::TempDir;

/// Twenty points of a CartPole of eight updates; some do not go together with the batch of 128, and fail.
const SWEEP: &str = r#"
name = "tiny"
base = "config.toml"
overrides = ["ppo.total_steps=1024", "evaluation.every_updates=2"]
trials = 20
generation = 5
seeds = [3, 4]

[sampler]
startup = 5

[pruning]
rungs = [0.25, 0.5]

[space]
"ppo.learning_rate" = { log_uniform = [1e-4, 1e-1] }
"ppo.num_minibatches" = { choice = [2, 3, 4] }
network.activation.choice = ["tanh", "relu"]
"#;

fn sweep_folder(sweep: &str) -> TempDir {
    let folder = folder_with(TINY_POLE);
    fs::write(folder.path().join("sweep.toml"), sweep).unwrap();
    folder
}

/// A sweep that never stopped, made once.
fn whole() -> &'static Path {
    static WHOLE: OnceLock<PathBuf> = OnceLock::new();
    WHOLE.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("shared-sweep");
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("config.toml"), TINY_POLE).unwrap();
        fs::write(folder.join("sweep.toml"), SWEEP).unwrap();
        let out = folder.join("out");
        let ran = flexai(&["sweep", text(&folder.join("sweep.toml")), "--out", text(&out), "--parallel", "2"]).ok();
        fs::write(folder.join("stdout.txt"), ran.stdout).unwrap();
        out
    })
}

fn read(folder: &Path, name: &str) -> String {
    fs::read_to_string(folder.join(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
}

fn rows(folder: &Path) -> Vec<Vec<String>> {
    read(folder, "sweep.csv").lines().skip(1).map(|line| line.split(',').map(String::from).collect()).collect()
}

#[test]
fn a_sweep_killed_twice_and_resumed_has_the_table_of_one_that_never_stopped() {
    let folder = sweep_folder(SWEEP);
    let out = folder.path().join("out");
    let mut arguments = vec!["sweep".to_string(), text(&folder.path().join("sweep.toml")).into()];
    arguments.extend(["--out".into(), text(&out).into(), "--parallel".into(), "2".into()]);
    for (lines, parallel) in [(9, "3"), (40, "1")] {
        let mut child = start(&arguments);
        assert!(wait_for_lines(&mut child, &out.join("sweep.jsonl"), lines), "the sweep was too quick to be killed");
        child.kill().unwrap();
        assert_eq!(finish(child).0, None, "a signal ended it");
        arguments = ["sweep", "--resume", text(&out), "--parallel", parallel].map(String::from).to_vec();
    }
    flexai(&arguments).ok();
    for file in ["sweep.csv", "sweep.svg", "best.toml", "sweep.toml", "base.toml"] {
        assert!(read(&out, file) == read(whole(), file), "{file} differs");
    }
    // The runs of the best trial are the same too, byte for byte, however often they were stopped.
    let best = &rows(whole())[0][1];
    for seed in ["seed-3", "seed-4"] {
        let run = |sweep: &Path| sweep.join(format!("trials/{best:0>4}/{seed}"));
        assert_same_run(&run(&out), &run(whole()));
    }
}

#[test]
fn the_table_ranks_complete_trials_above_pruned_and_failed_ones_last() {
    let rows = rows(whole());
    assert_eq!(rows.len(), 20);
    let standing: Vec<&str> = rows.iter().map(|row| row[2].as_str()).collect();
    let count = |name: &str| standing.iter().filter(|s| **s == name).count();
    // Four generations of five: two go on, then one; beside them the base, which takes nobody's place.
    assert_eq!(count("complete"), 5, "{standing:?}");
    assert!(count("pruned") >= 8 && count("failed") >= 1, "{standing:?}");
    assert!(standing.is_sorted_by_key(|s| ["complete", "pruned", "failed"].iter().position(|name| name == s)));
    let scores: Vec<f64> = rows[..5].iter().map(|row| row[4].parse().unwrap()).collect();
    assert!(scores.is_sorted_by(|a, b| a >= b), "{scores:?}");
    assert!(rows[..5].iter().any(|row| row[1] == "0"), "the base is trained to the end");
    for row in rows.iter().filter(|row| row[2] == "failed") {
        assert!(row.join(",").contains("`ppo.num_minibatches` is 3, expected a divisor of the 128"), "{row:?}");
    }
    let stdout = read(whole().parent().unwrap(), "stdout.txt");
    for words in ["validation on the validation split, 2 seeds per point", "(base)", " failed: ", "best.toml"] {
        assert!(stdout.contains(words), "{words}: {stdout}");
    }
}

#[test]
fn the_best_configuration_trained_with_its_seed_comes_to_its_score_exactly() {
    let folder = temporary();
    let out = folder.path().join("run");
    let best = whole().join("best.toml");
    let comment = read(whole(), "best.toml");
    assert!(comment.starts_with("# Best of 20 trials of the sweep \"tiny\" (sweep.toml has SHA-256 "), "{comment}");
    flexai(&["train", text(&best), "--out", text(&out)]).ok();
    let marker: Value = serde_json::from_str(&read(&out, "best.json")).unwrap();
    let row = &rows(whole())[0];
    // Columns: rank, trial, standing, share, score, spread, steps, seed 3, seed 4.
    assert_eq!(marker["score"].as_f64().unwrap(), row[7].parse::<f64>().unwrap());
    let mean = (row[7].parse::<f64>().unwrap() + row[8].parse::<f64>().unwrap()) / 2.0;
    assert_eq!(row[4].parse::<f64>().unwrap(), mean);
}

#[test]
fn ctrl_c_stops_a_sweep_after_checkpoints_and_says_how_to_go_on() {
    let folder = sweep_folder(SWEEP);
    let out = folder.path().join("out");
    let mut child = start(&["sweep", text(&folder.path().join("sweep.toml")), "--out", text(&out)]);
    assert!(wait_for_lines(&mut child, &out.join("sweep.jsonl"), 8), "the sweep was too quick to be interrupted");
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let (code, stderr) = finish(child);
    assert_eq!(code, Some(130), "{stderr}");
    assert!(stderr.contains(&format!("continue with: flexai sweep --resume {}", out.display())), "{stderr}");
    flexai(&["sweep", "--resume", text(&out)]).ok();
    assert!(read(&out, "sweep.csv") == read(whole(), "sweep.csv"));
}

#[test]
fn a_resumed_sweep_that_was_changed_or_is_in_use_is_refused() {
    let folder = sweep_folder(&SWEEP.replace("trials = 20", "trials = 2"));
    let (file, out) = (folder.path().join("sweep.toml"), folder.path().join("out"));
    flexai(&["sweep", text(&file), "--out", text(&out)]).ok();
    refused(&["sweep", text(&file), "--out", text(&out)], &["it is not empty", "flexai sweep --resume"]);
    let journal = fs::File::open(out.join("sweep.jsonl")).unwrap();
    journal.lock().unwrap();
    refused(&["sweep", "--resume", text(&out)], &["sweep.jsonl: another process runs this sweep"]);
    drop(journal);
    let base = read(&out, "base.toml");
    fs::write(out.join("base.toml"), base.replace("num_steps = 32", "num_steps = 64")).unwrap();
    refused(&["sweep", "--resume", text(&out)], &["base.toml: its SHA-256 is", "but the sweep was begun with"]);
    refused(&["sweep", "--resume", text(folder.path())], &["no sweep is kept here", "sweep.jsonl is expected"]);
}

#[test]
fn a_sweep_whose_trials_all_fail_says_why() {
    let sweep = SWEEP.replace("[2, 3, 4]", "[3, 5]").replace("trials = 20", "trials = 3\ninclude_base = false");
    let folder = sweep_folder(&sweep);
    let out = folder.path().join("out");
    let ran = flexai(&["sweep", text(&folder.path().join("sweep.toml")), "--out", text(&out)]);
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    for words in
        ["no trial of 3 has a score at its end", "expected a divisor of the 128", "\n\nhint: look at `message`"]
    {
        assert!(ran.stderr.contains(words), "{words}: {}", ran.stderr);
    }
    assert_eq!(rows(&out).len(), 3);
}

#[test]
fn training_that_blows_up_is_a_failed_trial_and_the_sweep_goes_on() {
    let sweep = "base = \"config.toml\"\noverrides = [\"ppo.total_steps=512\", \"ppo.max_grad_norm=1e30\"]\ntrials = 2\nseeds = [3]\n\
                 [space]\n\"ppo.learning_rate\" = { choice = [0.0025, 1e38] }\n\"ppo.gamma\" = { choice = [0.9, 0.99] }\n\
                 [sampler]\nkind = \"random\"\n";
    let folder = sweep_folder(sweep);
    let (file, out) = (folder.path().join("sweep.toml"), folder.path().join("out"));
    // Random draws of two: the base is fine, and a seed of the sweep is looked for by which the other is not.
    let ran = (1..20).find_map(|seed| {
        let _ = fs::remove_dir_all(&out);
        let set = format!("seed={seed}");
        flexai(&["sweep", text(&file), "--out", text(&out), "--set", &set]).ok();
        let rows = rows(&out);
        (rows[1][2] == "failed").then_some(rows)
    });
    let rows = ran.expect("one of twenty draws takes the larger rate");
    assert_eq!(rows[0][2], "complete");
    assert!(rows[1].join(",").contains("is not finite"), "{rows:?}");
}

#[test]
fn a_fault_of_the_sweep_file_is_named_with_its_line_and_a_hint() {
    let with = |from: &str, to: &str| sweep_folder(&SWEEP.replace(from, to));
    for (from, to, words) in [
        (
            "ppo.learning_rate",
            "ppo.learning_rte",
            ["sweep.toml:16:22: `ppo.learning_rte` is not a key of `[ppo]`", "did you mean `ppo.learning_rate`?"],
        ),
        ("log_uniform", "log_unifrom", ["`log_unifrom` is no distribution", "did you mean `log_uniform`?"]),
        ("choice = [2, 3, 4]", "uniform = [2, 4]", ["`ppo.num_minibatches` is 2.0, but a whole number", "hint: "]),
        ("trials = 20", "trails = 20", ["`trails` is not a key", "did you mean `trials`?"]),
        ("config.toml", "confg.toml", ["confg.toml: there is no such file", "hint: "]),
        (
            "\"ppo.num_minibatches\"",
            "\"evaluation.episodes\"",
            ["`evaluation.episodes` cannot be searched: it changes what the score measures", "hint: "],
        ),
        (
            "[sampler]",
            "[objective]\nmetric = \"test\"\n[sampler]",
            ["`objective.metric` is \"test\", but settings chosen on the test weeks", "hint: use \"validation\""],
        ),
        (
            "[sampler]",
            "[objective]\nmetric = \"eval/saving_pct\"\n[sampler]",
            ["`objective.metric` is \"eval/saving_pct\", expected a score", "\"eval/return_mean\""],
        ),
    ] {
        let folder = with(from, to);
        let out = folder.path().join("out");
        refused(&["sweep", text(&folder.path().join("sweep.toml")), "--out", text(&out)], &words);
        assert!(!out.exists(), "a refused sweep leaves no folder");
    }
}

#[test]
fn a_site_without_validation_weeks_is_not_searched() {
    let folder = folder_with(TINY_SITE);
    let table = folder.path().join("table.csv");
    flexai(&["data", "synthesise", "--from", "2024-04-01", "--days", "40", "--out", text(&table)]).ok();
    let sweep = "base = \"config.toml\"\n[space]\n\"ppo.gamma\" = { uniform = [0.9, 1.0] }\n";
    fs::write(folder.path().join("sweep.toml"), sweep).unwrap();
    refused(
        &[
            "sweep",
            text(&folder.path().join("sweep.toml")),
            "--grid",
            text(&table),
            "--out",
            text(&folder.path().join("out")),
        ],
        &["the table has no week of the validation split", "by what it is reported on"],
    );
}

#[test]
fn every_sweep_that_ships_is_valid_and_starts() {
    let folder = temporary();
    let mut files: Vec<_> =
        fs::read_dir(workspace().join("configs/sweep")).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert_eq!(files.len(), 2);
    for (index, file) in files.iter().enumerate() {
        let out = folder.path().join(index.to_string());
        let small = "overrides=[\"ppo.total_steps=16384\", \"evaluation.every_updates=1000\", \"evaluation.weeks=1\", \"evaluation.episodes=1\"]";
        let one = ["--set", "trials=1", "--set", small];
        flexai(&[&["sweep", text(file), "--out", text(&out)], one.as_slice()].concat()).ok();
        assert_eq!(rows(&out).len(), 1);
    }
}

/// Calls `flexai trial` on CartPole; the one line it answers.
fn trial(folder: &TempDir, more: &[&str]) -> Value {
    let (config, out) = (folder.path().join("config.toml"), folder.path().join("run"));
    let ran = flexai(&[&["trial", text(&config), "--out", text(&out)], more].concat()).ok();
    let lines = ran.json_lines();
    assert_eq!(lines.len(), 1, "{}", ran.stdout);
    lines[0].clone()
}

#[test]
fn a_trial_answers_one_line_goes_on_from_its_rung_and_equals_a_plain_run() {
    let folder = folder_with(TINY_POLE);
    let first = trial(&folder, &["--until", "0.3", "--set", "ppo.gamma=0.99"]);
    assert_keys(
        &first,
        &["status", "score", "message", "best_step", "wall_seconds", "cpu_seconds", "run_dir", "metric"],
    );
    // 0.3 of 60 updates are 18; the next evaluation is at 21.
    assert_eq!((&first["updates"], &first["env_steps"], &first["finished"]), (&21.into(), &2688.into(), &false.into()));
    assert_eq!((&first["status"], &first["keys"]["ppo.gamma"]), (&"done".into(), &0.99.into()));
    let whole = trial(&folder, &["--set", "ppo.gamma=0.99"]);
    assert_eq!((&whole["finished"], &whole["seed"]), (&true.into(), &3.into()));
    // Asked again for less, it tells what it told then.
    let again = trial(&folder, &["--until", "0.3", "--set", "ppo.gamma=0.99"]);
    assert_eq!((&again["score"], &again["best_step"]), (&first["score"], &first["best_step"]));
    // It is the run that `train` makes of the same configuration, but for the last word.
    let run = folder.path().join("run");
    let marker: Value = serde_json::from_str(&read(&run, "best.json")).unwrap();
    assert_eq!(whole["score"], marker["score"]);
    assert!(read(&run, "metrics.jsonl") == read(pole_run(), "metrics.jsonl"));
    // Another point does not go into the same folder.
    let (config, out) = (folder.path().join("config.toml"), text(&run));
    refused(
        &["trial", text(&config), "--out", out, "--set", "ppo.gamma=0.5"],
        &["a run of another configuration is kept here"],
    );
    refused(&["trial", text(&config), "--out", out, "--until", "1.5"], &["--until: 1.5 is no share of the steps"]);
    refused(
        &["trial", text(&config), "--out", out, "--metric", "test"],
        &["--metric: it is \"test\", but settings chosen"],
    );
}

#[test]
fn a_trial_of_values_that_do_not_go_together_answers_that_it_failed() {
    let folder = folder_with(TINY_POLE);
    let answer = trial(&folder, &["--set", "ppo.num_minibatches=3"]);
    assert_eq!((&answer["status"], &answer["score"]), (&"failed".into(), &Value::Null));
    assert!(answer["message"].as_str().unwrap().contains("expected a divisor of the 128"), "{answer}");
    assert!(!folder.path().join("run").exists());
    let nowhere = folder.path().join("nowhere.toml");
    refused(&["trial", text(&nowhere), "--out", text(&folder.path().join("run"))], &["there is no such file"]);
}

#[test]
fn a_trial_killed_before_its_first_checkpoint_or_left_by_its_master_goes_on() {
    let folder = folder_with(TINY_POLE);
    let (config, out) = (folder.path().join("config.toml"), folder.path().join("run"));
    // What a kill may leave: folders without an identity, and an identity with metrics but no checkpoint.
    fs::create_dir_all(out.join("checkpoints")).unwrap();
    fs::write(out.join("config.toml"), "half").unwrap();
    trial(&folder, &["--until", "0.1"]);
    fs::remove_dir_all(out.join("checkpoints")).unwrap();
    fs::create_dir(out.join("checkpoints")).unwrap();
    // A leash whose other end is gone at once: a checkpoint after one update, exit code 130, no score.
    let mut leashed = command(&["trial", text(&config), "--out", text(&out), "--leash"]);
    leashed.stdin(Stdio::null());
    let ran = run(leashed);
    assert_eq!(ran.code, Some(130), "{}", ran.stderr);
    let answer = &json_lines(&ran.stdout)[0];
    assert_eq!(answer["status"], "stopped");
    assert!(answer["updates"].as_u64().unwrap() < 60, "{answer}");
    trial(&folder, &[]);
    assert!(read(&out, "metrics.jsonl") == read(pole_run(), "metrics.jsonl"));
}
