//! The jobs of the benchmark and their deadlines.
//!
//! Always: times count half-hours from 2020-01-01 00:00 UTC, a Wednesday; a deadline is the first half-hour in which
//! the job must be finished. Not here: when jobs run (`schedule.rs`).

use super::carbon::START;
use crate::grid::PERIODS_PER_DAY;

/// The 3387 ML jobs of scenario II, drawn with NumPy's `default_rng(0)` by `tests/wait_awhile/make_inputs.py`.
pub const ML_JOBS_CSV: &str = include_str!("ml_jobs.csv");

const MINUTES_PER_HALF_HOUR: i32 = 30;
const DAY: i32 = PERIODS_PER_DAY as i32;
/// 09:00 and 17:00, the working day of scenario II, in half-hours.
const NINE: i32 = 18;
const FIVE: i32 = 34;
/// 01:00, the nominal start of a nightly job, in half-hours.
const ONE: i32 = 2;
/// Nightly jobs: 2020-01-01 to 2020-12-30.
const NIGHTS: i32 = 365;
/// Weekdays, Monday = 0.
const MONDAY: i32 = 0;
const TUESDAY: i32 = 1;
const WEDNESDAY: i32 = 2;
const THURSDAY: i32 = 3;
const SATURDAY: i32 = 5;
const SUNDAY: i32 = 6;

/// An ML training job as it is issued.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MlJob {
    /// Half-hour in which it is issued.
    pub arrival: i32,
    /// Half-hours it runs.
    pub duration: i32,
}

/// What the schedulers and the pool know of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Task {
    /// First half-hour in which it may run.
    pub release: i32,
    /// Half-hours it runs.
    pub duration: i32,
    /// First half-hour in which it must be finished.
    pub deadline: i32,
}

/// When the result of a job is needed, by when it would end if it ran at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeadlineRule {
    /// At once: the job cannot wait.
    AtOnce,
    /// When the next working day begins; in working hours the job cannot wait. As in the authors' simulation, the day
    /// after Friday evening is Saturday.
    NextWorkday,
    /// On the next Monday or Thursday, 09:00.
    SemiWeekly,
}

impl DeadlineRule {
    /// Deadline of a job that would end before half-hour `end` if it ran at once; never before `end`.
    pub fn deadline(self, end: i32) -> i32 {
        let (day, time) = (end.div_euclid(DAY), end.rem_euclid(DAY));
        let weekday = (day + i32::from(START.utc_weekday())).rem_euclid(7);
        let at_nine = |days_later: i32| (day + days_later) * DAY + NINE;
        match self {
            Self::AtOnce => end,
            Self::NextWorkday => match weekday {
                SATURDAY => at_nine(2),
                SUNDAY => at_nine(1),
                _ if time > FIVE => at_nine(1),
                _ if time < NINE => at_nine(0),
                _ => end,
            },
            Self::SemiWeekly => match weekday {
                MONDAY if time > NINE => at_nine(THURSDAY - MONDAY),
                TUESDAY | WEDNESDAY => at_nine(THURSDAY - weekday),
                THURSDAY if time <= NINE => at_nine(0),
                _ => at_nine((7 - weekday) % 7),
            },
        }
    }
}

/// The ML jobs of scenario II in the order they are issued.
pub fn ml_jobs() -> Vec<MlJob> {
    let number = |cell: Option<&str>| -> i32 {
        cell.and_then(|cell| cell.parse().ok()).expect("the committed job list holds three whole numbers per row")
    };
    let job = |line: &str| {
        let mut cells = line.split(',').skip(1);
        let (arrival, duration) = (number(cells.next()), number(cells.next()));
        MlJob { arrival: arrival / MINUTES_PER_HALF_HOUR, duration: duration / MINUTES_PER_HALF_HOUR }
    };
    ML_JOBS_CSV.lines().skip(1).map(job).collect()
}

/// Scenario II as tasks. With `spare` 1 a job may end half an hour late: the extra slot of the authors' simulation.
pub fn ml_tasks(jobs: &[MlJob], rule: DeadlineRule, spare: i32) -> Vec<Task> {
    let task = |job: &MlJob| Task {
        release: job.arrival,
        duration: job.duration,
        deadline: rule.deadline(job.arrival + job.duration) + spare,
    };
    jobs.iter().map(task).collect()
}

