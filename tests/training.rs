//! `flexai train`: reproducible, resumable after any end, and complete in what it leaves behind.

use crate::support::{
    TINY_POLE, TINY_SITE, assert_keys, assert_same_run, command, files_of, finish, flexai, folder_with, folders_of,
    json_lines, pole_run, reproducible, run, site_run, start, temporary, text, train_in, wait_for_lines,
};
use flexai_agents::artifact::LoadedPolicy;
use flexai_agents::rivals::RIVALS;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Trains with a number of threads.
fn trained_with(config: &str, threads: &str, more: &[&str]) -> (tempfile::TempDir, PathBuf) {
    let folder = folder_with(config);
    let (file, out) = (folder.path().join("config.toml"), folder.path().join("run"));
    let mut program = command(&[&["train", text(&file), "--out", text(&out)], more].concat());
    program.env("RAYON_NUM_THREADS", threads);
    run(program).ok();
    (folder, out)
}

fn lines_of(run: &Path) -> usize {
    fs::read_to_string(run.join("metrics.jsonl")).unwrap().lines().count()
}

fn newest_checkpoint(run: &Path) -> PathBuf {
    let names = folders_of(&run.join("checkpoints"));
    run.join("checkpoints").join(names.last().expect("there is a checkpoint"))
}

#[test]
fn a_site_run_has_the_same_bytes_each_time_at_any_number_of_threads() {
    // 96 environments, so that the batch is really shared out among threads.
    let config = TINY_SITE.replace("num_envs = 4", "num_envs = 96").replace("total_steps = 512", "total_steps = 9216");
    let (_one, one) = trained_with(&config, "1", &[]);
    let (_two, two) = trained_with(&config, "2", &[]);
    let (_again, again) = trained_with(&config, "2", &[]);
    assert_same_run(&one, &two);
    assert_same_run(&two, &again);
    assert!(lines_of(&one) == 6 && one.join("best.json").is_file());
}

#[test]
fn a_cart_pole_run_has_the_same_bytes_each_time_on_either_cpu_device() {
    for device in ["flex", "ndarray"] {
        let more = ["--device", device, "--steps", "1280"];
        let (_one, one) = trained_with(TINY_POLE, "1", &more);
        let (_two, two) = trained_with(TINY_POLE, "2", &more);
        assert_same_run(&one, &two);
    }
}

#[test]
fn another_seed_gives_another_run() {
    let more = ["--steps", "256"];
    let (_a, a) = trained_with(TINY_POLE, "1", &more);
    let (_b, b) = trained_with(TINY_POLE, "1", &["--steps", "256", "--seed", "4"]);
    assert_ne!(fs::read(a.join("metrics.jsonl")).unwrap(), fs::read(b.join("metrics.jsonl")).unwrap());
}

/// Trains, is killed whenever the metrics have that many lines, and is resumed each time.
fn killed_run(config: &str, kill_at: &[usize]) -> (tempfile::TempDir, PathBuf) {
    let folder = folder_with(config);
    let (file, out) = (folder.path().join("config.toml"), folder.path().join("run"));
    let mut arguments = vec!["train", text(&file), "--out", text(&out)];
    let mut killed = 0;
    for lines in kill_at {
        let mut child = start(&arguments);
        if wait_for_lines(&mut child, &out.join("metrics.jsonl"), *lines) {
            child.kill().expect("the child runs");
        }
        let (code, stderr) = finish(child);
        killed += usize::from(code.is_none());
        assert!(code.is_none() || code == Some(0), "{stderr}");
        arguments = vec!["train", "--resume", text(&out)];
    }
    assert!(killed > 0, "the run was too quick to be killed even once");
    flexai(&arguments).ok();
    (folder, out)
}

