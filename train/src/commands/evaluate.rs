//! `flexai evaluate`: policies and rivals on the same weeks with the same jobs.

use super::output::{print_json, print_line};
use super::policy_source::{Player, TrainedPolicy};
use super::report::{About, learning_runs, played_day, write_report};
use super::rivals::{rival_identity, rivals_to_play};
use super::{Failure, Outcome};
use crate::cli::EvaluateArgs;
use crate::evaluation::{
    Bound, Cache, Contestant, Evaluation, EvaluationPlan, EvaluationRecord, Means, PerfectForesight, Provenance,
    WeekRange, evaluate as play_and_report, evaluation_table, remarks, verdict,
};
use crate::fault::Fault;
use crate::setting::{EMBEDDED_GRID, SIMPLE_FORECAST, load_scenario, site_setup_with};
use flexai_agents::policy::{NetworkPolicy, Policy, PolicySource, play_episode};
use flexai_env::core::{EnvContext, SeedTree, make};
use flexai_env::grid::{Date, ForecastSource, Period, Split};
use flexai_env::site::is_site_env;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;
use std::process::ExitCode;
use std::sync::Arc;

/// Episodes per policy outside site environments.
const EPISODES: usize = 50;
/// More of them say nothing more, and their returns are all kept.
const MOST_EPISODES: usize = 1_000_000;

pub(super) fn evaluate(args: &EvaluateArgs) -> Outcome {
    let players = Player::resolve_all(&args.policies)?;
    let classic = players.iter().filter_map(Player::trained).find(|p| !is_site_env(p.env_id()));
    if let Some(policy) = classic {
        return evaluate_classic(args, &players, policy.env_id());
    }
    let plan = plan(args, &players)?;
    let day = args.day.as_deref().map(|text| played_day(text, &plan)).transpose()?;
    let mut sources: Vec<(Box<dyn PolicySource>, &str, String)> = Vec::new();
    for player in &players {
        player.check_fit(&plan.setup.config)?;
        let (source, kind) = player.source(args.sampled);
        sources.push((source, kind, player.identity(args.sampled)));
    }
    for rival in rivals_to_play(&args.rivals, &plan.setup.config)? {
        if !sources.iter().any(|(source, ..)| source.name() == rival.name()) {
            let identity = rival_identity(&rival);
            sources.push((Box::new(rival), "rival", identity));
        }
    }
    let contestants: Vec<Contestant<'_>> = sources
        .iter()
        .map(|(source, kind, identity)| Contestant { source: source.as_ref(), kind, identity: identity.clone() })
        .collect();
    let mut record = play(args, &plan, &contestants)?;
    record.evaluation.labels.extend(other_forecasts(&players, plan.setup.forecast_source().as_ref()));
    if let Some(folder) = &args.out {
        record.save(folder)?;
    }
    if let Some(folder) = &args.report {
        let about = About { day, learning: learning_runs(&players, &args.policies) };
        let page = write_report(folder, &record, &about)?;
        eprintln!("report: {}", page.display());
    }
    if args.json {
        print_json(&record.evaluation)?
    } else {
        print_evaluation(&record.evaluation)?
    }
    Ok(ExitCode::SUCCESS)
}

