//! A training run: `configs/train/*.toml`.

use super::curriculum::{self, LessonConfig};
use super::files::locate_files;
use super::forecast::SIMPLE_FORECAST;
use super::grid::{EMBEDDED_GRID, load_scenario};
use crate::config::{Config, ConfigError, Faults, load_located};
use flexai_agents::device::DeviceChoice;
use flexai_agents::hybrid::PlanConfig;
use flexai_agents::imitation::ImitationConfig;
use flexai_agents::ppo::{NetworkConfig, PpoConfig};
use flexai_env::core::find_spec;
use flexai_env::site::{SiteConfig, is_site_env};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// Everything that defines a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TrainConfig {
    /// Name of the run, for its folder.
    pub name: String,
    /// Seed of every random stream.
    pub seed: u64,
    /// Where the learner computes.
    pub device: DeviceChoice,
    /// What is learnt.
    pub env: EnvConfig,
    /// A rival whose actions are the base of the policy's; without it the policy acts by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plan: Option<PlanConfig>,
    /// A rival that the policy learns from before it learns by itself, and beside that for a while.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub imitation: Option<ImitationConfig>,
    /// Easier sites before the run's own.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub curriculum: Vec<LessonConfig>,
    /// How it is learnt.
    pub ppo: PpoConfig,
    /// By which networks.
    pub network: NetworkConfig,
    /// How progress is judged.
    pub evaluation: EvaluationConfig,
    /// What is kept.
    pub checkpoint: CheckpointConfig,
    /// The site, written here in full or named by `env.scenario`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scenario: Option<SiteConfig>,
}

/// Table `[env]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EnvConfig {
    /// Registered id.
    pub id: String,
    /// Scenario file, relative to the configuration file; instead of a table `[scenario]`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scenario: Option<PathBuf>,
    /// `embedded` (synthetic GB grid), or the path of a table.
    pub grid: String,
    /// By what the future is guessed: `persistence`, `none`, `perfect` (a cheat), or a folder made by `flexai forecast fit`.
    #[serde(skip_serializing_if = "is_simple_forecast")]
    pub forecast: String,
}

fn is_simple_forecast(name: &str) -> bool {
    name == SIMPLE_FORECAST
}

/// Table `[evaluation]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EvaluationConfig {
    /// Updates between two evaluations; the last update is always evaluated.
    pub every_updates: u64,
    /// Validation weeks per evaluation, spread over the split (site environments).
    pub weeks: usize,
    /// Job seeds per week (site environments).
    pub job_seeds: usize,
    /// Episodes per evaluation (other environments).
    pub episodes: usize,
}

/// Table `[checkpoint]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CheckpointConfig {
    /// Updates between two checkpoints; evaluations bring their own.
    pub every_updates: u64,
    /// Checkpoints kept beside the best.
    pub keep_last: usize,
}

impl Default for TrainConfig {
    fn default() -> Self {
        Self {
            name: "flexsite".into(),
            seed: 1,
            device: DeviceChoice::Flex,
            env: EnvConfig::default(),
            plan: None,
            imitation: None,
            curriculum: Vec::new(),
            ppo: PpoConfig::default(),
            network: NetworkConfig::default(),
            evaluation: EvaluationConfig::default(),
            checkpoint: CheckpointConfig::default(),
            scenario: None,
        }
    }
}

impl Default for EnvConfig {
    fn default() -> Self {
        Self { id: "FlexSite-v1".into(), scenario: None, grid: EMBEDDED_GRID.into(), forecast: SIMPLE_FORECAST.into() }
    }
}

impl Default for EvaluationConfig {
    fn default() -> Self {
        Self { every_updates: 10, weeks: 13, job_seeds: 1, episodes: 20 }
    }
}

impl Default for CheckpointConfig {
    fn default() -> Self {
        Self { every_updates: 10, keep_last: 3 }
    }
}

impl TrainConfig {
    /// Whether a site with its weeks is trained, not a classic task.
    pub fn is_site(&self) -> bool {
        is_site_env(&self.env.id)
    }

    /// The site's scenario; the standard one if none is given.
    pub fn site(&self) -> SiteConfig {
        self.scenario.clone().unwrap_or_default()
    }
}

