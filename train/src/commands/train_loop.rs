//! The training loop: update, report, judge, keep.
//!
//! In: a trainer and a run directory. Out: metrics, checkpoints, the best of them marked.
//! Always: metrics of a step are on disk before its checkpoint, so that a resumed run can cut them back to it; the best
//! checkpoint follows from metrics and checkpoints alone. Not here: what is trained (`train.rs`).

use super::Failure;
use super::curriculum::Curriculum;
use super::evaluate::{VALIDATION_EPISODES, mean_and_std, play_classic};
use super::output::print_json;
use super::policy_source::POLICY_FOLDER;
use super::scalars::{details, mean_return, scalars};
use super::train::{training_envs, validation_range};
use crate::evaluation::{EvaluationPlan, play_policies};
use crate::fault::Fault;
use crate::interrupt::Interrupt;
use crate::metrics::{
    JsonlSink, MetricSink, TensorBoardSink, TimingsSink, read_metrics, rebuild_tensorboard, truncate_metrics,
};
use crate::progress::{Progress, ProgressUpdate};
use crate::run_dir::{Checkpoint, RunDir, latest_valid, list_checkpoints};
use crate::setting::TrainConfig;
use flexai_agents::artifact::{EnvRecord, PolicyExport, TrainingRecord, export_policy};
use flexai_agents::hybrid::{self, PlanConfig};
use flexai_agents::policy::NetworkPolicy;
use flexai_agents::ppo::{PpoError, Trainer, UpdateReport};
use flexai_agents::rivals::find_rival;
use flexai_env::site::SiteSetup;
use serde_json::{Value, json};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

/// Tag of the number that picks the best checkpoint.
pub(super) const SCORE: &str = "eval/score";

/// Judges a policy between updates.
pub(super) enum Judge {
    /// On validation weeks; the score is the saving of J against FIFO in percent.
    Weeks {
        /// Weeks and seeds.
        plan: Box<EvaluationPlan>,
        /// FIFO's J on them.
        fifo_cost_gbp: f64,
        /// The plan that the policy adjusts.
        followed: Option<PlanConfig>,
    },
    /// On episodes; the score is the mean return.
    Episodes {
        /// Registered id.
        id: String,
        /// Number of episodes.
        episodes: usize,
    },
}

/// What a judge found.
#[derive(Debug, Clone, Default)]
struct Judgement {
    scalars: Vec<(&'static str, f64)>,
    score: f64,
    summary: Value,
}

impl Judge {
    pub(super) fn new(config: &TrainConfig, setup: Option<Arc<SiteSetup>>) -> Result<Self, Failure> {
        let Some(setup) = setup else {
            return Ok(Self::Episodes { id: config.env.id.clone(), episodes: config.evaluation.episodes });
        };
        let range = validation_range(&setup);
        let plan = EvaluationPlan::new(setup, range, Some(config.evaluation.weeks), config.evaluation.job_seeds)?;
        let fifo = find_rival("fifo").expect("FIFO is always registered");
        let outcomes = play_policies(&plan, &[fifo], &|| ());
        let fifo_cost_gbp = outcomes[0].iter().map(|o| o.ledger.total.cost_gbp()).sum();
        Ok(Self::Weeks { plan: Box::new(plan), fifo_cost_gbp, followed: config.plan.clone() })
    }

