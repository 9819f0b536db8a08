//! The tables of a report.
//!
//! In: a [`View`]. Out: cells as text.
//! Always: a number that was compared stands with its interval; a number that is not at hand is a dash.
//! Not here: markup (`report.html`).

use super::number::{DASH, ends, number, percent, pounds};
use super::view::{View, gap, in_percent};
use crate::evaluation::{Interval, PolicyReport};

/// A table: head cells, and rows whose first cell names them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Table {
    pub(crate) head: Vec<String>,
    pub(crate) rows: Vec<Row>,
}

/// One row.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Row {
    pub(crate) name: String,
    /// What the name is, e.g. `rival`.
    pub(crate) kind: String,
    /// A value and what stands small below it.
    pub(crate) cells: Vec<(String, String)>,
    /// Whether it is the one the report is about.
    pub(crate) marked: bool,
}

const GAP: &str = "gap captured,\u{a0}%";
const SAVED: &str = "saved, £/week";
const COST: &str = "J, £/week";
const COST_SAVED: &str = "J saved,\u{a0}%";

type Column<'a> = (&'a str, Box<dyn Fn(&PolicyReport) -> (String, String) + 'a>);

/// What the policies cost, cheapest first.
pub(crate) fn money(view: &View<'_>) -> Table {
    let mut table = of_columns(view, &money_columns(view));
    table.rows.splice(0..0, foresight(view, &table.head));
    table
}

/// What nobody can beat, in the columns that it has numbers for.
fn foresight(view: &View<'_>, head: &[String]) -> Option<Row> {
    let (oracle, fifo) = (view.evaluation.oracle.as_ref()?, view.fifo?);
    let gain = fifo.cost_gbp - oracle.total_gbp;
    let cell = |name: &String| match name.as_str() {
        GAP => number(100.0, 1),
        SAVED => pounds(gain / view.weeks()),
        COST => pounds(oracle.total_gbp / view.weeks()),
        COST_SAVED => number(100.0 * gain / fifo.cost_gbp, 2),
        _ => DASH.to_string(),
    };
    let cells = head.iter().map(|name| plain(cell(name))).collect();
    Some(Row { name: "perfect foresight".into(), kind: oracle.kind.clone(), cells, marked: false })
}

/// What the policies did to carbon, service and machines, in the same order.
pub(crate) fn physics(view: &View<'_>) -> Table {
    of_columns(view, &physics_columns(view))
}

fn of_columns(view: &View<'_>, columns: &[Column<'_>]) -> Table {
    let marked = view.subject.map(|subject| subject.name.as_str());
    let rows = view.order.iter().map(|policy| Row {
        name: policy.name.clone(),
        kind: policy.kind.clone(),
        cells: columns.iter().map(|(_, cell)| cell(policy)).collect(),
        marked: Some(policy.name.as_str()) == marked,
    });
    Table { head: columns.iter().map(|(name, _)| (*name).to_string()).collect(), rows: rows.collect() }
}

fn money_columns<'a>(view: &'a View<'a>) -> Vec<Column<'a>> {
    let weeks = view.weeks();
    let of_gap = move |share: Option<Interval>| match share {
        Some(share) => with_ends(view, in_percent(&share), 1, number(100.0 * share.value, 1)),
        None => plain(DASH.into()),
    };
    let mut columns: Vec<Column<'a>> = Vec::new();
    if view.order.iter().any(|policy| gap(policy).is_some()) {
        columns.push((GAP, Box::new(move |p| of_gap(gap(p).map(|gap| gap.0)))));
        columns.push(("middle half of weeks,\u{a0}%", Box::new(move |p| of_gap(gap(p).map(|gap| gap.1)))));
    }
    let saving = move |p: &PolicyReport| match view.fifo.and_then(|fifo| view.saving(p, fifo)) {
        Some(saving) => with_ends(view, saving, 0, pounds(saving.value)),
        None => plain(DASH.into()),
    };
    columns.push((SAVED, Box::new(saving)));
    columns.push((COST, Box::new(move |p| plain(pounds(p.cost_gbp / weeks)))));
    columns.push((COST_SAVED, Box::new(move |p| share(view, p, p.cost_saving_pct_interval))));
    columns.push(("full bill saved,\u{a0}%", Box::new(move |p| share(view, p, p.bill_saving_pct_interval))));
    columns.push(("energy part saved,\u{a0}%", Box::new(move |p| share(view, p, p.energy_saving_pct_interval))));
    columns
}