impl Config for TrainConfig {
    fn validate(&self) -> Faults {
        let mut faults = Faults::default();
        if let Err(error) = find_spec(&self.env.id) {
            let text = error.to_string();
            let (message, hint) = text.split_once("\n\nhint: ").unwrap_or((&text, "`flexai env list` shows them all"));
            faults.push_with_hint("env.id", format!("`env.id`: {message}"), hint);
        }
        let at_least_one = [
            ("evaluation.every_updates", self.evaluation.every_updates),
            ("evaluation.weeks", self.evaluation.weeks as u64),
            ("evaluation.job_seeds", self.evaluation.job_seeds as u64),
            ("evaluation.episodes", self.evaluation.episodes as u64),
            ("checkpoint.every_updates", self.checkpoint.every_updates),
            ("checkpoint.keep_last", self.checkpoint.keep_last as u64),
        ];
        for (key, found) in at_least_one {
            faults.require(found >= 1, key, || format!("`{key}` is {found}, expected 1 or more"));
        }
        if self.scenario.is_some() && self.env.scenario.is_some() {
            faults.push_with_hint(
                "env.scenario",
                "`env.scenario` names a file, but there is a table `[scenario]` too, expected one of them",
                "delete `env.scenario`, or the table",
            );
        }
        if let Some(plan) = &self.plan {
            let found = self.scenario.as_ref().map_or_else(|| plan.faults(), |scenario| plan.validate(scenario));
            found.into_iter().for_each(|(key, message)| faults.push(&key, message));
            faults.require(self.is_site(), "plan", || format!("`plan` is for sites, but `env.id` is {}", self.env.id));
        }
        if let Some(imitation) = &self.imitation {
            imitation.validate().into_iter().for_each(|(key, message)| faults.push(&key, message));
            faults.require(self.is_site(), "imitation", || {
                format!("`imitation.teacher` is a rival and plays sites, but `env.id` is {}", self.env.id)
            });
            faults.require(self.plan.is_none(), "imitation", || {
                "`imitation` and `plan` are both given, expected one of them: a policy that adjusts a plan starts as it"
                    .into()
            });
        }
        if let Some(scenario) = &self.scenario {
            faults.extend_under("scenario", Config::validate(scenario));
        }
        faults.require(self.is_site() || self.curriculum.is_empty(), "curriculum", || {
            format!("`curriculum` changes a site, but `env.id` is {}", self.env.id)
        });
        let learning = [self.ppo.validate(), self.network.validate(), self.network.validate_with(&self.ppo)];
        for message in learning.concat() {
            let key = message.split('`').nth(1).unwrap_or("ppo").to_string();
            faults.push(&key, message);
        }
        faults
    }
}

/// Reads a training configuration and the scenario it names; overrides `scenario.KEY=VALUE` reach into that file.
///
/// # Errors
/// [`ConfigError`] with every fault of the files and overrides.
pub fn load_train_config(path: &Path, overrides: &[String]) -> Result<TrainConfig, ConfigError> {
    let bare = load_located::<TrainConfig>(path, &[]);
    let names_file = bare.as_ref().is_ok_and(|loaded| loaded.value.env.scenario.is_some())
        || overrides.iter().any(|o| o.starts_with("env.scenario="));
    let (of_scenario, of_run): (Vec<String>, Vec<String>) =
        overrides.iter().cloned().partition(|o| names_file && o.starts_with("scenario."));
    let loaded = load_located::<TrainConfig>(path, &of_run)?;
    let mut config = loaded.value.clone();
    let folder = path.parent().unwrap_or(Path::new(""));
    if let Some(scenario) = &mut config.scenario {
        locate_files(scenario, folder);
    }
    if let Some(file) = config.env.scenario.take() {
        let beside = folder.join(&file);
        let file = if beside.exists() { beside } else { file };
        let overrides: Vec<String> =
            of_scenario.iter().map(|o| o.trim_start_matches("scenario.").to_string()).collect();
        config.scenario = Some(load_scenario(&file, &overrides)?);
    }
    if config.is_site() && config.scenario.is_none() {
        config.scenario = Some(SiteConfig::default());
    }
    let mut faults = Faults::default();
    curriculum::validate(&config.curriculum, config.scenario.as_ref(), &mut faults);
    loaded.check(&faults)?;
    Ok(config)
}