    fn judge(&self, trainer: &Trainer) -> Result<Judgement, Failure> {
        let network = Arc::new(trainer.policy_network());
        let mut policy = NetworkPolicy::deterministic("policy", network);
        match self {
            Self::Weeks { plan, fifo_cost_gbp, followed } => {
                let player =
                    hybrid::player(policy, followed.as_ref()).expect("the plan was checked with the configuration");
                let outcomes = play_policies(plan, &[player.as_ref()], &|| ()).remove(0);
                let n = outcomes.len() as f64;
                let costs: Vec<f64> = outcomes.iter().map(|o| o.ledger.total.cost_gbp()).collect();
                let cost: f64 = costs.iter().sum();
                let saving = 100.0 * (1.0 - cost / fifo_cost_gbp);
                let carbon: f64 = outcomes.iter().map(|o| o.ledger.total.settled_carbon_t()).sum();
                let late: f64 = outcomes.iter().map(|o| o.ledger.total.jobs_late).sum();
                let saved =
                    costs.iter().zip(&outcomes).map(|(j, o)| o.ledger.total.fifo_cost_gbp - j).collect::<Vec<_>>();
                let (mean, std) = mean_and_std(&saved);
                Ok(Judgement {
                    scalars: vec![
                        ("eval/saving_pct", saving),
                        ("eval/cost_gbp_per_week", cost / n),
                        ("eval/carbon_t_per_week", carbon / n),
                        ("eval/jobs_late_per_week", late / n),
                    ],
                    score: saving,
                    summary: json!({"return_mean": mean, "return_std": std, "episodes": outcomes.len(),
                                    "saving_pct": saving}),
                })
            }
            Self::Episodes { id, episodes } => {
                let (mean, std) = mean_and_std(&play_classic(id, &mut policy, *episodes, VALIDATION_EPISODES)?);
                Ok(Judgement {
                    scalars: vec![("eval/return_mean", mean), ("eval/return_std", std)],
                    score: mean,
                    summary: json!({"return_mean": mean, "return_std": std, "episodes": episodes}),
                })
            }
        }
    }
}

/// A run in progress.
pub(super) struct TrainLoop<'a> {
    config: &'a TrainConfig,
    run: RunDir,
    trainer: Trainer,
    curriculum: Curriculum,
    judge: Judge,
    progress: Progress,
    json: bool,
    /// `None` only while a resume cuts their files back.
    sinks: Option<Sinks>,
    recent_return: Option<f64>,
    last_judgement: Judgement,
    clock: Clock,
}

/// The update whose time is judged: kernels have been compiled by then.
const ADVICE_AT_UPDATE: u64 = 3;

fn milliseconds(seconds: f64) -> String {
    let ms = 1e3 * seconds;
    if ms < 10.0 { format!("{ms:.1} ms") } else { format!("{ms:.0} ms") }
}

/// What to say of a device whose update took `gpu` seconds where the processor takes `cpu`.
fn advice(device: &str, gpu: f64, cpu: f64) -> Option<String> {
    (cpu < gpu).then(|| {
        format!(
            "advice: an update took {} on {device} and takes {} on this processor; `--device flex` is the better choice \
             for networks of this size",
            milliseconds(gpu),
            milliseconds(cpu)
        )
    })
}

/// Where scalars go; the events get both kinds.
struct Sinks {
    metrics: JsonlSink,
    timings: TimingsSink,
    events: TensorBoardSink,
}

/// Wall and CPU time of this process since the loop began.
struct Clock {
    wall: Instant,
    cpu_seconds: f64,
    steps_before: u64,
    collect_seconds: f64,
    learn_seconds: f64,
    evaluate_seconds: f64,
    /// Of the last update alone.
    evaluated: f64,
}

impl<'a> TrainLoop<'a> {
    pub(super) fn new(
        config: &'a TrainConfig,
        run: RunDir,
        trainer: Trainer,
        curriculum: Curriculum,
        judge: Judge,
        progress: Progress,
        json: bool,
    ) -> Result<Self, Failure> {
        let sinks = Some(Sinks::open(&run)?);
        let clock = Clock {
            wall: Instant::now(),
            cpu_seconds: crate::clock::process_cpu_seconds(),
            steps_before: 0,
            collect_seconds: 0.0,
            learn_seconds: 0.0,
            evaluate_seconds: 0.0,
            evaluated: 0.0,
        };
        let last_judgement = Judgement::default();
        Ok(Self {
            config,
            run,
            trainer,
            curriculum,
            judge,
            progress,
            json,
            sinks,
            recent_return: None,
            last_judgement,
            clock,
        })
    }

    /// Continues from the newest good checkpoint; what was written after it is cut off.
    pub(super) fn resume(&mut self) -> Result<(), Failure> {
        let latest = latest_valid(&self.run.checkpoints(), &|_| Ok(()))?;
        for damaged in &latest.damaged {
            // A warning, so it is told even where progress is hidden.
            eprintln!("warning: checkpoint {} is damaged and left out: {}", damaged.name, damaged.reason);
        }
        let step = latest.checkpoint.step;
        // The environments whose state was saved are those of the last update before it.
        self.play_on(self.curriculum.site_of((step / self.config.ppo.batch_size() as u64).saturating_sub(1)))?;
        self.trainer.load(&latest.checkpoint.path).map_err(Failure::input)?;
        // The writers must not hold the files that are cut back.
        self.sinks = None;
        truncate_metrics(&self.run.metrics(), step)?;
        truncate_metrics(&self.run.timings(), step)?;
        self.remember_best(step)?;
        self.sinks = Some(Sinks::open(&self.run)?);
        self.clock.steps_before = self.trainer.env_steps();
        self.progress.note(&format!("continuing at step {step} of {}", self.config.ppo.total_steps));
        Ok(())
    }

