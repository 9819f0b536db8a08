//! Rivals on the command line: their options, their list, their tuning, and the words when something is wrong.

use crate::bad_input::refused;
use crate::commands::names;
use crate::support::{assert_keys, flexai};
use flexai_agents::rivals::RIVALS;

#[test]
fn options_belong_to_the_rival_before_them_and_a_rival_goes_by_the_text_that_named_it() {
    let list = "ctss:clamp=false,charges=true,arbitrage:charge=0.1,random";
    let played = flexai(&["evaluate", "ctss", "--rivals", list, "--weeks", "1", "--json"]).ok().json();
    let expected = ["ctss", "ctss:clamp=false,charges=true", "arbitrage:charge=0.1", "random", "fifo"];
    assert_eq!(names(&played), expected);
}

#[test]
fn a_rival_that_cannot_play_is_left_out_of_all_with_a_note() {
    let scenario = ["--scenario", "configs/scenarios/jobs.toml"];
    let ran = flexai(&[&["evaluate", "fifo", "--weeks", "1", "--json"], scenario.as_slice()].concat()).ok();
    assert!(ran.stderr.contains("note: arbitrage is left out: it needs a battery"), "{}", ran.stderr);
    let played = ran.json();
    assert!(!names(&played).contains(&"arbitrage"));
    assert_eq!(names(&played).len(), RIVALS.len() - 1);
}

#[test]
fn rivals_are_listed_with_their_options_in_the_list_and_in_the_help_of_evaluate() {
    let list = flexai(&["rivals", "--json"]).ok().json();
    let list = list.as_array().unwrap();
    assert_eq!(list.len(), RIVALS.len());
    let (table, help) = (flexai(&["rivals"]).ok().stdout, flexai(&["evaluate", "--help"]).ok().stdout);
    for (rival, listed) in RIVALS.iter().zip(list) {
        assert_keys(listed, &["name", "summary", "slow", "options"]);
        assert_eq!(listed["name"], rival.name);
        assert!(help.contains(&format!("{}: ", rival.name)), "{help}");
        for (option, listed) in rival.options.iter().zip(listed["options"].as_array().unwrap()) {
            assert_keys(listed, &["key", "default", "meaning", "tuned_over"]);
            assert!(table.contains(option.meaning), "{table}");
            assert!(help.contains(&format!("{}={}", option.key, rival.default_of(option.key))), "{help}");
        }
    }
}

#[test]
fn tuning_prints_a_rival_that_every_command_takes_and_the_same_one_again() {
    let arguments = ["tune", "trailing_quantile:charge=0", "--weeks", "2", "--seed", "3", "--only", "charge", "--json"];
    let [first, second] = [(); 2].map(|()| flexai(&arguments).ok().json());
    assert_eq!(first, second);
    let keys = "rival best options cost_gbp_per_week cost_saving_pct start start_gbp_per_week fifo_gbp_per_week scenario \
                grid seed weeks played steps";
    assert_keys(&first, &keys.split_whitespace().collect::<Vec<_>>());
    assert!(first["cost_gbp_per_week"].as_f64() < first["start_gbp_per_week"].as_f64(), "{first}");
    let best = first["best"].as_str().unwrap();
    let ran = flexai(&["evaluate", best, "--rivals", "none", "--weeks", "1", "--json"]).ok();
    assert_eq!(names(&ran.json()), [best, "fifo"]);
    let text = flexai(&arguments[..arguments.len() - 1]).ok();
    assert_eq!(text.stdout.trim_end().lines().last(), Some(best));
}

#[test]
fn options_of_rivals_are_checked_with_the_nearest_name() {
    let play = |rival: &str, words: &[&str]| refused(&["evaluate", rival], words);
    play(
        "day_ahead_quantile:charg=0.1",
        &["day_ahead_quantile:charg=0.1: `charg` is no option of day_ahead_quantile", "hint: did you mean `charge`?"],
    );
    play("ctss:clamp=maybe", &["`clamp` is `maybe`, expected true or false", "hint: the default is clamp=true"]);
    play("day_ahead_quantile:charge=2", &["`charge` is 2, expected 0 to 1", "hint: `flexai rivals` lists"]);
    play("planner:horizon=0", &["`horizon` is 0, expected 1 to 672"]);
    play("genetic:elite=64", &["`elite` is 64, expected 0 to 63"]);
    play("arbitrage:method=luck", &["`method` is `luck`, expected", "`quantile`", "`lp`"]);
    play("arbitrage:jobs=fivo", &["`jobs`: `fivo` is no rival, expected one of random, fifo"]);
    play("fifo:x=1", &["`x` is no option of fifo, which has none"]);
    play("ctss:clamp", &["`clamp` is no option, expected key=value", "hint: write NAME:key=value"]);
    refused(
        &["evaluate", "fifo", "--rivals", "ctss:clamp=false,charges=2"],
        &["--rivals: `charges` is `2`, expected true or false"],
    );
    refused(&["evaluate", "fifo", "--rivals", "fife"], &["--rivals: `fife` is no rival", "did you mean `fifo`?"]);
}

#[test]
fn a_rival_that_cannot_play_a_scenario_says_so() {
    let jobs = ["--scenario", "configs/scenarios/jobs.toml"];
    let words = ["arbitrage needs a battery, but scenario `jobs` has none", "leave it out, or name another scenario"];
    refused(&[&["evaluate", "arbitrage"], jobs.as_slice()].concat(), &words);
    refused(&[&["evaluate", "fifo", "--rivals", "arbitrage"], jobs.as_slice()].concat(), &words);
    refused(&[&["tune", "arbitrage"], jobs.as_slice()].concat(), &words);
}

#[test]
fn what_cannot_be_tuned_is_refused() {
    refused(&["tune", "fifo"], &["fifo: fifo has no option that is tuned"]);
    refused(&["tune", "planner", "--only", "horizon"], &["--only: `horizon` is not tuned, expected some of reserve"]);
    refused(&["tune", "planner", "--weeks", "0"], &["--weeks: is 0, expected 1 or more"]);
    refused(&["tune", "nobody"], &["nobody: `nobody` is no rival, expected one of random, fifo"]);
}
