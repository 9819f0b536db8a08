//! `flexai data import`: publishers' own files become one table of the joined schema.
//!
//! In: files of known formats. Out: a table that `flexai data check TABLE` accepts, and a summary on stdout.
//! Always: nothing is written before every file is read and merged; a publisher's file is never overwritten.
//! Not here: the formats (`flexai_env::grid::publishers`).

use super::output::{print_json, print_line};
use super::{Failure, Outcome};
use crate::cli::{ImportArgs, PreferChoice};
use crate::fault::Fault;
use flexai_env::grid::publishers::{Merged, PUBLISHERS, Prefer, PublishedTable, Publisher, merge, read_published};
use flexai_env::grid::{GridTrace, Signal, save_trace};
use serde_json::{Value, json};
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

pub(super) fn import(arguments: &ImportArgs) -> Outcome {
    if arguments.list {
        return list(arguments.json);
    }
    let format = arguments.format.as_deref().map(Publisher::by_id).transpose().map_err(Failure::input)?;
    let Some(out) = &arguments.out else {
        return Err(Fault::new("--out", "is missing, expected the file of the table").hint("add --out TABLE").into());
    };
    refuse_to_overwrite(&arguments.files, out)?;
    let read = |file: &PathBuf| read_published(file, format).map_err(Failure::input);
    let tables = arguments.files.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    let prefer = arguments.prefer.map(|choice| match choice {
        PreferChoice::First => Prefer::First,
        PreferChoice::Last => Prefer::Last,
    });
    let name = out.file_name().map_or_else(|| out.display().to_string(), |name| name.to_string_lossy().into_owned());
    let merged = merge(&name, &tables, prefer).map_err(Failure::input)?;
    save_trace(&merged.trace, out).map_err(|e| Fault::of_io(out, "write the table", &e))?;
    if arguments.json {
        print_json(&summary(out, &tables, &merged))?;
    } else {
        print_line(&summary_text(out, &tables, &merged))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn list(json: bool) -> Outcome {
    if json {
        let formats = PUBLISHERS.iter().map(|format| json!({"id": format.id, "description": format.description}));
        print_json(&json!({"formats": formats.collect::<Vec<_>>()}))?;
    } else {
        let width = PUBLISHERS.iter().map(|format| format.id.len()).max().unwrap_or_default();
        let lines = PUBLISHERS.iter().map(|format| format!("{:width$}  {}", format.id, format.description));
        print_line(&lines.collect::<Vec<_>>().join("\n"))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn refuse_to_overwrite(files: &[PathBuf], out: &Path) -> Result<(), Failure> {
    let Ok(target) = out.canonicalize() else { return Ok(()) };
    let is_target = |file: &&PathBuf| file.canonicalize().is_ok_and(|path| path == target);
    match files.iter().find(is_target) {
        None => Ok(()),
        Some(_) => {
            let message = "is one of the files to import, expected another file";
            Err(Fault::new(format!("--out {}", out.display()), message).hint("write the table elsewhere").into())
        }
    }
}

/// Values and holes of every column of the table.
fn columns(trace: &GridTrace) -> impl Iterator<Item = (Signal, usize, usize)> {
    Signal::all().filter(|signal| !trace.is_absent(*signal)).map(|signal| {
        let holes = trace.column(signal).iter().filter(|value| value.is_nan()).count();
        (signal, trace.len() - holes, holes)
    })
}

fn summary(out: &Path, tables: &[PublishedTable], merged: &Merged) -> Value {
    let files: Vec<Value> = tables
        .iter()
        .map(|table| {
            let counts = table
                .signals()
                .map(|signal| json!({"column": signal.column_name(), "values": table.values(signal).count()}));
            json!({
                "file": table.table(),
                "format": table.format(),
                "rows": table.rows(),
                "first": table.first(),
                "last": table.last(),
                "columns": counts.collect::<Vec<_>>(),
                "notes": table.notes(),
            })
        })
        .collect();
    let trace = &merged.trace;
    let counts = columns(trace)
        .map(|(signal, values, holes)| json!({"column": signal.column_name(), "values": values, "holes": holes}));
    json!({
        "table": out.display().to_string(),
        "rows": trace.len(),
        "first": trace.start(),
        "last": trace.end() - 1,
        "columns": counts.collect::<Vec<_>>(),
        "agreed": merged.agreed,
        "settled": merged.settled,
        "files": files,
    })
}

fn summary_text(out: &Path, tables: &[PublishedTable], merged: &Merged) -> String {
    let mut text = String::new();
    let mut line = |words: String| writeln!(text, "{words}").expect("a text can be written to");
    for table in tables {
        let (first, last) = (table.first(), table.last());
        line(format!("{}: {}, {} rows, {first} to {last}", table.table(), table.format(), table.rows()));
        for signal in table.signals() {
            line(format!("  {signal}: {} values", table.values(signal).count()));
        }
        for note in table.notes() {
            let count = if note.count > 0 { format!("{} ", note.count) } else { String::new() };
            line(format!("  note: {count}{}", note.reason));
        }
    }
    let trace = &merged.trace;
    line(format!("{}: {} half-hours, {} to {}", out.display(), trace.len(), trace.start(), trace.end() - 1));
    for (signal, values, holes) in columns(trace) {
        line(format!("  {signal}: {values} values, {holes} holes"));
    }
    if merged.agreed + merged.settled > 0 {
        let (agreed, settled) = (merged.agreed, merged.settled);
        line(format!("  in two files: {agreed} values equal, {settled} different and settled by --prefer"));
    }
    text.truncate(text.trim_end().len());
    text
}
