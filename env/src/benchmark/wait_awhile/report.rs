//! Every cell of the published tables, ours beside the reference.
//!
//! In: the carbon series and the forecast errors. Out: a [`Report`]: cells, and whether the pool kept to the plans.
//! Always: a cell without error may differ by 0.001 (percentage points, or g/kWh), emissions by the last digit kept.
//! A cell with error may differ by three standard errors of the difference with our own errors (theirs are means of ten
//! seeds), by 0.001 with NumPy's. Baselines know the truth, as the authors' do.
//! Not here: the numbers to be met (`reference.rs`), how a person reads them (`flexai bench wait-awhile`).

use super::carbon::CarbonSeries;
use super::execute::{Execution, execute};
use super::jobs::{DeadlineRule, Task, ml_jobs, ml_tasks, nightly_tasks};
use super::noise::{NUMPY_SEEDS, Noise};
use super::reference::{ERRORS_PCT, ML, Ml, NIGHTLY, NOTEBOOK, Nightly};
use super::schedule::{Forecast, Plan, Strategy};
use rayon::prelude::*;
use serde::Serialize;

/// What may lie between a cell and its reference where both are free of chance: percentage points or g/kWh.
const EXACT: f64 = 1e-3;
/// How many standard errors may lie between two means.
const STANDARD_ERRORS: f64 = 3.0;
/// Half of the last digit that the notebook prints.
const NOTEBOOK_ROUNDING: f64 = 0.005;
/// The pool and a plan differ by no more than rounding, in half-hours of one job.
const POOL_ROUNDING: f64 = 1e-6;
const NIGHTS: f64 = 365.0;

/// One cell.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Cell {
    /// `nightly` (scenario I); `at_once` (baseline), `next_workday`, `semi_weekly` (scenario II).
    pub scenario: &'static str,
    /// How it is counted. Scenario I: `repo` divides by 365 nights, `mean` by the jobs run. Scenario II: `repo` has a
    /// window half an hour too long, as the authors' simulation, `strict` has not.
    pub variant: &'static str,
    /// Scenario I: hours to either side of 01:00.
    pub window_hours: Option<f64>,
    /// Scenario II: whether jobs may be paused.
    pub interruptible: Option<bool>,
    /// Forecast error, percent of the mean intensity.
    pub error_pct: u32,
    /// `saving_pct`, `intensity_gco2_kwh`, `emissions_gco2_half_hours_per_kwh` or `peak_jobs`.
    pub quantity: &'static str,
    /// `simulation`, re-run, or `notebook`, as printed in the authors' repository.
    pub source: &'static str,
    /// Our figure.
    pub ours: f64,
    /// Standard error of our figure; none where chance plays no part.
    pub standard_error: Option<f64>,
    /// The figure to be met.
    pub reference: f64,
    /// Ours less reference.
    pub difference: f64,
    /// Largest difference in size that passes.
    pub allowed: f64,
    /// Whether it passes.
    pub ok: bool,
}

/// Whether the pool did what was planned, over all executions.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct PoolCheck {
    /// Executions of a scenario.
    pub executions: usize,
    /// Jobs finished by their deadline.
    pub finished_in_time: u64,
    /// Jobs finished late or not at all.
    pub late_or_unfinished: u64,
    /// Largest difference between energy served and energy planned in a half-hour, in half-hours of one job.
    pub largest_deviation: f64,
    /// Whether no job was late and none deviated.
    pub ok: bool,
}

/// The whole benchmark.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// `own` or `numpy`.
    pub noise: &'static str,
    /// Seeds behind each cell with error.
    pub seeds: usize,
    /// Mean of the carbon series, g/kWh.
    pub mean_gco2_kwh: f64,
    /// What the pool did.
    pub pool: PoolCheck,
    /// All cells.
    pub cells: Vec<Cell>,
    /// Number of cells that do not pass.
    pub failed: usize,
}

impl Report {
    /// Whether every cell passes and the pool kept to every plan.
    pub fn ok(&self) -> bool {
        self.failed == 0 && self.pool.ok
    }
}

/// The benchmark on a carbon series.
#[derive(Debug, Clone)]
pub struct WaitAwhile {
    carbon: CarbonSeries,
    cases: Vec<Case>,
}

/// One row of a table: what runs, and under which strategy.
#[derive(Debug, Clone)]
struct Case {
    tasks: Vec<Task>,
    strategy: Strategy,
    /// Baselines run with the true intensity only.
    noisy: bool,
}

