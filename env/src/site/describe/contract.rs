//! What a learner may rely on: observations, actions, rewards, info, how an episode starts and ends.
//!
//! In: an environment. Out: rows of facts, and their part of the page.
//! Always: names, ranges and terms come from the code that uses them. Not here: the scenario (`places.rs`, `settings.rs`).

use super::table::Markdown;
use crate::core::{Env, Space};
use crate::grid::{Availability, InformationSet, Signal};
use crate::site::ledger::{COST_TERMS, InfoField};
use crate::site::{FlexFleet, GRID_FEATURES, RewardMode, SiteConfig};
use serde::Serialize;

/// A signal, or something of the site, and when it is known.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct KnownRow {
    /// What; columns of the grid table in their own spelling.
    pub what: String,
    /// When period t is decided, at its start.
    pub known: String,
}

/// What is known when.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct InformationFacts {
    /// The information set of the scenario.
    pub set: InformationSet,
    /// Whether day-ahead prices are known at all.
    pub day_ahead_prices: bool,
    /// Signal by signal.
    pub rows: Vec<KnownRow>,
}

/// One number of the observation.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ObservationRow {
    /// Its index.
    pub index: usize,
    /// Its name.
    pub name: String,
    /// Unit before scaling.
    pub unit: String,
    /// Smallest value.
    pub low: f32,
    /// Largest value.
    pub high: f32,
    /// How it is scaled.
    pub scaling: String,
}

/// One number of the action.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ActionRow {
    /// Its index.
    pub index: usize,
    /// Its name.
    pub name: String,
    /// `-1 .. 1`, or the levels where actions are discrete.
    pub range: String,
    /// What it does.
    pub meaning: String,
}

/// What the agent is told.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RewardFacts {
    /// The mode of the scenario.
    pub mode: RewardMode,
    /// The reward of a step.
    pub formula: String,
    /// What it is divided by.
    pub divisor: String,
    /// The cost of a step by its terms.
    pub cost: String,
    /// What the formula's other names mean.
    pub terms: Vec<String>,
}

/// How an episode starts and ends.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EpisodeFacts {
    /// Length in settlement periods.
    pub periods: usize,
    /// How it starts.
    pub start: Vec<String>,
    /// Ways to terminate; none.
    pub terminated: Vec<String>,
    /// Ways to be truncated.
    pub truncated: Vec<String>,
    /// How a scored week is settled.
    pub settlement: Vec<String>,
}

/// The information set as a table.
pub(super) fn information(config: &SiteConfig) -> InformationFacts {
    let mut rows: Vec<(Availability, Vec<String>)> = Vec::new();
    // The resolution of a carbon value is no signal: it says how long one is a mean.
    for signal in Signal::all().filter(|signal| *signal != Signal::CarbonResolution) {
        let known = Availability::of(signal, config.information.set, config.information.day_ahead_prices);
        let name = format!("`{}`", signal.column_name());
        match rows.iter_mut().find(|(other, _)| *other == known) {
            Some((_, names)) => names.push(name),
            None => rows.push((known, vec![name])),
        }
    }
    let row = |(known, names): (Availability, Vec<String>)| {
        let known = match known {
            Availability::Lag(0) => "up to and including t: its trades close before t begins".into(),
            Availability::Lag(periods) => format!("up to t-{periods}"),
            Availability::DayAhead => "the whole next local day from 11:00 local time of the day before".into(),
            Availability::MeanIsOver => "once the hour, or whatever a value is the mean of, is over".into(),
            Availability::Never => "never".into(),
        };
        KnownRow { what: names.join(", "), known }
    };
    let mut rows: Vec<KnownRow> = rows.into_iter().map(row).collect();
    let mut own = |what: &str, known: &str| rows.push(KnownRow { what: what.into(), known: known.into() });
    own("interactive load", "of period t; nothing later");
    own("jobs", "from their release: class, power, deadline, work left");
    if config.workload.classes.iter().any(|class| class.duration_estimate_log_sd > 0.0) {
        own("duration of jobs of an uncertain class", "an estimate until the job ends");
    }
    own("output of the site's panels", "up to t-1");
    own("network and policy charges", "always");
    if !config.events.is_empty() {
        own("events", "from their publication");
    }
    if config.has_flex() {
        own("the site's meter, and baselines made from it", "up to t-1");
    }
    let crate::site::InformationConfig { set, day_ahead_prices } = config.information;
    InformationFacts { set, day_ahead_prices, rows }
}

/// The observation, number by number.
pub(super) fn observation(env: &FlexFleet) -> Vec<ObservationRow> {
    let (low, high) = match env.observation_space() {
        Space::Box { low, high } => (low.clone(), high.clone()),
        other => unreachable!("sites observe a box, not {other:?}"),
    };
    let fields = env.observation_schema().fields.into_iter().enumerate();
    let row = |(index, field): (usize, crate::core::ObservationField)| ObservationRow {
        index,
        name: field.name,
        unit: field.unit,
        low: low[index],
        high: high[index],
        scaling: field.scaling,
    };
    fields.map(row).collect()
}

