//! Market arithmetic: what a MWh costs the site, and what flexibility earns it.
//!
//! In: configuration, meter readings, prices. Out: pounds and MWh, by pure functions.
//! Not here: market conversation (Beckn, ledgers), which belongs to `flexai-orchestrator`.

mod baseline;
pub mod events;
mod p415;
mod regions;
mod tariff;
mod working_days;

pub use baseline::{BaselineConfig, MeterHistory};
pub use p415::{OfferQueue, P415Config, P415Inputs, P415Settlement, SoldAt, SupplierCompensation, p415_label};
pub use regions::{ChargeKind, ChargeLine, ChargesRegion, FixedCharge, RegionalCharges, later_lines, standard_lines};
pub use tariff::{ChargeBand, ExportConfig, PaidPrice, TariffConfig};
pub use working_days::{is_bank_holiday, is_working_day};
