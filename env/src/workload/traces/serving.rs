//! Interactive demand: ServeGen rates, Azure requests, the reserved fleet of DLRM inference, a table of one's own.
//!
//! In: windows of 10 minutes or half-hours, or single requests. Out: series and request sizes.
//! Always: a window whose rate the source lacks is `None`, never 0.

use super::error::WorkloadTraceError;
use super::jobs::LONGEST_MIN;
use super::table::CsvTable;
use serde::{Deserialize, Serialize};

/// Length of a ServeGen or DLRM window.
pub const WINDOW_S: f64 = 600.0;
const LONGEST_S: f64 = LONGEST_MIN * 60.0;
/// More requests or tokens in a second than any service has.
const MOST_PER_S: f64 = 1e9;

/// Formats of interactive traces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InteractiveTraceFormat {
    /// ServeGen (Alibaba Cloud Model Studio, arXiv 2505.09999): requests and output tokens per 10 minutes and service.
    Servegen,
    /// GPUs of always-on recommendation services (Alibaba, NSDI 2025), per 10 minutes.
    DlrmFleet,
    /// A table of one's own, one row per half-hour: `t_min,requests_per_s,output_tokens_per_request`.
    Demand,
}

/// One window of demand.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DemandWindow {
    /// Requests per second; `None` where the source has none.
    pub requests_per_s: Option<f64>,
    /// Output tokens per request; `None` where unknown.
    pub output_tokens: Option<f64>,
}

/// Demand of one service.
#[derive(Debug, Clone, PartialEq)]
pub struct ServiceTrace {
    /// Its name.
    pub service: String,
    /// Consecutive windows.
    pub windows: Vec<DemandWindow>,
    /// Length of a window, seconds.
    pub window_s: f64,
}

/// Reads every service of a ServeGen table.
///
/// # Errors
/// [`WorkloadTraceError`] naming the line, what was found and what was expected.
pub fn read_servegen(table: &CsvTable) -> Result<Vec<ServiceTrace>, WorkloadTraceError> {
    let [time, service, rate] = table.columns(["t_s", "service", "requests_per_s"])?;
    let [tokens, missing] = table.columns(["mean_output_tokens", "rate_missing"])?;
    let mut all: Vec<ServiceTrace> = Vec::new();
    table.each_row(|row| {
        let name = row.text(service);
        let at = all.iter().position(|trace| trace.service == name).unwrap_or_else(|| {
            all.push(ServiceTrace { service: name.to_owned(), windows: Vec::new(), window_s: WINDOW_S });
            all.len() - 1
        });
        let windows = &mut all[at].windows;
        let expected = windows.len() as f64 * WINDOW_S;
        if row.number(time, 0.0, LONGEST_S)? != expected {
            return Err(row.out_of_order(time, format!("{expected}, a window of 600 s after the last of `{name}`")));
        }
        let rate = row.number(rate, 0.0, MOST_PER_S)?;
        let known = match row.text(missing) {
            "0" => true,
            "1" => false,
            _ => return Err(row.bad_word(missing, "0 or 1")),
        };
        let output_tokens = row.optional(tokens, 0.0, 1e6)?;
        windows.push(DemandWindow { requests_per_s: known.then_some(rate), output_tokens });
        Ok(())
    })?;
    if all.is_empty() {
        return Err(table.no_rows("a header and at least one window"));
    }
    Ok(all)
}

/// Reads GPUs of a reserved fleet per window of 10 minutes.
///
/// # Errors
/// As [`read_servegen`].
pub fn read_dlrm_fleet(table: &CsvTable) -> Result<Vec<f64>, WorkloadTraceError> {
    let [time, gpus] = table.columns(["t_s", "gpus"])?;
    let mut fleet: Vec<f64> = Vec::new();
    table.each_row(|row| {
        let expected = fleet.len() as f64 * WINDOW_S;
        if row.number(time, 0.0, LONGEST_S)? != expected {
            return Err(row.out_of_order(time, format!("{expected}, a window of 600 s after the row before")));
        }
        fleet.push(row.number(gpus, 0.0, 1e7)?);
        Ok(())
    })?;
    if fleet.iter().all(|gpus| *gpus == 0.0) {
        return Err(table.no_rows("a header and at least one window with GPUs"));
    }
    Ok(fleet)
}