    /// Begins a run anew that ended before its first checkpoint; what it wrote is cut off.
    pub(super) fn start_over(&mut self) -> Result<(), Failure> {
        self.sinks = None;
        truncate_metrics(&self.run.metrics(), 0)?;
        truncate_metrics(&self.run.timings(), 0)?;
        self.run.forget_best()?;
        self.sinks = Some(Sinks::open(&self.run)?);
        Ok(())
    }

    /// Updates done.
    pub(super) fn updates(&self) -> u64 {
        self.trainer.updates()
    }

    /// The best checkpoint as of a step, from the metrics: a marker set later, or lost in a crash, does not count.
    fn remember_best(&self, step: u64) -> Result<(), Failure> {
        let kept: Vec<u64> = list_checkpoints(&self.run.checkpoints())?.iter().map(|c| c.step).collect();
        self.run.forget_best()?;
        for line in read_metrics(&self.run.metrics())? {
            let at = line.step;
            if let Some((_, score)) = line.values.iter().find(|(tag, _)| tag == SCORE)
                && at <= step
                && kept.contains(&at)
            {
                let path = self.run.checkpoints().join(crate::run_dir::checkpoint_name(at));
                self.run.offer_best(&Checkpoint { step: at, path }, *score)?;
            }
        }
        Ok(())
    }

    /// Runs to the end, or until Ctrl-C or `stop_after` updates; true if it was stopped.
    pub(super) fn run(&mut self, interrupt: Interrupt, stop_after: Option<u64>) -> Result<bool, Failure> {
        let stop_at = stop_after.map(|n| self.trainer.updates() + n);
        while !self.trainer.finished() {
            self.play_on(self.curriculum.site_of(self.trainer.updates()))?;
            let report = self.trainer.update().map_err(|error| match error {
                PpoError::NotFinite { .. } => Failure::NotFinite(error.to_string()),
                other => Failure::world(other),
            })?;
            self.clock.collect_seconds += report.timing.collect_seconds;
            self.clock.learn_seconds += report.timing.learn_seconds;
            let last = self.trainer.finished();
            let stop = interrupt.requested() || stop_at.is_some_and(|at| self.trainer.updates() >= at);
            let judged = last || report.update.is_multiple_of(self.config.evaluation.every_updates);
            let kept = judged || stop || report.update.is_multiple_of(self.config.checkpoint.every_updates);
            self.clock.evaluated = 0.0;
            if judged {
                let begin = Instant::now();
                self.last_judgement = self.judge.judge(&self.trainer)?;
                self.clock.evaluated = begin.elapsed().as_secs_f64();
                self.clock.evaluate_seconds += self.clock.evaluated;
            }
            self.report(&report, judged)?;
            if report.update == ADVICE_AT_UPDATE {
                self.advise(&report)?;
            }
            if kept {
                self.keep(judged)?;
            }
            if stop && !last {
                self.show_last(&report);
                return Ok(true);
            }
            if last {
                self.show_last(&report);
            }
        }
        if self.last_judgement.summary.is_null() {
            // A run that had ended before it was resumed: its summary still tells how good the policy is.
            self.last_judgement = self.judge.judge(&self.trainer)?;
        }
        Ok(false)
    }

    /// Says so, once, if the processor learns faster than the device that was chosen.
    fn advise(&mut self, report: &UpdateReport) -> Result<(), Failure> {
        if !self.config.device.is_gpu() {
            return Ok(());
        }
        let cpu = self.trainer.cpu_update_seconds().map_err(Failure::world)?;
        let advice = advice(self.config.device.name(), report.timing.learn_seconds, cpu);
        // Where progress is hidden, it would be the only line that is no JSON.
        if let (Some(line), false) = (advice, self.json) {
            self.progress.note(&line);
        }
        Ok(())
    }

