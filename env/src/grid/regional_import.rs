//! Import of regional carbon: responses of the Carbon Intensity API, or a table with one row per half-hour and region.
//!
//! In: JSON of `/regional`, `/regional/intensity/..` or a region's own range form; CSV; either plain or gzip. Out: [`RegionalCarbon`].
//! Always: the value is the published forecast, because regions have no `actual`; what is doubtful is refused with its place.
//! Not here: the network (`orchestrator/`), national carbon (`import.rs`).

use super::calendar::{Period, PeriodError};
use super::error::TraceError;
use super::import::{LONGEST_GAP, TIMESTAMP_COLUMN, nearest};
use super::regional::{RegionalCarbon, RegionalSource};
use super::regions::{Region, RegionError};
use crate::files::{BYTE_ORDER_MARK, FileError, line_of, not_csv, plain_bytes, read_file};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;

/// Column of the region's number, key or name.
pub const REGION_COLUMN: &str = "regionid";
/// Column of the published value, g/kWh.
pub const INTENSITY_COLUMN: &str = "intensity_forecast";
/// Largest plausible carbon intensity, g/kWh: as for the national column.
const HIGHEST: f64 = 1500.0;
/// Half-hours from the first value to the last, so that no table of few rows asks for much memory: 50 years.
const LONGEST_TABLE: i64 = 50 * LONGEST_GAP;

/// Why regional carbon was refused.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum RegionalError {
    /// A fault that the file of any table can have.
    #[error(transparent)]
    File(#[from] FileError),
    /// A fault that any grid table can have.
    #[error(transparent)]
    Table(#[from] TraceError),
    /// The text begins like JSON but is none.
    #[error("{table}:{line}: the text is no JSON: {reason}\n\nhint: save the response of the API as it came")]
    NotJson {
        /// Path as given.
        table: String,
        /// Line, from 1.
        line: usize,
        /// What the reader says.
        reason: String,
    },
    /// The API answered with an error.
    #[error("{table}: the API refused the request: {reason}\n\nhint: ask again, for 14 days at most")]
    Refused {
        /// Path as given.
        table: String,
        /// What the API says.
        reason: String,
    },
    /// A part of the JSON is not what the API writes.
    #[error(
        "{table}: `{at}` is {found}, expected {expected}\n\n\
         hint: save a response of `/regional` or `/regional/intensity/..` as it came"
    )]
    Shape {
        /// Path as given.
        table: String,
        /// Where in the document.
        at: String,
        /// What is there.
        found: String,
        /// What should be there.
        expected: &'static str,
    },
    /// A time that is no UTC half-hour.
    #[error("{table}: `{at}`: {fault}")]
    BadPeriod {
        /// Path as given.
        table: String,
        /// Where in the document.
        at: String,
        /// What is wrong.
        fault: PeriodError,
    },
    /// An interval that is not half an hour long.
    #[error("{table}: `{at}` lasts from {from} to {to}, expected half an hour\n\nhint: ask the API for half-hours")]
    NotHalfHour {
        /// Path as given.
        table: String,
        /// Where in the document.
        at: String,
        /// Start.
        from: Period,
        /// End.
        to: Period,
    },
    /// A region that does not exist.
    #[error("{place}: {fault}")]
    UnknownRegion {
        /// Path and line, or path and place in the document.
        place: String,
        /// What is wrong.
        fault: RegionError,
    },
    /// A value that cannot be right.
    #[error(
        "{place}: the carbon intensity is {value}, expected a value in 0 ..= {HIGHEST} g/kWh\n\n\
         hint: check the unit, or leave the value out"
    )]
    Implausible {
        /// Path and line, or path and place in the document.
        place: String,
        /// What is there.
        value: f64,
    },
    /// A region twice in the same half-hour.
    #[error("{place}: {period} of `{region}` appears a second time\n\nhint: keep one value per half-hour and region")]
    Repeated {
        /// Path and line, or path and place in the document.
        place: String,
        /// The region.
        region: Region,
        /// The period.
        period: Period,
    },
    /// A pause too long to be held as holes.
    #[error(
        "{table}: {missing} half-hours are missing between {before} and {after}, expected a year at most\n\n\
         hint: check the dates, or import the parts one by one"
    )]
    Gap {
        /// Path as given.
        table: String,
        /// Last period before the pause.
        before: Period,
        /// First period after it.
        after: Period,
        /// Half-hours left out.
        missing: i64,
    },
    /// Dates that cannot all be right.
    #[error("{table}: the values reach from {first} to {last}, expected 50 years at most\n\nhint: check the dates")]
    TooLong {
        /// Path as given.
        table: String,
        /// First period.
        first: Period,
        /// Last period.
        last: Period,
    },
    /// There is no half-hour in the document.
    #[error("{table}: the document holds no half-hour, expected at least one\n\nhint: ask the API for a past period")]
    Empty {
        /// Path as given.
        table: String,
    },
    /// Two tables do not agree.
    #[error(
        "{table}: {period} of `{region}` is {other} g/kWh, but {one} in the other table\n\n\
         hint: keep one of the two, the later download is the better"
    )]
    Conflict {
        /// Name of the table.
        table: String,
        /// The region.
        region: Region,
        /// The period.
        period: Period,
        /// Value of the first table.
        one: f64,
        /// Value of the second.
        other: f64,
    },
    /// Simulated values among measured ones.
    #[error("`{one}` and `{other}`: one is measured and one is simulated\n\nhint: join tables of one kind")]
    MixedSources {
        /// Name of the first table.
        one: String,
        /// Name of the second.
        other: String,
    },
}