/// One request of the Azure conversation trace (Splitwise, ISCA 2024).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LlmRequest {
    /// Seconds from the start of the trace.
    pub time_s: f64,
    /// Tokens read.
    pub context_tokens: f64,
    /// Tokens written.
    pub generated_tokens: f64,
}

/// Reads single requests; sizes only, 58 minutes show no day.
///
/// # Errors
/// As [`read_servegen`].
pub fn read_azure_requests(table: &CsvTable) -> Result<Vec<LlmRequest>, WorkloadTraceError> {
    let [time, context, generated] = table.columns(["t_s", "context_tokens", "generated_tokens"])?;
    table.rows("a header and at least one request", |row| {
        Ok(LlmRequest {
            time_s: row.number(time, 0.0, LONGEST_S)?,
            context_tokens: row.number(context, 0.0, 1e7)?,
            generated_tokens: row.number(generated, 0.0, 1e7)?,
        })
    })
}

/// Reads a trace that can be played, one service of it.
///
/// # Errors
/// As [`read_servegen`]; and [`WorkloadTraceError::UnknownService`].
pub fn read_service(
    table: &CsvTable,
    format: Option<InteractiveTraceFormat>,
    service: Option<&str>,
) -> Result<ServiceTrace, WorkloadTraceError> {
    match format.map_or_else(|| format_of(table), Ok)? {
        InteractiveTraceFormat::Servegen => {
            let all = read_servegen(table)?;
            let names: Vec<&str> = all.iter().map(|trace| trace.service.as_str()).collect();
            let wanted = service.unwrap_or(names[0]);
            let at =
                names.iter().position(|name| *name == wanted).ok_or_else(|| WorkloadTraceError::UnknownService {
                    table: table.name.clone(),
                    service: wanted.into(),
                    expected: names.join(", "),
                })?;
            Ok(all[at].clone())
        }
        InteractiveTraceFormat::DlrmFleet => {
            let fleet = read_dlrm_fleet(table)?;
            // Each GPU answers alike: what counts is how their number changes.
            let window = |gpus: f64| DemandWindow { requests_per_s: Some(gpus), output_tokens: None };
            let windows = fleet.into_iter().map(window).collect();
            Ok(ServiceTrace { service: "dlrm".into(), windows, window_s: WINDOW_S })
        }
        InteractiveTraceFormat::Demand => own_demand(table),
    }
}

fn format_of(table: &CsvTable) -> Result<InteractiveTraceFormat, WorkloadTraceError> {
    const KNOWN: [(InteractiveTraceFormat, &str, &[&str]); 3] = [
        (InteractiveTraceFormat::Servegen, "servegen", &["t_s", "service", "rate_missing"]),
        (InteractiveTraceFormat::DlrmFleet, "dlrm_fleet", &["t_s", "gpus", "hn_instances"]),
        (InteractiveTraceFormat::Demand, "demand", &["t_min", "requests_per_s"]),
    ];
    let known = KNOWN.iter().find(|(_, _, columns)| columns.iter().all(|column| table.has(column)));
    known.map(|(format, _, _)| *format).ok_or_else(|| WorkloadTraceError::UnknownFormat {
        table: table.name.clone(),
        found: table.header_text(),
        expected: KNOWN.map(|(_, name, columns)| format!("{name} ({})", columns.join(","))).join(", "),
    })
}

fn own_demand(table: &CsvTable) -> Result<ServiceTrace, WorkloadTraceError> {
    let [time, rate] = table.columns(["t_min", "requests_per_s"])?;
    let tokens = table.column("output_tokens_per_request");
    let mut windows = Vec::new();
    table.each_row(|row| {
        let expected = windows.len() as f64 * 30.0;
        if row.number(time, 0.0, LONGEST_MIN)? != expected {
            return Err(row.out_of_order(time, format!("{expected}, half an hour after the row before")));
        }
        let output_tokens = tokens.map_or(Ok(None), |column| row.optional(column, 0.0, 1e6))?;
        windows.push(DemandWindow { requests_per_s: row.optional(rate, 0.0, MOST_PER_S)?, output_tokens });
        Ok(())
    })?;
    if windows.is_empty() {
        return Err(table.no_rows("a header and at least one half-hour"));
    }
    Ok(ServiceTrace { service: "demand".into(), windows, window_s: 1800.0 })
}
