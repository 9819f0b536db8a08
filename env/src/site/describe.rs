//! The environment's page, made from the code: `flexai env describe FlexSite-v1`.

use super::env::FlexFleet;
use super::ledger::INFO_KEYS;
use crate::core::Env;
use std::fmt::Write;

/// The page in Markdown: tables of observation and action, reward, endings, version history.
pub fn describe(env: &FlexFleet) -> String {
    let config = &env.setup().config;
    let mut page = String::new();
    let mut line = |text: &str| {
        page.push_str(text);
        page.push('\n');
    };
    line("# FlexSite-v1");
    line("");
    line("One AI data centre on the GB grid: discrete jobs with deadlines, a battery, on-site solar, an import limit.");
    line("A step is one settlement period (half an hour). Positive power is consumed.");
    line("");
    line(&format!("Scenario `{}`, information set `{:?}`.", config.name, config.information.set));
    line("");
    line("## Observation");
    line("");
    line("| index | name | unit | scaling |");
    line("|---|---|---|---|");
    for (i, field) in env.observation_schema().fields.iter().enumerate() {
        line(&format!("| {i} | {} | {} | {} |", field.name, field.unit, field.scaling));
    }
    line("");
    line(
        "All numbers are clipped to +-5. A value that is not known is 0; `day_ahead_present`, `demand_present` and \n`wind_forecast_present` mark the signals that tables lack for months.",
    );
    line("");
    line("## Action");
    line("");
    line("| index | name | unit | range | meaning |");
    line("|---|---|---|---|---|");
    line("| 0 | battery | share of battery power | -1 .. 1 | discharge .. charge |");
    for (c, class) in config.workload.classes.iter().enumerate() {
        let name = &class.name;
        line(&format!("| {} | run_{name} | 1 | -1 .. 1 | (1 + x) / 2 of the class's waiting power runs now |", c + 1));
    }
    line("");
    line(
        "Inside a class the earliest deadline goes first. Jobs whose latest start has come run whatever the action says.",
    );
    line("");
    line("## Reward");
    line("");
    line(&format!("Mode `{:?}`. Info of each step, pounds, tonnes and MWh:", config.reward.mode));
    line("");
    line(&format!("`{}`", INFO_KEYS.join("`, `")));
    line("");
    line("`cost_gbp` = energy + charges + carbon + wear + lateness + settlement. `bill_gbp` = energy + charges.");
    line("");
    line("## Start and end of an episode");
    line("");
    let days = config.episode_periods as f64 / 48.0;
    line(&format!(
        "Starts at a random half-hour of the training split, {} periods ({days:.1} days) long,",
        config.episode_periods
    ));
    line("with the jobs that FIFO has in progress after the two days before.");
    line("");
    line("- *Truncation*: the window ends. Jobs go on and the battery keeps its charge, so the end is bootstrapped.");
    line("- *Termination*: never.");
    line("- A scored week is settled instead: work left over and battery charge missing or surplus are settled at the");
    line(
        "  mean full price of the following 24 hours; work that is late by then is charged as late for 12 hours more.",
    );
    line("");
    line("## Version history");
    line("");
    let _ = writeln!(page, "- v1: first version.");
    page
}
