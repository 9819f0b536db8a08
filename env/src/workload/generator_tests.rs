//! What the generator draws has the energy, the calendar and the slack that the scenario says.

use super::*;
use crate::grid::Period;
use crate::workload::{DemandModel, JobProfile, Service, SizeModel, SlackModel};

/// Everything that arrives in so many weeks from a Monday on.
fn course(config: &WorkloadConfig, weeks: usize, seed: u64) -> (Vec<Job>, Vec<InteractiveDemand>, Vec<LocalStamp>) {
    let generator = JobGenerator::new(config).expect("no trace is read");
    let mut stream = ArrivalStream::new(SeedTree::new(seed));
    let start: Period = "2024-01-01T00:00:00Z".parse().expect("a Monday");
    let (mut jobs, mut demand, mut stamps) = (Vec::new(), Vec::new(), Vec::new());
    for t in 0..weeks * 336 {
        let local = (start + t as i64).local();
        demand.push(generator.draw(&mut stream, local, t as i32, |job| jobs.push(job)));
        stamps.push(local);
    }
    (jobs, demand, stamps)
}

fn mean_mw(jobs: &[Job], class: u8, weeks: usize) -> f64 {
    jobs.iter().filter(|job| job.class == class).map(Job::work_mwh).sum::<f64>() / (weeks as f64 * 168.0)
}

#[test]
fn every_class_brings_its_share_of_the_energy() {
    let mut config = WorkloadConfig::default();
    config.classes[0].duration_estimate_log_sd = 0.26;
    let (jobs, demand, _) = course(&config, 60, 1);
    for (c, class) in config.classes.iter().enumerate() {
        let (found, expected) = (mean_mw(&jobs, c as u8, 60), 8.0 * class.energy_share);
        assert!((found / expected - 1.0).abs() < 0.02, "{}: {found} MW, expected {expected}", class.name);
    }
    let interactive = demand.iter().map(|d| d.power_mw).sum::<f64>() / demand.len() as f64;
    assert!((interactive / 3.2 - 1.0).abs() < 0.01, "{interactive} MW");
}

#[test]
fn fitted_sizes_bring_the_same_energy_in_jobs_of_the_traces_sizes() {
    let mut config = WorkloadConfig::default();
    for class in &mut config.classes {
        class.size_model = SizeModel::Fitted;
        class.gpu_scale = 20.0;
        class.duration_hours_max = 72.0;
    }
    let (jobs, _, _) = course(&config, 100, 2);
    for (c, class) in config.classes.iter().enumerate() {
        let (found, expected) = (mean_mw(&jobs, c as u8, 100), 8.0 * class.energy_share);
        // A few hundred large jobs carry most of the energy of a class.
        assert!((found / expected - 1.0).abs() < 0.12, "{}: {found} MW, expected {expected}", class.name);
    }
    let soft: Vec<&Job> = jobs.iter().filter(|job| job.class == 1).collect();
    let single = soft.iter().filter(|job| (job.power_mw - 20.0 * 1.05e-3).abs() < 1e-12).count();
    let share = single as f64 / soft.len() as f64;
    assert!((share - 0.924).abs() < 0.02, "{share} of the jobs have one GPU");
}

#[test]
fn slack_follows_its_model() {
    let slack = |model: SlackModel| {
        let mut config = WorkloadConfig::default();
        config.classes[1].slack_model = model;
        let (jobs, _, _) = course(&config, 8, 3);
        let soft = jobs.iter().filter(|job| job.class == 1 && job.work_periods > 4.0);
        let mut ratios: Vec<f64> =
            soft.map(|job| (f64::from(job.deadline - job.release) - job.work_periods) / job.work_periods).collect();
        ratios.sort_by(f64::total_cmp);
        ratios[ratios.len() / 2]
    };
    // Philly's soft jobs lose their last value 2.1 durations late; urgent jobs of the survey tolerate a tenth. Deadlines
    // are whole periods, which adds half a period to jobs of about 7.
    assert!((slack(SlackModel::Fitted) - 2.13).abs() < 0.25, "{}", slack(SlackModel::Fitted));
    assert!((slack(SlackModel::Survey) - 0.1).abs() < 0.12, "{}", slack(SlackModel::Survey));
}

