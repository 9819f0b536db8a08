//! `flexai env list|describe|check`.

use super::output::{print_json, print_line};
use super::{Failure, Outcome};
use crate::cli::EnvCommand;
use crate::fault::Fault;
use crate::setting::{EMBEDDED_GRID, load_grid, load_scenario, site_setup};
use flexai_env::core::{Env, EnvContext, check_env, env_specs, find_spec, make};
use flexai_env::site::{EnvPage, FlexFleet, default_scenario, is_site_env};
use serde_json::json;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

pub(super) fn env(command: &EnvCommand) -> Outcome {
    match command {
        EnvCommand::List { json } => list(*json),
        EnvCommand::Describe { id, scenario, grid, json } => {
            describe_env(id, scenario.as_deref(), grid.as_ref(), *json)
        }
        EnvCommand::Check { id, scenario, grid } => check(id, scenario.as_deref(), grid.as_ref()),
    }
}

fn list(json: bool) -> Outcome {
    if json {
        let all: Vec<_> = env_specs()
            .iter()
            .map(|s| {
                json!({"id": s.id, "summary": s.summary, "max_episode_steps": s.max_episode_steps,
                       "reward_threshold": s.reward_threshold})
            })
            .collect();
        print_json(&all)?;
    } else {
        let width = env_specs().iter().map(|s| s.id.len()).max().unwrap_or(0);
        for spec in env_specs() {
            print_line(&format!("{:width$}  {}", spec.id, spec.summary))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// What the environment is made of; a site without a scenario is the one that its id makes by itself.
fn context(id: &str, scenario: Option<&Path>, grid: Option<&PathBuf>) -> Result<EnvContext, Failure> {
    find_spec(id).map_err(Failure::input)?;
    if !is_site_env(id) {
        return match scenario.map(|_| "--scenario").or(grid.map(|_| "--grid")) {
            None => Ok(EnvContext::default()),
            Some(option) => {
                let message = format!("is for sites, but {id} is none, expected no such option");
                Err(Fault::new(option, message).hint("leave it out").into())
            }
        };
    }
    let config = scenario.map_or_else(|| Ok(default_scenario(id)), |path| load_scenario(path, &[]))?;
    let grid = grid.map_or(EMBEDDED_GRID.to_string(), |path| path.display().to_string());
    Ok(EnvContext { site: Some(site_setup(config, load_grid(&grid)?)?) })
}

fn describe_env(id: &str, scenario: Option<&Path>, grid: Option<&PathBuf>, json: bool) -> Outcome {
    let context = context(id, scenario, grid)?;
    let spec = find_spec(id).map_err(Failure::input)?;
    let env = make(id, &context).map_err(Failure::input)?;
    let page = context.site.as_ref().map(|setup| EnvPage::new(&FlexFleet::new(Arc::clone(setup))));
    if json {
        print_json(&json!({
            "id": spec.id, "summary": spec.summary, "max_episode_steps": spec.max_episode_steps,
            "reward_threshold": spec.reward_threshold, "observation_space": env.observation_space(),
            "action_space": env.action_space(), "observation_schema": env.observation_schema(),
            "action_names": env.action_names(), "info_keys": env.info_keys(),
            "scenario": context.site.as_ref().map(|s| &s.config), "page": page,
        }))?;
        return Ok(ExitCode::SUCCESS);
    }
    if let Some(page) = page {
        print_line(page.markdown().trim_end())?;
        return Ok(ExitCode::SUCCESS);
    }
    print_line(&format!("# {}\n\n{}\n", spec.id, spec.summary))?;
    print_line("## Observation\n\n| index | name | unit | scaling |\n|---|---|---|---|")?;
    for (i, field) in env.observation_schema().fields.iter().enumerate() {
        print_line(&format!("| {i} | {} | {} | {} |", field.name, field.unit, field.scaling))?;
    }
    let space = serde_json::to_string(env.action_space()).expect("spaces have string keys only");
    print_line(&format!("\n## Action\n\n`{space}`\n\n## Episode end\n"))?;
    match spec.max_episode_steps {
        Some(limit) => print_line(&format!("- *Truncation*: after {limit} steps."))?,
        None => print_line("- no time limit")?,
    }
    Ok(ExitCode::SUCCESS)
}

fn check(id: &str, scenario: Option<&Path>, grid: Option<&PathBuf>) -> Outcome {
    let mut env = make(id, &context(id, scenario, grid)?).map_err(Failure::input)?;
    let problems = check_env(env.as_mut());
    if problems.is_empty() {
        print_line(&format!("{id}: the contract holds"))?;
        return Ok(ExitCode::SUCCESS);
    }
    for problem in &problems {
        print_line(&format!("{id}: {problem}"))?;
    }
    Ok(ExitCode::from(1))
}