    /// Exchanges the environments where another site is to be played.
    fn play_on(&mut self, site: usize) -> Result<(), Failure> {
        if site == self.curriculum.present {
            return Ok(());
        }
        let venv = training_envs(self.config, self.curriculum.setup(site))?;
        self.trainer.replace_environments(venv, site as u64).map_err(Failure::input)?;
        self.curriculum.present = site;
        self.progress.note(&format!("lesson {} of {}", site + 1, self.config.curriculum.len() + 1));
        Ok(())
    }

    fn report(&mut self, report: &UpdateReport, judged: bool) -> Result<(), Failure> {
        let step = report.env_steps;
        let mut values = scalars(report, self.trainer.environments().info_keys());
        values.extend(details(report, &self.trainer));
        if self.curriculum.has_lessons() {
            values.push(("charts/lesson".to_string(), (self.curriculum.present + 1) as f64));
        }
        if judged {
            let judgement = &self.last_judgement;
            values.extend(judgement.scalars.iter().map(|(tag, value)| (tag.to_string(), *value)));
            values.push((SCORE.to_string(), judgement.score));
        }
        let sps = self.sps();
        let (timing, shown) = (&report.timing, self.progress_of(report));
        let times = [
            ("charts/SPS", sps),
            ("time/collect_seconds", timing.collect_seconds),
            ("time/learn_seconds", timing.learn_seconds),
            ("time/evaluate_seconds", self.clock.evaluated),
            ("time/collect_share", shown.collect_share),
            ("time/learn_share", shown.learn_share),
            ("time/evaluate_share", shown.evaluate_share),
        ];
        let sinks = self.sinks.as_mut().expect("they are open whenever the run goes on");
        sinks.write(step, &values, &times).map_err(Failure::world)?;
        if !report.episodes.is_empty() {
            self.recent_return = Some(mean_return(report));
        }
        self.progress.update(&self.progress_of(report));
        if self.json {
            let judgement = judged.then(|| self.last_judgement.summary.clone());
            print_json(&json!({"update": report.update, "report": report, "eval": judgement, "sps_wall": sps}))?;
        }
        Ok(())
    }

    fn progress_of(&self, report: &UpdateReport) -> ProgressUpdate {
        let timing = &report.timing;
        let all = (timing.collect_seconds + timing.learn_seconds + self.clock.evaluated).max(1e-9);
        ProgressUpdate {
            env_steps: report.env_steps,
            sps: self.sps(),
            return_mean: self.recent_return,
            approx_kl: Some(report.approx_kl),
            collect_share: timing.collect_seconds / all,
            learn_share: timing.learn_seconds / all,
            evaluate_share: self.clock.evaluated / all,
        }
    }

    fn show_last(&mut self, report: &UpdateReport) {
        let last = self.progress_of(report);
        self.progress.finish(Some(&last));
    }

    /// A checkpoint with its policy; the best is marked.
    fn keep(&mut self, judged: bool) -> Result<(), Failure> {
        let step = self.trainer.env_steps();
        let (trainer, config, run) = (&self.trainer, self.config, &self.run);
        let checkpoint = run
            .save_checkpoint(step, |folder| {
                let place = run.checkpoints().join(crate::run_dir::checkpoint_name(step));
                let fault = |error: String| fault_of(&place, &error);
                trainer.save(folder).map_err(|e| fault(e.to_string()))?;
                export_checkpoint(trainer, config, run, &folder.join(POLICY_FOLDER)).map_err(|e| fault(e.to_string()))
            })
            .map_err(Failure::world)?;
        if judged {
            self.run.offer_best(&checkpoint, self.last_judgement.score).map_err(Failure::world)?;
        }
        self.run.prune_checkpoints(self.config.checkpoint.keep_last).map_err(Failure::world)?;
        Ok(())
    }

    /// Steps per second of wall time, of this process alone.
    fn sps(&self) -> f64 {
        (self.trainer.env_steps() - self.clock.steps_before) as f64 / self.clock.wall.elapsed().as_secs_f64().max(1e-9)
    }

