//! The page says what is true of the environment.

use super::*;
use crate::core::Env;
use crate::grid::{Knowledge, Signal, Split, embedded_trace};
use crate::site::{INFO_KEYS, SiteConfig, SiteSetup};
use std::sync::Arc;

fn env(toml: &str) -> FlexFleet {
    let config: SiteConfig = toml::from_str(toml).expect("a scenario");
    let trace = Arc::new(embedded_trace());
    let training = Split::Train.indices(&trace);
    FlexFleet::new(Arc::new(SiteSetup::new(config, trace, training).expect("a valid setup")))
}

const TWO: &str = "name = \"two\"\n[[sites]]\nname = \"a\"\nregion = \"london\"\n[[sites]]\nname = \"b\"\n";

#[test]
fn every_observation_action_and_info_entry_has_its_row() {
    let env = env("name = \"one\"\n[controls]\npower_cap = true\n[p415]\nenabled = true\n");
    let page = EnvPage::new(&env);
    assert_eq!(page.observation.len(), env.observation_space().flat_len());
    let names: Vec<&str> = page.action.iter().map(|row| row.name.as_str()).collect();
    assert_eq!(names, env.layout().names());
    let text = page.markdown();
    for key in INFO_KEYS {
        assert_eq!(text.matches(&format!("| `{key}` | ")).count(), 1, "{key}");
    }
    for row in &page.observation {
        assert_eq!(text.matches(&format!("\n| {} | {} | ", row.index, row.name)).count(), 1, "{}", row.name);
    }
    let cap = &page.action[names.iter().position(|name| *name == "cap_batch_inference").expect("an action")];
    assert_eq!(cap.meaning, "power cap of the jobs of `batch_inference`: -1 their floor .. 1 none");
    assert!(page.labels.iter().any(|label| label.starts_with("counterfactual: P415")), "{:?}", page.labels);
}

#[test]
fn a_fleet_is_written_with_its_first_site_in_full_and_the_others_by_index_and_name() {
    let env = env(TWO);
    let page = EnvPage::new(&env);
    assert_eq!((page.id, page.sites.len()), ("FlexFleet-v1", 2));
    assert_eq!(page.observation.len(), env.observation_space().flat_len(), "the facts are whole");
    let text = page.markdown();
    let first = page.observation.iter().position(|row| row.name.starts_with("b_")).expect("the second site");
    let last = page.observation.len() - 1;
    assert!(text.contains(&format!("\n| {first} .. {last} | b_* |  |  | as a_*, in the same order |\n")), "{text}");
    assert!(!text.contains("b_battery_charge") && text.contains("a_battery_charge"));
    let width = env.layout().width();
    assert!(text.contains(&format!("\n| {width} .. {} | b_* |  | as a_*", 2 * width - 1)), "{text}");
    assert!(page.labels.iter().any(|label| label.starts_with("simulated: ")), "{:?}", page.labels);
    assert_eq!(page.carbon.label, "simulated");
}

#[test]
fn the_table_of_what_is_known_agrees_with_what_the_environment_may_read() {
    for toml in
        ["information.set = \"trader\"", "information.set = \"published\"\ninformation.day_ahead_prices = false"]
    {
        let env = env(toml);
        let setup = env.setup();
        // 14:00 UTC on a winter Wednesday; hours begin on even indices.
        let now = usize::try_from("2022-01-12T14:00:00Z".parse::<Period>().expect("a period") - setup.trace.start())
            .expect("in the grid");
        let known: Knowledge<'_> = setup.knowledge(now);
        let rows = EnvPage::new(&env).information.rows;
        for signal in Signal::all().filter(|signal| *signal != Signal::CarbonResolution) {
            let name = format!("`{}`", signal.column_name());
            let row = rows.iter().find(|row| row.what.split(", ").any(|what| what == name)).expect("a row per signal");
            let until = (now - 48..now + 200).filter(|t| known.get(signal, *t).is_some()).max();
            let expected = match row.known.as_str() {
                "never" => None,
                "up to t-1" => Some(now - 1),
                "up to t-2" => Some(now - 2),
                "once the hour, or whatever a value is the mean of, is over" => Some(now - 1),
                text if text.starts_with("up to and including t") => Some(now),
                // The rest of this day and the next one.
                text if text.starts_with("the whole next local day") => Some(now + 20 + 48 - 1),
                other => panic!("`{other}` is not one of the rules"),
            };
            // The embedded grid lacks some signals altogether.
            if until.is_some() || row.known == "never" {
                assert_eq!(until, expected, "{name}: {}", row.known);
            }
        }
    }
}

#[test]
fn every_charge_of_a_tariff_is_listed_with_date_and_source_and_they_sum_to_what_is_paid() {
    let env = env("name = \"one\"");
    let page = EnvPage::new(&env);
    let flat: f64 = page.tariff.charges.iter().filter(|c| c.when == "always").map(|c| c.gbp_per_mwh).sum();
    assert!((flat - 56.4).abs() < 1e-9, "{flat}");
    let red = page.tariff.charges.iter().find(|c| c.name == "distribution red").expect("a band");
    assert_eq!((red.gbp_per_mwh, red.when.as_str()), (18.0, "16 to 19 h, Monday to Friday"));
    assert!(page.tariff.charges.iter().all(|c| !c.source.is_empty()));
}

#[test]
fn a_page_with_discrete_actions_states_the_mask_rule() {
    let discrete = EnvPage::new(&env("[controls]\ndiscrete_levels = 5\n"));
    assert!(discrete.mask.as_ref().is_some_and(|mask| mask.contains("5 per action")));
    assert_eq!(discrete.action[0].range, "0 .. 4 (level k stands for x = 2 k / 4 - 1)");
    assert_eq!(EnvPage::new(&env("")).mask, None);
}
