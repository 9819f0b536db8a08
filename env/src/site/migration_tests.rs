//! How long a job stays where it came to.
//!
//! In: two sites that send all they may to each other. Always: which of them is where is found by looking, not by the
//! mark that the rule itself reads. Not here: conservation of jobs and work (`properties.rs`).

use super::env::FlexFleet;
use super::random_scenarios::{fleet_of, wild_grid};
use super::{EpisodeEnd, SiteAction, SiteConfig, WindowChoice};
use crate::core::Env;
use crate::workload::Job;
use std::collections::BTreeMap;
use std::sync::Arc;

const PERIODS: usize = 96;

/// What tells jobs apart wherever they are.
type Name = (u64, u64, i32, i32);

fn name(job: &Job) -> Name {
    (job.power_mw.to_bits(), job.work_periods.to_bits(), job.release, job.deadline)
}

/// Where every job is, those on their way counted where they go, with the first period in which they may run there.
fn places(env: &FlexFleet) -> BTreeMap<Name, (usize, Option<i32>)> {
    let mut all = BTreeMap::new();
    for (i, site) in env.episode().sites.iter().enumerate() {
        let here = (0..site.jobs.classes()).flat_map(|class| site.jobs.jobs(class));
        all.extend(here.map(|job| (name(job), (i, None))));
        all.extend(site.inbound.iter().map(|transfer| (name(&transfer.job), (i, Some(transfer.arrives)))));
    }
    all
}

/// Shortest time, in periods, from a job's arrival at a site to its next departure, and how many departures there were.
fn shortest_stay(min_stay_periods: u32, bandwidth_gbit_per_s: f64) -> (Option<i32>, usize) {
    let mut config: SiteConfig =
        toml::from_str("[[sites]]\nname = \"a\"\n[[sites]]\nname = \"b\"\n").expect("a scenario");
    config.workload.classes.iter_mut().for_each(|class| (class.migratable, class.data_gb_median) = (true, 100.0));
    (config.migration.min_stay_periods, config.migration.bandwidth_gbit_per_s) =
        (min_stay_periods, bandwidth_gbit_per_s);
    let mut env = fleet_of(config, &Arc::new(wild_grid()));
    let start = env.setup().history() + 7;
    env.reset_to(WindowChoice { start, periods: PERIODS, job_seed: 5, end: EpisodeEnd::Bootstrap });
    let mut action = vec![0.0; env.action_space().flat_len()];
    let action_of_all = SiteAction { send: 1.0, receive: 1.0, ..SiteAction::default() };
    env.view().decide_each(&mut action, |_| action_of_all);
    // First period at the site that a job came to, by job.
    let mut came: BTreeMap<Name, i32> = BTreeMap::new();
    let (mut shortest, mut departures) = (None::<i32>, 0);
    let mut before = places(&env);
    for t in 0..PERIODS as i32 {
        env.step(&action);
        let after = places(&env);
        for (job, (site, arrives)) in &after {
            if before.get(job).is_none_or(|(was, _)| was == site) {
                continue;
            }
            departures += 1;
            if let Some(since) = came.insert(*job, arrives.unwrap_or(t + 1)) {
                shortest = Some(shortest.map_or(t - since, |least| least.min(t - since)));
            }
        }
        before = after;
    }
    (shortest, departures)
}

#[test]
fn a_job_that_came_from_another_site_stays_as_long_as_the_scenario_says() {
    for bandwidth in [100.0, 1.0] {
        for min_stay in [0, 1, 4, 9] {
            let (shortest, departures) = shortest_stay(min_stay, bandwidth);
            assert!(departures > 200, "{departures} jobs were sent");
            assert_eq!(shortest, Some(min_stay as i32), "at {bandwidth} Gbit/s");
        }
    }
}

#[test]
fn the_longer_jobs_stay_the_fewer_are_sent() {
    let sent = [0, 2, 8, 48].map(|min_stay| shortest_stay(min_stay, 100.0).1);
    assert!(sent.is_sorted_by(|a, b| a > b), "{sent:?}");
}

#[test]
fn a_stay_of_more_than_a_week_is_refused() {
    let mut config = SiteConfig::default();
    config.migration.min_stay_periods = 337;
    let fault = ("migration.min_stay_periods".to_string(), "is 337, expected 0 to 336, a week".to_string());
    assert_eq!(config.validate(), [fault]);
}
