//! Every scenario that ships: valid, playable, and the standard one as the design has it, number by number.
//!
//! In: `configs/scenarios/*.toml`, the embedded grid. Not here: the pages made of them (`tests/` of the workspace).

use super::*;
use crate::core::{Env, SeedTree, StreamRng, check_env};
use crate::grid::{GridTrace, InformationSet, PERIODS_PER_WEEK, Period, Split, embedded_trace};
use crate::market::PaidPrice;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

static GRID: LazyLock<Arc<GridTrace>> = LazyLock::new(|| Arc::new(embedded_trace()));

/// Name and content of every file, by name.
fn scenarios() -> Vec<(String, SiteConfig)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../configs/scenarios");
    let files = std::fs::read_dir(folder).expect("the scenarios ship").flatten().map(|entry| entry.path());
    let mut files: Vec<PathBuf> = files.filter(|path| path.extension().is_some_and(|end| end == "toml")).collect();
    files.sort();
    let read = |path: PathBuf| {
        let text = std::fs::read_to_string(&path).expect("a scenario is text");
        let name = path.file_stem().expect("a file has a name").to_string_lossy().into_owned();
        let config: SiteConfig = toml::from_str(&text).unwrap_or_else(|e| panic!("{name}: {e}"));
        (name, config)
    };
    files.into_iter().map(read).collect()
}

fn scenario(name: &str) -> SiteConfig {
    scenarios().into_iter().find(|(found, _)| found == name).expect("it ships").1
}

fn env(config: SiteConfig) -> FlexFleet {
    let training = Split::Train.indices(&GRID);
    FlexFleet::new(Arc::new(SiteSetup::new(config, Arc::clone(&GRID), training).expect("a valid setup")))
}

/// The first scored week of the validation split.
fn scored_week() -> WindowChoice {
    let monday: Period = "2024-01-01T00:00:00Z".parse().expect("a period");
    let start = usize::try_from(monday - GRID.start()).expect("the grid begins before it");
    WindowChoice { start, periods: PERIODS_PER_WEEK, job_seed: 7, end: EpisodeEnd::Settle }
}

fn play(env: &mut FlexFleet, mut decide: impl FnMut(&FlexFleet, &mut [f32])) -> StepAccount {
    env.reset_to(scored_week());
    let mut action = vec![0.0; env.action_space().flat_len()];
    for t in 0..PERIODS_PER_WEEK {
        decide(env, &mut action);
        let result = env.step(&action);
        assert!(result.reward.is_finite() && result.info.values().iter().all(|x| x.is_finite()));
        assert_eq!((result.terminated, result.truncated), (false, t + 1 == PERIODS_PER_WEEK));
    }
    env.ledger().total
}

fn random(rng: &mut StreamRng) -> impl FnMut(&FlexFleet, &mut [f32]) + '_ {
    |env, action| env.action_space().clone().sample(rng, env.action_mask(), action)
}

#[test]
fn every_scenario_that_ships_is_valid_says_what_it_is_for_and_survives_toml() {
    let names: Vec<String> = scenarios().into_iter().map(|(name, _)| name).collect();
    let of_the_design = [
        "battery",
        "ctss",
        "events",
        "fleet",
        "fluid-day-ahead",
        "imbalance",
        "jobs",
        "no-day-ahead",
        "p415",
        "published",
        "quickstart",
        "standard",
    ];
    assert!(of_the_design.iter().all(|name| names.iter().any(|found| found == name)), "{names:?}");
    for (name, config) in scenarios() {
        assert_eq!(config.name, name, "a scenario is called like its file");
        assert_eq!(config.validate(), [], "{name}");
        assert!(config.summary.ends_with('.') && config.summary.len() > 20, "{name}: `{}`", config.summary);
        let text = toml::to_string(&config).expect("a scenario serialises");
        assert_eq!(toml::from_str::<SiteConfig>(&text).expect("and deserialises"), config, "{name}");
    }
}

#[test]
fn every_scenario_that_ships_keeps_the_contract_and_plays_a_scored_week() {
    let mut rng = SeedTree::new(2).stream("random actions");
    for (name, config) in scenarios() {
        let mut env = env(config);
        assert_eq!(check_env(&mut env), [], "{name}");
        // The load that cannot wait fits machines and connection in every half-hour.
        for (course, place) in courses(env.setup(), scored_week()).iter().zip(env.setup().places()) {
            let peak = course.interactive_mw.iter().copied().fold(0.0, f64::max);
            let site = &place.config;
            assert!(peak <= site.it_capacity_mw && peak * site.pue <= site.import_limit_mw, "{name}: {peak} MW");
        }
        let fifo = play(&mut env, |env, action| env.view().decide_each(action, |_| SiteAction::fifo()));
        assert!(fifo.cost_gbp() > 0.0, "{name}: {}", fifo.cost_gbp());
        let jobs = fifo.jobs_in_time + fifo.jobs_late;
        let met = if jobs > 0.0 { fifo.jobs_in_time / jobs } else { 1.0 };
        assert!(met >= 0.95, "{name}: FIFO meets {:.2} % of {jobs} deadlines", 100.0 * met);
        let jobless = env.setup().config.workload.classes.is_empty();
        assert_eq!(jobs == 0.0, jobless, "{name}: {jobs} jobs");
        assert!(fifo.import_breach_mwh < 1e-9, "{name}: FIFO draws {} MWh beyond a limit", fifo.import_breach_mwh);
        let drawn = play(&mut env, random(&mut rng));
        assert!(drawn.imbalance_mwh().abs() < 1e-6 && drawn.cost_gbp() != fifo.cost_gbp(), "{name}");
    }
}