fn physics_columns<'a>(view: &'a View<'a>) -> Vec<Column<'a>> {
    let weeks = view.weeks();
    let marginal = move |p: &PolicyReport| match (view.is_fifo(p), p.carbon_marginal_saving_pct) {
        (false, Some(pct)) => plain(number(pct, 2)),
        _ => plain(DASH.into()),
    };
    let met = |p: &PolicyReport| plain(number(p.deadlines_met_pct.unwrap_or(f64::NAN), 2));
    vec![
        ("CO\u{2082} saved,\u{a0}%", Box::new(move |p| share(view, p, p.carbon_saving_pct_interval))),
        ("marginal CO\u{2082} saved,\u{a0}%", Box::new(marginal)),
        ("CO\u{2082}, t/week", Box::new(move |p| plain(number(p.carbon_t / weeks, 1)))),
        ("deadlines met,\u{a0}%", Box::new(met)),
        ("moved, MWh/week", Box::new(move |p| plain(number(p.shifted_mwh / weeks, 1)))),
        ("battery cycles per week", Box::new(|p| plain(number(p.battery_cycles, 2)))),
        ("peak import, MW", Box::new(|p| plain(number(p.peak_import_mw, 2)))),
        ("CPU ms per decision", Box::new(|p| plain(milliseconds(p.decision_ms.cpu_mean)))),
    ]
}

fn plain(text: String) -> (String, String) {
    (text, String::new())
}

fn with_ends(view: &View<'_>, interval: Interval, decimals: usize, text: String) -> (String, String) {
    let ends = if view.has_intervals() { ends(&interval, decimals) } else { String::new() };
    (text, ends)
}

/// A saving against FIFO, per cent; FIFO itself has none.
fn share(view: &View<'_>, policy: &PolicyReport, share: Interval) -> (String, String) {
    if view.is_fifo(policy) { plain(DASH.into()) } else { with_ends(view, share, 2, number(share.value, 2)) }
}

/// Three digits that count.
fn milliseconds(value: f64) -> String {
    match value {
        v if !v.is_finite() || v >= 10.0 => number(v, 1),
        v if v >= 0.1 => number(v, 3),
        v => number(v, 4),
    }
}

/// Week by week what the subject did.
pub(crate) fn weeks(view: &View<'_>) -> Table {
    let Some(policy) = view.subject else { return Table::default() };
    let mut head = vec![
        "FIFO\u{2019}s J,\u{a0}£",
        "J,\u{a0}£",
        "saved,\u{a0}£",
        "saved,\u{a0}%",
        "CO\u{2082},\u{a0}t",
        "jobs late",
        "left over,\u{a0}£",
    ];
    let has_gap = policy.per_week.iter().any(|week| week.gap_captured.is_some());
    if has_gap {
        head.push("gap captured,\u{a0}%");
    }
    let rows = policy.per_week.iter().map(|week| {
        let saved = week.fifo_cost_gbp - week.cost_gbp;
        let share = if week.fifo_cost_gbp > 0.0 { 100.0 * saved / week.fifo_cost_gbp } else { f64::NAN };
        let mut cells = vec![
            pounds(week.fifo_cost_gbp),
            pounds(week.cost_gbp),
            pounds(saved),
            percent(share, 2),
            number(week.carbon_t, 1),
            number(week.jobs_late, 0),
            pounds(week.settlement_gbp),
        ];
        if has_gap {
            cells.push(number(100.0 * week.gap_captured.unwrap_or(f64::NAN), 1));
        }
        let name = week.week.split('T').next().unwrap_or_default().to_string();
        let kind = if view.evaluation.seeds > 1 { format!("jobs {}", week.seed + 1) } else { String::new() };
        Row { name, kind, cells: cells.into_iter().map(plain).collect(), marked: false }
    });
    Table { head: head.into_iter().map(str::to_string).collect(), rows: rows.collect() }
}
