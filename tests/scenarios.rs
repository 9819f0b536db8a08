//! The scenarios that ship: their pages under `docs/scenarios`, the contract test, and the files that a scenario names.
//!
//! Pages are golden files: `UPDATE_GOLDEN=1 cargo test` writes them anew.

use crate::support::{TINY_SITE, command, flexai, run, temporary, text, train_in, workspace};
use flexai_env::site::SiteConfig;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};

const SITE: &str = "FlexSite-v1";
const FLEET: &str = "FlexFleet-v1";

/// Name and id of every scenario that ships, by name.
fn scenarios() -> Vec<(String, &'static str)> {
    let folder = workspace().join("configs/scenarios");
    let files = fs::read_dir(folder).unwrap().flatten().map(|entry| entry.path());
    let mut found: Vec<(String, &str)> = files
        .map(|path| {
            let config: SiteConfig = toml::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
            (config.name.clone(), config.env_id())
        })
        .collect();
    found.sort();
    assert!(found.len() >= 13, "{found:?}");
    found
}

fn file_of(name: &str) -> String {
    format!("configs/scenarios/{name}.toml")
}

fn describe(name: &str, id: &str, more: &[&str]) -> String {
    flexai(&[&["env", "describe", id, "--scenario", &file_of(name)], more].concat()).ok().stdout
}

/// Compares a page with its file, or writes it.
fn assert_page(path: &Path, page: &str) {
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, page).unwrap();
        return;
    }
    let stored = fs::read_to_string(path).unwrap_or_default();
    if stored == page {
        return;
    }
    let line = stored.lines().zip(page.lines()).take_while(|(a, b)| a == b).count();
    let (a, b) = (stored.lines().nth(line).unwrap_or_default(), page.lines().nth(line).unwrap_or_default());
    panic!("{}:{}: the file has\n{a}\nthe program\n{b}\n\nhint: UPDATE_GOLDEN=1 rewrites it", path.display(), line + 1);
}

/// A row of the index.
fn index_row(name: &str, page: &Value) -> String {
    let labels = page["labels"].as_array().unwrap().iter();
    let kind = |label: &Value| label.as_str().unwrap().split(':').next().unwrap().to_string();
    let mut kinds: Vec<String> = labels.map(kind).collect();
    kinds.dedup();
    let (id, summary) = (page["id"].as_str().unwrap(), page["summary"].as_str().unwrap());
    format!("| [{name}]({name}.md) | {id} | {summary} | {} |\n", kinds.join(", "))
}

#[test]
fn the_page_of_every_scenario_is_the_one_that_the_program_writes() {
    let docs = workspace().join("docs/scenarios");
    let mut index = String::from(
        "# Scenarios\n\nEach page is written by `flexai env describe ID --scenario FILE` on the embedded synthetic grid; the \
         files are in [configs/scenarios](../../configs/scenarios). Labels name what is not measured there.\n\n\
         | scenario | environment | what it is for | labels |\n|---|---|---|---|\n",
    );
    let mut pages: Vec<String> = vec!["README.md".into()];
    for (name, id) in scenarios() {
        let page = describe(&name, id, &[]);
        let facts: Value = serde_json::from_str(&describe(&name, id, &["--json"])).unwrap();
        assert!(page.starts_with(&format!("# {id}, scenario `{name}`\n")), "{page}");
        assert_page(&docs.join(format!("{name}.md")), &page);
        index.push_str(&index_row(&name, &facts["page"]));
        pages.push(format!("{name}.md"));
    }
    assert_page(&docs.join("README.md"), &index);
    let mut found: Vec<String> =
        fs::read_dir(docs).unwrap().flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    found.sort();
    pages.sort();
    assert_eq!(found, pages, "a page per scenario and no other");
}

#[test]
fn every_scenario_keeps_the_contract_under_its_own_id_and_is_refused_under_the_other() {
    for (name, id) in scenarios() {
        let file = file_of(&name);
        let check = |id: &str| flexai(&["env", "check", id, "--scenario", &file]);
        assert_eq!(check(id).ok().stdout, format!("{id}: the contract holds\n"), "{name}");
        let other = if id == SITE { FLEET } else { SITE };
        let refused = check(other);
        assert_eq!(refused.code, Some(2), "{name}");
        let words = format!(
            "scenario `{name}` is one of {id}, expected one of {other}\n\n\
             hint: a scenario with [[sites]] is a fleet, one without is a site"
        );
        assert!(refused.stderr.contains(&words), "{name}: {}", refused.stderr);
    }
}

#[test]
fn site_and_fleet_are_listed_with_what_they_are() {
    let listed = flexai(&["env", "list"]).ok().stdout;
    for id in [SITE, FLEET] {
        let line = listed.lines().find(|line| line.starts_with(id)).expect("a line per environment");
        assert!(line.len() > id.len() + 20, "{line}");
    }
}