/// What a case gave.
#[derive(Debug, Clone, Copy, Default)]
struct Figures {
    emissions: f64,
    peak_jobs: f64,
}

impl WaitAwhile {
    /// Prepares all rows: first those of scenario I, then those of scenario II.
    pub fn new(carbon: CarbonSeries) -> Self {
        let jobs = ml_jobs();
        let nightly = NIGHTLY.iter().map(|row| Case {
            tasks: nightly_tasks(row.half_width),
            strategy: Strategy::NonInterruptible,
            noisy: true,
        });
        let ml = ML.iter().map(|row| Case {
            tasks: ml_tasks(&jobs, row.rule, row.spare),
            strategy: row.strategy,
            noisy: row.saving.is_some(),
        });
        let cases = nightly.chain(ml).collect();
        Self { carbon, cases }
    }

    /// Plays every row without error and, for every seed, with both errors.
    pub fn run(&self, noise: &Noise) -> Report {
        let truth = Forecast::new(self.carbon.gco2_kwh().to_vec());
        let mut pool = PoolCheck { ok: true, ..PoolCheck::default() };
        let exact: Vec<Figures> = self.cases.iter().map(|case| self.play(case, &truth, &mut pool)).collect();
        let by_seed: Vec<_> = (0..noise.seeds()).into_par_iter().map(|seed| self.play_seed(&noise.row(seed))).collect();
        let mut results = Results { exact, noisy: [Vec::new(), Vec::new()], numpy: matches!(noise, Noise::Numpy(_)) };
        for (emissions, checked) in by_seed {
            pool = pool.and(checked);
            let [low, high] = emissions;
            results.noisy[0].push(low);
            results.noisy[1].push(high);
        }
        let cells = cells(&results, &self.cases);
        let failed = cells.iter().filter(|cell| !cell.ok).count();
        let noise_name = if results.numpy { "numpy" } else { "own" };
        Report { noise: noise_name, seeds: noise.seeds(), mean_gco2_kwh: self.carbon.mean(), pool, cells, failed }
    }

    /// Emissions of every case, for each error level; 0 for those that know no error.
    fn play_seed(&self, normals: &[f64]) -> ([Vec<f64>; 2], PoolCheck) {
        let mut pool = PoolCheck { ok: true, ..PoolCheck::default() };
        let emissions = [ERRORS_PCT[1], ERRORS_PCT[2]].map(|error_pct| {
            let scale = f64::from(error_pct) / 100.0 * self.carbon.mean();
            let believed = self.carbon.gco2_kwh().iter().zip(normals).map(|(carbon, normal)| carbon + scale * normal);
            let forecast = Forecast::new(believed.collect());
            let mut play = |case: &Case| {
                if case.noisy { self.play(case, &forecast, &mut pool).emissions } else { 0.0 }
            };
            self.cases.iter().map(&mut play).collect()
        });
        (emissions, pool)
    }

    fn play(&self, case: &Case, forecast: &Forecast, pool: &mut PoolCheck) -> Figures {
        let plan = Plan::new(&case.tasks, case.strategy, forecast);
        let done = execute(&case.tasks, &plan, case.strategy);
        *pool = pool.and(PoolCheck::of(&done, case.tasks.len()));
        Figures { emissions: done.emissions(self.carbon.gco2_kwh()), peak_jobs: done.peak_jobs() }
    }
}

impl PoolCheck {
    fn of(done: &Execution, tasks: usize) -> Self {
        let in_time = u64::from(done.finished_in_time);
        let late_or_unfinished = u64::from(done.finished_late) + done.unfinished as u64;
        let whole = in_time == tasks as u64 && late_or_unfinished == 0;
        Self {
            executions: 1,
            finished_in_time: in_time,
            late_or_unfinished,
            largest_deviation: done.deviation,
            ok: whole && done.lost_mwh == 0.0 && done.deviation < POOL_ROUNDING,
        }
    }

    fn and(self, other: Self) -> Self {
        Self {
            executions: self.executions + other.executions,
            finished_in_time: self.finished_in_time + other.finished_in_time,
            late_or_unfinished: self.late_or_unfinished + other.late_or_unfinished,
            largest_deviation: self.largest_deviation.max(other.largest_deviation),
            ok: self.ok && other.ok,
        }
    }
}

/// Figures of all cases, in their order.
struct Results {
    exact: Vec<Figures>,
    /// Emissions by error level, seed and case.
    noisy: [Vec<Vec<f64>>; 2],
    numpy: bool,
}