#[test]
fn a_pole_run_killed_three_times_and_resumed_equals_one_that_never_stopped() {
    let (_killed_folder, killed) = killed_run(TINY_POLE, &[5, 22, 41]);
    let (_whole_folder, whole) = trained_with(TINY_POLE, "2", &[]);
    assert_same_run(&killed, &whole);
    assert_eq!(lines_of(&killed), 60);
    for file in ["model.bpk", "optimizer.bpk", "trainer.bin", "policy/policy.onnx"] {
        assert!(newest_checkpoint(&killed).join(file).is_file(), "{file} was among what was compared");
    }
}

#[test]
fn a_site_run_killed_and_resumed_equals_one_that_never_stopped() {
    let config = TINY_SITE.replace("total_steps = 512", "total_steps = 2560");
    let (_killed_folder, killed) = killed_run(&config, &[3, 17]);
    let (_whole_folder, whole) = trained_with(&config, "2", &[]);
    assert_same_run(&killed, &whole);
    assert_eq!(lines_of(&killed), 40);
}

#[test]
fn two_halves_with_a_planned_stop_equal_the_whole() {
    let folder = folder_with(TINY_SITE);
    let half = train_in(&folder, &["--stop-after", "5"]);
    assert_eq!(lines_of(&half), 5);
    assert!(!half.join("policy").exists(), "an unfinished run has no last word");
    flexai(&["train", "--resume", text(&half)]).ok();
    let (_whole_folder, whole) = trained_with(TINY_SITE, "2", &[]);
    assert_same_run(&half, &whole);
}

#[test]
fn ctrl_c_leaves_a_checkpoint_of_that_moment_and_exit_code_130() {
    let folder = folder_with(TINY_POLE);
    let (file, out) = (folder.path().join("config.toml"), folder.path().join("run"));
    let mut child = start(&["train", text(&file), "--out", text(&out), "--json"]);
    assert!(wait_for_lines(&mut child, &out.join("metrics.jsonl"), 4), "the run was too quick to be interrupted");
    let sent = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    let (code, stderr) = finish(child);
    assert!(sent.success());
    assert_eq!(code, Some(130), "{stderr}");
    assert!(stderr.contains(&format!("flexai train --resume {}", out.display())), "{stderr}");
    let last = fs::read_to_string(out.join("metrics.jsonl")).unwrap();
    let step = json_lines(&last).last().unwrap()["step"].as_u64().unwrap();
    assert!(newest_checkpoint(&out).ends_with(format!("{step:09}")), "{step}: {stderr}");
    flexai(&["train", "--resume", text(&out)]).ok();
    assert_same_run(&out, pole_run());
}

#[test]
fn a_damaged_newest_checkpoint_is_named_and_the_last_good_one_is_used() {
    for file in ["model.bpk", "optimizer.bpk", "trainer.bin", "checksums.json", "policy/policy.safetensors"] {
        let folder = folder_with(TINY_SITE);
        let out = train_in(&folder, &["--stop-after", "5"]);
        let newest = newest_checkpoint(&out).join(file);
        let bytes = fs::read(&newest).unwrap();
        fs::write(&newest, &bytes[..bytes.len() / 2]).unwrap();
        let resumed = flexai(&["train", "--resume", text(&out)]).ok();
        assert!(resumed.stderr.contains("checkpoint 000000320 is damaged and left out"), "{file}: {}", resumed.stderr);
        assert!(resumed.stderr.contains(file.rsplit('/').next().unwrap()), "{file}: {}", resumed.stderr);
        assert!(resumed.stderr.contains("continuing at step 256"), "{file}: {}", resumed.stderr);
        assert_same_run(&out, site_run());
    }
}

#[test]
fn a_run_whose_checkpoints_are_all_damaged_is_refused_with_their_names() {
    let folder = folder_with(TINY_SITE);
    let out = train_in(&folder, &["--stop-after", "5"]);
    for name in folders_of(&out.join("checkpoints")) {
        fs::write(out.join("checkpoints").join(name).join("model.bpk"), "cut").unwrap();
    }
    let before = reproducible(&out);
    let refused = flexai(&["train", "--resume", text(&out)]);
    assert_eq!(refused.code, Some(2), "{}", refused.stderr);
    for words in ["every checkpoint is damaged", "000000256 (model.bpk", "000000320 (model.bpk", "\n\nhint: "] {
        assert!(refused.stderr.contains(words), "{words}: {}", refused.stderr);
    }
    assert!(before == reproducible(&out), "a refused resume changes nothing");
}