/// Reads regional carbon from a file.
///
/// # Errors
/// [`RegionalError`] naming the place, what was found and what was expected.
pub fn read_regional(path: &Path) -> Result<RegionalCarbon, RegionalError> {
    let table = path.display().to_string();
    let bytes = read_file(path)?;
    let name = path.file_name().map_or(table.clone(), |name| name.to_string_lossy().into_owned());
    parse(&table, name, &bytes)
}

/// Reads regional carbon from memory; `table` names it in errors and in reports.
///
/// # Errors
/// As [`read_regional`].
pub fn parse_regional(table: &str, bytes: &[u8]) -> Result<RegionalCarbon, RegionalError> {
    parse(table, table.to_string(), bytes)
}

fn parse(table: &str, name: String, bytes: &[u8]) -> Result<RegionalCarbon, RegionalError> {
    let text = plain_bytes(table, bytes)?;
    let text = text.strip_prefix(&BYTE_ORDER_MARK).unwrap_or(&text);
    let mut cells = Cells::default();
    match text.iter().find(|byte| !byte.is_ascii_whitespace()) {
        Some(b'{' | b'[') => Document { table }.read(text, &mut cells)?,
        _ => read_csv(table, text, &mut cells)?,
    }
    cells.into_table(table, name)
}

/// That the periods between two held ones are few enough to be held as holes.
pub(super) fn check_gap(table: &str, before: Period, after: Period) -> Result<(), RegionalError> {
    let missing = after - before - 1;
    if missing <= LONGEST_GAP {
        return Ok(());
    }
    Err(RegionalError::Gap { table: table.to_string(), before, after, missing })
}

/// What was read so far, in any order.
#[derive(Default)]
struct Cells {
    rows: BTreeMap<Period, [Cell; Region::COUNT]>,
}

#[derive(Clone, Copy, Default)]
enum Cell {
    #[default]
    Absent,
    Hole,
    Value(f64),
}

impl Cells {
    fn take(
        &mut self,
        place: impl Fn() -> String,
        period: Period,
        region: Region,
        value: Option<f64>,
    ) -> Result<(), RegionalError> {
        if let Some(value) = value.filter(|x| !(0.0..=HIGHEST).contains(x)) {
            return Err(RegionalError::Implausible { place: place(), value });
        }
        let cell = &mut self.rows.entry(period).or_default()[region.index()];
        if !matches!(cell, Cell::Absent) {
            return Err(RegionalError::Repeated { place: place(), region, period });
        }
        *cell = value.map_or(Cell::Hole, Cell::Value);
        Ok(())
    }

