//! What a scenario sets beside its places: storage, work, controls, flexibility, reward; key by key.
//!
//! In: a setup. Out: tables of keys, and their part of the page.
//! Always: what a scenario does not use is said in a sentence, not left out in silence.

use super::keys::{self, KeyDoc, KeyRow, rows};
use super::table::{Markdown, shown};
use crate::market::events::EventCounts;
use crate::site::{SiteConfig, SiteSetup};
use crate::workload::JobClassConfig;
use serde::Serialize;
use serde_json::json;

/// A table of a scenario, key by key.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Settings {
    /// Name of the TOML table, or of one entry of it.
    pub table: String,
    /// Its keys.
    pub keys: Vec<KeyRow>,
}

/// One class of jobs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ClassFacts {
    /// Its name.
    pub name: String,
    /// Its keys.
    pub keys: Vec<KeyRow>,
}

/// What a scenario sets.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SettingsFacts {
    /// The root of the file.
    pub root: Settings,
    /// Storage of a site; a fleet's sites may differ in size.
    pub battery: Settings,
    /// Panels of a site.
    pub solar: Settings,
    /// Where work comes from.
    pub workload: Settings,
    /// Published traces, where they are played.
    pub traces: Vec<Settings>,
    /// The load that cannot wait.
    pub interactive: Settings,
    /// The classes of jobs.
    pub classes: Vec<ClassFacts>,
    /// What the agent can do.
    pub controls: Settings,
    /// How jobs move between sites; fleets only.
    pub migration: Option<Settings>,
    /// Turn-down sold on the wholesale market, where it is.
    pub p415: Option<Settings>,
    /// The baseline, where flexibility is sold or asked for.
    pub baseline: Option<Settings>,
    /// Sources of events.
    pub events: Vec<Settings>,
    /// The events that they give on this grid; none without a source.
    pub event_counts: Option<EventCounts>,
    /// What the agent is told.
    pub reward: Settings,
}

fn settings(table: &str, value: &impl Serialize, docs: &[KeyDoc]) -> Settings {
    Settings { table: table.into(), keys: rows(value, docs) }
}

/// Collects them.
pub(super) fn facts(setup: &SiteSetup) -> SettingsFacts {
    let config = &setup.config;
    let root = json!({
        "carbon_price_gbp_per_tonne": config.carbon_price_gbp_per_tonne,
        "lateness_gbp_per_mwh_hour": config.lateness_gbp_per_mwh_hour,
        "episode_periods": config.episode_periods,
    });
    let class = |class: &JobClassConfig| ClassFacts { name: class.name.clone(), keys: rows(class, keys::CLASS) };
    SettingsFacts {
        root: settings("scenario", &root, keys::ROOT),
        battery: settings("battery", &config.battery, keys::BATTERY),
        solar: settings("solar", &config.solar, keys::SOLAR),
        workload: settings(
            "workload",
            &json!({"mean_it_mw": config.workload.mean_it_mw, "source": config.workload.source}),
            keys::WORKLOAD,
        ),
        traces: traces(config),
        interactive: settings("workload.interactive", &config.workload.interactive, keys::INTERACTIVE),
        classes: config.workload.classes.iter().map(class).collect(),
        controls: settings("controls", &config.controls, keys::CONTROLS),
        migration: (!config.sites.is_empty()).then(|| settings("migration", &config.migration, keys::MIGRATION)),
        p415: config.p415.enabled.then(|| settings("p415", &config.p415, keys::P415)),
        baseline: config.has_flex().then(|| settings("baseline", &config.baseline, keys::BASELINE)),
        events: events(config),
        event_counts: (!config.events.is_empty()).then(|| setup.events().counts()),
        reward: settings("reward", &config.reward, keys::REWARD),
    }
}

fn traces(config: &SiteConfig) -> Vec<Settings> {
    let trace = &config.workload.trace;
    let jobs = trace.jobs.iter().enumerate();
    let jobs = jobs.map(|(i, jobs)| settings(&format!("workload.trace.jobs[{i}]"), jobs, keys::TRACE_JOBS));
    let requests = trace.interactive.iter();
    jobs.chain(requests.map(|own| settings("workload.trace.interactive", own, keys::TRACE_INTERACTIVE))).collect()
}

