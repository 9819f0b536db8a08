//! `flexai train`: from a configuration to a run directory with a trained policy.
//!
//! Here: what is trained, where it is kept, how it starts or continues, and the last word. The loop itself is in
//! `train_loop.rs`.

use super::curriculum::Curriculum;
use super::evaluate::{EVALUATION_EPISODES, mean_and_std, play_classic};
use super::export::copy_artifact;
use super::output::{print_json, print_line};
use super::policy_source::{POLICY_FOLDER, Player};
use super::rivals::{quick_rivals, rival_identity};
use super::seeds::train_seeds;
use super::train_loop::{Judge, TrainLoop};
use super::{Failure, Outcome};
use crate::cli::TrainArgs;
use crate::config::{load_config, resolved_toml};
use crate::evaluation::{Contestant, EvaluationPlan, Means, WeekRange, evaluate, evaluation_table, remarks, verdict};
use crate::fault::Fault;
use crate::interrupt::{EXIT_INTERRUPTED, Interrupt};
use crate::progress::{Progress, ProgressMode};
use crate::run_dir::{RunDir, RunManifest, replace_file};
use crate::setting::{TrainConfig, fitted_identity, is_forecast_word, load_train_config, site_setup_with};
use flexai_agents::hybrid::{self, PlannedFleet};
use flexai_agents::imitation::TaughtFleet;
use flexai_agents::policy::NetworkPolicy;
use flexai_agents::ppo::Trainer;
use flexai_env::core::{Env, EnvContext, RecordEpisodeStatistics, VecEnv, make};
use flexai_env::grid::Split;
use flexai_env::site::{FlexFleet, SiteSetup};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

pub(super) fn train(args: &TrainArgs) -> Outcome {
    if let (Some(path), false) = (&args.config, args.seeds.is_empty()) {
        return train_seeds(args, path);
    }
    let (config, run, prepared, resumed) = match (&args.resume, &args.config) {
        (Some(path), _) => resume_run(args, path)?,
        (None, Some(path)) => new_run(args, path)?,
        (None, None) => unreachable!("clap asks for one of them"),
    };
    let mode = if args.json { ProgressMode::Hidden } else { ProgressMode::Auto };
    let Prepared { setup, curriculum, trainer } = prepared;
    let judge = Judge::new(&config, setup.clone())?;
    let interrupt = Interrupt::install()?;
    let progress = Progress::new(config.ppo.total_steps, mode);
    let mut training = TrainLoop::new(&config, run.clone(), trainer, curriculum, judge, progress, args.json)?;
    if resumed {
        training.resume()?;
    }
    let stopped = training.run(interrupt, args.stop_after)?;
    let summary = training.summary();
    drop(training);
    if stopped && interrupt.requested() {
        let hint = format!("continue with: flexai train --resume {}", run.path().display());
        eprintln!("stopped after a checkpoint; {hint}");
        if args.json {
            print_json(&summary)?;
        }
        return Ok(ExitCode::from(EXIT_INTERRUPTED));
    }
    finish(args, &config, &run, setup, summary, stopped)
}

/// All that a configuration asks for, made once: with a fitted forecast a site takes a while.
struct Prepared {
    setup: Option<Arc<SiteSetup>>,
    curriculum: Curriculum,
    trainer: Trainer,
}

impl Prepared {
    fn new(config: &TrainConfig) -> Result<Self, Failure> {
        let setup = site(config)?;
        let curriculum = Curriculum::new(config, setup.as_ref())?;
        let trainer = build_trainer(config, curriculum.setup(0))?;
        Ok(Self { setup, curriculum, trainer })
    }

    /// Identity of the fitted forecast that environments observe, if one was fitted.
    fn forecast(&self) -> Option<String> {
        self.setup.as_ref().and_then(|setup| fitted_identity(setup.forecast_source().as_ref()))
    }
}

fn new_run(args: &TrainArgs, path: &Path) -> Result<(TrainConfig, RunDir, Prepared, bool), Failure> {
    let mut config = load_train_config(path, &overrides_of(&args.set, args.seed, args.steps))?;
    choose_execution(&mut config, args);
    if let Some(forecast) = &args.forecast {
        config.env.forecast = forecast.clone();
    }
    if !is_forecast_word(&config.env.forecast) {
        config.env.forecast = absolute(Path::new(&config.env.forecast));
    }
    if let Some(grid) = &args.grid {
        config.env.grid = absolute(grid);
    } else if config.env.grid != crate::setting::EMBEDDED_GRID {
        config.env.grid = absolute(Path::new(&config.env.grid));
    }
    // Everything that can be refused is refused before a folder is made.
    let prepared = Prepared::new(&config)?;
    let text = resolved_toml(&config)?;
    let now = Timestamp::now();
    let out =
        args.out.clone().unwrap_or_else(|| RunDir::default_path(Path::new("runs"), &config.name, config.seed, now));
    let run = RunDir::create(&out)?;
    let command_line = std::env::args().skip(1).collect();
    let manifest = RunManifest::new(config.seed, config.device.name(), now, command_line);
    run.write_identity(&text, RunManifest { forecast: prepared.forecast(), ..manifest })?;
    Ok((config, run, prepared, false))
}

