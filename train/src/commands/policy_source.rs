//! POLICY on the command line: a run directory, a checkpoint, an artifact, or a rival, with options if it has any.
//!
//! In: the text. Out: a policy with the scenario and grid it was trained on.
//! Always: networks come through the artifact loader with all its checks, whatever they were found in.

use super::Failure;
use super::rivals::{check_fit, choose, rival_identity};
use crate::evaluation::file_digest;
use crate::fault::Fault;
use crate::run_dir::{RunDir, latest_valid, sha256_hex};
use crate::setting::SIMPLE_FORECAST;
use flexai_agents::artifact::{LoadedPolicy, MANIFEST_FILE};
use flexai_agents::hybrid::{self, PlanConfig, adjustment_names, planned_schema};
use flexai_agents::policy::{NetworkPolicy, PolicySource};
use flexai_agents::rivals::{ChosenRival, RIVALS, find_rival, names_a_rival};
use flexai_env::core::{ActionComponent, Space};
use flexai_env::site::{ActionLayout, SiteConfig, observation_schema};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Folder of the artifact inside a checkpoint.
pub(super) const POLICY_FOLDER: &str = "policy";

/// A policy from the command line.
pub(super) enum Player {
    /// A rival.
    Rival(Box<ChosenRival>),
    /// A trained network.
    Network(Box<TrainedPolicy>),
}

/// A trained network and where it comes from.
pub(super) struct TrainedPolicy {
    pub(super) name: String,
    pub(super) loaded: LoadedPolicy,
    /// Folder of its artifact.
    folder: PathBuf,
    /// Digest of all files of its artifact.
    digest: String,
}

impl Player {
    /// Finds out what a text names.
    pub(super) fn resolve(text: &str) -> Result<Self, Failure> {
        if names_a_rival(text) {
            return Ok(Self::Rival(Box::new(choose(text, text)?)));
        }
        let path = Path::new(text);
        if !path.exists() {
            let names: Vec<&str> = RIVALS.iter().map(|r| r.name).collect();
            let message = format!(
                "no such file or rival, expected a run directory, a checkpoint, an artifact, or one of {}",
                names.join(", ")
            );
            return Err(Fault::of_path(path, message).hint("check the path").into());
        }
        let folder = artifact_folder(path)?;
        let loaded = LoadedPolicy::load(&folder).map_err(Failure::input)?;
        if let Some(plan) = &loaded.manifest().env.plan {
            check_plan(text, plan)?;
        }
        let name = path.file_name().map_or_else(|| text.to_string(), |n| n.to_string_lossy().into_owned());
        let digest = folder_digest(&folder)?;
        Ok(Self::Network(Box::new(TrainedPolicy { name, loaded, folder, digest })))
    }

    /// Finds out what several texts name; every player gets a name of its own.
    ///
    /// A network is called by its folder, or by its whole path where a rival or another network has that name.
    pub(super) fn resolve_all(texts: &[String]) -> Result<Vec<Self>, Failure> {
        if let Some((_, twice)) = texts.iter().enumerate().find(|(i, text)| texts[..*i].contains(text)) {
            let message = "is named twice, expected each policy once";
            return Err(Fault::new(twice.clone(), message).hint("leave one of them out").into());
        }
        let mut players = texts.iter().map(|text| Self::resolve(text)).collect::<Result<Vec<_>, _>>()?;
        let names: Vec<String> = players.iter().filter_map(Self::trained).map(|p| p.name.clone()).collect();
        let shared = |name: &String| find_rival(name).is_some() || names.iter().filter(|n| *n == name).count() > 1;
        for (player, text) in players.iter_mut().zip(texts) {
            if let Self::Network(policy) = player
                && shared(&policy.name)
            {
                policy.name = text.clone();
            }
        }
        Ok(players)
    }