    fn into_table(self, table: &str, name: String) -> Result<RegionalCarbon, RegionalError> {
        let (Some((&first, _)), Some((&last, _))) = (self.rows.first_key_value(), self.rows.last_key_value()) else {
            return Err(RegionalError::Empty { table: table.to_string() });
        };
        for (before, after) in self.rows.keys().zip(self.rows.keys().skip(1)) {
            check_gap(table, *before, *after)?;
        }
        if last - first > LONGEST_TABLE {
            return Err(RegionalError::TooLong { table: table.to_string(), first, last });
        }
        let len = (last - first + 1) as usize;
        let mut carbon = RegionalCarbon::holes(name, RegionalSource::Measured, first, len);
        for (period, row) in &self.rows {
            for (region, cell) in Region::all().zip(row) {
                if let Cell::Value(value) = cell {
                    carbon.set(region, (*period - first) as usize, Some(*value));
                }
            }
        }
        Ok(carbon)
    }
}

fn read_csv(table: &str, text: &[u8], cells: &mut Cells) -> Result<(), RegionalError> {
    let mut reader = csv::ReaderBuilder::new().flexible(true).trim(csv::Trim::All).from_reader(text);
    let header = reader.headers().map_err(|e| not_csv(table, text, &e))?.clone();
    let header: Vec<&str> = header.iter().collect();
    if header.iter().all(|name| name.is_empty()) {
        return Err(TraceError::NoRows { table: table.to_string() }.into());
    }
    let position = |column: &str| {
        let missing = || TraceError::MissingColumn {
            table: table.to_string(),
            column: column.to_string(),
            nearest: nearest(column, &header),
        };
        let mut found = header.iter().enumerate().filter(|(_, name)| **name == column).map(|(i, _)| i);
        match (found.next(), found.next()) {
            (Some(i), None) => Ok(i),
            (None, _) => Err(missing()),
            (Some(_), Some(_)) => {
                Err(TraceError::DuplicateColumn { table: table.to_string(), column: column.to_string() })
            }
        }
    };
    let (stamp, id, value) = (position(TIMESTAMP_COLUMN)?, position(REGION_COLUMN)?, position(INTENSITY_COLUMN)?);
    let mut record = csv::StringRecord::new();
    let mut rows = 0_usize;
    while reader.read_record(&mut record).map_err(|e| not_csv(table, text, &e))? {
        let line = line_of(text, record.position());
        let (table, place) = (|| table.to_string(), || format!("{table}:{line}"));
        if record.len() != header.len() {
            let (found, expected) = (record.len(), header.len());
            return Err(FileError::RaggedRow { table: table(), line, found, expected }.into());
        }
        let period = record[stamp].parse();
        let period = period.map_err(|fault| TraceError::BadTimestamp { table: table(), line, fault })?;
        let region: Region =
            record[id].parse().map_err(|fault| RegionalError::UnknownRegion { place: place(), fault })?;
        let text = &record[value];
        let number = text.parse::<f64>().ok().filter(|x| x.is_finite());
        if number.is_none() && !text.is_empty() {
            let (column, text) = (INTENSITY_COLUMN.to_string(), text.to_string());
            return Err(TraceError::BadNumber { table: table(), line, column, text }.into());
        }
        cells.take(place, period, region, number)?;
        rows += 1;
    }
    if rows == 0 { Err(TraceError::NoRows { table: table.to_string() }.into()) } else { Ok(()) }
}

/// A response of the API, walked by hand so that a fault names its place.
struct Document<'a> {
    table: &'a str,
}

