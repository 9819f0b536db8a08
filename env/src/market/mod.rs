//! Market arithmetic: what a MWh costs the site.
//!
//! Not here: market conversation (Beckn, ledgers), which belongs to `flexai-orchestrator`.

mod tariff;

pub use tariff::{ChargeBand, PaidPrice, TariffConfig};
