//! `flexai tune`: the options of a rival, chosen on weeks of the train split.
//!
//! Always: the best options are printed as a name that every command takes.

use super::evaluate::at_least_one;
use super::output::{print_json, print_line};
use super::rivals::{check_fit, choose};
use super::{Failure, Outcome};
use crate::cli::TuneArgs;
use crate::evaluation::{EvaluationPlan, Search, play_policies, tune as search, tuning_plan};
use crate::fault::Fault;
use crate::setting::{EMBEDDED_GRID, load_grid, load_scenario, site_setup};
use flexai_agents::rivals::{ChosenRival, find_rival};
use serde_json::json;
use std::process::ExitCode;

pub(super) fn tune(args: &TuneArgs) -> Outcome {
    let start = choose(&args.rival, &args.rival)?;
    at_least_one("--weeks", args.weeks)?;
    check_options(args, &start)?;
    let scenario = args.scenario.as_ref().map(|path| load_scenario(path, &[])).transpose()?.unwrap_or_default();
    let grid = args.grid.as_ref().map_or(EMBEDDED_GRID.to_string(), |path| path.display().to_string());
    let setup = site_setup(scenario, load_grid(&grid)?)?;
    check_fit(&start, &setup.config)?;
    let plan = tuning_plan(setup, args.weeks, args.seed)?;
    let how = Search { seed: args.seed, draws: args.draws, rounds: args.rounds, only: args.only.clone() };
    let tuned = search(&plan, &start, &how, &mut |step| {
        eprintln!("{:>14}: {}  J {:.0} GBP/week", step.option, step.value, step.cost_gbp_per_week);
    });
    let fifo = fifo_cost(&plan);
    let saved = |cost: f64| 100.0 * (1.0 - cost / fifo);
    let (best, setup) = (tuned.best.spelled_out(), &plan.setup);
    if args.json {
        let weeks: Vec<String> = plan.weeks.iter().map(|week| week.period.to_string()).collect();
        print_json(&json!({
            "rival": start.rival().name, "best": best, "options": tuned.best.options(),
            "cost_gbp_per_week": tuned.cost_gbp_per_week, "cost_saving_pct": saved(tuned.cost_gbp_per_week),
            "start": start.spelled_out(), "start_gbp_per_week": tuned.start_gbp_per_week,
            "fifo_gbp_per_week": fifo, "scenario": setup.config.name, "grid": setup.trace.source().name,
            "seed": args.seed, "weeks": weeks, "played": tuned.played, "steps": tuned.steps,
        }))?;
        return Ok(ExitCode::SUCCESS);
    }
    print_line(&format!(
        "scenario {}, {} training weeks of {}, {} sets of options played\nJ {:.0} GBP/week, {:.2} % saved against FIFO; \
         it began with {:.0} GBP/week, {:.2} %\n{best}",
        setup.config.name,
        plan.weeks.len(),
        setup.trace.source().name,
        tuned.played,
        tuned.cost_gbp_per_week,
        saved(tuned.cost_gbp_per_week),
        tuned.start_gbp_per_week,
        saved(tuned.start_gbp_per_week),
    ))?;
    Ok(ExitCode::SUCCESS)
}

/// That there is something to tune.
fn check_options(args: &TuneArgs, start: &ChosenRival) -> Result<(), Failure> {
    let rival = start.rival();
    let tuned: Vec<&str> = rival.options.iter().filter(|o| !o.tries.is_empty()).map(|o| o.key).collect();
    if tuned.is_empty() {
        let message = format!("{} has no option that is tuned, expected a rival that has", rival.name);
        return Err(Fault::new(&args.rival, message).hint("`flexai rivals --json` says what is tuned over").into());
    }
    match args.only.iter().find(|key| !tuned.contains(&key.as_str())) {
        None => Ok(()),
        Some(key) => {
            let message = format!("`{key}` is not tuned, expected some of {}", tuned.join(", "));
            Err(Fault::new("--only", message).hint("`flexai rivals` says what the options mean").into())
        }
    }
}

/// FIFO's mean J per week on the same weeks, pounds.
fn fifo_cost(plan: &EvaluationPlan) -> f64 {
    let fifo = find_rival("fifo").expect("FIFO is always registered");
    let weeks = play_policies(plan, &[fifo], &|| ()).remove(0);
    weeks.iter().map(|week| week.ledger.total.cost_gbp()).sum::<f64>() / weeks.len() as f64
}
