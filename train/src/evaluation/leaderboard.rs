//! The leaderboard: stored evaluations as one Markdown table.
//!
//! In: evaluations. Out: a table, or a document with the table between its markers.
//! Always: what is a mean over weeks has its interval; FIFO, which every saving is against, has no row.
//! Not here: comparisons between policies of different evaluations (`joint.rs`).

use super::report::{Evaluation, Interval, PolicyReport};
use super::table::{in_brackets, percent};
use crate::fault::Fault;
use std::path::Path;

/// Where the table begins in a document.
pub const BEGIN: &str = "<!-- leaderboard: made by `flexai leaderboard` -->";
/// Where it ends.
pub const END: &str = "<!-- leaderboard: end -->";

const HEADER: [&str; 9] = [
    "scenario",
    "split",
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
    text
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

fn row(evaluation: &Evaluation, policy: &PolicyReport) -> [String; 9] {
    let gap = policy.gap_captured.as_ref();
    let pooled = gap.map(|g| Interval { value: g.pooled, lo: g.pooled_lo, hi: g.pooled_hi });
    let iqm = gap.map(|g| Interval { value: g.iqm, lo: g.lo, hi: g.hi });
    let saved = policy.versus.iter().find(|versus| versus.rival == "fifo").map(|v| v.saving_gbp_per_week);
    let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".into());
    let labels = if evaluation.labels.is_empty() { "" } else { " \\*" };
    [
        format!("{} on {}{labels}", plain(&evaluation.scenario), plain(&evaluation.grid)),
        evaluation.split.clone(),
        plain(&policy.name),
        or_dash(pooled.map(|share| percent(&share))),
        or_dash(iqm.map(|share| percent(&share))),
        or_dash(saved.map(|gbp| in_brackets(&gbp, 0))),
        in_brackets(&policy.carbon_saving_pct_interval, 2),
        or_dash(policy.deadlines_met_pct.map(|share| format!("{share:.2}"))),
        format!("{:.4}", policy.decision_ms.cpu_mean),
    ]
}

/// Text that no Markdown table takes for its own.
fn plain(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}
