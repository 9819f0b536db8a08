//! An evaluation as a person reads it.

use super::report::{Evaluation, PolicyReport};
use comfy_table::{CellAlignment, ContentArrangement, Table, presets};

/// One row per policy, cheapest first.
pub fn evaluation_table(evaluation: &Evaluation) -> String {
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header([
        "policy",
        "J GBP/week",
        "saved vs FIFO % [95 %]",
        "bill GBP/week",
        "tCO2/week",
        "CO2 saved %",
        "deadlines %",
        "cycles/week",
        "peak MW",
        "ms/decision",
    ]);
    let mut rows: Vec<&PolicyReport> = evaluation.policies.iter().collect();
    rows.sort_by(|a, b| a.cost_gbp.total_cmp(&b.cost_gbp));
    let weeks = evaluation.weeks as f64;
    for p in rows {
        let saved = &p.cost_saving_pct_interval;
        table.add_row([
            p.name.clone(),
            format!("{:.0}", p.cost_gbp / weeks),
            format!("{:.2} [{:.2}, {:.2}]", saved.value, saved.lo, saved.hi),
            format!("{:.0}", p.bill_gbp / weeks),
            format!("{:.1}", p.carbon_t / weeks),
            format!("{:.2}", p.carbon_saving_pct),
            p.deadlines_met_pct.map_or_else(|| "-".into(), |share| format!("{share:.2}")),
            format!("{:.2}", p.battery_cycles),
            format!("{:.2}", p.peak_import_mw),
            format!("{:.4}", p.decision_ms.p50),
        ]);
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table.to_string()
}

/// What must be read with the table: labels of the scenario, and who drew more than the connection allows.
pub fn remarks(evaluation: &Evaluation) -> Vec<String> {
    let labels = evaluation.labels.iter().cloned();
    let beyond = evaluation.policies.iter().filter(|p| p.import_breaches > 0.0).map(|p| {
        format!(
            "{} drew {:.2} MWh beyond the import limit or the cap of an event, in {:.1} half-hours (all weeks, mean of job seeds)",
            p.name, p.import_breach_mwh, p.import_breaches
        )
    });
    labels.chain(beyond).collect()
}

/// One sentence per comparison of the trained policies with a rival.
pub fn verdict(evaluation: &Evaluation) -> Vec<String> {
    let networks = evaluation.policies.iter().filter(|p| p.kind == "network");
    networks
        .flat_map(|p| {
            p.versus.iter().filter(|v| v.rival == "fifo" || v.rival == "day_ahead_quantile").map(move |v| {
                let s = &v.saving_gbp_per_week;
                let word = match (s.lo > 0.0, s.hi < 0.0) {
                    (true, _) => "cheaper than",
                    (_, true) => "dearer than",
                    _ => "not clearly different from",
                };
                format!(
                    "{} is {word} {}: {:.0} GBP saved per week, 95 % interval [{:.0}, {:.0}]",
                    p.name, v.rival, s.value, s.lo, s.hi
                )
            })
        })
        .collect()
}