#[test]
fn the_standard_scenario_has_the_numbers_of_the_design() {
    let file = scenario("standard");
    let c = SiteConfig { summary: String::new(), ..file };
    assert_eq!(c, SiteConfig::default(), "the file changes nothing but its name and words");
    assert_eq!((c.it_capacity_mw, c.workload.mean_it_mw, c.pue, c.import_limit_mw), (12.0, 8.0, 1.2, 16.0));
    let b = &c.battery;
    assert_eq!((b.capacity_mwh, b.power_mw, b.charge_power_mw, b.discharge_power_mw), (16.0, 4.0, None, None));
    assert_eq!((b.charge_efficiency, b.discharge_efficiency, b.wear_gbp_per_mwh), (0.95, 0.95, 10.0));
    assert_eq!((b.initial_charge, b.min_charge, b.self_discharge_per_day), (0.5, 0.0, 0.0));
    assert!(!b.export_allowed && c.tariff.export.is_none() && !b.fade.shrinks_capacity);
    assert_eq!(c.solar.capacity_mwp, 4.0);
    assert_eq!(c.tariff.paid_price, PaidPrice::Intraday);
    assert_eq!((c.tariff.policy_gbp_per_mwh, c.tariff.network_gbp_per_mwh), (47.4, 9.0));
    assert_eq!((c.carbon_price_gbp_per_tonne, c.lateness_gbp_per_mwh_hour), (85.0, 200.0));
    assert_eq!((c.region.key(), c.regional_carbon.as_ref()), ("great_britain", None));
    assert_eq!((c.information.set, c.information.day_ahead_prices), (InformationSet::Trader, true));
    assert_eq!((c.controls.enforce_thresholds, c.controls.green_share), (false, 0.8));
    assert_eq!((c.episode_periods, c.p415.enabled, c.events.is_empty()), (336, false, true));
    assert_eq!(c.workload.interactive.energy_share, 0.40);
    // Name, energy share, slack, whether it can be paused, checkpoint, carbon threshold.
    let classes: Vec<_> = c
        .workload
        .classes
        .iter()
        .map(|class| {
            let wait = (class.slack_hours, class.slack_share_of_duration, class.interruptible);
            (class.name.as_str(), class.energy_share, wait, class.checkpoint_minutes, class.carbon_threshold_gco2_kwh)
        })
        .collect();
    let expected = [
        ("strict_training", 0.10, (1.0, 0.0, false), 0.0, None),
        ("soft_training", 0.15, (4.0, 0.0, true), 0.0, Some(200.0)),
        ("batch_inference", 0.10, (4.0, 0.0, true), 0.0, Some(200.0)),
        ("pre_training", 0.15, (4.0, 0.0, true), 5.0, Some(180.0)),
        ("best_effort", 0.10, (24.0, 0.0, true), 0.0, Some(150.0)),
    ];
    assert_eq!(classes, expected);
}

/// What a variant of the standard scenario changes: its keys that differ, sorted.
fn changes(name: &str) -> Vec<String> {
    fn walk(a: &serde_json::Value, b: &serde_json::Value, at: &str, found: &mut Vec<String>) {
        match (a.as_object(), b.as_object()) {
            (Some(x), Some(y)) => {
                let mut keys: Vec<&String> = x.keys().chain(y.keys()).collect();
                keys.sort();
                keys.dedup();
                let null = serde_json::Value::Null;
                for key in keys {
                    let at = if at.is_empty() { key.clone() } else { format!("{at}.{key}") };
                    walk(x.get(key).unwrap_or(&null), y.get(key).unwrap_or(&null), &at, found);
                }
            }
            _ if a != b => found.push(at.to_string()),
            _ => {}
        }
    }
    let json = |config: &SiteConfig| serde_json::to_value(config).expect("a scenario serialises");
    let mut found = Vec::new();
    walk(&json(&SiteConfig::default()), &json(&scenario(name)), "", &mut found);
    found.retain(|key| key != "name" && key != "summary");
    found
}

