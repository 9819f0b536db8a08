//! Publishers' own formats: what Elexon, NESO, Sheffield and others hand out becomes columns of the joined table.
//!
//! In: the bytes of one file, plain or gzip. Out: a [`PublishedTable`]: UTC half-hours and values by signal, with notes.
//! Always: one format, one file, one line in [`PUBLISHERS`]; what is left out is counted with its reason; nothing is
//! filled in, but for the interpolation between cardinal points, which its table says.
//! Not here: the network, regional carbon, the joined table's own reader (`import.rs`).

mod bmrs_legacy_mid;
mod carbon_api;
mod carbon_csv;
mod csv_rows;
mod elexon_portal_mid;
mod elexon_portal_prices;
mod error;
mod head;
mod insights_demand_forecast;
mod insights_demand_outturn;
mod insights_fuelhh;
mod insights_mid;
mod insights_mid_csv;
mod insights_system_prices;
mod joined;
mod json_rows;
mod lets_wait_awhile_carbon;
mod lets_wait_awhile_production;
mod merge;
mod mg298_prices;
mod neso_demand;
mod neso_demand_forecast;
mod neso_generation_mix;
mod parquet;
mod pvlive;
mod snappy;
mod stamps;
mod table;
mod thrift;

#[cfg(test)]
mod tests;

pub use error::{Place, PublishError};
pub use merge::{Merged, Prefer, merge};
pub use table::{Note, PublishedTable};

use crate::files::{plain_bytes, read_file};
use head::Head;
use std::path::Path;
use table::TableBuilder;

/// One format of one publisher.
#[derive(Debug, Clone, Copy)]
pub struct Publisher {
    /// Name on the command line.
    pub id: &'static str,
    /// What it is and which columns come of it, in one line.
    pub description: &'static str,
    /// Whether a file looks like this format.
    looks_like: fn(&Head) -> bool,
    /// Reads all rows.
    read: fn(&Source<'_>, &mut TableBuilder) -> Result<(), PublishError>,
}

/// All formats. Where two would claim a file, the first one has it.
pub const PUBLISHERS: [Publisher; 20] = [
    elexon_portal_mid::FORMAT,
    elexon_portal_prices::FORMAT,
    bmrs_legacy_mid::FORMAT,
    insights_mid_csv::FORMAT,
    insights_mid::FORMAT,
    insights_system_prices::FORMAT,
    insights_fuelhh::FORMAT,
    insights_demand_forecast::FORMAT,
    insights_demand_outturn::FORMAT,
    neso_demand::FORMAT,
    neso_demand_forecast::FORMAT,
    neso_generation_mix::FORMAT,
    carbon_api::FORMAT,
    carbon_csv::FORMAT,
    pvlive::CSV_FORMAT,
    pvlive::JSON_FORMAT,
    mg298_prices::FORMAT,
    lets_wait_awhile_production::FORMAT,
    lets_wait_awhile_carbon::FORMAT,
    joined::FORMAT,
];

impl Publisher {
    /// The format of that name.
    ///
    /// # Errors
    /// [`PublishError::UnknownFormatId`] with all names.
    pub fn by_id(id: &str) -> Result<&'static Publisher, PublishError> {
        PUBLISHERS.iter().find(|publisher| publisher.id == id).ok_or_else(|| {
            let known: Vec<&str> = PUBLISHERS.iter().map(|publisher| publisher.id).collect();
            PublishError::UnknownFormatId { found: id.to_string(), known: known.join(", ") }
        })
    }

    /// The format that a file looks like, by its first and last bytes; plain bytes, not gzip.
    pub fn of_bytes(bytes: &[u8]) -> Option<&'static Publisher> {
        let head = Head::of(bytes);
        PUBLISHERS.iter().find(|publisher| (publisher.looks_like)(&head))
    }

    /// Whether a file looks like this format; plain bytes, not gzip.
    pub fn sniff(&self, bytes: &[u8]) -> bool {
        (self.looks_like)(&Head::of(bytes))
    }

    /// Reads a file of this format; `table` names it in errors.
    ///
    /// # Errors
    /// [`PublishError`] with the place, what was found and what was expected.
    pub fn parse(&self, table: &str, bytes: &[u8]) -> Result<PublishedTable, PublishError> {
        let bytes = plain_bytes(table, bytes)?;
        let mut builder = TableBuilder::new(self.id, table);
        (self.read)(&Source { table, bytes: &bytes }, &mut builder)?;
        builder.finish()
    }
}

/// Reads a publisher's file from memory, gzip or plain; without a format it is told from the content.
///
/// # Errors
/// [`PublishError`] with the place, what was found and what was expected.
pub fn parse_published(table: &str, bytes: &[u8], format: Option<&Publisher>) -> Result<PublishedTable, PublishError> {
    if let Some(publisher) = format {
        return publisher.parse(table, bytes);
    }
    let bytes = plain_bytes(table, bytes)?;
    match Publisher::of_bytes(&bytes) {
        Some(publisher) => publisher.parse(table, &bytes),
        None => Err(PublishError::UnknownFormat { table: table.to_string(), found: beginning(&bytes) }),
    }
}

/// Reads a publisher's file.
///
/// # Errors
/// As [`parse_published`], or that the file cannot be read.
pub fn read_published(path: &Path, format: Option<&Publisher>) -> Result<PublishedTable, PublishError> {
    let table = path.display().to_string();
    parse_published(&table, &read_file(path)?, format)
}

/// The first characters of a file, fit for a message.
fn beginning(bytes: &[u8]) -> String {
    const LENGTH: usize = 60;
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(4 * LENGTH)]).into_owned();
    let line = text.lines().next().unwrap_or_default();
    line.chars().filter(|c| !c.is_control()).take(LENGTH).collect()
}

/// A file while it is read.
struct Source<'a> {
    table: &'a str,
    bytes: &'a [u8],
}

impl Source<'_> {
    fn bad_stamp(&self, place: Place, column: &str, text: &str, expected: &'static str) -> PublishError {
        let (table, column, text) = (self.table.to_string(), column.to_string(), shortened(text));
        PublishError::BadStamp { table, place, column, text, expected }
    }

    fn bad_field(&self, place: Place, column: &str, found: &str, expected: &'static str) -> PublishError {
        let (table, column, found) = (self.table.to_string(), column.to_string(), shortened(found));
        PublishError::BadField { table, place, column, found, expected }
    }
}

/// A text fit for a message: damaged files hold cells of any length.
fn shortened(text: &str) -> String {
    const LENGTH: usize = 80;
    let cut: String = text.chars().take(LENGTH).collect();
    if cut.len() < text.len() { format!("{cut}..") } else { cut }
}