/// The action, number by number.
pub(super) fn action(env: &FlexFleet) -> Vec<ActionRow> {
    let levels = env.setup().config.controls.discrete_levels;
    let range = match levels {
        0 => "-1 .. 1".to_string(),
        levels => format!("0 .. {} (level k stands for x = 2 k / {} - 1)", levels - 1, levels - 1),
    };
    let meanings = env.layout().meanings(&env.setup().config);
    let rows = env.layout().names().iter().zip(meanings.iter().cycle()).enumerate();
    rows.map(|(index, (name, meaning))| ActionRow {
        index,
        name: name.clone(),
        range: range.clone(),
        meaning: meaning.clone(),
    })
    .collect()
}

/// Which levels a mask forbids; `None` where actions are continuous.
pub(super) fn mask(config: &SiteConfig) -> Option<String> {
    let levels = config.controls.discrete_levels;
    (levels > 0).then(|| {
        format!(
            "One flag per level, {levels} per action in their order. The battery's levels below 0 are forbidden while it \
             is empty, those above 0 while it is full. Of a class in which no job has a choice (none is there, or all must \
             run), or that a threshold or a missing green window keeps from running, only the level that asks for nothing \
             is allowed: 0 to run, {} to cap. All levels of the other actions are allowed.",
            levels - 1
        )
    })
}

/// The reward of the scenario.
pub(super) fn reward(config: &SiteConfig) -> RewardFacts {
    let formula = match config.reward.mode {
        RewardMode::Cost => "-cost_gbp / divisor",
        RewardMode::Saving => "(fifo_cost_gbp - cost_gbp) / divisor",
        RewardMode::ShapedSaving => "(fifo_cost_gbp - cost_gbp + potential after - potential before) / divisor",
    };
    let divisor = match config.reward.spread_floor_gbp_per_mwh {
        None => format!("{} GBP", config.reward.scale_gbp),
        Some(floor) => {
            let size = if config.sites.is_empty() { "" } else { ", times the mean load of all sites over 8 MW" };
            format!(
                "standard deviation of the day-ahead price over the episode in GBP/MWh, at least {floor}{size} (the paid price \
                 where day-ahead prices have holes); it is part of the reward alone and never observed"
            )
        }
    };
    let mut cost = String::from("cost_gbp =");
    for (i, (sign, key)) in COST_TERMS.iter().enumerate() {
        let sign = if *sign < 0.0 {
            " - "
        } else if i == 0 {
            " "
        } else {
            " + "
        };
        cost.push_str(sign);
        cost.push_str(key);
    }
    let mut terms = Vec::new();
    if config.reward.mode != RewardMode::Cost {
        terms.push("fifo_cost_gbp: cost of the same half-hour under FIFO, which runs every job at arrival and leaves the battery alone".into());
    }
    if config.reward.mode == RewardMode::ShapedSaving {
        terms.push(
            "potential: pounds that stored energy (times the discharge efficiency) and work done ahead of FIFO (times PUE) \
             are worth at the mean forecast price of the coming day; 0 after a settled end, so that rewards sum to the saving"
                .into(),
        );
    }
    RewardFacts { mode: config.reward.mode, formula: formula.into(), divisor, cost, terms }
}

/// How an episode starts and ends.
pub(super) fn episode(env: &FlexFleet) -> EpisodeFacts {
    let setup = env.setup();
    let config = &setup.config;
    let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_string()).collect::<Vec<_>>();
    let history = format!(
        "FIFO plays the {} half-hours before, so that jobs are in progress{}.",
        setup.warm_up(),
        if config.has_flex() { " and baselines have a history" } else { "" }
    );
    let mut start = texts(&[
        "At a random half-hour of the training split whose window has every signal that is paid or scored; jobs are drawn anew.",
        "After a seeded reset the first episode is cut at a random length of a day or more, so that environments of a batch \
         do not end together.",
    ]);
    start.push(history);
    start.push(format!("The battery holds {} of its capacity.", config.battery.initial_charge));
    let settlement = texts(&[
        "A scored week starts on Monday 00:00 UTC and is settled instead of bootstrapped.",
        "Work left over, and battery charge missing or surplus against the start, are settled at the mean full price (index, \
         charges, carbon) of the following 24 hours; where the table ends or has holes there, of the last 24 hours of the week.",
        "Missing charge costs price / charge efficiency, surplus charge earns price x discharge efficiency.",
        "Work that is late and undone by then is charged as late for 12 hours more.",
    ]);
    EpisodeFacts {
        periods: config.episode_periods,
        start,
        terminated: Vec::new(),
        truncated: texts(&[
            "The window ends. Jobs go on and the battery keeps its charge, so the value of the last state is bootstrapped.",
        ]),
        settlement,
    }
}

