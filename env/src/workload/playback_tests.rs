//! Traces play week after week with the energy of the scenario, and other seeds play other weeks.

use super::*;
use crate::core::SeedTree;
use crate::grid::Period;
use crate::workload::{ArrivalStream, Job, JobGenerator, TraceConfig, WorkloadSource};
use std::fmt::Write as _;
use std::path::PathBuf;

struct Made {
    _folder: tempfile::TempDir,
    path: PathBuf,
}

fn file(text: &str) -> Made {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("trace.csv");
    std::fs::write(&path, text).expect("a file");
    Made { _folder: folder, path }
}

/// A job of 0.5 MW and an hour, due four hours after submission, at 10:10 on each of so many days.
fn daily_jobs(days: usize) -> Made {
    let mut text = String::from("submit_min,duration_min,power_mw,class,deadline_min\n");
    (0..days).for_each(|d| writeln!(text, "{},60,0.5,soft_training,240", d * 1440 + 610).expect("memory"));
    file(&text)
}

fn config(made: &Made, change: impl Fn(&mut JobTraceConfig)) -> WorkloadConfig {
    let mut jobs = JobTraceConfig { path: made.path.clone(), ..JobTraceConfig::default() };
    change(&mut jobs);
    let trace = TraceConfig { jobs: vec![jobs], interactive: None };
    WorkloadConfig { source: WorkloadSource::Trace, trace, ..WorkloadConfig::default() }
}

/// Jobs of class 1 (`soft_training`) in so many weeks from a Monday on.
fn soft_jobs(config: &WorkloadConfig, weeks: usize, seed: u64) -> Vec<Job> {
    let generator = JobGenerator::new(config).expect("a good trace");
    let mut stream = ArrivalStream::new(SeedTree::new(seed));
    let start: Period = "2024-01-01T00:00:00Z".parse().expect("a Monday");
    let mut jobs = Vec::new();
    for t in 0..weeks * 336 {
        generator.draw(&mut stream, (start + t as i64).local(), t as i32, |job| jobs.push(job));
    }
    jobs.into_iter().filter(|job| job.class == 1).collect()
}

#[test]
fn one_copy_of_a_trace_releases_each_job_at_the_next_half_hour_of_its_local_time() {
    let made = daily_jobs(7);
    let jobs = soft_jobs(&config(&made, |t| (t.scale, t.shift_days) = (Some(1.0), Some(0))), 2, 1);
    let releases: Vec<i32> = jobs.iter().map(|job| job.release).collect();
    // 10:10 is known at 10:30, the 21st half-hour; the deadline 14:10 means done by 14:00.
    assert_eq!(releases, (0..14).map(|day| day * 48 + 21).collect::<Vec<_>>());
    assert!(jobs.iter().all(|job| job.deadline - job.release == 7 && job.work_periods == 2.0 && job.power_mw == 0.5));
}

#[test]
fn copies_bring_each_class_its_share_of_the_energy_without_changing_a_job() {
    let made = daily_jobs(14);
    // 0.5 MWh a day are 0.0208 MW; 15 % of 8 MW are 57.6 copies.
    let mean =
        |seed| soft_jobs(&config(&made, |_| ()), 20, seed).iter().map(Job::work_mwh).sum::<f64>() / (20.0 * 168.0);
    for seed in 0..3 {
        assert!((mean(seed) / 1.2 - 1.0).abs() < 0.01, "{}", mean(seed));
    }
    let jobs = soft_jobs(&config(&made, |_| ()), 20, 1);
    assert!(jobs.iter().all(|job| job.power_mw == 0.5));
    // A fraction of a copy: 0.6 of 140 jobs, within four standard deviations.
    let kept = soft_jobs(&config(&made, |t| t.scale = Some(0.6)), 20, 1).len() as f64;
    assert!((kept - 84.0).abs() < 4.0 * (140.0_f64 * 0.6 * 0.4).sqrt(), "{kept}");
}

#[test]
fn another_seed_plays_another_week_and_a_fixed_shift_the_same() {
    let mut text = String::from("submit_min,duration_min,power_mw,class\n");
    (0..28).for_each(|d| writeln!(text, "{},{},0.5,soft_training", d * 1440, 60 + d).expect("memory"));
    let made = file(&text);
    let first = |config: &WorkloadConfig, seed| soft_jobs(config, 1, seed)[0].work_periods;
    let free = config(&made, |t| t.scale = Some(1.0));
    let mut found: Vec<f64> = (0..12).map(|seed| first(&free, seed)).collect();
    assert_eq!(first(&free, 5), found[5]);
    found.sort_by(f64::total_cmp);
    found.dedup();
    assert!(found.len() >= 6, "{found:?}");
    let fixed = config(&made, |t| (t.scale, t.shift_days) = (Some(1.0), Some(3)));
    // Rounds of four weeks are counted from Monday 1969-12-29: 2024-01-01 is day 14 of one, three days more are 17.
    assert!((0..12).all(|seed| first(&fixed, seed) == 77.0 / 30.0));
}