/// Plays with a cache and a bar on stderr.
fn play(
    args: &EvaluateArgs,
    plan: &EvaluationPlan,
    contestants: &[Contestant<'_>],
) -> Result<EvaluationRecord, Failure> {
    let cache = match args.no_cache {
        true => None,
        false => Some(Cache::open(&args.cache, Provenance::of(&plan.setup)?)?),
    };
    let foresight = PerfectForesight::default();
    let bound = if args.no_oracle { None } else { Some(&foresight as &dyn Bound) };
    let players = contestants.len() + usize::from(bound.is_some());
    let bar = progress_bar((plan.weeks.len() * plan.job_seeds.len() * players) as u64, args.json);
    let means = Means { cache: cache.as_ref(), bound };
    let record = play_and_report(plan, contestants, means, &|| bar.inc(1));
    bar.finish_and_clear();
    for warning in cache.iter().flat_map(Cache::take_warnings) {
        eprintln!("warning: {warning}");
    }
    Ok(record?)
}

/// What a person reads: what was played, verdicts, the table, and what must be read with it.
pub(super) fn print_evaluation(evaluation: &Evaluation) -> Result<(), Failure> {
    let grid = &evaluation.grid;
    print_line(&format!(
        "scenario {}, grid {grid} ({}), {} weeks x {} job seeds, {} to {}\n",
        evaluation.scenario, evaluation.grid_kind, evaluation.weeks, evaluation.seeds, evaluation.from, evaluation.to
    ))?;
    let verdicts = verdict(evaluation);
    for line in &verdicts {
        print_line(line)?;
    }
    if !verdicts.is_empty() {
        print_line("")?;
    }
    print_line(&evaluation_table(evaluation))?;
    for line in remarks(evaluation) {
        print_line(&line)?;
    }
    for line in &evaluation.skipped_weeks {
        print_line(&format!("skipped week {line}"))?;
    }
    Ok(())
}

fn progress_bar(total: u64, hidden: bool) -> ProgressBar {
    if hidden {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{elapsed_precise} [{bar:24}] {pos}/{len} weeks, {eta} left");
    ProgressBar::new(total).with_style(style.expect("a constant that is shown in every evaluation"))
}

fn plan(args: &EvaluateArgs, players: &[Player]) -> Result<EvaluationPlan, Failure> {
    let trained: Option<&TrainedPolicy> = players.iter().find_map(Player::trained);
    let stored = trained.map(TrainedPolicy::scenario).transpose()?.flatten();
    let scenario = match &args.scenario {
        Some(path) => load_scenario(path, &[])?,
        None => stored.unwrap_or_default(),
    };
    let grid = match &args.grid {
        Some(path) => path.display().to_string(),
        None => trained.map(TrainedPolicy::grid).transpose()?.flatten().unwrap_or_else(|| EMBEDDED_GRID.to_string()),
    };
    let forecast = forecast_of(args, players)?;
    let setup = site_setup_with(scenario, &grid, &forecast)?;
    let range = match (&args.from, &args.to) {
        (Some(from), Some(to)) => WeekRange::Dates(date_range(from, to)?),
        _ => WeekRange::Split(split(&args.split)?),
    };
    let seeds = args.seeds.unwrap_or(1);
    at_least_one("--seeds", seeds)?;
    at_least_one("--weeks", args.weeks.unwrap_or(1))?;
    Ok(EvaluationPlan::new(setup, range, args.weeks, seeds)?)
}

/// The forecast asked for; without one that of the first trained policy. Policies that learnt with another are named: what
/// they observe here is not what they learnt with.
fn forecast_of(args: &EvaluateArgs, players: &[Player]) -> Result<String, Failure> {
    let trained: Vec<&TrainedPolicy> = players.iter().filter_map(Player::trained).collect();
    let forecast = match (&args.forecast, trained.first()) {
        (Some(name), _) => name.clone(),
        (None, Some(policy)) => policy.forecast(),
        (None, None) => SIMPLE_FORECAST.into(),
    };
    for policy in trained.iter().filter(|policy| policy.forecast() != forecast) {
        let (name, learnt) = (&policy.name, policy.forecast());
        eprintln!("warning: {name} learnt with the forecast `{learnt}`, and observes `{forecast}` here");
    }
    Ok(forecast)
}

/// What must be said of policies that observe another fitted forecast than the one they learnt with, whatever it is called.
fn other_forecasts(players: &[Player], here: &dyn ForecastSource) -> Vec<String> {
    let note = |policy: &TrainedPolicy| {
        let learnt = policy.forecast_identity().filter(|learnt| *learnt != here.identity())?;
        Some(format!("{} learnt with the forecast {learnt}, and observes {} here", policy.name, here.identity()))
    };
    players.iter().filter_map(Player::trained).filter_map(note).collect()
}

pub(super) fn at_least_one(option: &str, found: usize) -> Result<(), Failure> {
    if found > 0 {
        return Ok(());
    }
    Err(Fault::new(option, "is 0, expected 1 or more").hint("leave it out for the usual number").into())
}

pub(super) fn date_range(from: &str, to: &str) -> Result<std::ops::Range<Period>, Failure> {
    let range = date("--from", from)?..date("--to", to)?;
    if range.is_empty() {
        let message = format!("`{to}` is not after `{from}`, expected a later day");
        return Err(Fault::new("--to", message).hint("it is the day after the last one").into());
    }
    Ok(range)
}

pub(super) fn split(name: &str) -> Result<Split, Failure> {
    Split::ALL.into_iter().find(|s| s.name() == name).ok_or_else(|| {
        let message = format!("`{name}` is no split, expected train, validation or test");
        Fault::new("--split", message).hint("or give dates with --from and --to").into()
    })
}

pub(super) fn date(option: &str, text: &str) -> Result<Period, Failure> {
    text.parse::<Date>().map(|d| d.utc_midnight()).map_err(|_| {
        let message = format!("`{text}` is no date, expected one like 2024-01-31");
        Fault::new(option, message).hint("write year, month and day").into()
    })
}

/// Policies on a task that is no site: mean and spread of the undiscounted return.
fn evaluate_classic(args: &EvaluateArgs, players: &[Player], id: &str) -> Outcome {
    let episodes = args.seeds.unwrap_or(EPISODES);
    at_least_one("--seeds", episodes)?;
    if episodes > MOST_EPISODES {
        let message = format!("is {episodes}, expected at most {MOST_EPISODES}");
        return Err(Fault::new("--seeds", message).hint("fewer episodes tell as much").into());
    }
    only_policies_of(args, players, id)?;
    let mut reports = Vec::new();
    for policy in players.iter().filter_map(Player::trained) {
        let network = Arc::new(policy.loaded.network().clone());
        let mut player: Box<dyn Policy> = if args.sampled {
            Box::new(NetworkPolicy::sampled(&policy.name, network))
        } else {
            Box::new(NetworkPolicy::deterministic(&policy.name, network))
        };
        let returns = play_classic(id, player.as_mut(), episodes, EVALUATION_EPISODES)?;
        let (mean, std) = mean_and_std(&returns);
        reports.push(json!({"name": policy.name, "kind": "network", "episodes": episodes, "return_mean": mean,
                            "return_std": std}));
        if !args.json {
            print_line(&format!("{}: return {mean:.2} +- {std:.2} over {episodes} episodes of {id}", policy.name))?;
        }
    }
    if args.json {
        print_json(&json!({"env": id, "policies": reports}))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Refuses what has no meaning on a task that is no site, before anything is played.
fn only_policies_of(args: &EvaluateArgs, players: &[Player], id: &str) -> Result<(), Failure> {
    let alone = "evaluate them one by one";
    for (player, text) in players.iter().zip(&args.policies) {
        let found = match player.trained() {
            Some(policy) if policy.env_id() == id => continue,
            Some(policy) => format!("plays {}", policy.env_id()),
            None => "is a rival on sites".to_string(),
        };
        return Err(Fault::new(text.clone(), format!("{found}, expected a policy of {id} like the others"))
            .hint(alone)
            .into());
    }
    let given = [
        ("--scenario", args.scenario.is_some()),
        ("--grid", args.grid.is_some()),
        ("--from", args.from.is_some()),
        ("--weeks", args.weeks.is_some()),
        ("--report", args.report.is_some()),
        ("--day", args.day.is_some()),
        ("--out", args.out.is_some()),
    ];
    match given.iter().find(|(_, given)| *given) {
        None => Ok(()),
        Some((option, _)) => {
            let message = format!("is for sites, but the policy plays {id}, expected --seeds at most");
            Err(Fault::new(*option, message).hint("leave it out").into())
        }
    }
}

/// Stream of the episodes that are reported; the best checkpoint is chosen on others.
pub(super) const EVALUATION_EPISODES: &str = "evaluation episodes";
/// Stream of the episodes on which the best checkpoint is chosen.
pub(super) const VALIDATION_EPISODES: &str = "validation episodes";

/// Returns of a number of episodes with seeds of a stream that training never sees.
pub(super) fn play_classic(
    id: &str,
    policy: &mut dyn Policy,
    episodes: usize,
    stream: &str,
) -> Result<Vec<f64>, Failure> {
    let tree = SeedTree::new(0);
    let mut env = make(id, &EnvContext::default()).map_err(Failure::input)?;
    let play = |i| play_episode(env.as_mut(), policy, tree.child(stream, i as u64).seed()).0;
    Ok((0..episodes).map(play).collect())
}

/// Mean and population standard deviation.
pub(super) fn mean_and_std(values: &[f64]) -> (f64, f64) {
    let n = values.len().max(1) as f64;
    let mean = values.iter().sum::<f64>() / n;
    (mean, (values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / n).sqrt())
}