#[test]
fn the_facts_of_a_page_are_there_for_programs() {
    let facts: Value = serde_json::from_str(&describe("fleet", FLEET, &["--json"])).unwrap();
    let page = &facts["page"];
    assert_eq!(page["sites"].as_array().map(Vec::len), Some(10));
    assert_eq!(page["sites"][9]["region"], "north_scotland");
    assert_eq!(
        page["observation"].as_array().map(Vec::len),
        facts["observation_space"]["low"].as_array().map(Vec::len)
    );
    assert_eq!(page["action"].as_array().map(Vec::len), facts["action_names"].as_array().map(Vec::len));
    assert_eq!(page["info"].as_array().map(Vec::len), facts["info_keys"].as_array().map(Vec::len));
    assert_eq!(
        (&page["carbon"]["label"], &page["episode"]["terminated"]),
        (&"simulated".into(), &Value::Array(vec![]))
    );
    assert_eq!(page["settings"]["classes"][0]["name"], "strict_training");
}

#[test]
fn options_of_sites_are_refused_where_there_is_none() {
    let refused = flexai(&["env", "check", "CartPole-v1", "--scenario", "configs/scenarios/standard.toml"]);
    assert_eq!(refused.code, Some(2));
    assert!(refused.stderr.contains("--scenario: is for sites, but CartPole-v1 is none"), "{}", refused.stderr);
    assert!(refused.stderr.contains("hint: leave it out"), "{}", refused.stderr);
}

const SESSIONS: &str = "event_id,type,first_halfhour_start_utc,last_halfhour_start_utc\n\
                        1,test,2022-11-15T17:00:00Z,2022-11-15T17:30:00Z\n\
                        2,live,2023-01-23T17:00:00Z,2023-01-23T18:00:00Z\n";

/// `scenarios/own.toml` that names `sessions.csv` of the folder above it.
fn own_scenario(folder: &Path) -> PathBuf {
    let scenarios = folder.join("scenarios");
    fs::create_dir(&scenarios).unwrap();
    fs::write(folder.join("sessions.csv"), SESSIONS).unwrap();
    let file = scenarios.join("own.toml");
    fs::write(&file, "name = \"own\"\n[events.list]\npath = \"../sessions.csv\"\n").unwrap();
    file
}

#[test]
fn paths_in_a_scenario_count_from_its_own_folder() {
    let folder = temporary();
    let file = own_scenario(folder.path());
    // The program runs in the folder of the workspace, where there is no such list.
    let described = flexai(&["env", "describe", SITE, "--scenario", text(&file), "--json"]).ok().json();
    assert_eq!(described["page"]["settings"]["event_counts"]["listed"], 2);
    fs::remove_file(folder.path().join("sessions.csv")).unwrap();
    let refused = flexai(&["env", "describe", SITE, "--scenario", text(&file)]);
    assert_eq!(refused.code, Some(2), "{}", refused.stderr);
    assert!(refused.stderr.contains("sessions.csv: the list of events cannot be read"), "{}", refused.stderr);
    assert!(refused.stderr.contains("hint: "), "{}", refused.stderr);
}

#[test]
fn a_run_finds_the_files_of_its_scenario_from_any_folder_and_an_export_keeps_their_names_alone() {
    let folder = temporary();
    own_scenario(folder.path());
    let config = TINY_SITE.replace("id = \"FlexSite-v1\"", "id = \"FlexSite-v1\"\nscenario = \"scenarios/own.toml\"");
    fs::write(folder.path().join("config.toml"), config.replace("total_steps = 512", "total_steps = 128")).unwrap();
    let trained = train_in(&folder, &[]);
    let elsewhere = temporary();
    let mut evaluate = command(&["evaluate", text(&trained), "--weeks", "1", "--rivals", "none", "--json"]);
    evaluate.current_dir(elsewhere.path());
    assert_eq!(run(evaluate).ok().json()["scenario"], "own");
    let out = folder.path().join("policy");
    flexai(&["export", text(&trained), "--out", text(&out)]).ok();
    let manifest: Value = serde_json::from_str(&fs::read_to_string(out.join("manifest.json")).unwrap()).unwrap();
    assert_eq!(manifest["env"]["scenario"]["events"]["list"]["path"], "sessions.csv");
}

#[test]
fn the_readme_leads_to_the_page_of_every_scenario() {
    let readme = fs::read_to_string(workspace().join("README.md")).unwrap();
    for (name, _) in scenarios() {
        assert!(readme.contains(&format!("[{name}](docs/scenarios/{name}.md)")), "{name}");
    }
}
