//! Options of a run that reach through the whole program: a teacher, many seeds, numbers that are none.

use crate::support::{
    TINY_POLE, TINY_SITE, assert_same_run, flexai, folder_with, folders_of, json_lines, text, train_in,
};
use std::fs;

const TEACHER: &str = "\n[imitation]\nteacher = \"planner\"\nsteps = 100\nepochs = 2\ncoef = 0.2\ndecay_updates = 6\n";

#[test]
fn a_run_with_a_teacher_stopped_and_resumed_equals_the_whole_and_tells_what_it_imitates() {
    let config = format!("{TINY_SITE}{TEACHER}");
    let (half_folder, whole_folder) = (folder_with(&config), folder_with(&config));
    let half = train_in(&half_folder, &["--stop-after", "3"]);
    flexai(&["train", "--resume", text(&half)]).ok();
    let whole = train_in(&whole_folder, &[]);
    assert_same_run(&half, &whole);
    let metrics = json_lines(&fs::read_to_string(whole.join("metrics.jsonl")).unwrap());
    assert_eq!(metrics.len(), 8, "what the teacher shows is not counted");
    assert_eq!(metrics[0]["imitation/demonstrated_steps"], 128.0, "whole rollouts");
    assert_eq!(metrics[0]["imitation/coef"], 0.2);
    assert!(metrics[5].get("imitation/coef").is_some() && metrics[6].get("imitation/coef").is_none());
    for key in ["grad_norm/actor_1", "grad_norm/spread", "action_mean/battery", "charts/clipped_observations"] {
        assert!(metrics.iter().all(|line| line[key].is_f64()), "{key}");
    }
}

#[test]
fn a_teacher_in_another_environment_or_beside_a_plan_is_refused() {
    let folder = folder_with(&format!("{TINY_POLE}{TEACHER}"));
    let (file, out) = (folder.path().join("config.toml"), folder.path().join("run"));
    let ran = flexai(&["train", text(&file), "--out", text(&out)]);
    assert_eq!(ran.code, Some(2), "{}", ran.stderr);
    let expected = "`imitation.teacher` is a rival and plays sites, but `env.id` is CartPole-v1";
    assert!(ran.stderr.contains(expected), "{}", ran.stderr);
    let folder = folder_with(&format!("{TINY_SITE}{TEACHER}\n[plan]\nsource = \"fifo\"\n"));
    let ran = flexai(&["train", text(&folder.path().join("config.toml")), "--out", text(&out)]);
    assert!(ran.code == Some(2) && ran.stderr.contains("`imitation` and `plan` are both given"), "{}", ran.stderr);
}

const LESSONS: &str = "\n[[curriculum]]\nuntil = 0.25\nscenario = { carbon_price_gbp_per_tonne = 0 }\n\n\
                       [[curriculum]]\nuntil = 0.5\n[curriculum.scenario.workload]\nmean_it_mw = 6.0\n";

#[test]
fn lessons_come_in_turn_and_a_run_stopped_at_their_border_equals_the_whole() {
    let config = format!("{TINY_SITE}{LESSONS}");
    let (cut_folder, whole_folder, plain_folder) = (folder_with(&config), folder_with(&config), folder_with(TINY_SITE));
    let cut = train_in(&cut_folder, &["--stop-after", "2"]);
    flexai(&["train", "--resume", text(&cut), "--stop-after", "1"]).ok();
    flexai(&["train", "--resume", text(&cut)]).ok();
    let whole = train_in(&whole_folder, &[]);
    assert_same_run(&cut, &whole);
    let metrics = json_lines(&fs::read_to_string(whole.join("metrics.jsonl")).unwrap());
    let lessons: Vec<f64> = metrics.iter().map(|line| line["charts/lesson"].as_f64().unwrap()).collect();
    assert_eq!(lessons, [1.0, 1.0, 2.0, 2.0, 3.0, 3.0, 3.0, 3.0]);
    // Without a carbon price, and with less load, everything costs less than in the run without lessons.
    let plain = train_in(&plain_folder, &[]);
    let plain = json_lines(&fs::read_to_string(plain.join("metrics.jsonl")).unwrap());
    let reward = |lines: &[serde_json::Value], i: usize| lines[i]["charts/reward_mean"].clone();
    assert_ne!(reward(&metrics, 0), reward(&plain, 0));
    let manifest = fs::read_to_string(whole.join("policy/manifest.json")).unwrap();
    let manifest: serde_json::Value = serde_json::from_str(&manifest).unwrap();
    assert_ne!(manifest["env"]["scenario"]["workload"]["mean_it_mw"], 6.0, "the policy is for the run's own site");
}