    /// The last line of `train --json`; `best_checkpoint` is filled in by the caller.
    pub(super) fn summary(&self) -> Value {
        let steps = (self.trainer.env_steps() - self.clock.steps_before) as f64;
        let cpu = crate::clock::process_cpu_seconds() - self.clock.cpu_seconds;
        let wall = self.clock.wall.elapsed().as_secs_f64().max(1e-9);
        json!({
            "run_dir": self.run.path().display().to_string(),
            "device": self.config.device.name(),
            "seed": self.config.seed,
            "env_steps": self.trainer.env_steps(),
            "updates": self.trainer.updates(),
            "sps_wall": self.sps(),
            "sps_cpu": steps / cpu.max(1e-9),
            "collect_share": self.clock.collect_seconds / wall,
            "learn_share": self.clock.learn_seconds / wall,
            "evaluate_share": self.clock.evaluate_seconds / wall,
            "eval": self.last_judgement.summary,
            "best_checkpoint": Value::Null,
        })
    }
}

/// An error of a lower crate that names its file, with the checkpoint as its place.
fn fault_of(place: &Path, text: &str) -> Fault {
    let (message, hint) =
        text.split_once("\n\nhint: ").unwrap_or((text, "free space on the disk, then --resume the run"));
    Fault::of_path(place, format!("the checkpoint cannot be written: {message}")).hint(hint)
}

impl Sinks {
    /// Opens the records of a run and makes its events anew from what they hold already.
    fn open(run: &RunDir) -> Result<Self, Failure> {
        let events = rebuild_tensorboard(&run.tensorboard(), &[&run.metrics(), &run.timings()])?;
        let metrics = JsonlSink::append(&run.metrics())?;
        Ok(Self { metrics, timings: TimingsSink::append(&run.timings())?, events })
    }

    fn write(&mut self, step: u64, values: &[(String, f64)], times: &[(&str, f64)]) -> Result<(), Fault> {
        for (tag, value) in values.iter().map(|(tag, value)| (tag.as_str(), *value)) {
            self.metrics.scalar(tag, step, value);
            self.events.scalar(tag, step, value);
        }
        for (tag, value) in times {
            self.events.scalar(tag, step, *value);
        }
        self.metrics.flush()?;
        self.timings.record(step, times)?;
        self.events.flush()
    }
}

/// Writes the policy of a checkpoint as an artifact.
fn export_checkpoint(
    trainer: &Trainer,
    config: &TrainConfig,
    run: &RunDir,
    folder: &Path,
) -> Result<(), flexai_agents::artifact::ArtifactError> {
    let env = trainer.environments().first();
    let scenario = config.scenario.as_ref().map_or(Value::Null, |s| json!(s));
    let config_text = crate::config::resolved_toml(config).unwrap_or_default();
    let grid = std::path::Path::new(&config.env.grid);
    let grid_name = grid.file_name().map_or_else(|| config.env.grid.clone(), |n| n.to_string_lossy().into_owned());
    let run_name = run.path().file_name().map(|n| n.to_string_lossy().into_owned());
    let network = trainer.policy_network();
    let export = PolicyExport {
        network: &network,
        env: EnvRecord { id: config.env.id.clone(), scenario, plan: config.plan.clone() },
        observation_space: env.observation_space(),
        action_space: env.action_space(),
        observation_schema: &env.observation_schema(),
        action_names: env.action_names(),
        training: TrainingRecord {
            config_sha256: crate::run_dir::sha256_hex(config_text.as_bytes()),
            run: json!({"name": run_name, "seed": config.seed, "env_steps": trainer.env_steps(),
                        "device": config.device.name(), "grid": config.env.grid, "grid_name": grid_name, "forecast": config.env.forecast,
                        "forecast_identity": run.read_identity().ok().and_then(|manifest| manifest.forecast)}),
        },
        evaluation: None,
        golden_inputs: Vec::new(),
    };
    export_policy(folder, &export, false).map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::advice;

    #[test]
    fn a_device_that_learns_more_slowly_than_the_processor_is_told_with_both_times() {
        let line = advice("wgpu", 0.412, 0.051).unwrap();
        assert!(line.contains("412 ms on wgpu") && line.contains("51 ms on this processor"), "{line}");
        assert!(line.contains("`--device flex`"), "{line}");
        assert!(advice("wgpu", 0.412, 0.0004).unwrap().contains("takes 0.4 ms on this processor"));
        assert_eq!(advice("wgpu", 0.04, 0.051), None);
    }
}
