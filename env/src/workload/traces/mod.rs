//! Published workload traces: read by path, checked line by line.
//!
//! `table` reads CSV, `jobs` makes one list of jobs of every job format (`philly`, `images` hold two of them), `serving`
//! reads interactive demand, `reference` what is only fitted to, `error` says why a table was refused.

mod error;
mod images;
mod jobs;
mod philly;
mod reference;
mod serving;
mod table;

pub use error::WorkloadTraceError;
pub use images::{ImageBundles, image_bundles};
pub use jobs::{JobSize, JobTrace, JobTraceFormat, TraceJob, read_jobs};
pub use philly::{PhillyJob, PhillyTrace, Qos, read_philly};
pub use reference::{
    CapPoint, DiffusionEnergy, HeliosHalfHour, LlmEnergy, SurveyAnswer, read_cap_sweep, read_diffusion_energy,
    read_helios, read_llm_energy, read_survey,
};
pub use serving::{
    DemandWindow, InteractiveTraceFormat, LlmRequest, ServiceTrace, WINDOW_S, read_azure_requests, read_dlrm_fleet,
    read_servegen, read_service,
};
pub use table::CsvTable;

#[cfg(test)]
mod tests;