/// The information set on the page.
pub(super) fn write_information(page: &mut Markdown, facts: &InformationFacts) {
    page.heading(2, "What is known when");
    let set = match facts.set {
        InformationSet::Trader => "`trader`: the site sees its supplier's screen",
        InformationSet::Published => "`published`: public feeds only",
    };
    page.paragraph(&format!("Information set {set}. Known when period t is decided, at its start:"));
    let rows: Vec<_> = facts.rows.iter().map(|row| vec![row.what.clone(), row.known.clone()]).collect();
    page.table(&["signal", "known"], &rows);
}

/// Index range and name of each site after the first, whose rows stand for theirs.
fn other_sites<'a>(sites: &'a [&str], from: usize, total: usize) -> impl Iterator<Item = [String; 3]> + 'a {
    let width = (total - from) / sites.len();
    sites.iter().enumerate().skip(1).map(move |(i, name)| {
        let (low, high) = (from + i * width, from + (i + 1) * width - 1);
        [format!("{low} .. {high}"), format!("{name}_*"), format!("as {}_*, in the same order", sites[0])]
    })
}

/// The observation on the page.
pub(super) fn write_observation(page: &mut Markdown, sites: &[&str], observation: &[ObservationRow]) {
    page.heading(2, "Observation");
    let full = GRID_FEATURES + (observation.len() - GRID_FEATURES) / sites.len();
    let row = |o: &ObservationRow| {
        vec![o.index.to_string(), o.name.clone(), o.unit.clone(), format!("{} .. {}", o.low, o.high), o.scaling.clone()]
    };
    let mut rows: Vec<_> = observation[..full].iter().map(row).collect();
    let others = other_sites(sites, GRID_FEATURES, observation.len());
    rows.extend(others.map(|[index, name, as_first]| vec![index, name, String::new(), String::new(), as_first]));
    page.table(&["index", "name", "unit", "range", "scaling"], &rows);
    page.paragraph(
        "Numbers are clipped to the range; the unit is that before scaling. A value that is not known is 0; \
         `day_ahead_present`, `demand_present` and `wind_forecast_present` mark the signals that tables lack for months.",
    );
    if sites.len() > 1 {
        page.paragraph(&format!("Prices, carbon and sun of the grid part are those of {}.", sites[0]));
    }
}

/// The action on the page.
pub(super) fn write_action(page: &mut Markdown, sites: &[&str], action: &[ActionRow], mask: Option<&str>) {
    page.heading(2, "Action");
    let full = action.len() / sites.len();
    let row = |a: &ActionRow| vec![a.index.to_string(), a.name.clone(), a.range.clone(), a.meaning.clone()];
    let mut rows: Vec<_> = action[..full].iter().map(row).collect();
    let others = other_sites(sites, 0, action.len());
    rows.extend(others.map(|[index, name, as_first]| vec![index, name, String::new(), as_first]));
    page.table(&["index", "name", "range", "meaning"], &rows);
    match mask {
        Some(mask) => page.paragraph(&format!("Mask: {mask}")),
        None => {
            page.paragraph("There is no mask: what is impossible is left undone. What is no number acts like FIFO.")
        }
    }
}

/// Reward and info on the page.
pub(super) fn write_reward(page: &mut Markdown, reward: &RewardFacts, info: &[InfoField]) {
    page.heading(2, "Reward");
    page.paragraph(&format!("`{}`", reward.formula));
    page.paragraph(&format!("`{}`", reward.cost));
    page.list(reward.terms.iter().chain([&format!("divisor: {}", reward.divisor)]));
    page.heading(2, "Info");
    page.paragraph("Of every step, of all sites together; over an episode the terms add up to the ledger.");
    let row = |field: &InfoField| vec![format!("`{}`", field.key), field.unit.to_string(), field.meaning.to_string()];
    page.table(&["key", "unit", "meaning"], &info.iter().map(row).collect::<Vec<_>>());
}

/// Start, end and settlement on the page.
pub(super) fn write_episode(page: &mut Markdown, episode: &EpisodeFacts) {
    page.heading(2, "Start of an episode");
    page.list(&episode.start);
    page.heading(2, "End of an episode");
    page.paragraph(&format!("After {} half-hours ({} days).", episode.periods, episode.periods as f64 / 48.0));
    let none = episode.terminated.is_empty().then(|| "Terminated: never.".to_string());
    let terminated = episode.terminated.iter().map(|way| format!("Terminated: {way}"));
    let truncated = episode.truncated.iter().map(|way| format!("Truncated: {way}"));
    page.list(none.into_iter().chain(terminated).chain(truncated));
    page.heading(2, "Settlement of scored weeks");
    page.list(&episode.settlement);
}
