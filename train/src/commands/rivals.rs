//! `flexai rivals`, and rivals wherever they are named on the command line.
//!
//! In: text. Out: rivals with their options, or faults with the nearest name.
//! Always: a rival that cannot play a scenario says so where it was named, and is left out with a note where all were.

use super::output::{print_json, print_line};
use super::{Failure, Outcome};
use crate::config::nearest;
use crate::fault::Fault;
use comfy_table::{ContentArrangement, Table, presets};
use flexai_agents::rivals::{ChosenRival, RIVALS, Rival, RivalError, split_rivals};
use flexai_env::site::SiteConfig;
use serde_json::{Value, json};
use std::fmt::Write;
use std::process::ExitCode;

/// What tells a rival from every player that decides differently.
pub(super) fn rival_identity(rival: &ChosenRival) -> String {
    format!("rival {}", rival.spelled_out())
}

/// The rival that a text names; `place` is where it was given.
pub(super) fn choose(place: &str, text: &str) -> Result<ChosenRival, Failure> {
    ChosenRival::parse(text).map_err(|error| {
        let hint = hint(&error);
        Fault::new(place, error.to_string()).hint(hint).into()
    })
}

fn hint(error: &RivalError) -> String {
    let meant = |word: &str, known: &mut dyn Iterator<Item = &'static str>| {
        nearest(word, known).map(|near| format!("did you mean `{near}`?"))
    };
    let near = match error {
        RivalError::Unknown { found } => meant(found, &mut RIVALS.iter().map(|rival| rival.name)),
        RivalError::UnknownOption { key, known, .. } => meant(key, &mut known.iter().copied()),
        RivalError::BadValue { key, default, .. } => Some(format!("the default is {key}={default}")),
        RivalError::Syntax { .. } => Some("write NAME:key=value,key=value".to_string()),
        RivalError::Twice { .. } | RivalError::Fault { .. } => None,
    };
    near.unwrap_or_else(|| "`flexai rivals` lists all rivals and their options".to_string())
}

/// The rivals of `--rivals` that play a scenario; FIFO is always among them.
pub(super) fn rivals_to_play(text: &str, scenario: &SiteConfig) -> Result<Vec<ChosenRival>, Failure> {
    let mut chosen = match text {
        "all" => {
            let all: Vec<ChosenRival> = RIVALS.iter().map(by_default).collect();
            for (rival, why) in all.iter().filter_map(|rival| Some((rival, rival.unfit(scenario)?))) {
                eprintln!("note: {} is left out: it {why}", rival.rival().name);
            }
            all.into_iter().filter(|rival| rival.unfit(scenario).is_none()).collect()
        }
        "none" => Vec::new(),
        list => split_rivals(list).iter().map(|text| listed(text)).collect::<Result<Vec<_>, _>>()?,
    };
    chosen.iter().try_for_each(|rival| check_fit(rival, scenario))?;
    let fifo = by_default(RIVALS.iter().find(|rival| rival.name == "fifo").expect("FIFO is always registered"));
    if !chosen.iter().any(|rival| rival.spelled_out() == fifo.spelled_out()) {
        chosen.push(fifo);
    }
    Ok(chosen)
}

/// The rivals that play a scenario in little time, by their defaults.
pub(super) fn quick_rivals(scenario: &SiteConfig) -> Vec<ChosenRival> {
    let quick = RIVALS.iter().filter(|rival| !rival.slow).map(by_default);
    quick.filter(|rival| rival.unfit(scenario).is_none()).collect()
}

/// That a rival can play a scenario.
pub(super) fn check_fit(rival: &ChosenRival, scenario: &SiteConfig) -> Result<(), Failure> {
    use flexai_agents::policy::PolicySource;
    match rival.unfit(scenario) {
        None => Ok(()),
        Some(why) => {
            let message = format!("{} {why}, expected a rival that can play it", rival.rival().name);
            Err(Fault::new(rival.name(), message).hint("leave it out, or name another scenario").into())
        }
    }
}

fn by_default(rival: &Rival) -> ChosenRival {
    ChosenRival::parse(rival.name).expect("a registered rival has defaults without faults")
}

/// A piece of `--rivals`.
fn listed(text: &str) -> Result<ChosenRival, Failure> {
    match ChosenRival::parse(text) {
        Err(RivalError::Unknown { found }) => {
            let all: Vec<&str> = RIVALS.iter().map(|rival| rival.name).collect();
            let message = format!("`{found}` is no rival, expected all, none, or some of {}", all.join(", "));
            let hint = nearest(&found, all).map(|near| format!("did you mean `{near}`?"));
            Err(Fault::new("--rivals", message).hint(hint.unwrap_or("separate names by commas".into())).into())
        }
        _ => choose("--rivals", text),
    }
}

/// `flexai rivals`.
pub(super) fn list(json: bool) -> Outcome {
    if json {
        print_json(&RIVALS.iter().map(as_json).collect::<Vec<Value>>())?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(["rival", "option", "default", "meaning"]);
    for rival in RIVALS {
        table.add_row([rival.name, "", "", rival.summary]);
        for option in rival.options {
            table.add_row(["", option.key, &rival.default_of(option.key), option.meaning]);
        }
    }
    print_line(&table.to_string())?;
    Ok(ExitCode::SUCCESS)
}

fn as_json(rival: &Rival) -> Value {
    let defaults = rival.defaults();
    let options = rival.options.iter().map(|option| {
        json!({"key": option.key, "default": defaults.get(option.key), "meaning": option.meaning,
               "tuned_over": option.tries})
    });
    json!({"name": rival.name, "summary": rival.summary, "slow": rival.slow, "options": options.collect::<Vec<_>>()})
}

/// All rivals with their options and defaults, for the end of a help text.
pub fn rivals_help() -> String {
    let mut text = String::from("Rivals (`flexai rivals` says what the options mean):\n");
    for rival in RIVALS {
        let _ = writeln!(text, "  {}: {}", rival.name, rival.summary);
        let options: Vec<String> =
            rival.options.iter().map(|o| format!("{}={}", o.key, rival.default_of(o.key))).collect();
        if !options.is_empty() {
            let _ = writeln!(text, "      {}", options.join(","));
        }
    }
    text
}
