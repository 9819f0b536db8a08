//! The leaderboard: stored evaluations as one Markdown table.
//!
//! In: evaluations. Out: a table with what must be read with it below, or a document with both between its markers.
//! Always: what is a mean over weeks has its interval, and stands with how many weeks and when; FIFO, which every saving is
//! against, has no row.
//! Not here: comparisons between policies of different evaluations (`joint.rs`).

use super::report::{Evaluation, Interval, PolicyReport};
use super::table::{date, in_brackets, percent};
use crate::fault::Fault;
use std::path::Path;

/// Where the table begins in a document.
pub const BEGIN: &str = "<!-- leaderboard: made by `flexai leaderboard` -->";
/// Where it ends.
pub const END: &str = "<!-- leaderboard: end -->";

const HEADER: [&str; 10] = [
    "scenario",
    "split",
    "weeks x job seeds, from - before",
    "policy",
    "gap captured %, pooled [95 %]",
    "gap captured %, IQM [95 %]",
    "GBP/week saved against FIFO [95 %]",
    "CO2 saved % [95 %]",
    "deadlines met %",
    "CPU ms/decision",
];

/// The table: evaluations as given, in each the best policy first.
pub fn leaderboard(evaluations: &[Evaluation]) -> String {
    let mut text = format!("| {} |\n|{}\n", HEADER.join(" | "), "---|".repeat(HEADER.len()));
    for evaluation in evaluations {
        let mut policies: Vec<&PolicyReport> = evaluation.policies.iter().filter(|p| p.name != "fifo").collect();
        policies.sort_by(|a, b| a.cost_gbp.total_cmp(&b.cost_gbp));
        for policy in policies {
            text.push_str(&format!("| {} |\n", row(evaluation, policy).join(" | ")));
        }
    }
    let notes: Vec<String> = evaluations.iter().flat_map(footnotes).collect();
    for (_, note) in notes.iter().enumerate().filter(|(i, note)| !notes[..*i].contains(note)) {
        text.push_str(&format!("\n{note}\n"));
    }
    text
}

/// What must be read with the rows of an evaluation that bear a star.
fn footnotes(evaluation: &Evaluation) -> Vec<String> {
    let settled: Vec<&str> = evaluation.settled_on_last_day.iter().map(|week| date(week)).collect();
    let settled = (!settled.is_empty()).then(|| {
        let weeks = settled.join(", ");
        format!("settled on their own last day, as the table lacks prices of the day after: weeks of {weeks}")
    });
    let said = evaluation.labels.iter().cloned().chain(settled);
    said.map(|text| format!("\\* {}, {}: {}", place(evaluation), plain(&evaluation.split), plain(&text))).collect()
}

fn place(evaluation: &Evaluation) -> String {
    format!("{} on {}", plain(&evaluation.scenario), plain(&evaluation.grid))
}

/// A document with the table in the place of what stood between its markers.
///
/// # Errors
/// A [`Fault`] if a marker is missing.
pub fn with_leaderboard(path: &Path, document: &str, table: &str) -> Result<String, Fault> {
    let missing = |marker: &str| {
        let message = format!("the line `{marker}` is missing, expected the table between two markers");
        Fault::of_path(path, message).hint(format!("add the lines `{BEGIN}` and `{END}` where the table belongs"))
    };
    let begin = document.find(BEGIN).ok_or_else(|| missing(BEGIN))? + BEGIN.len();
    let end = begin + document[begin..].find(END).ok_or_else(|| missing(END))?;
    Ok(format!("{}\n{table}{}", &document[..begin], &document[end..]))
}

fn row(evaluation: &Evaluation, policy: &PolicyReport) -> [String; 10] {
    let gap = policy.gap_captured.as_ref();
    let pooled = gap.map(|g| Interval { value: g.pooled, lo: g.pooled_lo, hi: g.pooled_hi });
    let iqm = gap.map(|g| Interval { value: g.iqm, lo: g.lo, hi: g.hi });
    let saved = policy.versus.iter().find(|versus| versus.rival == "fifo").map(|v| v.saving_gbp_per_week);
    let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".into());
    let star = if footnotes(evaluation).is_empty() { "" } else { " \\*" };
    let weeks = evaluation.weeks;
    [
        format!("{}{star}", place(evaluation)),
        plain(&evaluation.split),
        format!("{weeks} x {}, {} - {}", evaluation.seeds, date(&evaluation.from), date(&evaluation.to)),
        plain(&policy.name),
        or_dash(pooled.map(|share| percent(&share, weeks))),
        or_dash(iqm.map(|share| percent(&share, weeks))),
        or_dash(saved.map(|gbp| in_brackets(&gbp, 0, weeks))),
        in_brackets(&policy.carbon_saving_pct_interval, 2, weeks),
        or_dash(policy.deadlines_met_pct.map(|share| format!("{share:.2}"))),
        format!("{:.4}", policy.decision_ms.cpu_mean),
    ]
}

/// Text that no Markdown table takes for its own.
fn plain(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}