/// Scenario I as tasks: half an hour each night around 01:00, `half_width` half-hours earlier or later.
///
/// As in the authors' simulation, a job whose window begins before the data is left out (the first, from 1.5 h on).
pub fn nightly_tasks(half_width: i32) -> Vec<Task> {
    (0..NIGHTS)
        .map(|night| night * DAY + ONE)
        .filter(|start| *start >= half_width)
        .map(|start| Task { release: start - half_width, duration: 1, deadline: start + half_width + 1 })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grid::Period;

    /// The half-hour of a time such as `2020-01-06T09:00:00Z`.
    fn at(text: &str) -> i32 {
        (text.parse::<Period>().expect("a period") - START) as i32
    }

    fn check(rule: DeadlineRule, cases: &[(&str, &str)]) {
        for (end, deadline) in cases {
            let found = START + i64::from(rule.deadline(at(end)));
            assert_eq!(found.to_string(), *deadline, "{rule:?}: a job that ends at {end}");
        }
    }

    #[test]
    fn a_result_out_of_hours_is_needed_when_the_next_working_day_begins() {
        check(
            DeadlineRule::NextWorkday,
            &[
                // Monday 6 January 2020.
                ("2020-01-06T03:30:00Z", "2020-01-06T09:00:00Z"),
                ("2020-01-06T09:00:00Z", "2020-01-06T09:00:00Z"),
                ("2020-01-06T17:00:00Z", "2020-01-06T17:00:00Z"),
                ("2020-01-06T17:30:00Z", "2020-01-07T09:00:00Z"),
                // Friday evening, as the authors' simulation has it; then the weekend.
                ("2020-01-10T20:00:00Z", "2020-01-11T09:00:00Z"),
                ("2020-01-11T00:00:00Z", "2020-01-13T09:00:00Z"),
                ("2020-01-11T23:30:00Z", "2020-01-13T09:00:00Z"),
                ("2020-01-12T12:00:00Z", "2020-01-13T09:00:00Z"),
            ],
        );
    }

    #[test]
    fn semi_weekly_results_are_needed_on_monday_and_thursday_at_nine() {
        check(
            DeadlineRule::SemiWeekly,
            &[
                ("2020-01-06T09:00:00Z", "2020-01-06T09:00:00Z"),
                ("2020-01-06T09:30:00Z", "2020-01-09T09:00:00Z"),
                ("2020-01-08T23:30:00Z", "2020-01-09T09:00:00Z"),
                ("2020-01-09T09:00:00Z", "2020-01-09T09:00:00Z"),
                ("2020-01-09T09:30:00Z", "2020-01-13T09:00:00Z"),
                ("2020-01-12T23:30:00Z", "2020-01-13T09:00:00Z"),
            ],
        );
    }

    #[test]
    fn the_job_list_is_the_one_of_the_published_figures() {
        let rows: Vec<&str> = ML_JOBS_CSV.lines().collect();
        assert_eq!(rows[..4], ["id,arrival_min,duration_min", "0,570,3180", "1,630,3030", "2,690,2070"]);
        assert_eq!((rows.len(), rows[3387]), (3388, "3386,526530,1200"));
        let jobs = ml_jobs();
        let sum = |part: fn(&MlJob) -> i32| jobs.iter().map(|job| i64::from(part(job)) * 30).sum::<i64>();
        assert_eq!((sum(|job| job.arrival), sum(|job| job.duration)), (879_100_950, 9_337_560));
        assert!(jobs.is_sorted_by_key(|job| job.arrival));
    }

    #[test]
    fn slack_is_as_published() {
        let jobs = ml_jobs();
        let slack = |rule| -> Vec<f64> {
            let tasks = ml_tasks(&jobs, rule, 0);
            tasks.iter().map(|task| f64::from(task.deadline - task.release - task.duration) / 2.0).collect()
        };
        let mean = |slack: &[f64]| slack.iter().sum::<f64>() / slack.len() as f64;
        let (workday, weekly) = (slack(DeadlineRule::NextWorkday), slack(DeadlineRule::SemiWeekly));
        let without = workday.iter().filter(|slack| **slack == 0.0).count() as f64 / workday.len() as f64;
        // Mean slack 15.6 h, a fifth of the jobs without any; mean 46.0 h, at most 95.5 h.
        assert!((mean(&workday) - 15.6).abs() < 0.05 && (without - 0.20).abs() < 0.005);
        assert!((mean(&weekly) - 46.0).abs() < 0.05);
        assert_eq!(weekly.iter().copied().fold(0.0, f64::max), 95.5);
    }

    #[test]
    fn the_first_night_is_left_out_where_its_window_begins_before_the_data() {
        let count = |half_width| nightly_tasks(half_width).len();
        assert_eq!([count(0), count(2), count(3), count(16)], [365, 365, 364, 364]);
        assert_eq!(nightly_tasks(2)[1], Task { release: 48, duration: 1, deadline: 53 });
    }
}
