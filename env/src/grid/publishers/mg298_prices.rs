//! System and market prices as Parquet files of the repository mg298/UKPower30min, from Elexon's DETSYSPRICES.
//!
//! In: columns `time_stamp`, `MAIN PRICE SUMMARY`, `MARKET PRICE SUMMARY`, one day per file.
//! Out: `imbalance_price_gbp_mwh`, `price_gbp_mwh`.
//! Always: `time_stamp` is the END of its half-hour, so the values go to the half-hour before.
//! Source: mg298/UKPower30min, DETSYSPRICES of 2023-01-01, seen 2026-11-22.

use super::error::{Place, PublishError};
use super::head::Kind;
use super::parquet::ParquetFile;
use super::stamps::period_at;
use super::table::TableBuilder;
use super::{Publisher, Source};
use crate::grid::signal::Signal;

const STAMP: &str = "time_stamp";
const SIGNALS: [(&str, Signal); 2] =
    [("MAIN PRICE SUMMARY", Signal::ImbalancePrice), ("MARKET PRICE SUMMARY", Signal::IntradayPrice)];

pub(super) const FORMAT: Publisher = Publisher {
    id: "mg298-detsysprices",
    description: "mg298/UKPower30min, DETSYSPRICES Parquet: imbalance_price_gbp_mwh, price_gbp_mwh",
    looks_like: |head| head.kind == Kind::Parquet,
    read,
};

fn read(source: &Source<'_>, table: &mut TableBuilder) -> Result<(), PublishError> {
    let file = ParquetFile::open(source.table, source.bytes)?;
    let stamps = file.moments(STAMP)?;
    for _ in &stamps {
        table.row();
    }
    for (name, signal) in SIGNALS {
        for (i, (stamp, value)) in stamps.iter().zip(file.numbers(name)?).enumerate() {
            let place = Place::Row(i);
            let expected = "a UTC time on a half-hour in 1990 to 2100";
            let text = || stamp.map_or_else(|| "empty".to_string(), |second| format!("{second} s after 1970"));
            let period = stamp.and_then(period_at);
            let period = period.ok_or_else(|| source.bad_stamp(place, STAMP, &text(), expected))? - 1;
            let Some(value) = value.filter(|value| !value.is_nan()) else { continue };
            table.put(place, period, signal, value)?;
        }
    }
    Ok(())
}
