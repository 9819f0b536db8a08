//! Market arithmetic: what a MWh costs the site, and what flexibility earns it.
//!
//! In: configuration, meter readings, prices. Out: pounds and MWh, by pure functions.
//! Not here: market conversation (Beckn, ledgers), which belongs to `flexai-orchestrator`.

mod regions;
mod tariff;

pub use regions::{ChargeKind, ChargeLine, ChargesRegion, FixedCharge, RegionalCharges, later_lines, standard_lines};
pub use tariff::{ChargeBand, ExportConfig, PaidPrice, TariffConfig};