/// `--device` and `--learner` say how the same run is computed, so they may change when it is continued.
fn choose_execution(config: &mut TrainConfig, args: &TrainArgs) {
    config.device = args.device.unwrap_or(config.device);
    config.ppo.learner = args.learner.unwrap_or(config.ppo.learner);
}

/// `--seed` and `--steps` are overrides with a name of their own.
pub(super) fn overrides_of(set: &[String], seed: Option<u64>, steps: Option<u64>) -> Vec<String> {
    let mut all = set.to_vec();
    all.extend(seed.map(|seed| format!("seed={seed}")));
    all.extend(steps.map(|steps| format!("ppo.total_steps={steps}")));
    all
}

fn resume_run(args: &TrainArgs, path: &Path) -> Result<(TrainConfig, RunDir, Prepared, bool), Failure> {
    let run = RunDir::open(path)?;
    let manifest = run.read_identity()?;
    let mut config: TrainConfig = load_config(&run.config(), &[])?;
    choose_execution(&mut config, args);
    if let Some(grid) = &args.grid {
        config.env.grid = absolute(grid);
    }
    let prepared = Prepared::new(&config)?;
    if let (Some(expected), Some(found)) = (manifest.forecast, prepared.forecast())
        && expected != found
    {
        let message = format!("holds `{found}`, but the run was begun with `{expected}`");
        let fault = Fault::new(config.env.forecast.clone(), message);
        return Err(fault.hint("restore that folder, or start a new run").into());
    }
    Ok((config, run, prepared, true))
}

/// A run is continued and evaluated from other folders too, so tables are remembered by their whole path.
pub(super) fn absolute(path: &Path) -> String {
    std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf()).display().to_string()
}

/// The site of a configuration on its grid; none for the classic tasks.
pub(super) fn site(config: &TrainConfig) -> Result<Option<Arc<SiteSetup>>, Failure> {
    if !config.is_site() {
        return Ok(None);
    }
    Ok(Some(site_setup_with(config.site(), &config.env.grid, &config.env.forecast)?))
}

/// A trainer on freshly made environments.
pub(super) fn build_trainer(config: &TrainConfig, setup: Option<&Arc<SiteSetup>>) -> Result<Trainer, Failure> {
    let venv = training_envs(config, setup)?;
    let trainer = Trainer::new(&config.ppo, &config.network, config.seed, venv, config.device);
    let mut trainer = trainer.map_err(Failure::input)?;
    if let Some(imitation) = &config.imitation {
        trainer.imitate(imitation).map_err(Failure::input)?;
    }
    Ok(trainer)
}

/// All environments to train in.
pub(super) fn training_envs(config: &TrainConfig, setup: Option<&Arc<SiteSetup>>) -> Result<VecEnv, Failure> {
    let envs = (0..config.ppo.num_envs).map(|_| training_env(config, setup)).collect::<Result<Vec<_>, _>>();
    Ok(VecEnv::new(envs?))
}

/// One environment to train in.
fn training_env(config: &TrainConfig, setup: Option<&Arc<SiteSetup>>) -> Result<Box<dyn Env>, Failure> {
    let hint = "`flexai evaluate --help` names the rivals";
    match (&config.plan, &config.imitation, setup) {
        (Some(plan), _, Some(setup)) => {
            setup.require_training().map_err(Failure::input)?;
            let fleet = PlannedFleet::new(FlexFleet::new(Arc::clone(setup)), plan);
            let fleet = fleet.map_err(|fault| Fault::new("`plan`", fault).hint(hint))?;
            Ok(Box::new(RecordEpisodeStatistics::new(fleet)))
        }
        (None, Some(imitation), Some(setup)) => {
            setup.require_training().map_err(Failure::input)?;
            let fleet = TaughtFleet::new(FlexFleet::new(Arc::clone(setup)), &imitation.teacher);
            let fleet = fleet.map_err(|fault| Fault::new("`imitation.teacher`", fault).hint(hint))?;
            Ok(Box::new(RecordEpisodeStatistics::new(fleet)))
        }
        _ => make(&config.env.id, &EnvContext { site: setup.cloned() }).map_err(Failure::input),
    }
}

