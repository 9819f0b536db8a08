//! Puts words, tables and pictures into the template.
//!
//! In: a [`ReportInput`]. Out: a [`Report`].
//! Always: the template escapes everything but the drawings and the style sheets, which are made here.

use super::ceiling::ceilings;
use super::claims::{Claim, claims};
use super::draw::{FIGURE_CSS, Picture, TOKENS_CSS, escaped};
use super::number::{DASH, counted, number, percent};
use super::pictures::{self, Choice};
use super::tables::{self, Row, Table};
use super::verdict::verdict;
use super::view::View;
use super::{FIGURES_FOLDER, Report, ReportInput};
use crate::evaluation::Evaluation;
use crate::fault::Fault;
use minijinja::value::Value;
use minijinja::{Environment, UndefinedBehavior, context};

const TEMPLATE: &str = include_str!("report.html");
const PAGE_CSS: &str = include_str!("page.css");

/// Makes page and pictures.
pub(super) fn page(input: &ReportInput<'_>) -> Result<Report, Fault> {
    let view = View::new(input);
    let choices = pictures::day_choices(&view, input)?;
    let mut drawn: Vec<(Picture, String)> = Vec::new();
    let mut add = |picture: Option<Picture>, caption: &str| {
        let picture = picture?;
        let shown = figure(&picture, caption);
        drawn.push((picture, String::new()));
        Some(shown)
    };
    let shifted = add(pictures::shifted(&view), SHIFTED);
    let waterfall = add(pictures::waterfall(&view), WATERFALL);
    let scatter = pictures::scatter(&view).and_then(|(picture, caption)| add(Some(picture), &caption));
    let profile = pictures::profile(&view).and_then(|(picture, caption)| add(Some(picture), caption));
    let learning = add(pictures::learning(input.learning), LEARNING);
    let (late, none_late) = match pictures::lateness(&view) {
        Some(Ok(picture)) => (Some(picture), None),
        Some(Err(words)) => (None, Some(words)),
        None => (None, None),
    };
    let lateness = add(late, LATENESS);
    let files = choices.iter().map(|choice| &choice.picture).chain(drawn.iter().map(|(picture, _)| picture));
    let figures = files.map(|picture| (format!("{}.svg", picture.file), picture.standalone())).collect();
    let said = verdict(&view);
    let has_classes = lateness.is_some() || none_late.is_some();
    let missing = missing(&view, input, shifted.is_some(), scatter.is_some(), has_classes);
    let values = context! {
        css => safe([TOKENS_CSS, FIGURE_CSS, PAGE_CSS].concat()),
        title => format!("{} on {}", input.evaluation.scenario, input.evaluation.grid),
        headline => said.headline,
        verdict => said.text,
        labels => labels(&view),
        money => table(&tables::money(&view)),
        physics => table(&tables::physics(&view)),
        days => choices.iter().enumerate().map(|(index, choice)| day(index, choice)).collect::<Vec<Value>>(),
        subject => view.subject.map(|policy| policy.name.clone()),
        shifted, waterfall, scatter, profile, learning, lateness, none_late,
        claims => claims(&view).iter().map(claim).collect::<Vec<Value>>(),
        ceilings => ceiling_rows(&view),
        weeks => table(&tables::weeks(&view)),
        settings => settings(&view),
        skipped => input.evaluation.skipped_weeks.clone(),
        missing,
        reproduce => [pairs(input.reproduce), provenance(input.evaluation)].concat(),
    };
    Ok(Report { html: render(values), figures })
}

/// Weeks below which intervals over weeks are called rough.
const FEW_WEEKS: usize = 8;
const SHIFTED: &str = "Mean over the played weeks, by the UK clock. Blue cells draw less than FIFO (or discharge), orange \
                       cells more (or charge).";
const WATERFALL: &str = "Each bar is the change of one term of J, in pounds per week. The axis does not begin at zero.";
const LEARNING: &str = "Measured on validation weeks while training; dashed lines are rivals on the same weeks.";
const LATENESS: &str = "Jobs that ended late, or were left over late, of all jobs of the class that ended.";

fn render(values: Value) -> String {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    // The name ends in .html, so everything is escaped unless it is marked as safe.
    environment.add_template("report.html", TEMPLATE).expect("the template is compiled in and a test renders it");
    let template = environment.get_template("report.html").expect("it was added above");
    template.render(values).expect("every name of the template is in its context, as a test shows")
}

/// A name that may be broken after its underscores and slashes.
fn soft(name: &str) -> Value {
    safe(escaped(name).replace('/', "/<wbr />").replace('_', "_<wbr />"))
}

fn safe(markup: String) -> Value {
    Value::from_safe_string(markup)
}

fn figure(picture: &Picture, caption: &str) -> Value {
    context! {
        id => picture.file.clone(),
        title => picture.title.clone(),
        svg => safe(picture.inline()),
        caption,
        file => format!("{FIGURES_FOLDER}/{}.svg", picture.file),
    }
}

fn day(index: usize, choice: &Choice) -> Value {
    context! { label => choice.label.clone(), first => index == 0, figure => figure(&choice.picture, &choice.caption) }
}

