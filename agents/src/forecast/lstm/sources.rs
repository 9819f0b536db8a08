//! The series that workload forecasts are fitted to: published traces, and the workbench's own generator.
//!
//! In: a folder of traces; a seed. Out: [`WorkloadSeries`] in half-hours.
//! Always: 10-minute windows are averaged where all three are known; an hourly mean stands in both of its half-hours.
//! Not here: single jobs (`flexai-env`).

use super::series::{WeekClock, WorkloadSeries};
use flexai_env::core::SeedTree;
use flexai_env::grid::Period;
use flexai_env::workload::traces::{CsvTable, WorkloadTraceError, read_dlrm_fleet, read_servegen};
use flexai_env::workload::{ArrivalStream, JobGenerator, WorkloadConfig};
use std::path::Path;

/// A table with one value per half-hour or hour.
struct Column {
    file: &'static str,
    column: &'static str,
    name: &'static str,
    unit: &'static str,
    /// Clock of the first row.
    weekday: u8,
    /// Half-hours that a row stands for.
    half_hours: usize,
    /// Rows that are a trace; what follows repeats them.
    rows: usize,
}

/// 2017-10-03 was a Tuesday, 2020-05-01 a Friday, 2020-04-01 a Wednesday.
const COLUMNS: [Column; 4] = [
    Column {
        file: "gpu_nodes_active_philly_30min_2017.csv.gz",
        column: "active_nodes",
        name: "philly_active_nodes",
        unit: "nodes",
        weekday: 1,
        half_hours: 1,
        rows: usize::MAX,
    },
    Column {
        file: "gpu_util_helios_earth_30min_may2020.csv.gz",
        column: "running_gpu_num",
        name: "helios_earth_running_gpus",
        unit: "GPUs",
        weekday: 4,
        half_hours: 1,
        rows: usize::MAX,
    },
    Column {
        file: "gpu_arrivals_helios_venus_30min_apr-jul.csv.gz",
        column: "submit_gpu_num",
        name: "helios_venus_submitted_gpus",
        unit: "GPUs per half-hour",
        weekday: 2,
        half_hours: 1,
        rows: usize::MAX,
    },
    Column {
        file: "dc_cpu_util_google_hourly.csv.gz",
        column: "cpu_load",
        name: "google_cpu_load",
        unit: "share",
        weekday: 0,
        half_hours: 2,
        rows: GOOGLE_ROWS,
    },
];
/// The year of this trace is its first 28 days over and over (correlation 0.996 at 672 hours, 0.982 at twice that): a test
/// on its end would be a test on what was learned.
const GOOGLE_ROWS: usize = 28 * 24;
const SERVEGEN: &str = "llm_requests_servegen_10min.csv.gz";
const DLRM: &str = "inference_fleet_dlrm2025_10min.csv.gz";
/// Ten-minute windows of a half-hour.
const WINDOWS: usize = 3;
/// Shorter series leave no week of history before a test: two services of ServeGen have one day only.
const LEAST_LEN: usize = 12 * 48;

/// Reads all traces of a folder that are there.
///
/// # Errors
/// [`WorkloadTraceError`] if one of them is damaged.
pub fn read_workload(folder: &Path) -> Result<Vec<WorkloadSeries>, WorkloadTraceError> {
    let open = |file: &str| {
        let path = folder.join(file);
        path.exists().then(|| CsvTable::read(&path)).transpose()
    };
    let mut all = Vec::new();
    for Column { file, column, name, unit, weekday, half_hours, rows: most } in &COLUMNS {
        if let Some(table) = open(file)? {
            let rows = table.numbers(column, 0.0)?;
            let rows = rows.iter().take(*most);
            let values = rows.flat_map(|v| std::iter::repeat_n(v.unwrap_or(f64::NAN), *half_hours)).collect();
            all.push(series(name, unit, *weekday, values));
        }
    }
    if let Some(table) = open(SERVEGEN)? {
        for trace in read_servegen(&table)? {
            let rates: Vec<f64> = trace.windows.iter().map(|w| w.requests_per_s.unwrap_or(f64::NAN)).collect();
            all.push(series(&format!("servegen_{}", trace.service), "requests per second", 0, averaged(&rates)));
        }
    }
    if let Some(table) = open(DLRM)? {
        all.push(series("dlrm_fleet", "GPUs", 0, averaged(&read_dlrm_fleet(&table)?)));
    }
    all.retain(|series| series.values.len() >= LEAST_LEN);
    Ok(all)
}

/// Draws interactive power and arriving work of the standard workload for so many days.
///
/// # Errors
/// [`WorkloadTraceError`], which the standard workload, that plays no trace, does not give.
pub fn generated_workload(seed: u64, days: usize) -> Result<Vec<WorkloadSeries>, WorkloadTraceError> {
    let generator = JobGenerator::new(&WorkloadConfig::default())?;
    let mut stream = ArrivalStream::new(SeedTree::new(seed).child("workload forecast", 0));
    let start: Period = Period::utc_midnight(MONDAY);
    let (mut power, mut work) = (Vec::new(), Vec::new());
    for t in 0..days * 48 {
        let mut arrived = 0.0;
        let demand = generator.draw(&mut stream, (start + t as i64).local(), t as i32, |job| arrived += job.work_mwh());
        power.push(demand.power_mw);
        work.push(arrived);
    }
    Ok(vec![
        series("generator_interactive", "MW", 0, power),
        series("generator_arriving_work", "MWh per half-hour", 0, work),
    ])
}

/// 2024-11-04, a Monday of winter time, in days since 1970-01-01; the clock does not change for four months.
const MONDAY: i32 = 20_031;

fn series(name: &str, unit: &str, weekday: u8, values: Vec<f64>) -> WorkloadSeries {
    WorkloadSeries { name: name.into(), unit: unit.into(), start: WeekClock::new(weekday, 0), values }
}

/// Half-hours of ten-minute windows; a hole in one of the three is a hole.
fn averaged(windows: &[f64]) -> Vec<f64> {
    windows.chunks_exact(WINDOWS).map(|three| three.iter().sum::<f64>() / WINDOWS as f64).collect()
}