/// The last word: the best policy against the rivals, exported, and the summary.
fn finish(
    args: &TrainArgs,
    config: &TrainConfig,
    run: &RunDir,
    setup: Option<Arc<SiteSetup>>,
    mut summary: Value,
    stopped: bool,
) -> Outcome {
    let artifact = run.path().join("policy");
    let best = run.best_checkpoint()?;
    if let (Some(best), false) = (&best, stopped) {
        let from = best.join(POLICY_FOLDER);
        let evaluation = match setup {
            Some(setup) => Some(last_evaluation(args, config, run, setup, best)?),
            None => {
                let player = Player::resolve(&from.display().to_string())?;
                let mut policy = player.source(false).0.make();
                let returns =
                    play_classic(&config.env.id, policy.as_mut(), config.evaluation.episodes, EVALUATION_EPISODES)?;
                let (mean, std) = mean_and_std(&returns);
                let line = format!("return {mean:.2} +- {std:.2} over {} episodes", returns.len());
                if !args.json {
                    print_line(&line)?;
                }
                Some(json!({"return_mean": mean, "return_std": std, "episodes": returns.len()}))
            }
        };
        copy_artifact(&from, &artifact, evaluation, true, |env, training| (env, training))?;
    }
    summary["best_checkpoint"] = json!(best.map(|path| path.display().to_string()));
    if args.json {
        print_json(&summary)?;
    } else {
        print_line(&format!("\nrun      {}", run.path().display()))?;
        if artifact.is_dir() {
            print_line(&format!("policy   {}", artifact.display()))?;
        }
        print_line(&format!("curves   tensorboard --logdir {}", run.tensorboard().display()))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The best checkpoint and all quick rivals on the validation weeks.
fn last_evaluation(
    args: &TrainArgs,
    config: &TrainConfig,
    run: &RunDir,
    setup: Arc<SiteSetup>,
    best: &Path,
) -> Result<Value, Failure> {
    let seeds = config.evaluation.job_seeds;
    let plan = EvaluationPlan::new(Arc::clone(&setup), validation_range(&setup), None, seeds)?;
    let player = Player::resolve(&best.join(POLICY_FOLDER).display().to_string())?;
    let network = player.trained().expect("a checkpoint holds a network").loaded.network().clone();
    let network = NetworkPolicy::deterministic(&config.name, Arc::new(network));
    let policy = hybrid::player(network, config.plan.as_ref()).expect("the plan was checked with the configuration");
    let rivals = quick_rivals(&setup.config);
    let own = Contestant { source: policy.as_ref(), kind: "network", identity: player.identity(false) };
    let mut contestants = vec![own];
    contestants.extend(rivals.iter().map(|r| Contestant { source: r, kind: "rival", identity: rival_identity(r) }));
    let evaluation = evaluate(&plan, &contestants, Means::default(), &|| ())?.evaluation;
    let text = serde_json::to_string_pretty(&evaluation).expect("an evaluation has string keys only");
    let path: PathBuf = run.evaluation().join("validation.json");
    replace_file(&path, text.as_bytes()).map_err(|fault: Fault| Failure::world(fault))?;
    if !args.json {
        let (weeks, grid) = (evaluation.weeks, &evaluation.grid);
        print_line(&format!(
            "best checkpoint on {weeks} validation weeks of {grid} (scenario {}):\n",
            evaluation.scenario
        ))?;
        print_line(&evaluation_table(&evaluation))?;
        for line in remarks(&evaluation) {
            print_line(&line)?;
        }
        print_line("")?;
        for line in verdict(&evaluation) {
            print_line(&line)?;
        }
    }
    let own = &evaluation.policies[0];
    Ok(json!({
        "split": "validation", "grid": evaluation.grid, "scenario": evaluation.scenario, "weeks": evaluation.weeks,
        "seeds": evaluation.seeds, "cost_saving_pct": own.cost_saving_pct, "carbon_saving_pct": own.carbon_saving_pct,
        "deadlines_met_pct": own.deadlines_met_pct, "versus": own.versus,
    }))
}

/// The validation split, or all dates of a table that has none of it.
pub(super) fn validation_range(setup: &SiteSetup) -> WeekRange {
    if Split::Validation.indices(&setup.trace).len() >= setup.config.episode_periods {
        WeekRange::Split(Split::Validation)
    } else {
        WeekRange::Dates(setup.trace.start()..setup.trace.end())
    }
}