/// A figure with its standard error and that of a mean of the authors' ten seeds.
struct Estimate {
    mean: f64,
    standard_error: Option<f64>,
    allowed: f64,
}

impl Results {
    /// The saving of a case against a baseline, by error column; `scale` corrects for another number of jobs.
    fn saving(&self, case: usize, column: usize, baseline: f64, scale: f64) -> Estimate {
        let saving = |emissions: f64| 100.0 * (1.0 - scale * emissions / baseline);
        if column == 0 {
            return Estimate { mean: saving(self.exact[case].emissions), standard_error: None, allowed: EXACT };
        }
        let by_seed: Vec<f64> = self.noisy[column - 1].iter().map(|seed| saving(seed[case])).collect();
        let count = by_seed.len() as f64;
        let mean = by_seed.iter().sum::<f64>() / count;
        let variance = by_seed.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (count - 1.0).max(1.0);
        let allowed = STANDARD_ERRORS * (variance / count + variance / NUMPY_SEEDS as f64).sqrt();
        let standard_error = Some((variance / count).sqrt());
        Estimate { mean, standard_error, allowed: if self.numpy { EXACT } else { allowed } }
    }
}

fn cells(results: &Results, cases: &[Case]) -> Vec<Cell> {
    let mut cells = Vec::new();
    let nightly_baseline = results.exact[0].emissions;
    for (case, row) in NIGHTLY.iter().enumerate() {
        nightly_cells(results, case, row, nightly_baseline, cases[case].tasks.len() as f64, &mut cells);
    }
    let mut baseline = 0.0;
    for (index, row) in ML.iter().enumerate() {
        let case = NIGHTLY.len() + index;
        if row.saving.is_none() {
            baseline = results.exact[case].emissions;
        }
        ml_cells(results, case, row, baseline, &mut cells);
    }
    cells
}

fn nightly_cells(results: &Results, case: usize, row: &Nightly, baseline: f64, jobs: f64, cells: &mut Vec<Cell>) {
    let place = Cell {
        scenario: "nightly",
        variant: "repo",
        window_hours: Some(f64::from(row.half_width) / 2.0),
        quantity: "saving_pct",
        ..Cell::EMPTY
    };
    let intensity = Estimate { mean: results.exact[case].emissions / NIGHTS, standard_error: None, allowed: EXACT };
    cells.push(Cell { quantity: "intensity_gco2_kwh", ..place.clone() }.judged(&intensity, row.intensity));
    for (variant, scale, published) in [("repo", 1.0, row.repo), ("mean", NIGHTS / jobs, row.mean)] {
        for (column, error_pct) in ERRORS_PCT.into_iter().enumerate() {
            let estimate = results.saving(case, column, baseline, scale);
            cells.push(Cell { variant, error_pct, ..place.clone() }.judged(&estimate, published[column]));
        }
    }
}

fn ml_cells(results: &Results, case: usize, row: &Ml, baseline: f64, cells: &mut Vec<Cell>) {
    let place = Cell {
        scenario: match row.rule {
            DeadlineRule::AtOnce => "at_once",
            DeadlineRule::NextWorkday => "next_workday",
            DeadlineRule::SemiWeekly => "semi_weekly",
        },
        variant: if row.spare == 0 { "strict" } else { "repo" },
        interruptible: Some(row.strategy == Strategy::Interruptible),
        ..Cell::EMPTY
    };
    let found = results.exact[case];
    let exactly = |mean, allowed| Estimate { mean, standard_error: None, allowed };
    let emissions = exactly(found.emissions, row.emissions_allowed());
    cells.push(
        Cell { quantity: "emissions_gco2_half_hours_per_kwh", ..place.clone() }.judged(&emissions, row.emissions),
    );
    // A count: energy over that of one job is whole but for rounding.
    let peak = exactly(found.peak_jobs.round(), 0.0);
    cells.push(Cell { quantity: "peak_jobs", ..place.clone() }.judged(&peak, row.peak_jobs));
    for (column, error_pct) in ERRORS_PCT.into_iter().enumerate() {
        let Some(published) = row.saving else { continue };
        let estimate = results.saving(case, column, baseline, 1.0);
        let cell = Cell { quantity: "saving_pct", error_pct, ..place.clone() };
        cells.push(cell.clone().judged(&estimate, published[column]));
        let printed = NOTEBOOK.iter().find(|(strategy, _)| *strategy == row.strategy);
        if let (DeadlineRule::NextWorkday, 1, 5, Some((_, printed))) = (row.rule, row.spare, error_pct, printed) {
            let chance = if results.numpy { 0.0 } else { estimate.allowed };
            let rounded = Estimate { allowed: chance + NOTEBOOK_ROUNDING, ..estimate };
            cells.push(Cell { source: "notebook", ..cell }.judged(&rounded, *printed));
        }
    }
}

