//! `flexai export CHECKPOINT --out DIR`: a checkpoint's policy as an artifact of its own.

use super::output::print_line;
use super::policy_source::{POLICY_FOLDER, artifact_folder};
use super::{Failure, Outcome};
use crate::cli::ExportArgs;
use crate::fault::Fault;
use crate::setting::{EMBEDDED_GRID, forget_folders, is_forecast_word};
use flexai_agents::artifact::{
    ArtifactError, EnvRecord, LoadedPolicy, PolicyExport, PolicyInput, TrainingRecord, export_policy,
};
use flexai_env::site::SiteConfig;
use serde_json::{Value, json};
use std::path::Path;
use std::process::ExitCode;

pub(super) fn export(args: &ExportArgs) -> Outcome {
    let folder = artifact_folder(&args.checkpoint)?;
    let evaluation = last_evaluation(&args.checkpoint, &folder);
    copy_artifact(&folder, &args.out, evaluation, args.overwrite, forget_paths)?;
    print_line(&args.out.display().to_string())?;
    Ok(ExitCode::SUCCESS)
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
    let manifest = loaded.manifest();
    let (env, training) = edit(manifest.env.clone(), manifest.training.clone());
    let export = PolicyExport {
        network: loaded.network(),
        env,
        observation_space: &manifest.observation_space,
        action_space: &manifest.action_space,
        observation_schema: &manifest.observation_schema,
        action_names: manifest.action_head.names.clone(),
        training,
        evaluation: evaluation.or_else(|| manifest.evaluation.clone()),
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