#[test]
fn fitted_arrivals_of_training_are_few_in_the_night() {
    let mut config = WorkloadConfig::default();
    config.classes[0].arrival_model = ArrivalModel::Fitted;
    let generator = JobGenerator::new(&config).expect("no trace is read");
    let mut stream = ArrivalStream::new(SeedTree::new(4));
    let mut by_hour = [0u32; 24];
    for t in 0..336 * 20 {
        let local = Period(19_723 * 48 + t).local();
        generator.draw(&mut stream, local, 0, |job| {
            by_hour[usize::from(local.half_hour / 2)] += u32::from(job.class == 0);
        });
    }
    assert!(5 * by_hour[6] < by_hour[14], "{by_hour:?}");
}

#[test]
fn estimates_err_on_both_sides_and_deadlines_count_from_the_estimate() {
    let mut config = WorkloadConfig::default();
    config.classes[2].duration_estimate_log_sd = 0.26;
    let (jobs, _, _) = course(&config, 4, 5);
    let batch: Vec<&Job> = jobs.iter().filter(|job| job.class == 2).collect();
    let longer = batch.iter().filter(|job| job.work_periods > job.estimate_periods).count() as f64;
    assert!((longer / batch.len() as f64 - 0.5).abs() < 0.1);
    assert!(batch.iter().all(|j| j.deadline - j.release == (j.estimate_periods + 8.0).ceil() as i32));
}

#[test]
fn demand_of_every_model_keeps_its_mean_and_its_tokens_per_request() {
    for (demand, service, tokens) in [
        (DemandModel::Fitted, Service::Both, 60.7),
        (DemandModel::Fitted, Service::MLarge, 142.3),
        (DemandModel::Fitted, Service::MMid, 52.1),
        (DemandModel::Sine, Service::Both, 60.7),
    ] {
        let mut config = WorkloadConfig::default();
        config.interactive.demand = demand;
        config.interactive.service = service;
        let (_, drawn, _) = course(&config, 150, 6);
        let mean = drawn.iter().map(|d| d.power_mw).sum::<f64>() / drawn.len() as f64;
        assert!((mean / 3.2 - 1.0).abs() < 0.01, "{demand:?} {service:?}: {mean} MW");
        assert!(drawn.iter().all(|d| (d.tokens / d.inferences / tokens - 1.0).abs() < 0.01));
    }
}

#[test]
fn a_saved_stream_continues_exactly() {
    let generator = JobGenerator::new(&WorkloadConfig::default()).expect("no trace is read");
    let mut stream = ArrivalStream::new(SeedTree::new(7));
    let draw = |stream: &mut ArrivalStream, t: i64| {
        let mut jobs = Vec::new();
        let demand = generator.draw(stream, Period(900_000 + t).local(), t as i32, |job| jobs.push(job));
        (jobs, demand)
    };
    (0..50).for_each(|t| drop(draw(&mut stream, t)));
    let bytes = postcard::to_stdvec(&stream).expect("a stream serialises");
    let mut twin: ArrivalStream = postcard::from_bytes(&bytes).expect("and deserialises");
    assert!(bytes.len() < 300, "{} bytes", bytes.len());
    for t in 50..200 {
        assert_eq!(draw(&mut stream, t), draw(&mut twin, t));
    }
}

#[test]
fn every_profile_can_be_drawn_with_every_model_it_allows() {
    for profile in JobProfile::ALL {
        for slack_model in [SlackModel::Class, SlackModel::Fitted, SlackModel::Survey] {
            let mut config = WorkloadConfig::default();
            let class = &mut config.classes[0];
            (class.profile, class.slack_model) = (profile, slack_model);
            (class.size_model, class.arrival_model, class.gpu_scale) = (SizeModel::Fitted, ArrivalModel::Fitted, 50.0);
            let deadlines = [JobProfile::StrictTraining, JobProfile::SoftTraining].contains(&profile);
            if slack_model == SlackModel::Fitted && !deadlines {
                let faults = config.validate();
                assert_eq!(faults[0].0, "workload.classes.strict_training.slack_model");
                continue;
            }
            assert_eq!(config.validate(), []);
            let (jobs, _, _) = course(&config, 2, 8);
            assert!(jobs.iter().any(|job| job.class == 0));
            assert!(jobs.iter().all(|job| f64::from(job.deadline - job.release) >= job.work_periods));
        }
    }
}
