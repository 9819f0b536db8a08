//! The other commands: what they print, what they write, and that one policy decides alike everywhere.

use crate::support::{
    Ran, TINY_SITE, assert_keys, command, flexai, folder_with, json_lines, pole_run, site_run, temporary, text,
    train_in,
};
use flexai_agents::artifact::{ActMode, ActScratch, LoadedPolicy, MemoryState, draw_inputs};
use flexai_agents::policy::{NetworkPolicy, Policy, Situation};
use flexai_agents::rivals::RIVALS;
use flexai_env::core::{Space, env_specs};
use flexai_env::site::GRID_FEATURES;
use serde_json::{Value, json};
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;

/// Names of the policies of an evaluation.
pub(crate) fn names(evaluation: &Value) -> Vec<&str> {
    evaluation["policies"].as_array().unwrap().iter().map(|policy| policy["name"].as_str().unwrap()).collect()
}

fn of<'a>(evaluation: &'a Value, name: &str) -> &'a Value {
    evaluation["policies"].as_array().unwrap().iter().find(|policy| policy["name"] == name).unwrap()
}

/// Runs `decide` on a text.
fn decide(artifact: &Path, input: &str) -> Ran {
    let mut program = command(&["decide", text(artifact)]);
    program.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = program.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_owned();
    let writer = std::thread::spawn(move || stdin.write_all(input.as_bytes()));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    Ran {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

#[test]
fn evaluate_prints_the_keys_of_the_contract_for_the_policy_and_every_rival() {
    let ran = flexai(&["evaluate", text(site_run()), "--weeks", "2", "--seeds", "2", "--json"]).ok();
    let evaluation = ran.json();
    let keys = "scenario grid labels from to weeks seeds policies split oracle job_seeds scenario_digest grid_digest";
    assert_keys(&evaluation, &keys.split_whitespace().collect::<Vec<_>>());
    assert_keys(&evaluation["oracle"], &["kind", "solver", "total_gbp", "per_week"]);
    assert_eq!((&evaluation["weeks"], &evaluation["seeds"]), (&json!(2), &json!(2)));
    assert_eq!(evaluation["from"], "2024-01-01T00:00:00Z");
    let expected: Vec<&str> = ["run"].into_iter().chain(RIVALS.iter().map(|rival| rival.name)).collect();
    assert_eq!(names(&evaluation), expected);
    let keys = "name kind gap_captured cost_gbp bill_gbp cost_per_mwh_it_gbp energy_cost_gbp carbon_t cost_saving_pct \
                carbon_saving_pct gbp_per_million_inferences kgco2_per_million_inferences deadlines_met_pct \
                import_breaches import_breach_mwh flex_revenue_gbp battery_cycles peak_import_mw decision_ms per_week \
                shifted_mwh bill_saving_pct energy_saving_pct carbon_marginal_t classes cost_parts versus identity";
    for policy in evaluation["policies"].as_array().unwrap() {
        assert_keys(policy, &keys.split_whitespace().collect::<Vec<_>>());
        assert_keys(&policy["decision_ms"], &["p50", "p99", "cpu_mean"]);
        assert_keys(&policy["gap_captured"], &["pooled", "pooled_lo", "pooled_hi", "iqm", "lo", "hi"]);
        assert!(policy["gap_captured"]["pooled"].as_f64().unwrap() <= 1.0);
        let rows = policy["per_week"].as_array().unwrap();
        assert_eq!(rows.len(), 4);
        // Sums over weeks are means over job seeds.
        let total: f64 = rows.iter().map(|row| row["cost_gbp"].as_f64().unwrap()).sum::<f64>() / 2.0;
        let stated = policy["cost_gbp"].as_f64().unwrap();
        assert!((total - stated).abs() < 1e-6 * stated.abs(), "{total} {stated}");
    }
    assert_eq!(of(&evaluation, "fifo")["cost_saving_pct"], 0.0);
    assert_eq!(of(&evaluation, "run")["kind"], "network");
}

#[test]
fn all_policies_meet_the_same_jobs_and_nobody_pays_for_what_was_not_run() {
    let evaluation = flexai(&["evaluate", "fifo", "--weeks", "2", "--json"]).ok().json();
    let fifo: Vec<f64> = column(of(&evaluation, "fifo"), "cost_gbp");
    for policy in evaluation["policies"].as_array().unwrap() {
        assert_eq!(column(policy, "fifo_cost_gbp"), fifo, "{}", policy["name"]);
    }
}

fn column(policy: &Value, key: &str) -> Vec<f64> {
    policy["per_week"].as_array().unwrap().iter().map(|row| row[key].as_f64().unwrap()).collect()
}

#[test]
fn rivals_are_all_none_or_those_named_and_fifo_always_plays() {
    let play = |rivals: &str| flexai(&["evaluate", "ctss", "--rivals", rivals, "--weeks", "1", "--json"]).ok().json();
    assert_eq!(names(&play("none")), ["ctss", "fifo"]);
    assert_eq!(names(&play("random, ctss")), ["ctss", "random", "fifo"]);
    assert_eq!(names(&play("all")).len(), RIVALS.len());
}

#[test]
fn a_policy_whose_folder_is_called_like_a_rival_does_not_become_the_yardstick() {
    let folder = temporary();
    let path = folder.path().join("fifo");
    flexai(&["export", text(site_run()), "--out", text(&path)]).ok();
    let ran = flexai(&["evaluate", text(&path), text(site_run()), "--rivals", "none", "--weeks", "1", "--json"]).ok();
    let evaluation = ran.json();
    assert_eq!(names(&evaluation), [text(&path), "run", "fifo"]);
    assert_eq!(of(&evaluation, text(&path))["cost_gbp"], of(&evaluation, "run")["cost_gbp"]);
    assert_ne!(of(&evaluation, text(&path))["cost_gbp"], of(&evaluation, "fifo")["cost_gbp"]);
}

/// Nothing but inference, and for five hours of the first week the grid allows a tenth of the connection.
const CAPPED: &str = "name = \"capped\"
region = \"south_wales\"

[workload]
classes = []

[workload.interactive]
energy_share = 1.0

[[events.scripted]]
start = \"2024-01-02T10:00:00Z\"
periods = 10
notice_periods = 2
import_cap_share = 0.1
";

#[test]
fn evaluate_says_what_is_simulated_who_breached_the_import_limit_and_that_no_job_had_a_deadline() {
    let folder = folder_with("");
    let scenario = folder.path().join("capped.toml");
    fs::write(&scenario, CAPPED).unwrap();
    let play = |more: &[&str]| {
        flexai(&[&["evaluate", "fifo", "--rivals", "none", "--weeks", "1", "--scenario"], more].concat()).ok()
    };
    let evaluation = play(&[text(&scenario), "--json"]).json();
    let labels: Vec<&str> = evaluation["labels"].as_array().unwrap().iter().map(|l| l.as_str().unwrap()).collect();
    assert_eq!(
        labels,
        [
            "counterfactual: events written in the scenario; nobody called them",
            "simulated: carbon intensity by region, by a model from the national value"
        ]
    );
    let fifo = of(&evaluation, "fifo");
    assert_eq!((&fifo["deadlines_met_pct"], &fifo["import_breaches"]), (&Value::Null, &json!(10.0)));
    let beyond = fifo["import_breach_mwh"].as_f64().unwrap();
    assert!(beyond > 10.0 && beyond < 60.0, "{beyond} MWh beyond 1.6 MW in five hours");
    let shown = play(&[text(&scenario)]).stdout;
    for label in labels {
        assert!(shown.lines().any(|line| line == label), "{shown}");
    }
    let line = format!("fifo drew {beyond:.2} MWh beyond the import limit or the cap of an event, in 10.0 half-hours");
    assert!(shown.lines().any(|found| found.starts_with(&line)), "{shown}");
    let row = shown.lines().find(|line| line.starts_with("| fifo ")).unwrap();
    assert_eq!(row.split('|').nth(6).map(str::trim), Some("-"), "{row}");
    let plain = play(&["configs/scenarios/standard.toml", "--json"]).json();
    assert_eq!((&plain["labels"], &of(&plain, "fifo")["import_breaches"]), (&json!([]), &json!(0.0)));
    assert_eq!(of(&plain, "fifo")["deadlines_met_pct"], 100.0);
}

#[test]
fn splits_and_dates_choose_the_weeks() {
    let play = |more: &[&str]| {
        flexai(&[&["evaluate", "fifo", "--rivals", "none", "--no-oracle", "--json"], more].concat()).ok().json()
    };
    let test = play(&["--split", "test"]);
    assert_eq!((&test["from"], &test["to"]), (&json!("2024-04-01T00:00:00Z"), &json!("2024-07-01T00:00:00Z")));
    assert_eq!(test["weeks"], 13);
    let mondays: Vec<&Value> =
        of(&test, "fifo")["per_week"].as_array().unwrap().iter().map(|row| &row["week"]).collect();
    assert_eq!((mondays[0], mondays[12]), (&json!("2024-04-01T00:00:00Z"), &json!("2024-06-24T00:00:00Z")));
    // Wednesday to Wednesday: two whole weeks from Monday on lie inside.
    let dates = play(&["--from", "2022-06-01", "--to", "2022-06-22"]);
    assert_eq!(dates["weeks"], 2);
    assert_eq!(of(&dates, "fifo")["per_week"][0]["week"], "2022-06-06T00:00:00Z");
}

#[test]
fn a_week_with_holes_is_skipped_and_reported() {
    let folder = temporary();
    let whole = folder.path().join("whole.csv");
    let days = ["--from", "2022-01-01", "--days", "60", "--seed", "4"];
    flexai(&[&["data", "synthesise", "--out", text(&whole)], days.as_slice()].concat()).ok();
    let table = fs::read_to_string(&whole).unwrap();
    let header: Vec<&str> = table.lines().next().unwrap().split(',').collect();
    let price = header.iter().position(|name| *name == "price_gbp_mwh").unwrap();
    let emptied: Vec<String> = table
        .lines()
        .map(|line| {
            let mut cells: Vec<&str> = line.split(',').collect();
            if line.starts_with("2022-01-26T1") {
                cells[price] = "";
            }
            cells.join(",")
        })
        .collect();
    let holed = folder.path().join("holed.csv");
    fs::write(&holed, emptied.join("\n") + "\n").unwrap();
    let arguments = ["evaluate", "fifo", "--rivals", "none", "--no-oracle", "--grid", text(&holed)];
    let range = ["--from", "2022-01-17", "--to", "2022-02-14"];
    let evaluation = flexai(&[arguments.as_slice(), &range, &["--json"]].concat()).ok().json();
    assert_eq!(evaluation["weeks"], 3);
    let skipped = evaluation["skipped_weeks"].as_array().unwrap();
    assert_eq!(skipped.len(), 1, "{skipped:?}");
    let line = skipped[0].as_str().unwrap();
    assert!(
        line.contains("2022-01-24")
            && line.contains("`the paid price` is missing from 2022-01-26T10:00:00Z on, in 20 period(s)"),
        "{line}"
    );
    let table = flexai(&[arguments.as_slice(), &range].concat()).ok().stdout;
    assert!(table.contains(&format!("skipped week {line}")), "{table}");
}

#[test]
fn what_training_judged_is_what_evaluate_finds() {
    let best: Value = serde_json::from_str(&fs::read_to_string(site_run().join("best.json")).unwrap()).unwrap();
    let weeks = ["--weeks", "2", "--rivals", "none", "--json"];
    let evaluation = flexai(&[&["evaluate", text(site_run())], weeks.as_slice()].concat()).ok().json();
    let (judged, found) =
        (best["score"].as_f64().unwrap(), of(&evaluation, "run")["cost_saving_pct"].as_f64().unwrap());
    assert!((judged - found).abs() < 1e-9 * judged.abs().max(1.0), "{judged} {found}");
}

#[test]
fn evaluate_of_a_task_without_weeks_reports_returns() {
    let evaluation = flexai(&["evaluate", text(pole_run()), "--seeds", "5", "--json"]).ok().json();
    assert_eq!(evaluation["env"], "CartPole-v1");
    let policy = &evaluation["policies"][0];
    assert_eq!((&policy["episodes"], &policy["kind"]), (&json!(5), &json!("network")));
    assert!(policy["return_mean"].as_f64().unwrap() > 8.0, "{policy}");
    let sampled = flexai(&["evaluate", text(pole_run()), "--seeds", "5", "--sampled", "--json"]).ok().json();
    assert_ne!(sampled["policies"][0]["return_mean"], policy["return_mean"], "drawing differs from the mode");
}

#[test]
fn an_exported_artifact_evaluates_like_its_run_and_is_not_overwritten_unasked() {
    let folder = temporary();
    let out = folder.path().join("artifact");
    let export = ["export", text(site_run()), "--out", text(&out)];
    assert_eq!(flexai(&export).ok().stdout, format!("{}\n", out.display()));
    let before = crate::support::files_of(&out);
    assert_eq!(before.keys().collect::<Vec<_>>(), ["manifest.json", "policy.onnx", "policy.safetensors"]);
    let refused = flexai(&export);
    assert_eq!(refused.code, Some(2), "{}", refused.stderr);
    assert!(refused.stderr.contains("it holds an artifact, expected an empty or absent folder"), "{}", refused.stderr);
    assert!(
        refused.stderr.contains("hint: choose another --out, or replace it with --overwrite"),
        "{}",
        refused.stderr
    );
    flexai(&[export.as_slice(), &["--overwrite"]].concat()).ok();
    assert!(before == crate::support::files_of(&out), "the same checkpoint gives the same bytes");
    let play = |policy: &Path| {
        let arguments = ["evaluate", text(policy), "--weeks", "1", "--rivals", "none", "--no-oracle", "--json"];
        flexai(&arguments).ok().json()["policies"][0]["per_week"].clone()
    };
    assert_eq!(play(&out), play(site_run()));
    let best: Value = serde_json::from_str(&fs::read_to_string(site_run().join("best.json")).unwrap()).unwrap();
    let checkpoint = site_run().join("checkpoints").join(best["checkpoint"].as_str().unwrap());
    assert_eq!(play(&out), play(&checkpoint));
}

/// Drawn observations, the corners of the space, and numbers far beyond it.
fn observations(policy: &LoadedPolicy) -> Vec<Vec<f32>> {
    let space = &policy.manifest().observation_space;
    let len = policy.network().observation_len();
    let drawn = draw_inputs(policy.network(), space, 300, 11).into_iter().map(|input| input.observation);
    let mut all: Vec<Vec<f32>> = drawn.collect();
    if let Space::Box { low, high } = space {
        all.push(low.iter().map(|x| x.max(-1e6)).collect());
        all.push(high.iter().map(|x| x.min(1e6)).collect());
    }
    for extreme in [0.0, -0.0, 1.0, -1e3, 1e3, 1e30, -1e30, 1e-40] {
        all.push(vec![extreme; len]);
    }
    all
}

#[test]
fn evaluator_artifact_and_decision_loop_give_the_same_action_for_the_same_observation() {
    for run in [site_run(), pole_run()] {
        let artifact = run.join("policy");
        let policy = LoadedPolicy::load(&artifact).unwrap();
        let mut evaluator = NetworkPolicy::deterministic("p", Arc::new(policy.network().clone()));
        let mut scratch = ActScratch::default();
        let observations = observations(&policy);
        let lines: Vec<String> = observations.iter().map(|o| json!({"vector": o}).to_string()).collect();
        let answers = decide(&artifact, &lines.join("\n")).ok().json_lines();
        assert_eq!(answers.len(), observations.len());
        let names = &policy.manifest().action_head.names;
        let (mut actions, mut guarded) = (Vec::new(), 0);
        for (observation, answer) in observations.iter().zip(&answers) {
            let acted = policy.network().act(
                observation,
                &[],
                &mut MemoryState::default(),
                &mut scratch,
                ActMode::Deterministic,
            );
            let mut evaluated = vec![0.0; policy.network().action_len()];
            evaluator.decide(&Situation { observation, mask: &[], site: None }, &mut evaluated);
            assert_eq!(bits(&evaluated), bits(&acted.action));
            let decided: Vec<f32> = names.iter().map(|name| answer["action"][name].as_f64().unwrap() as f32).collect();
            assert_eq!(decided, acted.action, "{answer}");
            assert_eq!(answer["value"].as_f64().unwrap() as f32, acted.value.unwrap());
            guarded += usize::from(answer["guarded"] == true);
            actions.push(acted.action);
        }
        actions.sort_by(|a, b| a.partial_cmp(b).unwrap());
        actions.dedup();
        assert!(actions.len() > 1, "the actions depend on the observation");
        assert!(guarded < observations.len());
    }
}

fn bits(numbers: &[f32]) -> Vec<u32> {
    numbers.iter().map(|x| x.to_bits()).collect()
}

#[test]
fn decide_takes_observations_by_name_and_answers_a_bad_line_with_an_error_line() {
    let artifact = site_run().join("policy");
    let policy = LoadedPolicy::load(&artifact).unwrap();
    let fields = &policy.manifest().observation_schema.fields;
    let named: serde_json::Map<String, Value> =
        fields.iter().enumerate().map(|(i, field)| (field.name.clone(), json!(0.01 * i as f64))).collect();
    let vector: Vec<f64> = (0..fields.len()).map(|i| 0.01 * i as f64).collect();
    // In any order of names.
    let reversed: serde_json::Map<String, Value> = named.iter().rev().map(|(k, v)| (k.clone(), v.clone())).collect();
    let mut lacking = named.clone();
    lacking.shift_remove(&fields[0].name);
    let input = [
        json!({"observation": named}).to_string(),
        json!({"observation": reversed}).to_string(),
        json!({"vector": vector}).to_string(),
        json!({"observation": lacking}).to_string(),
        "not JSON".to_string(),
        json!({"vector": [1.0]}).to_string(),
        json!({"observation": named}).to_string(),
    ];
    let ran = decide(&artifact, &input.join("\n"));
    assert_eq!(ran.code, Some(2), "a line was refused: {}", ran.stderr);
    let answers = json_lines(&ran.stdout);
    assert_eq!(answers.len(), 7);
    assert_keys(&answers[0], &["action", "value", "log_prob", "guarded", "reason"]);
    let action = answers[0]["action"].as_object().unwrap();
    assert_eq!(action.keys().collect::<Vec<_>>(), policy.manifest().action_head.names.iter().collect::<Vec<_>>());
    for same in [1, 2, 6] {
        assert_eq!(answers[same], answers[0]);
    }
    for (index, words) in [(3, fields[0].name.as_str()), (4, "not JSON"), (5, "1 number")] {
        let (error, hint) = (answers[index]["error"].as_str().unwrap(), answers[index]["hint"].as_str().unwrap());
        assert!(error.starts_with(&format!("line {}: ", index + 1)) && error.contains(words), "{error}");
        assert!(!hint.is_empty());
    }
}

#[test]
fn every_registered_environment_is_listed_described_and_keeps_the_contract() {
    let listed = flexai(&["env", "list", "--json"]).ok().json();
    let ids: Vec<&str> = listed.as_array().unwrap().iter().map(|spec| spec["id"].as_str().unwrap()).collect();
    assert_eq!(ids, env_specs().iter().map(|spec| spec.id).collect::<Vec<_>>());
    let table = flexai(&["env", "list"]).ok().stdout;
    assert_eq!(table.lines().count(), ids.len());
    for id in ids {
        let described = flexai(&["env", "describe", id, "--json"]).ok().json();
        assert_keys(&described, &["observation_space", "action_space", "observation_schema", "action_names"]);
        let fields = described["observation_schema"]["fields"].as_array().unwrap().len();
        let page = flexai(&["env", "describe", id]).ok().stdout;
        assert!(page.starts_with(&format!("# {id}")), "{page}");
        // Of a fleet the first site stands for the others.
        let sites = described["page"]["sites"].as_array().map_or(1, Vec::len);
        let shown = if sites > 1 { GRID_FEATURES + (fields - GRID_FEATURES) / sites } else { fields };
        assert!(page.matches("\n| ").count() >= shown, "{id}: a row per observation: {page}");
        assert_eq!(flexai(&["env", "check", id]).ok().stdout, format!("{id}: the contract holds\n"));
    }
}

#[test]
fn a_site_is_described_with_the_scenario_in_full() {
    let scenario = "configs/scenarios/standard.toml";
    let described = flexai(&["env", "describe", "FlexSite-v1", "--scenario", scenario, "--json"]).ok().json();
    assert_eq!(described["scenario"]["battery"]["capacity_mwh"], 16.0);
    assert_eq!(described["scenario"]["carbon_price_gbp_per_tonne"], 85.0);
}

#[test]
fn a_synthesised_table_is_the_same_for_a_seed_and_within_the_tolerances_of_the_fit() {
    let folder = temporary();
    let (a, b) = (folder.path().join("a.csv.gz"), folder.path().join("b.csv.gz"));
    for path in [&a, &b] {
        let days = ["--from", "2020-01-01", "--days", "1096", "--seed", "5"];
        flexai(&[&["data", "synthesise", "--out", text(path)], days.as_slice()].concat()).ok();
    }
    assert!(fs::read(&a).unwrap() == fs::read(&b).unwrap(), "one seed, one table");
    let check = flexai(&["data", "check", text(&a), "--json"]).ok().json();
    assert_eq!(check["report"]["rows"], 1096 * 48);
    let rows = check["comparison"]["rows"].as_array().unwrap();
    let judged: Vec<&Value> = rows.iter().filter(|row| row["ok"].is_boolean()).collect();
    let outside: Vec<&Value> = judged.iter().copied().filter(|row| row["ok"] == false).collect();
    assert!(judged.len() > 50 && outside.len() * 20 <= judged.len(), "{outside:?}");
    let table = flexai(&["data", "check", text(&a)]).ok().stdout;
    assert!(table.contains("clock-change days (periods): 2020-03-29 (46), 2020-10-25 (50)"), "{table}");
    assert!(table.contains(&format!("{} of {} figures within tolerance", judged.len() - outside.len(), judged.len())));
}

#[test]
fn parameters_fitted_to_a_table_generate_a_table_like_it() {
    let folder = temporary();
    let path = |name: &str| folder.path().join(name);
    let (table, fitted, again) = (path("table.csv.gz"), path("fitted.toml"), path("again.csv.gz"));
    let synthesise = |more: &[&str]| flexai(&[&["data", "synthesise", "--days", "400"], more].concat()).ok();
    synthesise(&["--from", "2021-01-01", "--seed", "6", "--out", text(&table)]);
    flexai(&["data", "fit-synthetic", text(&table), "--out", text(&fitted)]).ok();
    let parameters: toml::Table = fs::read_to_string(&fitted).unwrap().parse().unwrap();
    assert_eq!(parameters["origin"]["source"].as_str(), Some("table.csv.gz"));
    synthesise(&["--from", "2021-01-01", "--seed", "7", "--parameters", text(&fitted), "--out", text(&again)]);
    let mean = |path: &Path| {
        let check = flexai(&["data", "check", text(path), "--json"]).ok().json();
        let rows = check["comparison"]["rows"].as_array().unwrap().clone();
        let row = rows.iter().find(|row| row["name"] == "intraday price: mean").cloned();
        row.unwrap_or_else(|| panic!("{rows:?}"))["table"].as_f64().unwrap()
    };
    let (fitted_to, drawn) = (mean(&table), mean(&again));
    assert!((fitted_to - drawn).abs() < 0.3 * fitted_to, "{fitted_to} {drawn}");
}

#[test]
fn benches_print_their_keys_and_the_machine() {
    let env = flexai(&["bench", "env", "--num-envs", "4", "--steps", "50", "--json"]).ok().json();
    assert_keys(&env, &["env", "num_envs", "threads", "steps_per_second", "steps_per_cpu_second", "machine"]);
    assert!(env["steps_per_second"].as_f64().unwrap() > 100.0);
    let artifact = site_run().join("policy");
    let decide = flexai(&["bench", "decide", text(&artifact), "--decisions", "2000", "--json"]).ok().json();
    assert_keys(&decide, &["artifact", "p50_us", "p99_us", "p999_us", "machine"]);
    let at = |key: &str| decide[key].as_f64().unwrap();
    assert!(0.0 < at("p50_us") && at("p50_us") <= at("p99_us") && at("p99_us") <= at("p999_us"), "{decide}");
    let folder = folder_with(TINY_SITE);
    let config = folder.path().join("config.toml");
    let train = flexai(&["bench", "train", text(&config), "--updates", "2", "--json"]).ok().json();
    let keys = ["device", "seed", "env_steps", "updates", "sps_wall", "sps_cpu", "collect_share", "learn_share"];
    assert_keys(&train, &keys);
    assert_eq!(train["env_steps"], 128.0);
}

#[test]
fn figures_are_whole_pictures() {
    let folder = temporary();
    let (learning, day) = (folder.path().join("learning.svg"), folder.path().join("day.svg"));
    flexai(&["figure", "learning", text(site_run()), "--out", text(&learning)]).ok();
    flexai(&["figure", "day", text(site_run()), "--date", "2024-02-14", "--out", text(&day)]).ok();
    let (learning, day) = (fs::read_to_string(learning).unwrap(), fs::read_to_string(day).unwrap());
    for svg in [&learning, &day] {
        assert!(svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>"));
    }
    assert!(learning.contains("day_ahead_quantile") && learning.contains("Environment steps"));
    assert!(day.contains("FIFO") && day.contains("2024-02-14") && day.matches("<rect").count() >= 48);
    // A local day in summer begins at 23:00 UTC of the day before, the day of the change itself has 46 half-hours.
    for date in ["2024-03-31", "2023-07-03", "2023-10-29"] {
        let out = folder.path().join("d.svg");
        flexai(&["figure", "day", "fifo", "--date", date, "--out", text(&out)]).ok();
    }
}

#[test]
fn help_names_every_command() {
    let help = flexai(&["--help"]).ok().stdout;
    for name in ["train", "evaluate", "compare", "leaderboard", "export", "decide", "env", "data", "bench", "figure"] {
        assert!(help.contains(&format!("\n  {name} ")), "{name}: {help}");
        assert!(flexai(&[name, "--help"]).ok().stdout.contains("Usage: flexai"));
    }
}

#[test]
fn a_pendulum_is_trained_exported_and_decided_on_too() {
    let pendulum = TINY_SITE.replace("FlexSite-v1", "Pendulum-v1");
    let folder = folder_with(&pendulum);
    let out = train_in(&folder, &[]);
    let artifact = folder.path().join("artifact");
    flexai(&["export", text(&out), "--out", text(&artifact)]).ok();
    let answers = decide(&artifact, "{\"vector\":[1.0,0.0,0.5]}\n{\"vector\":[-1.0,0.0,-8.0]}\n").ok().json_lines();
    for answer in answers {
        let torque = answer["action"].as_object().unwrap().values().next().unwrap().as_f64().unwrap();
        assert!((-2.0..=2.0).contains(&torque), "{answer}");
    }
}