#[test]
fn a_run_directory_holds_all_that_a_run_is_and_how_it_came_about() {
    let out = site_run();
    let files = files_of(out);
    let best: Value = serde_json::from_slice(&files["best.json"]).unwrap();
    let artifact = ["manifest.json", "policy.onnx", "policy.safetensors"];
    let mut expected: Vec<String> =
        ["config.toml", "run.json", "metrics.jsonl", "timings.jsonl", "best.json"].map(String::from).to_vec();
    expected.push("evaluation/validation.json".into());
    expected.extend(artifact.map(|name| format!("policy/{name}")));
    for name in folders_of(&out.join("checkpoints")) {
        let of_checkpoint = ["model.bpk", "optimizer.bpk", "trainer.bin", "checksums.json"];
        expected.extend(of_checkpoint.map(|file| format!("checkpoints/{name}/{file}")));
        expected.extend(artifact.map(|file| format!("checkpoints/{name}/policy/{file}")));
    }
    expected.sort();
    let events = |name: &&String| name.starts_with("tensorboard/events.out.tfevents.");
    assert_eq!(files.keys().filter(events).count(), 1);
    assert_eq!(files.keys().filter(|name| !events(name)).cloned().collect::<Vec<_>>(), expected);
    let manifest: Value = serde_json::from_slice(&files["run.json"]).unwrap();
    assert_keys(&manifest, &["workbench_version", "seed", "device", "git_commit", "command_line", "started_utc"]);
    assert_eq!(manifest["config_sha256"], flexai::run_dir::sha256_hex(&files["config.toml"]));
    let best = best["checkpoint"].as_str().unwrap();
    assert!(folders_of(&out.join("checkpoints")).iter().any(|name| name == best), "the best one is kept: {best}");
    // The resolved configuration is complete: training from it alone gives the same run.
    let folder = folder_with(&String::from_utf8(files["config.toml"].clone()).unwrap());
    assert_same_run(&train_in(&folder, &[]), out);
}

#[test]
fn metrics_hold_no_times_and_timings_hold_nothing_else() {
    let out = site_run();
    let metrics = json_lines(&fs::read_to_string(out.join("metrics.jsonl")).unwrap());
    let timings = json_lines(&fs::read_to_string(out.join("timings.jsonl")).unwrap());
    assert_eq!(metrics.len(), timings.len());
    for tag in ["charts/learning_rate", "losses/policy_loss", "losses/approx_kl", "losses/explained_variance"] {
        assert!(metrics.iter().all(|line| line[tag].is_number()), "{tag}");
    }
    assert!(metrics.iter().all(|line| line["charts/SPS"].is_null()));
    assert!(timings.iter().all(|line| line["charts/SPS"].is_number() && line["losses/policy_loss"].is_null()));
    let judged = |line: &&Value| line["eval/score"].is_number();
    assert_eq!(
        metrics.iter().filter(judged).map(|line| line["step"].as_u64().unwrap()).collect::<Vec<_>>(),
        [192, 384, 512]
    );
}