#[test]
fn a_variant_of_the_standard_scenario_changes_what_it_is_named_after_alone() {
    assert_eq!(changes("standard"), Vec::<String>::new());
    assert_eq!(changes("quickstart"), Vec::<String>::new());
    assert_eq!(changes("imbalance"), ["tariff.paid_price"]);
    assert_eq!(changes("mixed"), ["tariff.paid_price"]);
    assert_eq!(changes("published"), ["information.set"]);
    assert_eq!(changes("no-day-ahead"), ["information.day_ahead_prices"]);
    assert_eq!(changes("ctss"), ["controls.discrete_levels", "controls.enforce_thresholds"]);
    assert_eq!(changes("p415"), ["p415.enabled"]);
    assert_eq!(changes("events"), ["controls.power_cap", "events.random", "events.stress"]);
}

#[test]
fn the_sizes_of_a_scenario_fit_each_other() {
    for (name, config) in scenarios() {
        let shares: f64 = config.workload.classes.iter().map(|class| class.energy_share).sum();
        assert!((shares + config.workload.interactive.energy_share - 1.0).abs() < 1e-9, "{name}: shares {shares}");
        for site in config.sites() {
            // Machines can be fed from the connection, or what is missing is less than the battery gives.
            let full = site.it_capacity_mw * site.pue;
            assert!(full <= site.import_limit_mw + site.battery.power_mw, "{name}: {full} MW of machines");
            // There is room to charge in the mean half-hour.
            assert!(
                site.workload.mean_it_mw * site.pue + site.battery.power_mw <= 1.2 * site.import_limit_mw,
                "{name}"
            );
            if site.battery.export_allowed {
                let limit = site.tariff.export.as_ref().map_or(0.0, |export| export.limit_mw);
                assert!(limit > 0.0, "{name}: a battery that may export needs a limit to export within");
            }
        }
    }
}

#[test]
fn the_fluid_scenario_has_a_flat_load_of_equal_jobs() {
    let fluid = env(scenario("fluid-day-ahead"));
    let course = &courses(fluid.setup(), scored_week())[0];
    assert!(course.interactive_mw.iter().all(|mw| (mw - 4.0).abs() < 1e-9), "{:?}", &course.interactive_mw[..8]);
    assert!(course.jobs.iter().all(|job| job.power_mw == 0.25 && job.work_periods == 1.0));
    assert!(course.jobs.iter().all(|job| job.deadline - job.release == 25), "half an hour of work and 12 h to wait");
}

#[test]
fn the_fleet_is_ten_sites_of_40_to_60_megawatts_with_150_of_them_flexible() {
    let fleet = scenario("fleet");
    let sites = fleet.sites();
    assert_eq!((sites.len(), fleet.env_id()), (10, "FlexFleet-v1"));
    let at_meter = |site: &SiteConfig| site.it_capacity_mw * site.pue;
    assert!(sites.iter().all(|site| (40.0..=60.0).contains(&at_meter(site))));
    let can_wait: f64 = fleet.workload.classes.iter().map(|class| class.energy_share).sum();
    let flexible: f64 = sites.iter().map(|site| site.workload.mean_it_mw * site.pue * can_wait).sum();
    assert!((flexible - 150.0).abs() < 1e-9, "{flexible} MW");
    let mut regions: Vec<_> = sites.iter().map(|site| site.region.key()).collect();
    regions.sort_unstable();
    regions.dedup();
    assert!(regions.len() == 10 && sites.iter().all(|site| site.region.is_area()), "{regions:?}");
}

#[test]
fn every_file_that_a_scenario_names_is_resolved() {
    let text = "regional_carbon = \"a.csv\"\n[events.list]\npath = \"b/c.csv\"\n[[workload.trace.jobs]]\npath = \"d.csv\"\n\
                [workload.trace.interactive]\npath = \"e.csv\"\n";
    let mut config: SiteConfig = toml::from_str(text).expect("a scenario");
    config.resolve_files(|path| Path::new("folder").join(path));
    assert_eq!(config.regional_carbon.as_deref(), Some(Path::new("folder/a.csv")));
    assert_eq!(config.events.list.map(|list| list.path).as_deref(), Some("folder/b/c.csv"));
    assert_eq!(config.workload.trace.jobs[0].path, Path::new("folder/d.csv"));
    assert_eq!(config.workload.trace.interactive.map(|own| own.path).as_deref(), Some(Path::new("folder/e.csv")));
}

#[test]
fn a_scenario_of_one_kind_is_refused_by_the_id_of_the_other() {
    let refusal = |id: &str, name: &str| {
        let context = crate::core::EnvContext { site: Some(Arc::clone(env(scenario(name)).setup())) };
        crate::core::make(id, &context).err().expect("it is refused").to_string()
    };
    let hint = "\n\nhint: a scenario with [[sites]] is a fleet, one without is a site";
    assert_eq!(
        refusal("FlexSite-v1", "fleet"),
        format!("scenario `fleet` is one of FlexFleet-v1, expected one of FlexSite-v1{hint}")
    );
    assert_eq!(
        refusal("FlexFleet-v1", "standard"),
        format!("scenario `standard` is one of FlexSite-v1, expected one of FlexFleet-v1{hint}")
    );
}
