//! The jobs of a class with their windows, for the dispatch model.
//!
//! In: the course of a site. Out: groups of jobs, those of the same release and deadline together.
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
    let window = |job: &Job| (job.release.max(0), job.deadline);
    jobs.sort_by_key(|job| window(job));
    let n = periods as i32;
    let mut all = JobGroups { site, class, ..JobGroups::default() };
    let mut columns = 0;
    for same in jobs.chunk_by(|a, b| window(a) == window(b)) {
        let (release, deadline) = window(same[0]);
        let work_mwh = same.iter().map(|job| job.left_mwh()).sum();
        if deadline <= 0 {
            all.late_mwh += work_mwh;
            continue;
        }
        let end = deadline.min(n);
        let gated = |t: i32| course.gated[t as usize] & (1 << class) != 0;
        let most = |t: i32| -> f64 {
            let runs = same.iter().filter(|job| !gated(t) || may_have_to_run(job, rules, t));
            runs.map(|job| job.power_mw * PERIOD_HOURS * job.left_periods.min(1.0)).sum()
        };
        let most_mwh: Vec<f64> = (release..end).map(most).collect();
        columns += most_mwh.len();
        if columns > detail {
            return None;
        }
        all.groups.push(JobGroup { first: release as usize, most_mwh, work_mwh, due: deadline <= n });
    }
    Some(all)
}
