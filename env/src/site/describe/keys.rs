//! Every key of a scenario in words: its unit and its meaning.
//!
//! In: a table of a scenario. Out: a row per key with its value.
//! Always: a key that is not set has a row too; a test holds the words against the keys that the structs have.
//! Not here: the keys themselves and their defaults, which stand beside the part they configure.

use serde::Serialize;
use serde_json::Value;

/// One key of a scenario.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct KeyRow {
    /// The key, dotted below the table it stands in.
    pub key: String,
    /// Its unit; empty where there is none.
    pub unit: &'static str,
    /// Its value; `null` where it is not set.
    pub value: Value,
    /// What it means.
    pub meaning: &'static str,
}

/// The words of one key: key, unit, meaning.
pub(super) type KeyDoc = (&'static str, &'static str, &'static str);

/// Keys of the root of a scenario that are numbers.
pub(super) const ROOT: &[KeyDoc] = &[
    ("carbon_price_gbp_per_tonne", "GBP/t", "price of a tonne of CO2, on the location-based average of the grid"),
    ("lateness_gbp_per_mwh_hour", "GBP/(MWh h)", "charge for a MWh of work that is late by an hour"),
    ("episode_periods", "half-hours", "length of an episode"),
];

pub(super) const BATTERY: &[KeyDoc] = &[
    ("capacity_mwh", "MWh", "usable energy; 0 means no battery"),
    ("power_mw", "MW", "largest charging and discharging power at the AC side"),
    ("charge_power_mw", "MW", "largest charging power where it differs"),
    ("discharge_power_mw", "MW", "largest discharging power where it differs"),
    ("charge_efficiency", "1", "energy stored per energy drawn"),
    ("discharge_efficiency", "1", "energy delivered per energy taken out of store"),
    ("wear_gbp_per_mwh", "GBP/MWh", "wear per MWh discharged"),
    ("initial_charge", "1", "charge at the start of an episode, share of the capacity"),
    ("min_charge", "1", "share of the capacity that discharging leaves in store"),
    ("self_discharge_per_day", "1/day", "share of the stored energy that leaks away"),
    ("export_allowed", "", "whether it may discharge into the grid, within `tariff.export.limit_mw`"),
    ("fade.model", "", "how its capacity fades: `reopt` or `lfp`"),
    ("fade.shrinks_capacity", "", "whether the usable capacity shrinks; if not, fade is only counted"),
    ("fade.temperature_c", "degrees C", "temperature of the cells (`lfp`)"),
    ("fade.depth_of_discharge", "1", "depth of the cycles (`lfp`)"),
    ("fade.initial_age_days", "days", "age at the start of an episode"),
    ("fade.initial_full_cycles", "cycles", "equivalent full cycles at the start of an episode"),
];

pub(super) const SOLAR: &[KeyDoc] = &[
    ("capacity_mwp", "MWp", "installed peak power; 0 means no panels"),
    ("place.latitude_deg", "degrees", "north; the middle of the region where it is not set"),
    ("place.longitude_deg", "degrees", "east; the middle of the region where it is not set"),
    ("place.tilt_deg", "degrees", "from level; 35 where it is not set"),
    ("place.azimuth_deg", "degrees", "clockwise from north; 180, the south, where it is not set"),
];

pub(super) const WORKLOAD: &[KeyDoc] = &[
    ("mean_it_mw", "MW", "mean IT load of interactive inference and jobs together"),
    ("source", "", "where jobs and demand come from: `generator` or `trace`"),
];

pub(super) const TRACE_JOBS: &[KeyDoc] = &[
    ("path", "", "the table of jobs"),
    ("format", "", "its format; none: told from the header"),
    ("classes", "", "class of the scenario by label of the trace; none: the usual ones"),
    ("scale", "1", "copies of the trace laid over each other; none: so many as bring each class its energy share"),
    ("shift_days", "days", "shift of the first copy; none: the job seed chooses"),
    ("skip_days", "days", "left out at the start of the trace"),
    ("kw_per_gpu", "kW", "IT power of a GPU with its share of the node; none: that of the fit"),
    ("gpus_min", "GPUs", "smaller jobs are left out"),
    ("duration_hours_min", "h", "shorter jobs are left out"),
    ("deadlines", "", "`trace`: the trace's where it has them; `class`: the slack of the class"),
];

pub(super) const TRACE_INTERACTIVE: &[KeyDoc] = &[
    ("path", "", "the table of requests"),
    ("format", "", "its format; none: told from the header"),
    ("service", "", "which service of a ServeGen table; none: the first"),
    ("shift_days", "days", "shift; none: the job seed chooses"),
];

pub(super) const INTERACTIVE: &[KeyDoc] = &[
    ("energy_share", "1", "share of the mean IT energy; this load cannot wait"),
    ("demand", "", "how requests come: `fitted` to ServeGen, or `sine`"),
    ("service", "", "whose requests, if `demand` is `fitted`"),
    ("peak_hour", "h", "local hour of the peak"),
    ("daily_amplitude", "1", "amplitude of the daily cycle, share of the mean, if `demand` is `sine`"),
    ("noise", "1", "standard deviation of the noise, share of the mean, if `demand` is `sine`"),
    ("fleet_headroom", "1", "the fleet answers so many times the mean load within the latency limit"),
    ("latency_limit_ms_per_token", "ms", "longest median time between two tokens of a request"),
    ("throughput_floor", "1", "lowest share of the requested tokens that may be served at reduced level"),
    ("unserved_gbp_per_million_tokens", "GBP", "charge for a million output tokens that are not served"),
    ("slow_gbp_per_million_tokens", "GBP", "charge for a million output tokens that come more slowly than the limit"),
];

pub(super) const CLASS: &[KeyDoc] = &[
    ("energy_share", "1", "share of the mean IT energy"),
    ("profile", "", "what kind of jobs the `fitted` models mean"),
    ("size_model", "", "how power and duration are drawn: `lognormal` by the keys below, or `fitted`"),
    ("gpu_scale", "1", "each fitted job, and each of a trace, stands for so many times its GPUs"),
    ("slack_model", "", "how slack is drawn"),
    ("arrival_model", "", "how arrivals follow day and week"),
    ("power_mw_median", "MW", "median IT power of a lognormal job"),
    ("power_log_sd", "1", "spread of power: standard deviation of its logarithm"),
    ("duration_hours_median", "h", "median duration of a lognormal job at full power"),
    ("duration_log_sd", "1", "spread of durations: standard deviation of the logarithm"),
    ("duration_hours_max", "h", "durations are cut here"),
    ("duration_estimate_log_sd", "1", "standard deviation of ln(true duration / estimate); 0: durations are known"),
    ("slack_hours", "h", "how long a job may wait: deadline = release + duration + slack"),
    ("slack_share_of_duration", "1", "more slack, as a share of the duration"),
    ("interruptible", "", "whether a started job may be paused"),
    ("checkpoint_minutes", "min", "work lost when a running job is paused"),
    ("power_floor", "1", "lowest power of a running job, share of its full power; 1: it cannot be slowed"),
    ("power_curve", "", "how throughput falls with power, where `controls.power_cap` is on; else in proportion"),
    ("priority", "", "who gets scarce capacity: 0 before 1 before 2"),
    ("value_steps", "1, GBP/MWh", "what finishing later costs although in time: share of the slack used, loss"),
    ("carbon_threshold_gco2_kwh", "gCO2/kWh", "carbon intensity above which the class should not run"),
    ("green_only", "", "runs only while on-site solar exceeds `controls.green_share` of its capacity, unless it must"),
    ("migratable", "", "whether a waiting job may move to another site"),
    ("data_gb_median", "GB", "data that moves with a job"),
    ("residency", "", "regions whose sites may hold the data; none: all"),
    ("daily_amplitude", "1", "amplitude of the daily cycle of arrivals, share of the mean rate"),
    ("peak_hour", "h", "local hour of the arrival peak"),
    ("weekend_factor", "1", "arrival rate at weekends relative to weekdays"),
];

pub(super) const CONTROLS: &[KeyDoc] = &[
    ("power_cap", "", "one more action per class, the power cap of its jobs, and one for how inference is served"),
    ("discrete_levels", "", "levels of each action, an odd number; 0: actions are continuous"),
    (
        "enforce_thresholds",
        "",
        "whether carbon thresholds hold for every policy and FIFO; if not, breaches are counted",
    ),
    ("green_share", "1", "share of the solar capacity above which green-only classes may run"),
];

pub(super) const MIGRATION: &[KeyDoc] = &[
    ("bandwidth_gbit_per_s", "Gbit/s", "of each site's link, in each direction"),
    ("energy_kwh_per_gb", "kWh/GB", "IT energy of moving data"),
    ("cost_gbp_per_gb", "GBP/GB", "charge of the network"),
    ("running_jobs", "", "whether running jobs may move too, losing the work since their last checkpoint"),
    ("min_stay_periods", "half-hours", "that a job stays at least where it arrived before it may move on"),
];

pub(super) const P415: &[KeyDoc] = &[
    ("enabled", "", "whether the site takes part"),
    ("notice_periods", "half-hours", "from the notification of an offer to its delivery"),
    ("max_offer_mw", "MW", "largest offer"),
    ("sold_at", "", "index that notified volume is sold at"),
    ("loss_multiplier", "1", "energy at the transmission boundary per energy at the meter"),
    (
        "supplier_compensation",
        "",
        "who compensates the supplier: `mutualised` (all suppliers) or `direct` (the seller)",
    ),
    ("scrp_gbp_per_mwh", "GBP/MWh", "what the supplier is compensated at; unverified"),
    ("fees_gbp_per_mwh", "GBP/MWh", "fees per MWh sold; no figure was found"),
    ("site_share", "1", "the site's share of what its trading party nets; 1 is an upper bound"),
    ("in_day_adjustment", "", "whether the baseline is moved by the in-day adjustment"),
];

pub(super) const BASELINE: &[KeyDoc] = &[
    ("working_days", "days", "eligible days behind the baseline of a working day"),
    ("non_working_days", "days", "eligible days behind the baseline of any other day"),
    ("look_back_days", "days", "how far back they are looked for"),
    ("best_of", "days", "only so many of them, those of the largest energy; none: all"),
    ("in_day_adjustment", "", "whether events are settled on the baseline moved by the in-day adjustment"),
];

pub(super) const LISTED: &[KeyDoc] = &[
    ("path", "", "CSV of sessions that took place"),
    ("published_days_before", "days", "local days between publication and session"),
    ("published_hour", "h", "local hour of publication"),
    ("depth_share", "1", "turn-down asked for, share of the baseline"),
    ("price_gbp_per_mwh", "GBP/MWh", "paid for delivery"),
    ("penalty_gbp_per_mwh", "GBP/MWh", "charged for shortfall"),
];

pub(super) const SCRIPTED: &[KeyDoc] = &[
    ("start", "", "first half-hour, UTC"),
    ("periods", "half-hours", "length"),
    ("notice_periods", "half-hours", "between publication and start"),
    ("depth_share", "1", "turn-down asked for, share of the baseline"),
    ("depth_mw", "MW", "turn-down asked for, as a power"),
    ("import_cap_share", "1", "import kept below this share of the import limit"),
    ("price_gbp_per_mwh", "GBP/MWh", "paid for delivery"),
    ("penalty_gbp_per_mwh", "GBP/MWh", "charged for shortfall or breach"),
];

pub(super) const STRESS: &[KeyDoc] = &[
    ("threshold", "1", "lowest mean rank of day-ahead price and residual demand of an event"),
    ("trailing_days", "days", "days that ranks are taken in"),
    ("periods", "half-hours", "length of an event"),
    ("depth_share", "1", "turn-down asked for, share of the baseline"),
    ("price_gbp_per_mwh", "GBP/MWh", "paid for delivery"),
    ("penalty_gbp_per_mwh", "GBP/MWh", "charged for shortfall"),
];

pub(super) const RANDOM: &[KeyDoc] = &[
    ("per_week", "1/week", "mean number of events"),
    ("shapes", "", "what an event may look like; length and notice in half-hours"),
    ("price_gbp_per_mwh", "GBP/MWh", "paid for delivery"),
    ("penalty_gbp_per_mwh", "GBP/MWh", "charged for shortfall"),
];

pub(super) const REWARD: &[KeyDoc] = &[
    ("mode", "", "what a step pays: `cost`, `saving` or `shaped_saving`"),
    ("spread_floor_gbp_per_mwh", "GBP/MWh", "least spread of day-ahead prices to divide by; none: `scale_gbp` divides"),
    ("scale_gbp", "GBP", "divisor where no spread is used"),
];

/// A row per key; what has no words yet comes last, without.
pub(super) fn rows(table: &impl Serialize, docs: &[KeyDoc]) -> Vec<KeyRow> {
    let leaves = leaves(table, docs);
    let value_of = |key: &str| leaves.iter().find(|(k, _)| k == key).map_or(Value::Null, |(_, value)| value.clone());
    let mut rows: Vec<KeyRow> = docs
        .iter()
        .map(|(key, unit, meaning)| KeyRow { key: (*key).into(), unit, value: value_of(key), meaning })
        .collect();
    let unknown = leaves.iter().filter(|(key, _)| docs.iter().all(|(known, ..)| known != key) && key != "name");
    rows.extend(unknown.map(|(key, value)| KeyRow { key: key.clone(), unit: "", value: value.clone(), meaning: "" }));
    rows
}

/// Keys and values of a table; those of tables in it are dotted, unless a table has words as a whole.
fn leaves(table: &impl Serialize, docs: &[KeyDoc]) -> Vec<(String, Value)> {
    fn collect(value: Value, prefix: &str, docs: &[KeyDoc], found: &mut Vec<(String, Value)>) {
        match value {
            Value::Object(entries) if docs.iter().all(|(key, ..)| *key != prefix) => {
                for (key, value) in entries {
                    let key = if prefix.is_empty() { key } else { format!("{prefix}.{key}") };
                    collect(value, &key, docs, found);
                }
            }
            leaf => found.push((prefix.to_string(), leaf)),
        }
    }
    let mut found = Vec::new();
    // Configurations hold no map with other keys than texts, so that this always serialises.
    collect(serde_json::to_value(table).unwrap_or_default(), "", docs, &mut found);
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::battery::BatteryConfig;
    use crate::grid::{Period, Region, SolarPlace};
    use crate::market::events::{ListedEvents, RandomEvents, ScriptedEvent, StressEvents};
    use crate::market::{BaselineConfig, P415Config};
    use crate::site::{ControlsConfig, MigrationConfig, RewardConfig, SolarConfig};
    use crate::workload::traces::{InteractiveTraceFormat, JobTraceFormat};
    use crate::workload::{
        InteractiveConfig, InteractiveTraceConfig, JobClassConfig, JobTraceConfig, ValueStep, WorkloadConfig,
    };

    /// The keys that a table with everything set has, without its name, against those that have words.
    fn assert_all_in_words(table: &impl Serialize, docs: &[KeyDoc]) {
        let mut keys: Vec<String> =
            leaves(table, docs).into_iter().map(|(key, _)| key).filter(|k| k != "name").collect();
        let mut known: Vec<String> = docs.iter().map(|(key, ..)| (*key).to_string()).collect();
        keys.sort();
        known.sort();
        assert_eq!(keys, known);
    }

    #[test]
    fn every_key_of_a_scenario_is_in_words_and_no_other() {
        let battery =
            BatteryConfig { charge_power_mw: Some(1.0), discharge_power_mw: Some(1.0), ..BatteryConfig::default() };
        assert_all_in_words(&battery, BATTERY);
        assert_all_in_words(&SolarConfig { place: Some(SolarPlace::default()), capacity_mwp: 1.0 }, SOLAR);
        assert_all_in_words(&InteractiveConfig::default(), INTERACTIVE);
        let jobs = JobTraceConfig {
            format: Some(JobTraceFormat::Philly),
            classes: [("a".to_string(), "b".to_string())].into(),
            scale: Some(1.0),
            shift_days: Some(1),
            kw_per_gpu: Some(1.0),
            ..JobTraceConfig::default()
        };
        assert_all_in_words(&jobs, TRACE_JOBS);
        let requests = InteractiveTraceConfig {
            format: Some(InteractiveTraceFormat::Servegen),
            service: Some("a".into()),
            shift_days: Some(1),
            ..InteractiveTraceConfig::default()
        };
        assert_all_in_words(&requests, TRACE_INTERACTIVE);
        let workload = serde_json::to_value(WorkloadConfig::default()).expect("a workload serialises");
        let own: Vec<&String> = workload.as_object().expect("as a table").keys().collect();
        assert_eq!(
            own,
            ["mean_it_mw", "source", "interactive", "classes"],
            "the first two have words, the rest tables"
        );
        let class = JobClassConfig {
            carbon_threshold_gco2_kwh: Some(1.0),
            value_steps: vec![ValueStep { slack_used: 0.5, loss_gbp_per_mwh: 1.0 }],
            residency: vec![Region::London],
            ..JobClassConfig::default()
        };
        assert_all_in_words(&class, CLASS);
        assert_all_in_words(&ControlsConfig::default(), CONTROLS);
        assert_all_in_words(&MigrationConfig::default(), MIGRATION);
        assert_all_in_words(&P415Config::default(), P415);
        // Without a number of best days the key is still there, as null.
        assert_all_in_words(&BaselineConfig::default(), BASELINE);
        assert_all_in_words(&ListedEvents::default(), LISTED);
        let scripted = ScriptedEvent {
            start: Period(0),
            periods: 1,
            notice_periods: 0,
            depth_share: Some(0.1),
            depth_mw: Some(0.1),
            import_cap_share: Some(0.1),
            price_gbp_per_mwh: 0.0,
            penalty_gbp_per_mwh: 0.0,
        };
        assert_all_in_words(&scripted, SCRIPTED);
        assert_all_in_words(&StressEvents::default(), STRESS);
        assert_all_in_words(&RandomEvents::default(), RANDOM);
        assert_all_in_words(&RewardConfig::default(), REWARD);
    }

    #[test]
    fn a_key_that_is_not_set_has_a_row_and_one_without_words_is_not_lost() {
        let rows =
            rows(&serde_json::json!({"power_mw": 2.0, "fresh": 1}), &[("power_mw", "MW", "power"), ("gone", "", "x")]);
        let shown: Vec<_> = rows.iter().map(|row| (row.key.as_str(), row.value.clone())).collect();
        assert_eq!(shown, [("power_mw", 2.0.into()), ("gone", Value::Null), ("fresh", 1.into())]);
    }
}
