//! Days of the played weeks by the local clock, and which of them are worth a picture.
//!
//! In: the grid and the traces of an evaluation. Out: days with their half-hours.
//! Always: a day holds the half-hours that lie inside its week; a week whose stamps cannot be read is left out.
//! Not here: drawing.

use crate::evaluation::{GridWeek, WeekTrace};
use flexai_env::grid::{Date, Period, calendar};

/// Half-hours of a local day, as positions in its week.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Day {
    /// Position of the week in the grid.
    pub(crate) week: usize,
    /// Local date.
    pub(crate) date: Date,
    /// Positions in the week with the half-hour of the local clock.
    pub(crate) steps: Vec<(usize, u8)>,
}

/// A day with what a policy saved on it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct RankedDay {
    pub(crate) day: Day,
    /// FIFO's J less the policy's, without the settlement of the week.
    pub(crate) saved_gbp: f64,
}

/// All local days of the weeks, in order.
pub(crate) fn days(grid: &[GridWeek]) -> Vec<Day> {
    let mut days: Vec<Day> = Vec::new();
    for (week, of) in grid.iter().enumerate() {
        for (step, stamp) in local_stamps(of).into_iter().enumerate() {
            let Some((day, half_hour)) = stamp else { continue };
            let date = Date::from_days(day);
            match days.last_mut().filter(|last| last.week == week && last.date == date) {
                Some(last) => last.steps.push((step, half_hour)),
                None => days.push(Day { week, date, steps: vec![(step, half_hour)] }),
            }
        }
    }
    days
}

/// Local day and half-hour of each step of a week.
pub(crate) fn local_stamps(week: &GridWeek) -> Vec<Option<(i32, u8)>> {
    let stamp = |text: &str| text.parse::<Period>().ok().map(|period| (period.local().day, period.local().half_hour));
    week.steps.iter().map(|step| stamp(&step.period)).collect()
}

/// Days on which both policies have a trace, the largest saving first.
pub(crate) fn ranked(grid: &[GridWeek], mine: &[&WeekTrace], base: &[&WeekTrace]) -> Vec<RankedDay> {
    let saved = |day: Day| {
        let week = &grid[day.week].week;
        let (mine, base) = (of_week(mine, week)?, of_week(base, week)?);
        let saved = |(step, _): &(usize, u8)| Some(base.steps.get(*step)?.cost_gbp - mine.steps.get(*step)?.cost_gbp);
        // The last half-hour of a week holds the settlement of the whole week.
        let own = day.steps.iter().filter(|(step, _)| step + 1 < mine.steps.len());
        let saved_gbp: f64 = own.map(saved).sum::<Option<f64>>()?;
        saved_gbp.is_finite().then_some(RankedDay { day, saved_gbp })
    };
    let mut all: Vec<RankedDay> = days(grid).into_iter().filter_map(saved).collect();
    all.sort_by(|a, b| b.saved_gbp.total_cmp(&a.saved_gbp).then(a.day.date.cmp(&b.day.date)));
    all
}

/// The days that lie in their week as a whole, or all of them if none does.
pub(crate) fn whole(mut days: Vec<RankedDay>) -> Vec<RankedDay> {
    if days.iter().any(|ranked| ranked.day.is_whole()) {
        days.retain(|ranked| ranked.day.is_whole());
    }
    days
}

/// The trace of a week, of the first job seed that has one.
pub(crate) fn of_week<'a>(traces: &[&'a WeekTrace], week: &str) -> Option<&'a WeekTrace> {
    traces.iter().filter(|trace| trace.week == week).min_by_key(|trace| trace.seed).copied()
}

impl Day {
    /// Whether all its half-hours lie inside the week: 46, 48 or 50 of them.
    pub(crate) fn is_whole(&self) -> bool {
        self.steps.len() == calendar::periods_in_local_day(self.date.to_days())
    }

    /// `Wednesday 14 February 2024`.
    pub(crate) fn name(&self) -> String {
        let weekday = self.date.utc_midnight().utc_weekday();
        let month = MONTHS[usize::from(self.date.month.clamp(1, 12)) - 1];
        format!("{} {} {month} {}", WEEKDAYS[usize::from(weekday)], self.date.day, self.date.year)
    }
}

/// Monday first.
pub(crate) const WEEKDAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// `17:30`.
pub(crate) fn clock(half_hour: u8) -> String {
    format!("{:02}:{:02}", half_hour / 2, half_hour % 2 * 30)
}
