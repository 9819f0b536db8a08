//! `flexai export CHECKPOINT --out DIR`: a checkpoint's policy as an artifact of its own.

use super::output::print_line;
use super::policy_source::artifact_folder;
use super::{Failure, Outcome};
use crate::cli::ExportArgs;
use crate::fault::Fault;
use flexai_agents::artifact::{ArtifactError, LoadedPolicy, PolicyExport, PolicyInput, export_policy};
use std::path::Path;
use std::process::ExitCode;

pub(super) fn export(args: &ExportArgs) -> Outcome {
    let folder = artifact_folder(&args.checkpoint)?;
    copy_artifact(&folder, &args.out, None, args.overwrite)?;
    print_line(&args.out.display().to_string())?;
    Ok(ExitCode::SUCCESS)
}

/// Loads an artifact with all checks and writes it again, with an evaluation summary if there is one.
pub(super) fn copy_artifact(
    from: &Path,
    to: &Path,
    evaluation: Option<serde_json::Value>,
    overwrite: bool,
) -> Result<(), Failure> {
    let loaded = LoadedPolicy::load(from).map_err(Failure::input)?;
    let manifest = loaded.manifest();
    let export = PolicyExport {
        network: loaded.network(),
        env: manifest.env.clone(),
        observation_space: &manifest.observation_space,
        action_space: &manifest.action_space,
        observation_schema: &manifest.observation_schema,
        action_names: manifest.action_head.names.clone(),
        training: manifest.training.clone(),
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
