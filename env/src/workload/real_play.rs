//! A site plays a week of every published trace, and no job is lost.

use super::*;
use crate::core::{Env, SeedTree, StreamRng};
use crate::grid::{embedded_trace, real_table::shared};
use crate::site::{EpisodeEnd, FlexFleet, SiteConfig, SiteSetup, WindowChoice, courses};
use rand::RngExt;
use std::sync::Arc;

/// The standard scenario with jobs or demand of a shared trace; `None` where it is absent.
fn scenario(file: &str, change: impl Fn(&mut WorkloadConfig, std::path::PathBuf)) -> Option<SiteConfig> {
    let path = shared(&format!("data/workload/{file}"))?;
    let mut config = SiteConfig::default();
    config.workload.source = WorkloadSource::Trace;
    change(&mut config.workload, path);
    assert_eq!(config.validate(), []);
    Some(config)
}

fn jobs_of(file: &str, change: impl Fn(&mut JobTraceConfig)) -> Option<SiteConfig> {
    scenario(file, |workload, path| {
        let mut trace = JobTraceConfig { path, ..JobTraceConfig::default() };
        change(&mut trace);
        workload.trace.jobs = vec![trace];
        // Groups of forty GPUs keep the number of jobs small; one trace of single GPUs would bring thousands.
        workload.classes.iter_mut().for_each(|class| class.gpu_scale = 40.0);
    })
}

fn demand_of(file: &str, service: Option<&str>) -> Option<SiteConfig> {
    scenario(file, |workload, path| {
        let service = service.map(String::from);
        workload.trace.interactive = Some(InteractiveTraceConfig { path, service, ..Default::default() });
    })
}

/// Plays scored weeks under random actions; returns the mean IT power of FIFO and jobs that came, per class.
fn play(config: SiteConfig) -> (f64, Vec<usize>) {
    let trace = Arc::new(embedded_trace());
    let len = trace.len();
    let mut env = FlexFleet::new(Arc::new(SiteSetup::new(config, trace, 0..len).expect("a valid setup")));
    let mut rng: StreamRng = SeedTree::new(1).stream("actions");
    let mut action = vec![0.0; env.action_space().flat_len()];
    let (mut it_mwh, mut counts) = (0.0, vec![0; env.setup().config.workload.classes.len()]);
    const WEEKS: usize = 4;
    for seed in 0..WEEKS {
        let window =
            WindowChoice { start: 400 + 500 * seed, periods: 336, job_seed: seed as u64, end: EpisodeEnd::Settle };
        let course = &courses(env.setup(), window)[0];
        course.jobs.iter().for_each(|job| counts[usize::from(job.class)] += 1);
        it_mwh += course.fifo.iter().map(|period| period.it_mwh).sum::<f64>();
        let released = course.initial_jobs.queued().value() + course.jobs.iter().map(Job::work_mwh).sum::<f64>();
        let started = course.initial_jobs.len() + course.jobs.len();
        let (mut served, mut lost, mut finished) = (0.0, 0.0, 0.0);
        env.reset_to(window);
        for t in 0..336 {
            action.iter_mut().for_each(|a| *a = 2.0 * rng.random::<f32>() - 1.0);
            env.step(&action);
            let account = env.last_account();
            assert!(account.imbalance_mwh().abs() < 1e-9);
            assert!((account.interactive_mwh - 0.5 * course.interactive_mw[t]).abs() < 1e-12);
            assert!(account.inferences_millions > 0.0);
            served += account.work_mwh;
            lost += account.checkpoint_lost_mwh;
            finished += account.jobs_in_time + account.jobs_late;
        }
        let site = &env.episode().sites[0];
        assert!((released + lost - served - site.queued().value()).abs() < 1e-6, "work is conserved");
        // What is left over late at the end counts as late too.
        let (late, _) = site.jobs.late_jobs(336);
        assert_eq!(started, finished as usize - late + site.jobs.len(), "no job is lost");
    }
    (it_mwh / (WEEKS as f64 * 168.0), counts)
}

#[test]
fn a_site_plays_weeks_of_philly_with_all_its_classes() {
    let Some(config) = jobs_of("gpu_jobs_philly_deadlines_days0-9.csv.gz", |t| t.skip_days = 1) else { return };
    let (mean_mw, counts) = play(config);
    // Three of five classes are played; seven days of few large jobs scatter.
    assert!((mean_mw - 8.0).abs() < 0.6, "{mean_mw} MW");
    assert!(counts.iter().all(|count| *count > 50), "{counts:?}");
}

#[test]
fn a_site_plays_weeks_of_pai_jobs_and_of_large_ones_alone() {
    let Some(config) = jobs_of("ml_jobs_pai_gaia_year_m1-9.csv.gz", |_| ()) else { return };
    let (mean_mw, counts) = play(config);
    assert!((mean_mw - 8.0).abs() < 0.6 && counts[1] > 100, "{mean_mw} MW, {counts:?}");
    let large = |t: &mut JobTraceConfig| {
        (t.gpus_min, t.duration_hours_min) = (8.0, 12.0);
        t.classes = [("job".to_string(), "pre_training".to_string())].into();
    };
    let Some(mut config) = jobs_of("ml_jobs_pai_gaia_year_m1-9.csv.gz", large) else { return };
    config.workload.classes[3].gpu_scale = 1.0;
    let (mean_mw, counts) = play(config);
    assert!((mean_mw - 8.0).abs() < 0.6 && counts[3] > 20, "{mean_mw} MW, {counts:?}");
}

#[test]
fn a_site_plays_weeks_of_alibaba_pods_and_of_image_requests() {
    let Some(config) = jobs_of("gpu_pods_alibaba2023.csv.gz", |t| t.skip_days = 115) else { return };
    let (_, counts) = play(config);
    assert!(counts[0] > 50 && counts[4] > 50, "{counts:?}");
    let Some(config) = jobs_of("image_requests_genai2024.csv.gz", |_| ()) else { return };
    let (_, counts) = play(config);
    assert!(counts[2] > 500, "{counts:?}");
}

#[test]
fn a_site_plays_weeks_of_servegen_demand_and_of_the_dlrm_fleet() {
    for service in ["m-large", "m-mid"] {
        let Some(config) = demand_of("llm_requests_servegen_10min.csv.gz", Some(service)) else { return };
        let (mean_mw, _) = play(config);
        assert!((mean_mw - 8.0).abs() < 0.6, "{service}: {mean_mw} MW");
    }
    let Some(config) = demand_of("inference_fleet_dlrm2025_10min.csv.gz", None) else { return };
    let (mean_mw, _) = play(config);
    assert!((mean_mw - 8.0).abs() < 0.6, "{mean_mw} MW");
}

#[test]
fn a_trace_of_one_day_or_less_cannot_be_repeated_by_weeks() {
    let Some(config) = demand_of("llm_requests_servegen_10min.csv.gz", Some("deepseek-r1")) else { return };
    let error = JobGenerator::new(&config.workload).expect_err("a day").to_string();
    assert!(error.ends_with(
        "the trace spans 1.0 days, expected at least 7 (whole weeks are repeated)\n\nhint: use a longer trace, or fewer \
         `skip_days`"
    ), "{error}");
}