impl Cell {
    const EMPTY: Self = Self {
        scenario: "",
        variant: "",
        window_hours: None,
        interruptible: None,
        error_pct: 0,
        quantity: "",
        source: "simulation",
        ours: 0.0,
        standard_error: None,
        reference: 0.0,
        difference: 0.0,
        allowed: 0.0,
        ok: false,
    };

    fn judged(self, estimate: &Estimate, reference: f64) -> Self {
        let difference = estimate.mean - reference;
        let Estimate { mean: ours, standard_error, allowed } = *estimate;
        Self { ours, standard_error, reference, difference, allowed, ok: difference.abs() <= allowed, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::super::carbon::tests::made_up;
    use super::*;

    fn report(noise: &Noise) -> Report {
        WaitAwhile::new(made_up()).run(noise)
    }

    #[test]
    fn another_carbon_series_fails_the_cells_but_not_the_pool() {
        let report = report(&Noise::Own(2));
        assert_eq!(report.cells.len(), 11 * 7 + 2 * 2 + 8 * 5 + 2);
        assert_eq!(report.pool.executions, 21 + 2 * 2 * 19);
        assert!(report.pool.ok && report.pool.late_or_unfinished == 0, "{:?}", report.pool);
        assert!(!report.ok() && report.failed > 60, "{}", report.failed);
        assert_eq!(report.failed, report.cells.iter().filter(|cell| !cell.ok).count());
    }

    #[test]
    fn the_same_seeds_give_the_same_report_and_errors_cost_savings() {
        let (a, b) = (report(&Noise::Own(3)), report(&Noise::Own(3)));
        assert_eq!(a, b);
        let saving = |error_pct: u32| {
            let cell = a.cells.iter().find(|cell| {
                (cell.scenario, cell.variant, cell.error_pct) == ("semi_weekly", "strict", error_pct)
                    && cell.quantity == "saving_pct"
                    && cell.interruptible == Some(true)
            });
            cell.expect("the table has it").ours
        };
        assert!(saving(0) > saving(5) && saving(5) > saving(10), "{} {} {}", saving(0), saving(5), saving(10));
    }

    #[test]
    fn more_seeds_make_a_cell_narrower_and_numpy_cells_are_exact() {
        let by_seed = |seeds: usize| (0..seeds).map(|seed| vec![90.0 + (seed % 2) as f64]).collect::<Vec<_>>();
        let results = |seeds, numpy| Results {
            exact: vec![Figures { emissions: 80.0, peak_jobs: 1.0 }],
            noisy: [by_seed(seeds), by_seed(seeds)],
            numpy,
        };
        // Savings of 10 and 9 percent in turn: mean 9.5, variance 0.25 n / (n - 1).
        let ten = results(10, false).saving(0, 1, 100.0, 1.0);
        assert!((ten.mean - 9.5).abs() < 1e-12);
        let variance = 0.25 * 10.0 / 9.0;
        assert!((ten.allowed - 3.0 * (2.0 * variance / 10.0_f64).sqrt()).abs() < 1e-12, "{}", ten.allowed);
        assert!(results(1000, false).saving(0, 1, 100.0, 1.0).allowed < ten.allowed);
        assert_eq!(results(10, true).saving(0, 1, 100.0, 1.0).allowed, 1e-3);
        assert!((ten.mean - results(10, true).saving(0, 2, 100.0, 1.0).mean).abs() < 1e-12);
        assert!((results(10, true).saving(0, 0, 100.0, 1.0).mean - 20.0).abs() < 1e-12);
    }

    #[test]
    fn a_cell_fails_just_outside_what_is_allowed() {
        let estimate = |mean| Estimate { mean, standard_error: None, allowed: EXACT };
        assert!(Cell::EMPTY.judged(&estimate(1.0009), 1.0).ok);
        assert!(!Cell::EMPTY.judged(&estimate(1.0011), 1.0).ok);
        assert!(!Cell::EMPTY.judged(&estimate(f64::NAN), 1.0).ok);
    }
}
