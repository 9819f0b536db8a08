//! The two schedulers of the benchmark: the cheapest start for a job in one piece, the cheapest half-hours for a job
//! that may be paused.
//!
//! In: a forecast of carbon intensity (any cost per half-hour would do) and windows. Out: half-hours to run in.
//! Always: of equally cheap choices the first; linear in the length of the window.
//! Not here: running jobs (`execute.rs`).

use super::jobs::Task;
use std::ops::Range;

/// How a job may be placed in its window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strategy {
    /// In one piece, at the start with the lowest mean.
    NonInterruptible,
    /// In the lowest half-hours, wherever they are.
    Interruptible,
}

/// What is believed of every half-hour.
#[derive(Debug, Clone)]
pub struct Forecast {
    values: Vec<f64>,
    /// Sum of the values before each half-hour, and of all of them.
    sums: Vec<f64>,
}

impl Forecast {
    /// A forecast of one value per half-hour.
    pub fn new(values: Vec<f64>) -> Self {
        let mut sum = 0.0;
        let mut sums = Vec::with_capacity(values.len() + 1);
        sums.push(sum);
        sums.extend(values.iter().map(|value| {
            sum += value;
            sum
        }));
        Self { values, sums }
    }

    /// Start of the cheapest run of `duration` half-hours inside a window; none if it does not fit.
    pub fn cheapest_start(&self, window: Range<usize>, duration: usize) -> Option<usize> {
        let last = window.end.min(self.values.len()).checked_sub(duration)?;
        let cost = |start: usize| self.sums[start + duration] - self.sums[start];
        (window.start..=last)
            .map(|start| (cost(start), start))
            .reduce(|a, b| if b.0 < a.0 { b } else { a })
            .map(|x| x.1)
    }

    /// Moves the `count` cheapest half-hours of a window to the front of `order`, in no order; none if it has fewer.
    pub fn cheapest_slots<'a>(
        &self,
        window: Range<usize>,
        count: usize,
        order: &'a mut Vec<usize>,
    ) -> Option<&'a [usize]> {
        order.clear();
        order.extend(window.start..window.end.min(self.values.len()));
        if count > 0 && count < order.len() {
            let key = |slot: &usize| (self.values[*slot], *slot);
            order.select_nth_unstable_by(count - 1, |a, b| {
                let ((cost_a, a), (cost_b, b)) = (key(a), key(b));
                cost_a.total_cmp(&cost_b).then(a.cmp(&b))
            });
        }
        order.get(..count)
    }
}

/// When each of a list of tasks runs, fixed when it is released.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// Where each task's window begins in `runs`.
    offsets: Vec<usize>,
    /// Whether it runs, half-hour by half-hour of its window, task after task.
    runs: Vec<bool>,
}

impl Plan {
    /// Plans every task by itself: capacity is unlimited, so tasks do not meet.
    ///
    /// # Panics
    /// If a window ends after the forecast or is shorter than its task, which no task of this benchmark does.
    pub fn new(tasks: &[Task], strategy: Strategy, forecast: &Forecast) -> Self {
        let mut plan = Self { offsets: Vec::with_capacity(tasks.len()), runs: Vec::new() };
        let mut order = Vec::new();
        for task in tasks {
            let window = task.release as usize..task.deadline as usize;
            let (release, duration, offset) = (window.start, task.duration as usize, plan.runs.len());
            plan.offsets.push(offset);
            plan.runs.resize(offset + window.len(), false);
            let runs = &mut plan.runs[offset..];
            match strategy {
                Strategy::NonInterruptible => {
                    let start = forecast.cheapest_start(window, duration).expect("a task fits into its window");
                    runs[start - release..start - release + duration].fill(true);
                }
                Strategy::Interruptible => {
                    let slots = forecast.cheapest_slots(window, duration, &mut order);
                    slots.expect("a task fits into its window").iter().for_each(|slot| runs[slot - release] = true);
                }
            }
        }
        plan
    }

    /// Whether a task, by its place in the list, runs in the half-hour `age` after its release.
    pub fn runs(&self, task: usize, age: usize) -> bool {
        self.window(task).get(age).copied().unwrap_or(false)
    }

    /// The half-hours of a task's window.
    pub(super) fn window(&self, task: usize) -> &[bool] {
        let end = self.offsets.get(task + 1).copied().unwrap_or(self.runs.len());
        &self.runs[self.offsets[task]..end]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::SeedTree;
    use rand::RngExt;

    /// Whole numbers with many ties, so that sums are exact and "the first" matters.
    fn draw(seed: u64) -> (Forecast, Range<usize>, usize) {
        let mut rng = SeedTree::new(seed).stream("schedule");
        let values: Vec<f64> = (0..60).map(|_| f64::from(rng.random_range(0..6_u8))).collect();
        let start = rng.random_range(0..30);
        let end = start + rng.random_range(1..30);
        (Forecast::new(values), start..end, rng.random_range(1..=end - start))
    }

    #[test]
    fn the_cheapest_start_is_the_first_of_those_that_trying_all_finds() {
        for seed in 0..2000 {
            let (forecast, window, duration) = draw(seed);
            let cost = |start: usize| forecast.values[start..start + duration].iter().sum::<f64>();
            let mut best = window.start;
            for start in window.start..=window.end - duration {
                best = if cost(start) < cost(best) { start } else { best };
            }
            assert_eq!(forecast.cheapest_start(window, duration), Some(best), "seed {seed}");
        }
    }

    #[test]
    fn the_cheapest_slots_are_the_first_of_those_that_sorting_finds() {
        for seed in 0..2000 {
            let (forecast, window, count) = draw(seed);
            let mut sorted: Vec<usize> = window.clone().collect();
            sorted.sort_by(|a, b| forecast.values[*a].total_cmp(&forecast.values[*b]));
            sorted.truncate(count);
            sorted.sort_unstable();
            let mut order = Vec::new();
            let mut found = forecast.cheapest_slots(window, count, &mut order).expect("it fits").to_vec();
            found.sort_unstable();
            assert_eq!(found, sorted, "seed {seed}");
        }
    }

    #[test]
    fn what_does_not_fit_into_its_window_has_no_place() {
        let forecast = Forecast::new(vec![1.0; 10]);
        assert_eq!(forecast.cheapest_start(4..7, 4), None);
        assert_eq!(forecast.cheapest_start(8..20, 3), None);
        assert_eq!(forecast.cheapest_slots(8..20, 3, &mut Vec::new()), None);
    }

    #[test]
    fn a_job_that_may_be_paused_runs_in_the_valleys_and_the_other_in_the_widest() {
        let forecast = Forecast::new(vec![5.0, 1.0, 5.0, 2.0, 2.5, 9.0]);
        let task = [Task { release: 0, duration: 2, deadline: 6 }];
        let interruptible = Plan::new(&task, Strategy::Interruptible, &forecast);
        assert_eq!(interruptible.window(0), [false, true, false, true, false, false]);
        let in_one_piece = Plan::new(&task, Strategy::NonInterruptible, &forecast);
        assert_eq!(in_one_piece.window(0), [false, false, false, true, true, false]);
        assert!(in_one_piece.runs(0, 3) && !in_one_piece.runs(0, 60));
    }
}