#[test]
fn classes_deadlines_filters_and_gpu_scale_are_those_of_the_scenario() {
    let mut text = String::from("submit_min,duration_min,gpus,class,deadline_min\n");
    for day in 0..7 {
        for (gpus, class) in [(1, "night"), (16, "night"), (8, "other")] {
            writeln!(text, "{},60,{gpus},{class},300", day * 1440).expect("memory");
        }
    }
    let made = file(&text);
    let mut scenario = config(&made, |t| {
        t.classes = [("night".to_string(), "soft_training".to_string()), ("other".into(), String::new())].into();
        (t.scale, t.gpus_min, t.deadlines) = (Some(1.0), 8.0, DeadlineSource::Class);
    });
    scenario.classes[1].gpu_scale = 2.0;
    let jobs = soft_jobs(&scenario, 1, 1);
    assert_eq!(jobs.len(), 7);
    // 16 GPUs of 1.05 kW, twice; slack of the class, 4 h.
    assert!(jobs.iter().all(|job| (job.power_mw - 0.0336).abs() < 1e-12 && job.deadline - job.release == 10));
}

#[test]
fn a_trace_that_does_not_fit_the_scenario_is_refused_in_words() {
    let words = |made: &Made, change: &dyn Fn(&mut JobTraceConfig)| {
        let error = JobGenerator::new(&config(made, change)).expect_err("it does not fit").to_string();
        error.replace(&made.path.display().to_string(), "trace.csv")
    };
    assert_eq!(
        words(&daily_jobs(6), &|_| ()),
        "trace.csv: the trace spans 6.0 days, expected at least 7 (whole weeks are repeated)\n\nhint: use a longer trace, \
         or fewer `skip_days`"
    );
    let map = |class: &str| [("soft_training".to_string(), class.to_string())].into();
    assert_eq!(
        words(&daily_jobs(7), &|t| t.classes = map("soft")),
        "trace.csv: the label `soft_training` is mapped to the class `soft`, expected one of strict_training, \
         soft_training, batch_inference, pre_training, best_effort\n\nhint: correct `classes`, or add the class to \
         `[[workload.classes]]`"
    );
    let other = file("submit_min,duration_min,gpus,class\n0,60,1,night\n20000,60,1,night\n");
    assert!(
        words(&other, &|_| ()).starts_with("trace.csv: jobs labelled `night` have no class of the scenario, expected")
    );
    let absent = Made { path: "no/such.csv".into(), _folder: tempfile::tempdir().expect("a folder") };
    assert!(words(&absent, &|_| ()).starts_with("trace.csv: the table cannot be read: "));
    let empty = WorkloadConfig { source: WorkloadSource::Trace, ..WorkloadConfig::default() };
    assert_eq!(empty.validate()[0].0, "workload.source");
}

#[test]
fn demand_of_a_trace_follows_it_and_bridges_what_is_unknown() {
    let mut text = String::from("t_min,requests_per_s,output_tokens_per_request\n");
    for t in 0..336 {
        let rate = if t == 20 { String::new() } else { (10 + t % 48).to_string() };
        writeln!(text, "{},{rate},200", t * 30).expect("memory");
    }
    let made = file(&text);
    let plan = InteractiveTraceConfig { path: made.path.clone(), shift_days: Some(0), ..Default::default() };
    let mut config = WorkloadConfig { source: WorkloadSource::Trace, ..WorkloadConfig::default() };
    config.trace.interactive = Some(plan);
    let generator = JobGenerator::new(&config).expect("a good trace");
    let mut stream = ArrivalStream::new(SeedTree::new(1));
    let start: Period = "2024-01-01T00:00:00Z".parse().expect("a Monday");
    let demand: Vec<_> = (0..336).map(|t| generator.draw(&mut stream, (start + t).local(), t as i32, |_| ())).collect();
    let mean = demand.iter().map(|d| d.power_mw).sum::<f64>() / 336.0;
    assert!((mean - 3.2).abs() < 1e-9, "{mean}");
    assert!((demand[47].tokens / demand[0].tokens - 5.7).abs() < 1e-9);
    // Between 29 and 31 lies 30.
    assert!((demand[20].tokens / demand[0].tokens - 3.0).abs() < 1e-9);
    assert!((demand[5].tokens / demand[5].inferences - 200.0).abs() < 1e-9);
}