    /// The player as a source of policies, with its kind.
    pub(super) fn source(&self, sampled: bool) -> (Box<dyn PolicySource>, &'static str) {
        match self {
            Self::Rival(rival) => (rival.clone(), "rival"),
            Self::Network(policy) => {
                let network = Arc::new(policy.loaded.network().clone());
                let player = if sampled {
                    NetworkPolicy::sampled(&policy.name, network)
                } else {
                    NetworkPolicy::deterministic(&policy.name, network)
                };
                let plan = policy.loaded.manifest().env.plan.as_ref();
                (hybrid::player(player, plan).expect("the plan was checked when the policy was found"), "network")
            }
        }
    }

    /// What tells it from every player that decides differently.
    pub(super) fn identity(&self, sampled: bool) -> String {
        match self {
            Self::Rival(rival) => rival_identity(rival),
            Self::Network(policy) => {
                let mode = if sampled { "sampled" } else { "deterministic" };
                format!("network {} {mode}", policy.digest)
            }
        }
    }

    /// That it can play a scenario.
    pub(super) fn check_fit(&self, scenario: &SiteConfig) -> Result<(), Failure> {
        match self {
            Self::Rival(rival) => check_fit(rival, scenario),
            Self::Network(policy) => policy.check_fit(scenario),
        }
    }

    /// The trained network, if it is one.
    pub(super) fn trained(&self) -> Option<&TrainedPolicy> {
        match self {
            Self::Rival(_) => None,
            Self::Network(policy) => Some(policy),
        }
    }
}

impl TrainedPolicy {
    /// Registered id of its environment.
    pub(super) fn env_id(&self) -> &str {
        &self.loaded.manifest().env.id
    }

    /// The scenario it was trained on.
    pub(super) fn scenario(&self) -> Result<Option<SiteConfig>, Failure> {
        let stored = &self.loaded.manifest().env.scenario;
        if stored.is_null() {
            return Ok(None);
        }
        serde_json::from_value(stored.clone()).map(Some).map_err(|e| {
            let message = format!("the scenario stored with the policy cannot be read: {e}");
            Fault::new(self.name.clone(), message).hint("name one with --scenario").into()
        })
    }

    /// That it reads what the sites of a scenario show and decides what they can do, and that its plan can be followed.
    fn check_fit(&self, site: &SiteConfig) -> Result<(), Failure> {
        let (schema, layout) = (observation_schema(site), ActionLayout::new(site));
        let (schema, names) = match &self.loaded.manifest().env.plan {
            None => (schema, layout.names().to_vec()),
            Some(plan) => {
                if let Some((_, fault)) = plan.validate(site).into_iter().next() {
                    let message = format!("the policy adjusts a plan, but in scenario `{}` {fault}", site.name);
                    return Err(Fault::of_path(&self.manifest(), message).hint(OTHER_SCENARIO).into());
                }
                (planned_schema(schema, layout.names()), adjustment_names(layout.names()))
            }
        };
        self.loaded.check_schema(&schema).map_err(Failure::input)?;
        self.check_actions(site, &names, &layout.space())
    }

    /// That it decides just what the sites of a scenario ask for.
    fn check_actions(&self, site: &SiteConfig, names: &[String], space: &Space) -> Result<(), Failure> {
        let manifest = self.loaded.manifest();
        let (found, expected) = (manifest.action_head.names.as_slice(), names);
        let difference = match found.iter().zip(expected).position(|(found, expected)| found != expected) {
            Some(i) => format!("the policy decides `{}` at index {i}, expected `{}`", found[i], expected[i]),
            None if found.len() != expected.len() => {
                let (more, which) = if found.len() > expected.len() { (found, "too many") } else { (names, "missing") };
                let first = &more[found.len().min(expected.len())];
                let (found, expected) = (found.len(), expected.len());
                format!("the policy decides {found} numbers, expected {expected}: `{first}` is {which}")
            }
            None if manifest.action_space != *space => {
                let (found, expected) = (kinds(&manifest.action_space), kinds(space));
                format!("the policy decides by {found}, expected {expected}")
            }
            None => return Ok(()),
        };
        let message = format!("{difference}, as scenario `{}` has it", site.name);
        Err(Fault::of_path(&self.manifest(), message).hint(OTHER_SCENARIO).into())
    }

