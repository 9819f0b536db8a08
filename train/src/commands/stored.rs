//! `flexai compare` and `flexai leaderboard`: what evaluations made before say together.

use super::evaluate::print_evaluation;
use super::output::{print_json, print_line};
use super::report::{About, date_of_day, write_report};
use super::{Failure, Outcome};
use crate::cli::{CompareArgs, LeaderboardArgs};
use crate::evaluation::{Evaluation, EvaluationRecord, join, leaderboard, with_leaderboard};
use crate::fault::Fault;
use crate::run_dir::replace_file;
use std::path::PathBuf;
use std::process::ExitCode;

/// One table of all policies of evaluations that were made on the same weeks and jobs.
pub(super) fn compare(args: &CompareArgs) -> Outcome {
    let records = args.evaluations.iter().map(|path| {
        let name = path.display().to_string();
        EvaluationRecord::load(path).map(|record| (name, record))
    });
    let day = args.day.as_deref().map(date_of_day).transpose()?;
    let joint = join(records.collect::<Result<_, _>>()?)?;
    if let Some(folder) = &args.out {
        joint.save(folder)?;
    }
    if let Some(folder) = &args.report {
        let page = write_report(folder, &joint, &About { day, ..About::default() })?;
        eprintln!("report: {}", page.display());
    }
    if args.json {
        print_json(&joint.evaluation)?
    } else {
        print_evaluation(&joint.evaluation)?
    }
    Ok(ExitCode::SUCCESS)
}

/// Every evaluation in one Markdown table, on stdout or between the markers of a document.
pub(super) fn print_leaderboard(args: &LeaderboardArgs) -> Outcome {
    let table = leaderboard(&evaluations(&args.evaluations)?);
    let Some(path) = &args.write else {
        print_line(table.trim_end())?;
        return Ok(ExitCode::SUCCESS);
    };
    let document = std::fs::read_to_string(path).map_err(|e| Fault::of_io(path, "read the document", &e))?;
    let document = with_leaderboard(path, &document, &table)?;
    replace_file(path, document.as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

fn evaluations(paths: &[PathBuf]) -> Result<Vec<Evaluation>, Failure> {
    paths.iter().map(|path| Ok(EvaluationRecord::load(path)?.evaluation)).collect()
}