fn table(table: &Table) -> Value {
    let row = |row: &Row| {
        let cells: Vec<Value> = row.cells.iter().map(|(value, small)| context! { value, small }).collect();
        context! { name => soft(&row.name), kind => row.kind.clone(), marked => row.marked, cells }
    };
    context! { head => table.head.clone(), rows => table.rows.iter().map(row).collect::<Vec<Value>>() }
}

fn claim(claim: &Claim) -> Value {
    context! {
        title => claim.title.clone(),
        means => claim.means.clone(),
        bound => claim.bound.clone(),
        achieved => claim.achieved.clone(),
        holds_if => claim.holds_if.clone(),
        status => claim.status.clone(),
    }
}

fn ceiling_rows(view: &View<'_>) -> Vec<Value> {
    let share = |pct: Option<f64>| pct.map_or_else(|| DASH.to_string(), |pct| percent(pct, 1));
    let row = |ceiling: super::ceiling::Ceiling| {
        let head = format!("{} h of each day", number(ceiling.hours, 0));
        let machines = format!("{}\u{d7}", number(ceiling.machines, 0));
        context! { head, machines, cost => share(ceiling.cost_pct), carbon => share(ceiling.carbon_pct) }
    };
    ceilings(view.grid).into_iter().map(row).collect()
}

/// What is simulated or counterfactual.
fn labels(view: &View<'_>) -> Vec<String> {
    let evaluation = view.evaluation;
    let mut labels = vec![
        "simulated: jobs, machines and battery; every policy meets the same jobs in the same weeks".to_string(),
        "counterfactual: FIFO runs each job as soon as the scenario and its machines let it, at full power, and leaves \
         the battery alone; savings are against it"
            .to_string(),
    ];
    let synthetic = "synthetic: every signal of the grid comes from a generator fitted to real data";
    if evaluation.grid_kind == "synthetic" && !evaluation.labels.iter().any(|label| label.starts_with("synthetic")) {
        labels.push(synthetic.to_string());
    }
    labels.extend(evaluation.labels.iter().cloned());
    if evaluation.oracle.as_ref().is_some_and(|oracle| oracle.kind == "bound") {
        let bound =
            "bound: perfect foresight is a number that no J is below; shares of the gap are at least those stated";
        labels.push(bound.to_string());
    }
    if (2..FEW_WEEKS).contains(&evaluation.weeks) {
        labels.push(format!("few weeks: intervals over {} of them are rough", evaluation.weeks));
    }
    if !evaluation.settled_on_last_day.is_empty() {
        let count = counted(evaluation.settled_on_last_day.len(), "week is", "weeks are");
        labels.push(format!(
            "{count} settled at the prices of the week\u{2019}s own last day, because those of the day after are not all \
             in the table: it ends there, or has a hole"
        ));
    }
    labels
}

fn settings(view: &View<'_>) -> Vec<Value> {
    let evaluation = view.evaluation;
    let day = |stamp: &str| stamp.split('T').next().unwrap_or_default().to_string();
    let rows = [
        ("scenario".to_string(), evaluation.scenario.clone()),
        ("grid".to_string(), format!("{} ({})", evaluation.grid, evaluation.grid_kind)),
        ("split".to_string(), evaluation.split.clone()),
        ("dates".to_string(), format!("{} up to {}, exclusive", day(&evaluation.from), day(&evaluation.to))),
        ("weeks".to_string(), number(evaluation.weeks as f64, 0)),
        ("sets of jobs per week".to_string(), number(evaluation.seeds as f64, 0)),
        ("job seeds".to_string(), evaluation.job_seeds.join(", ")),
        ("perfect foresight".to_string(), foresight(evaluation)),
    ];
    pairs(&rows)
}

fn foresight(evaluation: &Evaluation) -> String {
    evaluation
        .oracle
        .as_ref()
        .map_or_else(|| "not computed".into(), |oracle| format!("{}, {}", oracle.kind, oracle.solver))
}

/// Names of what was played with, and what they hold.
fn provenance(evaluation: &Evaluation) -> Vec<Value> {
    pairs(&[
        ("scenario, SHA-256".to_string(), evaluation.scenario_digest.clone()),
        ("grid table, SHA-256".to_string(), evaluation.grid_digest.clone()),
        ("program, SHA-256".to_string(), evaluation.code_digest.clone()),
    ])
}

fn pairs(rows: &[(String, String)]) -> Vec<Value> {
    rows.iter().map(|(name, value)| context! { name, value }).collect()
}

/// What the page would show if it were at hand.
fn missing(view: &View<'_>, input: &ReportInput<'_>, moved: bool, rival: bool, classes: bool) -> Vec<String> {
    let mut missing = Vec::new();
    if view.oracle_gain_gbp().is_none() {
        missing.push("No perfect-foresight bound was computed, so no share of the possible gain can be stated.");
    }
    if input.traces.is_empty() || input.grid.is_empty() {
        missing.push("Half-hours were not stored with this evaluation: no day, no map of the week, no ceilings.");
    } else if !moved {
        missing.push("Nothing was moved in time, so there is no map of the week.");
    }
    if !rival {
        missing.push("Fewer than two policies were played, so there is nobody to compare week by week.");
    }
    if !classes {
        missing.push("No jobs were counted by class.");
    }
    missing.into_iter().map(str::to_string).collect()
}
