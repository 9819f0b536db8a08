//! `flexai decide ARTIFACT`: observations in, decisions out, one JSON line each.

use super::{Failure, Outcome};
use crate::cli::DecideArgs;
use flexai_agents::artifact::LoadedPolicy;
use flexai_orchestrator::decide::run_decide;
use std::io::{stdin, stdout};
use std::process::ExitCode;

pub(super) fn decide(args: &DecideArgs) -> Outcome {
    let policy = LoadedPolicy::load(&args.artifact).map_err(Failure::input)?;
    let summary = run_decide(&policy, stdin().lock(), stdout().lock()).map_err(Failure::world)?;
    Ok(if summary.errors > 0 { ExitCode::from(2) } else { ExitCode::SUCCESS })
}