impl Document<'_> {
    fn read(&self, text: &[u8], cells: &mut Cells) -> Result<(), RegionalError> {
        let root: Value = serde_json::from_slice(text).map_err(|e| RegionalError::NotJson {
            table: self.table.to_string(),
            line: e.line(),
            reason: e.to_string(),
        })?;
        if let Some(error) = root.get("error") {
            let words = error.get("message").or(Some(error)).and_then(Value::as_str);
            let reason = words.map_or_else(|| error.to_string(), str::to_string);
            return Err(RegionalError::Refused { table: self.table.to_string(), reason });
        }
        match root.get("data") {
            Some(Value::Array(items)) => {
                items.iter().enumerate().try_for_each(|(i, item)| self.item(&format!("data[{i}]"), item, cells))
            }
            Some(item @ Value::Object(_)) => self.item("data", item, cells),
            other => Err(self.shape("data", other, "a list of half-hours or of regions")),
        }
    }

    /// A half-hour with its regions, or a region with its half-hours.
    fn item(&self, at: &str, item: &Value, cells: &mut Cells) -> Result<(), RegionalError> {
        let each = |key: &str| match item.get(key) {
            Some(Value::Array(parts)) => Some(parts.iter().enumerate()),
            _ => None,
        };
        if let Some(regions) = each("regions") {
            let period = self.period(at, item)?;
            for (i, part) in regions {
                let at = format!("{at}.regions[{i}]");
                let region = self.region(&at, part)?;
                self.intensity(&at, part, period, region, cells)?;
            }
            return Ok(());
        }
        if let Some(half_hours) = each("data") {
            let region = self.region(at, item)?;
            for (i, part) in half_hours {
                let at = format!("{at}.data[{i}]");
                let period = self.period(&at, part)?;
                self.intensity(&at, part, period, region, cells)?;
            }
            return Ok(());
        }
        Err(self.shape(at, Some(item), "an object with a list `regions`, or with `regionid` and a list `data`"))
    }

    fn period(&self, at: &str, part: &Value) -> Result<Period, RegionalError> {
        let stamp = |key: &str| {
            let at = format!("{at}.{key}");
            let text = part.get(key).and_then(Value::as_str);
            let text = text.ok_or_else(|| self.shape(&at, part.get(key), "a time such as \"2024-01-01T00:30Z\""))?;
            let table = self.table.to_string();
            text.parse::<Period>().map_err(|fault| RegionalError::BadPeriod { table, at, fault })
        };
        let (from, to) = (stamp("from")?, stamp("to")?);
        if to - from == 1 {
            return Ok(from);
        }
        Err(RegionalError::NotHalfHour { table: self.table.to_string(), at: at.to_string(), from, to })
    }

    fn region(&self, at: &str, part: &Value) -> Result<Region, RegionalError> {
        let at = format!("{at}.regionid");
        let id = part.get("regionid");
        let text = match id {
            Some(Value::Number(number)) => number.to_string(),
            Some(Value::String(text)) => text.clone(),
            other => return Err(self.shape(&at, other, "a region's number")),
        };
        text.parse().map_err(|fault| RegionalError::UnknownRegion { place: format!("{}: `{at}`", self.table), fault })
    }

    fn intensity(
        &self,
        at: &str,
        part: &Value,
        period: Period,
        region: Region,
        cells: &mut Cells,
    ) -> Result<(), RegionalError> {
        let value = match part.get("intensity").and_then(|intensity| intensity.get("forecast")) {
            Some(Value::Null) => None,
            Some(Value::Number(number)) => number.as_f64(),
            other => {
                return Err(self.shape(&format!("{at}.intensity.forecast"), other, "a number in g/kWh, or null"));
            }
        };
        cells.take(|| format!("{}: `{at}`", self.table), period, region, value)
    }

    fn shape(&self, at: &str, found: Option<&Value>, expected: &'static str) -> RegionalError {
        let found = match found {
            None => "absent".to_string(),
            Some(Value::Null) => "null".to_string(),
            Some(Value::Bool(_)) => "true or false".to_string(),
            Some(Value::Number(number)) => format!("the number {number}"),
            Some(Value::String(_)) => "a text".to_string(),
            Some(Value::Array(_)) => "a list".to_string(),
            Some(Value::Object(_)) => "an object of another form".to_string(),
        };
        RegionalError::Shape { table: self.table.to_string(), at: at.to_string(), found, expected }
    }
}

#[cfg(test)]
#[path = "regional_import_tests.rs"]
mod tests;
