//! The jobs of a class with their windows, for the dispatch model.
//!
//! In: the course of a site. Out: groups of jobs: those of the same release and deadline together or, where these are too
//! many, those of the same deadline.
//! Always: what is known is what the jobs truly are. Not here: classes with too many jobs, which are queues (`future.rs`).

use super::future::may_have_to_run;
use crate::planning::{JobGroup, JobGroups};
use flexai_env::site::SiteCourse;
use flexai_env::units::PERIOD_HOURS;
use flexai_env::workload::{ClassRules, Job};

/// The jobs of a class, in groups; none if they take more than `detail` columns.
pub(super) fn job_groups(
    rules: &ClassRules,
    class: usize,
    site: usize,
    course: &SiteCourse,
    periods: usize,
    detail: usize,
) -> Option<JobGroups> {
    let arriving = course.jobs.iter().filter(|job| usize::from(job.class) == class);
    let mut jobs: Vec<&Job> = course.initial_jobs.jobs(class).iter().chain(arriving).collect();
    let n = periods as i32;
    let release = |job: &Job| job.release.max(0);
    let late: f64 = jobs.iter().filter(|job| job.deadline <= 0).map(|job| job.left_mwh()).sum();
    jobs.retain(|job| job.deadline > 0);
    let gated = |t: i32| course.gated[t as usize] & (1 << class) != 0;
    let most = |same: &[&Job], t: i32| -> f64 {
        let may_run = |job: &&&Job| release(job) <= t && (!gated(t) || may_have_to_run(job, rules, t));
        same.iter().filter(may_run).map(|job| job.power_mw * PERIOD_HOURS * job.left_periods.min(1.0)).sum()
    };
    let group = |same: &[&Job]| {
        let first = same.iter().map(|job| release(job)).min().unwrap_or(0);
        let deadline = same[0].deadline;
        JobGroup {
            first: first as usize,
            most_mwh: (first..deadline.min(n)).map(|t| most(same, t)).collect(),
            work_mwh: same.iter().map(|job| job.left_mwh()).sum(),
            due: deadline <= n,
        }
    };
    let fits = |groups: &[JobGroup]| groups.iter().map(|group| group.most_mwh.len()).sum::<usize>() <= detail;
    jobs.sort_by_key(|job| (job.deadline, release(job)));
    let window = |job: &Job| (job.deadline, release(job));
    let mut groups: Vec<JobGroup> = jobs.chunk_by(|a, b| window(a) == window(b)).map(group).collect();
    if !fits(&groups) {
        groups = jobs.chunk_by(|a, b| a.deadline == b.deadline).map(group).collect();
    }
    fits(&groups).then_some(JobGroups { site, class, late_mwh: late, groups })
}
