//! Published traces instead of the generator: tables `[workload.trace]` of a scenario.
//!
//! Always: a trace replaces the classes it has jobs of, and the demand if it is a demand trace; everything else is still
//! drawn by the generator. Not here: reading (`traces/`), playing (`playback.rs`).

use super::traces::{InteractiveTraceFormat, JobTraceFormat};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Where jobs and demand come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WorkloadSource {
    /// The generator.
    #[default]
    Generator,
    /// Traces; what they do not cover comes from the generator.
    Trace,
}

/// Which traces are played: table `[workload.trace]`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TraceConfig {
    /// Traces of jobs.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub jobs: Vec<JobTraceConfig>,
    /// A trace of interactive demand.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interactive: Option<InteractiveTraceConfig>,
}

/// A trace of jobs: table `[[workload.trace.jobs]]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct JobTraceConfig {
    /// The table (.csv or .csv.gz); a relative path is meant relative to the scenario file.
    pub path: PathBuf,
    /// Its format; `None` tells it from the header.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub format: Option<JobTraceFormat>,
    /// Class of the scenario by label of the trace; the class "" leaves such jobs out. A label without an entry goes to
    /// the class of its own name, or to the usual one: strict, soft and best to `strict_training`, `soft_training` and
    /// `best_effort`; LS and Guaranteed to the first, Burstable and BE to the last; PAI jobs to `soft_training`; images to
    /// `batch_inference`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub classes: BTreeMap<String, String>,
    /// Copies of the trace laid over each other, shifted by whole days; a fraction keeps so many jobs of a copy. `None`
    /// takes as many as bring each class its share of the energy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scale: Option<f64>,
    /// Shift of the first copy, in days, for every seed alike; `None` lets the job seed choose all shifts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shift_days: Option<u32>,
    /// Days left out at the start: the Philly trace starts with a burst, that of the Alibaba pods thinly for 115 days.
    pub skip_days: u32,
    /// IT power of a GPU with its share of the node, kW; `None` takes that of the fit, 1.05 (H100).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kw_per_gpu: Option<f64>,
    /// Jobs of fewer GPUs are left out.
    pub gpus_min: f64,
    /// Shorter jobs are left out.
    pub duration_hours_min: f64,
    /// Where deadlines come from.
    pub deadlines: DeadlineSource,
}

/// Where deadlines of a trace's jobs come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeadlineSource {
    /// The trace; the class where it gives none.
    #[default]
    Trace,
    /// The slack of the class, whatever the trace says.
    Class,
}

/// A trace of interactive demand: table `[workload.trace.interactive]`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct InteractiveTraceConfig {
    /// The table (.csv or .csv.gz); a relative path is meant relative to the scenario file.
    pub path: PathBuf,
    /// Its format; `None` tells it from the header.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub format: Option<InteractiveTraceFormat>,
    /// Which service of a ServeGen table; `None` takes the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// Shift in days, for every seed alike; `None` lets the job seed choose.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shift_days: Option<u32>,
}

impl Default for JobTraceConfig {
    fn default() -> Self {
        Self {
            path: PathBuf::new(),
            format: None,
            classes: BTreeMap::new(),
            scale: None,
            shift_days: None,
            skip_days: 0,
            kw_per_gpu: None,
            gpus_min: 0.0,
            duration_hours_min: 0.0,
            deadlines: DeadlineSource::default(),
        }
    }
}

impl TraceConfig {
    /// Whether no trace is named.
    pub fn is_empty(&self) -> bool {
        self.jobs.is_empty() && self.interactive.is_none()
    }

    /// Paths of all traces, for whoever resolves them.
    pub fn paths_mut(&mut self) -> impl Iterator<Item = &mut PathBuf> {
        let interactive = self.interactive.iter_mut().map(|trace| &mut trace.path);
        self.jobs.iter_mut().map(|trace| &mut trace.path).chain(interactive)
    }

    /// Faults as `(key, message)`.
    pub(super) fn validate(&self, source: WorkloadSource) -> Vec<(String, String)> {
        let mut faults = Vec::new();
        if source == WorkloadSource::Trace && self.is_empty() {
            let text = "is \"trace\", but `workload.trace` names none, expected `jobs` or `interactive` with a path";
            faults.push(("workload.source".to_string(), text.to_string()));
        }
        for (i, trace) in self.jobs.iter().enumerate() {
            let mut check = |holds: bool, key: &str, found: f64, expected: &str| {
                if !holds {
                    faults
                        .push((format!("workload.trace.jobs[{i}].{key}"), format!("is {found}, expected {expected}")));
                }
            };
            let positive = |x: f64, most: f64| x > 0.0 && x <= most;
            let scale = trace.scale.unwrap_or(1.0);
            check(positive(scale, 1e4), "scale", scale, "more than 0, to 10000");
            let kw = trace.kw_per_gpu.unwrap_or(1.0);
            check(positive(kw, 100.0), "kw_per_gpu", kw, "more than 0, to 100");
            check(trace.gpus_min >= 0.0, "gpus_min", trace.gpus_min, "0 or more");
            let hours = trace.duration_hours_min;
            check(hours >= 0.0, "duration_hours_min", hours, "0 or more");
            if trace.path.as_os_str().is_empty() {
                faults
                    .push((format!("workload.trace.jobs[{i}].path"), "is empty, expected the path of a table".into()));
            }
        }
        if self.interactive.as_ref().is_some_and(|trace| trace.path.as_os_str().is_empty()) {
            faults.push(("workload.trace.interactive.path".into(), "is empty, expected the path of a table".into()));
        }
        faults
    }
}
