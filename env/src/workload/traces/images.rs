//! Image requests of a Stable Diffusion service (Alibaba GenAI trace of 2024), bundled by half-hour.
//!
//! In: one request per row. Out: GPUs kept busy in each half-hour, one GPU per request.
//! Always: half-hour 0 begins at the midnight before the first request; requests that did not succeed are counted.

use super::error::WorkloadTraceError;
use super::table::CsvTable;

/// Half-hours that a trace may span: ten years.
const MOST_HALF_HOURS: i64 = 175_320;

/// Work of the service by half-hour.
#[derive(Debug, Clone, PartialEq)]
pub struct ImageBundles {
    /// GPUs kept busy, by the half-hour in which requests came.
    pub busy_gpus: Vec<f64>,
    /// Requests, by half-hour.
    pub requests: Vec<u32>,
    /// GPU time of each request that succeeded, seconds.
    pub exec_s: Vec<f64>,
    /// Day of the week of half-hour 0, Monday = 0.
    pub first_weekday: u8,
    /// Requests that failed or had not ended.
    pub unfinished: usize,
}

/// Reads and bundles requests.
///
/// # Errors
/// [`WorkloadTraceError`] naming the line, what was found and what was expected.
pub fn image_bundles(table: &CsvTable) -> Result<ImageBundles, WorkloadTraceError> {
    let [created, status, exec] = table.columns(["gmt_create", "predict_status", "exec_time_seconds"])?;
    let mut midnight: Option<jiff::civil::DateTime> = None;
    let mut bundles = ImageBundles {
        busy_gpus: Vec::new(),
        requests: Vec::new(),
        exec_s: Vec::new(),
        first_weekday: 0,
        unfinished: 0,
    };
    table.each_row(|row| {
        let bad_time = || row.bad_word(created, "a time as 2024-11-15 16:57:50");
        let time: jiff::civil::DateTime = row.text(created).parse().map_err(|_| bad_time())?;
        let start = *midnight.get_or_insert_with(|| time.date().to_datetime(jiff::civil::Time::midnight()));
        let seconds = time.duration_since(start).as_secs();
        let half_hour = seconds.div_euclid(1800);
        if !(0..MOST_HALF_HOURS).contains(&half_hour) {
            return Err(row.out_of_order(created, "a time within ten years after the first row's day began"));
        }
        let half_hour = half_hour as usize;
        if row.text(status) != "SUCCEED" {
            bundles.unfinished += 1;
            return Ok(());
        }
        let exec_s = row.number(exec, 0.0, 86_400.0)?;
        if bundles.busy_gpus.len() <= half_hour {
            bundles.busy_gpus.resize(half_hour + 1, 0.0);
            bundles.requests.resize(half_hour + 1, 0);
        }
        bundles.busy_gpus[half_hour] += exec_s / 1800.0;
        bundles.requests[half_hour] += 1;
        bundles.exec_s.push(exec_s);
        Ok(())
    })?;
    let Some(midnight) = midnight.filter(|_| !bundles.exec_s.is_empty()) else {
        return Err(table.no_rows("a header and at least one request that succeeded"));
    };
    bundles.first_weekday = midnight.date().weekday().to_monday_zero_offset() as u8;
    Ok(bundles)
}
