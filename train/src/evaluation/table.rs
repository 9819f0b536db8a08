//! An evaluation as a person reads it in a terminal of 100 columns: verdicts, a table, remarks.
//!
//! Always: what is a mean over weeks has its 95 % interval in brackets, but for J itself, which the table is sorted by; one
//! week has no interval, and allows no word on who is better.
//! Not here: everything else that was measured (`--json`, the report).

use super::report::{Evaluation, GapReport, Interval, PolicyReport};
use comfy_table::{CellAlignment, ContentArrangement, Table, presets};

/// Rivals that a trained policy is held against by name; the cheapest other one joins them.
const YARDSTICKS: [&str; 4] = ["fifo", "day_ahead_quantile", "planner", "mpc"];

/// One row per policy, cheapest first, and the oracle on top where it was asked.
pub fn evaluation_table(evaluation: &Evaluation) -> String {
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN).set_content_arrangement(ContentArrangement::Disabled);
    let with_oracle = evaluation.oracle.is_some();
    let mut header = vec!["policy", "J GBP\n/week"];
    if with_oracle {
        header.push("gap captured\n% [95 %]");
    }
    header.extend(["J saved on\nFIFO % [95 %]", "CO2\ncut %", "in\ntime %", "CPU\nms"]);
    let columns = header.len();
    table.set_header(header);
    let weeks = evaluation.weeks as f64;
    if let Some(oracle) = &evaluation.oracle {
        let mut row =
            vec![format!("oracle ({})", oracle.kind), format!("{:.0}", oracle.total_gbp / weeks), "100.0".into()];
        row.resize(columns, "-".into());
        table.add_row(row);
    }
    let mut rows: Vec<&PolicyReport> = evaluation.policies.iter().collect();
    rows.sort_by(|a, b| a.cost_gbp.total_cmp(&b.cost_gbp));
    for p in rows {
        let mut row = vec![p.name.clone(), format!("{:.0}", p.cost_gbp / weeks)];
        if with_oracle {
            row.push(p.gap_captured.as_ref().map_or_else(|| "-".into(), |gap| percent(&pooled(gap), evaluation.weeks)));
        }
        let cpu_ms = p.decision_ms.cpu_mean;
        row.extend([
            in_brackets(&p.cost_saving_pct_interval, 1, evaluation.weeks),
            format!("{:.1}", p.carbon_saving_pct),
            p.deadlines_met_pct.map_or_else(|| "-".into(), |share| format!("{share:.2}")),
            if cpu_ms < 1.0 { format!("{cpu_ms:.4}") } else { format!("{cpu_ms:.2}") },
        ]);
        table.add_row(row);
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table.to_string()
}

/// What must be read with the table: labels of the scenario, how weeks were settled, and who drew more than the connection
/// allows.
pub fn remarks(evaluation: &Evaluation) -> Vec<String> {
    let labels = evaluation.labels.iter().cloned();
    let oracle = evaluation.oracle.iter().map(|oracle| match oracle.kind.as_str() {
        "optimum" => format!("the oracle is an optimum ({})", oracle.solver),
        _ => format!("the oracle is a lower bound on J ({}): shares of the gap are at least these", oracle.solver),
    });
    let beyond = evaluation.policies.iter().filter(|p| p.import_breaches > 0.0).map(|p| {
        format!(
            "{} drew {:.2} MWh beyond the import limit or the cap of an event, in {:.1} half-hours (all weeks, mean of job seeds)",
            p.name, p.import_breach_mwh, p.import_breaches
        )
    });
    let one = (evaluation.weeks < 2).then(|| "one week: no interval, and nothing here is clear".to_string());
    labels.chain(oracle).chain(one).chain(settled(evaluation)).chain(beyond).collect()
}

/// Which weeks were not settled at the prices of the day after.
fn settled(evaluation: &Evaluation) -> Option<String> {
    let weeks: Vec<&str> = evaluation.settled_on_last_day.iter().map(|week| date(week)).collect();
    if weeks.is_empty() {
        return None;
    }
    let which = if weeks.len() == 1 { "the week of" } else { "the weeks of" };
    Some(format!(
        "settled at the prices of their own last day, as those of the day after are not all in the table: {which} {}",
        weeks.join(", ")
    ))
}

/// The day of a time stamp.
pub(super) fn date(stamp: &str) -> &str {
    stamp.split('T').next().unwrap_or_default()
}

/// What the trained policies captured and whom they beat, a sentence each; without one, what the best rival captured.
pub fn verdict(evaluation: &Evaluation) -> Vec<String> {
    let mut networks: Vec<&PolicyReport> = evaluation.policies.iter().filter(|p| p.kind == "network").collect();
    if networks.is_empty() {
        let best = evaluation.policies.iter().min_by(|a, b| a.cost_gbp.total_cmp(&b.cost_gbp));
        networks.extend(best.filter(|p| p.gap_captured.is_some()));
    }
    let best = evaluation.policies.iter().filter(|p| p.kind == "rival");
    let best = best.min_by(|a, b| a.cost_gbp.total_cmp(&b.cost_gbp)).map_or("fifo", |p| p.name.as_str());
    networks
        .into_iter()
        .flat_map(|p| {
            let held = |rival: &str| p.kind == "network" && (YARDSTICKS.contains(&rival) || rival == best);
            let versus = p.versus.iter().filter(move |v| held(&v.rival)).map(move |v| {
                let (s, weeks) = (&v.saving_gbp_per_week, evaluation.weeks);
                let is = if weeks < 2 { "against".to_string() } else { format!("is {}", comparative(s)) };
                format!("{} {is} {}: GBP saved per week {}", p.name, v.rival, in_brackets(s, 0, weeks))
            });
            p.gap_captured.iter().map(|gap| gap_sentence(&p.name, gap, evaluation.weeks)).chain(versus)
        })
        .collect()
}

fn gap_sentence(name: &str, gap: &GapReport, weeks: usize) -> String {
    let iqm = Interval { value: gap.iqm, lo: gap.lo, hi: gap.hi };
    let [pooled, iqm] = [pooled(gap), iqm].map(|share| percent(&share, weeks));
    format!("{name} captures {pooled} % of the gap between FIFO and the oracle; interquartile mean {iqm}")
}

fn comparative(saving: &Interval) -> &'static str {
    match (saving.lo > 0.0, saving.hi < 0.0) {
        (true, _) => "cheaper than",
        (_, true) => "dearer than",
        _ => "not clearly different from",
    }
}

fn pooled(gap: &GapReport) -> Interval {
    Interval { value: gap.pooled, lo: gap.pooled_lo, hi: gap.pooled_hi }
}

/// A share over some weeks as per cent.
pub(super) fn percent(share: &Interval, weeks: usize) -> String {
    in_brackets(&Interval { value: 100.0 * share.value, lo: 100.0 * share.lo, hi: 100.0 * share.hi }, 1, weeks)
}

/// A number with its interval over some weeks, without minus zeros; one week has none.
pub(super) fn in_brackets(x: &Interval, decimals: usize, weeks: usize) -> String {
    let scale = 10_f64.powi(decimals as i32);
    let [value, lo, hi] = [x.value, x.lo, x.hi].map(|x| (x * scale).round() / scale + 0.0);
    match weeks {
        0 | 1 => format!("{value:.decimals$}"),
        _ => format!("{value:.decimals$} [{lo:.decimals$}, {hi:.decimals$}]"),
    }
}