#[test]
fn json_lines_report_each_update_and_end_with_the_summary() {
    let folder = folder_with(TINY_SITE);
    let (file, out) = (folder.path().join("config.toml"), folder.path().join("run"));
    let ran = flexai(&["train", text(&file), "--out", text(&out), "--json"]).ok();
    let lines = ran.json_lines();
    assert_eq!(lines.len(), 9);
    let (summary, updates) = lines.split_last().unwrap();
    for (index, line) in updates.iter().enumerate() {
        assert_keys(line, &["update", "report", "eval", "sps_wall"]);
        assert_eq!(line["update"], index as u64 + 1);
        assert_eq!(line["report"]["env_steps"], (index as u64 + 1) * 64);
    }
    let keys =
        ["run_dir", "device", "seed", "env_steps", "updates", "sps_wall", "sps_cpu", "collect_share", "learn_share"];
    assert_keys(summary, &keys);
    assert_keys(&summary["eval"], &["return_mean", "return_std", "episodes"]);
    assert_eq!((&summary["env_steps"], &summary["updates"]), (&Value::from(512), &Value::from(8)));
    assert_eq!((&summary["device"], &summary["seed"]), (&Value::from("flex"), &Value::from(3)));
    let best = PathBuf::from(summary["best_checkpoint"].as_str().unwrap());
    assert!(best.starts_with(&out) && best.is_dir());
    // Resumed when there is nothing left to do, it says the same about its policy.
    let again = flexai(&["train", "--resume", text(&out), "--json"]).ok().json_lines();
    assert_eq!(again.len(), 1);
    assert_eq!(again[0]["eval"], summary["eval"]);
}

#[test]
fn events_hold_every_scalar_once_also_after_a_resume() {
    let folder = folder_with(TINY_SITE);
    let out = train_in(&folder, &["--stop-after", "3"]);
    flexai(&["train", "--resume", text(&out)]).ok();
    let files: Vec<_> = fs::read_dir(out.join("tensorboard")).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(files.len(), 1, "{files:?}");
    let events = fs::read(&files[0]).unwrap();
    let mut expected: BTreeMap<String, usize> = BTreeMap::new();
    for name in ["metrics.jsonl", "timings.jsonl"] {
        for line in json_lines(&fs::read_to_string(out.join(name)).unwrap()) {
            for tag in line.as_object().unwrap().keys().filter(|tag| *tag != "step") {
                *expected.entry(tag.clone()).or_default() += 1;
            }
        }
    }
    assert_eq!(expected["losses/policy_loss"], 8);
    for (tag, count) in expected {
        // A tag is field 1 of its message: key byte 0x0a, length, text.
        let field = [&[0x0a, tag.len() as u8], tag.as_bytes()].concat();
        let found = events.windows(field.len()).filter(|window| *window == field).count();
        assert_eq!(found, count, "{tag}");
    }
}

#[test]
fn the_quickstart_ends_with_a_policy_and_a_table_against_the_quick_rivals() {
    let folder = temporary();
    let out = folder.path().join("run");
    let config = "configs/train/quickstart.toml";
    let ran = flexai(&["train", config, "--steps", "32768", "--out", text(&out)]).ok();
    for rival in RIVALS.iter().filter(|rival| !rival.slow) {
        assert!(ran.stdout.contains(&format!("| {} ", rival.name)), "{}: {}", rival.name, ran.stdout);
    }
    assert!(ran.stdout.contains("| quickstart "), "{}", ran.stdout);
    assert!(ran.stdout.contains("FIFO % [95 %]"), "{}", ran.stdout);
    let policy = LoadedPolicy::load(&out.join("policy")).unwrap();
    let evaluation = policy.manifest().evaluation.clone().expect("the artifact tells how good it is");
    assert_keys(&evaluation, &["split", "grid", "scenario", "weeks", "cost_saving_pct", "versus"]);
    assert_eq!(evaluation["weeks"], 13);
}

#[test]
fn every_configuration_that_ships_is_valid_and_starts() {
    let folder = temporary();
    let configs = crate::support::workspace().join("configs/train");
    let files = fs::read_dir(configs).unwrap().map(|entry| entry.unwrap().path());
    let mut names: Vec<_> = files.filter(|path| path.extension().is_some_and(|kind| kind == "toml")).collect();
    names.sort();
    assert!(names.len() >= 4, "{names:?}");
    for (index, path) in names.iter().enumerate() {
        let out = folder.path().join(index.to_string());
        let small = ["--set", "evaluation.weeks=1", "--set", "evaluation.episodes=1", "--stop-after", "1"];
        flexai(&[&["train", text(path), "--out", text(&out)], small.as_slice()].concat()).ok();
        assert_eq!(lines_of(&out), 1, "{}", path.display());
    }
}