#[test]
fn a_lesson_with_an_unknown_key_or_another_observation_is_refused_before_the_run() {
    let refused = |lesson: &str, expected: &str| {
        let folder = folder_with(&format!("{TINY_SITE}\n[[curriculum]]\nuntil = 0.5\n{lesson}"));
        let (file, out) = (folder.path().join("config.toml"), folder.path().join("run"));
        let ran = flexai(&["train", text(&file), "--out", text(&out)]);
        assert!(ran.code == Some(2) && ran.stderr.contains(expected), "{}", ran.stderr);
        assert!(!out.exists());
    };
    refused("[curriculum.scenario.workload]\nmean_mw = 6.0\n", "unknown field `mean_mw`");
    refused("[curriculum.scenario.battery]\npower_mw = -1.0\n", "lesson 1: `battery.power_mw` is -1");
}

#[test]
fn seeds_trained_together_are_the_runs_they_are_alone_and_one_table_compares_them() {
    let folder = folder_with(TINY_POLE);
    let (file, out) = (folder.path().join("config.toml"), folder.path().join("many"));
    let ran = flexai(&["train", text(&file), "--steps", "512", "--seeds", "4,3", "--out", text(&out)]).ok();
    assert_eq!(folders_of(&out), ["seed3", "seed4"]);
    assert!(ran.stdout.contains("| mean |") && ran.stdout.contains(" +- "), "{}", ran.stdout);
    let alone = train_in(&folder, &["--steps", "512", "--seed", "4"]);
    assert_eq!(fs::read(out.join("seed4/metrics.jsonl")).unwrap(), fs::read(alone.join("metrics.jsonl")).unwrap());
    assert_ne!(fs::read(out.join("seed4/metrics.jsonl")).unwrap(), fs::read(out.join("seed3/metrics.jsonl")).unwrap());
    let again = flexai(&["train", text(&file), "--seeds", "3", "--out", text(&out)]);
    assert!(again.code == Some(2) && again.stderr.contains("the folder is not empty"), "{}", again.stderr);
}

#[test]
fn a_seed_that_fails_is_named_with_its_reason_and_leaves_no_bad_checkpoint() {
    let folder = folder_with(TINY_POLE);
    let (file, out) = (folder.path().join("config.toml"), folder.path().join("many"));
    let bad = ["train", text(&file), "--seeds", "1,2", "--set", "ppo.learning_rate=1e39", "--out", text(&out)];
    let ran = flexai(&bad);
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    let expected = "seed 1, seed 2: the run failed: update 1: actor layer 1 weight, after the optimiser's step, in \
                    minibatch 1 of epoch 1 is not finite";
    assert!(ran.stderr.contains(expected), "{}", ran.stderr);
    assert_eq!(folders_of(&out.join("seed1/checkpoints")), Vec::<String>::new());
}

#[test]
fn a_judged_update_tells_the_shares_of_its_time() {
    let folder = folder_with(TINY_POLE);
    let run = train_in(&folder, &["--steps", "1024"]);
    let lines = json_lines(&fs::read_to_string(run.join("timings.jsonl")).unwrap());
    for (i, line) in lines.iter().enumerate() {
        let share = |name: &str| line[format!("time/{name}_share")].as_f64().unwrap();
        assert!((share("collect") + share("learn") + share("evaluate") - 1.0).abs() < 1e-6, "{line}");
        // Every seventh update is judged, and the last.
        assert_eq!(share("evaluate") > 0.0, i == 6 || i + 1 == lines.len(), "{line}");
    }
}

/// Interrupted in the middle of episodes: what is remembered is part of the checkpoint.
#[test]
fn a_run_with_memory_stopped_and_resumed_equals_the_whole_and_its_policy_decides() {
    let config = TINY_SITE.replace("hidden = [16]", "hidden = [16]\nmemory = \"gru\"\nmemory_size = 8");
    let (half_folder, whole_folder) = (folder_with(&config), folder_with(&config));
    let half = train_in(&half_folder, &["--stop-after", "3"]);
    flexai(&["train", "--resume", text(&half)]).ok();
    let whole = train_in(&whole_folder, &[]);
    assert_same_run(&half, &whole);
    let metrics = json_lines(&fs::read_to_string(whole.join("metrics.jsonl")).unwrap());
    assert!(metrics.iter().all(|line| line["grad_norm/actor_memory"].is_f64()));
    let manifest = fs::read_to_string(whole.join("policy/manifest.json")).unwrap();
    assert!(manifest.contains("\"format_version\": 3,"), "{manifest}");
    let folder = folder_with(&config.replace("num_minibatches = 2", "num_minibatches = 8"));
    let (file, out) = (folder.path().join("config.toml"), folder.path().join("run"));
    let ran = flexai(&["train", text(&file), "--out", text(&out)]);
    let expected = "`ppo.num_minibatches` is 8, expected a divisor of the 4 environments (`ppo.num_envs`)";
    assert!(ran.code == Some(2) && ran.stderr.contains(expected), "{}", ran.stderr);
}