fn events(config: &SiteConfig) -> Vec<Settings> {
    let events = &config.events;
    let mut found = Vec::new();
    found.extend(events.list.iter().map(|list| settings("events.list", list, keys::LISTED)));
    let scripted = events.scripted.iter().enumerate();
    found.extend(scripted.map(|(i, event)| settings(&format!("events.scripted[{i}]"), event, keys::SCRIPTED)));
    found.extend(events.stress.iter().map(|stress| settings("events.stress", stress, keys::STRESS)));
    found.extend(events.random.iter().map(|random| settings("events.random", random, keys::RANDOM)));
    found
}

/// The part of the page.
pub(super) fn write(page: &mut Markdown, facts: &SettingsFacts, fleet: bool) {
    page.heading(3, "Prices of the score, and length");
    write_keys(page, &facts.root);
    page.heading(3, "Battery");
    note_fleet(page, fleet, "size");
    write_keys(page, &facts.battery);
    page.heading(3, "Solar");
    write_keys(page, &facts.solar);
    page.heading(3, "Workload");
    note_fleet(page, fleet, "mean load");
    write_keys(page, &facts.workload);
    for trace in &facts.traces {
        page.paragraph(&format!("`[{}]`", trace.table));
        write_keys(page, trace);
    }
    page.heading(3, "Interactive inference");
    write_keys(page, &facts.interactive);
    page.heading(3, "Job classes");
    write_classes(page, &facts.classes);
    page.heading(3, "Controls");
    write_keys(page, &facts.controls);
    page.heading(3, "Migration");
    match &facts.migration {
        Some(migration) => write_keys(page, migration),
        None => page.paragraph("There is one site."),
    }
    write_flexibility(page, facts);
    page.heading(3, "Reward settings");
    write_keys(page, &facts.reward);
}

/// What a site of a fleet may have of its own.
fn note_fleet(page: &mut Markdown, fleet: bool, own: &str) {
    if fleet {
        page.paragraph(&format!("Of every site; where the table of sites has another {own}, that one holds."));
    }
}

fn write_flexibility(page: &mut Markdown, facts: &SettingsFacts) {
    page.heading(3, "Turn-down sold on the wholesale market (P415)");
    match &facts.p415 {
        Some(p415) => write_keys(page, p415),
        None => page.paragraph("Not sold."),
    }
    page.heading(3, "Events: requests of the grid");
    if facts.events.is_empty() {
        page.paragraph("There are none.");
    }
    for source in &facts.events {
        page.paragraph(&format!("`[{}]`", source.table));
        write_keys(page, source);
    }
    if let Some(counts) = facts.event_counts {
        page.paragraph(&format!(
            "On this grid: {} events of a list, {} scripted, {} of stress, {} random; {} left out because they overlap \
             another one, {} because they lie outside the table. Stress was judged on {} days; {} days lack a signal or \
             history for it.",
            counts.listed,
            counts.scripted,
            counts.stress,
            counts.random,
            counts.overlapping,
            counts.outside_trace,
            counts.days_judged,
            counts.days_without_signals
        ));
    }
    page.heading(3, "Baseline");
    match &facts.baseline {
        Some(baseline) => write_keys(page, baseline),
        None => page.paragraph("None is needed: no flexibility is sold or asked for."),
    }
}

fn write_keys(page: &mut Markdown, settings: &Settings) {
    let row = |row: &KeyRow| vec![format!("`{}`", row.key), shown(&row.value), row.unit.into(), row.meaning.into()];
    page.table(&["key", "value", "unit", "meaning"], &settings.keys.iter().map(row).collect::<Vec<_>>());
}

/// A column per class, a row per key.
fn write_classes(page: &mut Markdown, classes: &[ClassFacts]) {
    let Some(first) = classes.first() else {
        page.paragraph("There are none: all load is interactive.");
        return;
    };
    let names: Vec<&str> = classes.iter().map(|class| class.name.as_str()).collect();
    let columns = [&["key", "unit"], names.as_slice(), &["meaning"]].concat();
    let row = |(i, key): (usize, &KeyRow)| {
        let mut cells = vec![format!("`{}`", key.key), key.unit.to_string()];
        cells.extend(classes.iter().map(|class| class.keys.get(i).map_or_else(String::new, |row| shown(&row.value))));
        cells.push(key.meaning.to_string());
        cells
    };
    page.table(&columns, &first.keys.iter().enumerate().map(row).collect::<Vec<_>>());
    page.paragraph("Inside a class the earliest deadline goes first. Jobs whose latest start has come run whatever the action says.");
}
