//! `flexai export CHECKPOINT --out DIR`: a checkpoint's policy as an artifact of its own.

use super::output::print_line;
use super::policy_source::{POLICY_FOLDER, artifact_folder};
use super::{Failure, Outcome};
use crate::cli::ExportArgs;
use crate::fault::Fault;
use crate::setting::{EMBEDDED_GRID, forget_folders, is_forecast_word};
use flexai_agents::artifact::{
    ArtifactError, EnvRecord, LoadedPolicy, PolicyExport, PolicyInput, PolicyNetwork, TrainingRecord, export_policy,
};
use flexai_env::site::SiteConfig;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

pub(super) fn export(args: &ExportArgs) -> Outcome {
    let folders = args.checkpoint.iter().map(|path| artifact_folder(path)).collect::<Result<Vec<_>, _>>()?;
    match folders.as_slice() {
        [folder] => {
            let evaluation = last_evaluation(&args.checkpoint[0], folder);
            copy_artifact(folder, &args.out, evaluation, args.overwrite, forget_paths)?;
        }
        folders => average(args, folders)?,
    }
    print_line(&args.out.display().to_string())?;
    Ok(ExitCode::SUCCESS)
}

/// Writes the mean of several policies of the same environment as one.
fn average(args: &ExportArgs, folders: &[PathBuf]) -> Result<(), Failure> {
    let loaded = folders.iter().map(|folder| LoadedPolicy::load(folder).map_err(Failure::input));
    let loaded = loaded.collect::<Result<Vec<_>, _>>()?;
    let fault = |path: &Path, message: String| {
        let hint = "average runs of one configuration with different seeds";
        Failure::from(Fault::of_path(path, message).hint(hint))
    };
    for (other, path) in loaded.iter().zip(&args.checkpoint).skip(1) {
        let [a, b] = [loaded[0].manifest(), other.manifest()];
        if a.observation_schema_sha256 != b.observation_schema_sha256 || a.env != b.env {
            let message = format!("was trained for another environment or plan than {}", args.checkpoint[0].display());
            return Err(fault(path, message));
        }
    }
    let networks: Vec<&PolicyNetwork> = loaded.iter().map(LoadedPolicy::network).collect();
    let network = PolicyNetwork::averaged(&networks).map_err(|message| fault(&args.checkpoint[0], message))?;
    let runs: Vec<Value> = loaded.iter().map(|policy| policy.manifest().training.run.clone()).collect();
    let edit = |env: EnvRecord, training: TrainingRecord| {
        let each =
            runs.into_iter().map(|run| forget_paths(env.clone(), TrainingRecord { run, ..training.clone() }).1.run);
        let each: Vec<Value> = each.collect();
        let (env, mut training) = forget_paths(env.clone(), training.clone());
        if let Some(run) = training.run.as_object_mut() {
            run.insert("averaged".into(), json!(each));
        }
        (env, training)
    };
    write_artifact(&loaded[0], &network, &args.out, None, args.overwrite, edit)
}

/// What the end of the run found out about this very policy, if it did.
fn last_evaluation(run: &Path, folder: &Path) -> Option<Value> {
    let judged = LoadedPolicy::load(&run.join(POLICY_FOLDER)).ok()?;
    let exported = LoadedPolicy::load(folder).ok()?;
    let same = judged.manifest().training == exported.manifest().training;
    judged.manifest().evaluation.clone().filter(|_| same)
}

/// An exported policy travels to machines where the paths of its grid table and of the files of its scenario mean nothing;
/// their names stay.
fn forget_paths(mut env: EnvRecord, mut training: TrainingRecord) -> (EnvRecord, TrainingRecord) {
    if let Some(run) = training.run.as_object_mut()
        && run.get("grid").and_then(Value::as_str).is_some_and(|grid| grid != EMBEDDED_GRID)
    {
        run.remove("grid");
    }
    if let Some(run) = training.run.as_object_mut()
        && let Some(forecast) = run.get("forecast").and_then(Value::as_str)
        && !is_forecast_word(forecast)
    {
        let name = Path::new(forecast).file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        run.insert("forecast".into(), json!(name));
    }
    if let Ok(stored) = serde_json::from_value::<SiteConfig>(env.scenario.clone()) {
        let mut named = stored.clone();
        forget_folders(&mut named);
        if named != stored {
            env.scenario = json!(named);
        }
    }
    (env, training)
}

/// Loads an artifact with all checks and writes it again, with an evaluation summary if there is one.
pub(super) fn copy_artifact(
    from: &Path,
    to: &Path,
    evaluation: Option<Value>,
    overwrite: bool,
    edit: impl FnOnce(EnvRecord, TrainingRecord) -> (EnvRecord, TrainingRecord),
) -> Result<(), Failure> {
    let loaded = LoadedPolicy::load(from).map_err(Failure::input)?;
    let evaluation = evaluation.or_else(|| loaded.manifest().evaluation.clone());
    write_artifact(&loaded, loaded.network(), to, evaluation, overwrite, edit)
}

/// Writes a network as an artifact that is otherwise like another.
fn write_artifact(
    like: &LoadedPolicy,
    network: &PolicyNetwork,
    to: &Path,
    evaluation: Option<Value>,
    overwrite: bool,
    edit: impl FnOnce(EnvRecord, TrainingRecord) -> (EnvRecord, TrainingRecord),
) -> Result<(), Failure> {
    let manifest = like.manifest();
    let (env, training) = edit(manifest.env.clone(), manifest.training.clone());
    let export = PolicyExport {
        network,
        env,
        observation_space: &manifest.observation_space,
        action_space: &manifest.action_space,
        observation_schema: &manifest.observation_schema,
        action_names: manifest.action_head.names.clone(),
        training,
        evaluation,
        golden_inputs: manifest
            .golden
            .iter()
            .map(|g| PolicyInput { observation: g.observation.clone(), mask: g.mask.clone() })
            .collect(),
    };
    export_policy(to, &export, overwrite).map(|_| ()).map_err(refused)
}

/// An occupied target is the user's to change; a disk that refuses is not.
fn refused(error: ArtifactError) -> Failure {
    match error {
        ArtifactError::TargetExists { path, found, .. } if found.contains("an artifact") => {
            let message = format!("{found}, expected an empty or absent folder");
            Fault::of_path(&path, message).hint("choose another --out, or replace it with --overwrite").into()
        }
        ArtifactError::TargetExists { .. } => Failure::input(error),
        ArtifactError::Io { path, verb, source } => Fault::of_io(&path, verb, &source).into(),
        _ => Failure::world(error),
    }
}