    fn manifest(&self) -> PathBuf {
        self.folder.join(MANIFEST_FILE)
    }

    /// The forecast it was trained with, as it was named then.
    pub(super) fn forecast(&self) -> String {
        let run = &self.loaded.manifest().training.run;
        run.get("forecast").and_then(Value::as_str).unwrap_or(SIMPLE_FORECAST).to_string()
    }

    /// The fitted forecast it was trained with, with its hash, if there was one and the run said so.
    pub(super) fn forecast_identity(&self) -> Option<&str> {
        self.loaded.manifest().training.run.get("forecast_identity").and_then(Value::as_str)
    }

    /// The grid table it was trained on, as it was named then; an exported policy knows only the table's name.
    pub(super) fn grid(&self) -> Result<Option<String>, Failure> {
        let run = &self.loaded.manifest().training.run;
        let text = |key: &str| run.get(key).and_then(Value::as_str).map(str::to_string);
        match (text("grid"), text("grid_name")) {
            (None, Some(name)) => {
                let message = format!("it was trained on {name}, and a table is expected to evaluate it on");
                Err(Fault::new(self.name.clone(), message).hint("name one with --grid").into())
            }
            (grid, _) => Ok(grid),
        }
    }
}

/// What to do about a policy that was made for other actions.
const OTHER_SCENARIO: &str =
    "run the scenario the policy was trained on (it is in the manifest), or train a policy on this one";

/// The kinds of action in a space, in words.
fn kinds(space: &Space) -> String {
    let kind = |component: ActionComponent| match component {
        ActionComponent::Continuous { .. } => "continuous numbers".to_string(),
        ActionComponent::Categorical { n, .. } => format!("{n} levels"),
    };
    let mut kinds: Vec<String> = space.components().into_iter().map(kind).collect();
    kinds.dedup();
    kinds.join(", ")
}

/// That the plan of a hybrid policy can be one.
fn check_plan(policy: &str, plan: &PlanConfig) -> Result<(), Failure> {
    let Some((_, fault)) = plan.faults().into_iter().next() else { return Ok(()) };
    let message = format!("the policy adjusts a plan, but {fault}");
    Err(Fault::new(policy, message).hint("it was made by another version of the workbench").into())
}

/// Digest of the names and contents of a folder's files.
fn folder_digest(folder: &Path) -> Result<String, Failure> {
    let refused = |error| Fault::of_io(folder, "read the artifact", &error);
    let entries = std::fs::read_dir(folder).map_err(refused)?;
    let mut files = entries.map(|entry| entry.map(|e| e.path())).collect::<Result<Vec<_>, _>>().map_err(refused)?;
    files.retain(|path| path.is_file());
    files.sort();
    let mut text = String::new();
    for path in files {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        text.push_str(&format!("{name} {}\n", file_digest(&path)?));
    }
    Ok(sha256_hex(text.as_bytes()))
}

/// The artifact inside whatever a path names.
pub(super) fn artifact_folder(path: &Path) -> Result<PathBuf, Failure> {
    if path.join("manifest.json").is_file() {
        return Ok(path.to_path_buf());
    }
    if path.join(POLICY_FOLDER).is_dir() && !path.join("run.json").is_file() {
        return Ok(path.join(POLICY_FOLDER));
    }
    let run = RunDir::open(path).map_err(|_| {
        let message = "neither a run directory, nor a checkpoint, nor an artifact, expected one of them";
        Failure::from(Fault::of_path(path, message).hint("name a folder that `flexai train` or `flexai export` made"))
    })?;
    let checkpoint = match run.best_checkpoint()? {
        Some(best) => best,
        None => latest_valid(&run.checkpoints(), &|_| Ok(()))?.checkpoint.path,
    };
    Ok(checkpoint.join(POLICY_FOLDER))
}
