//! National solar generation of Sheffield Solar PV_Live, as CSV of the website and JSON of the API.
//!
//! In: rows of `gsp_id`, `datetime_gmt`, `generation_mw`, newest first. Out: `pvlive_mw`.
//! Always: `datetime_gmt` is the END of its half-hour, so the value goes to the half-hour before; only gsp_id 0, the
//! nation, is taken.
//! Source: PV_Live, website download of 2023 seen 2026-11-22; API v4 form read the same day.

use super::csv_rows::read_csv;
use super::error::{Place, PublishError};
use super::json_rows::read_document;
use super::table::TableBuilder;
use super::{Publisher, Source};
use crate::grid::signal::Signal;
use serde::Deserialize;
use serde_json::Value;

const COLUMNS: [&str; 3] = ["gsp_id", "datetime_gmt", "generation_mw"];

pub(super) const CSV_FORMAT: Publisher = Publisher {
    id: "pvlive-csv",
    description: "Sheffield PV_Live, website CSV: pvlive_mw",
    looks_like: |head| head.is_csv_with(&COLUMNS),
    read: read_rows,
};

pub(super) const JSON_FORMAT: Publisher = Publisher {
    id: "pvlive-api",
    description: "Sheffield PV_Live, API v4 JSON: pvlive_mw",
    looks_like: |head| head.is_json_with(&["data", "meta", "datetime_gmt", "generation_mw"]),
    read: read_answer,
};

fn read_rows(source: &Source<'_>, table: &mut TableBuilder) -> Result<(), PublishError> {
    read_csv(source, COLUMNS, |row| {
        table.row();
        let region = row.number(0)?;
        output(source, table, row.place, (region, row.cells[1], row.number(2)?))
    })
}

#[derive(Deserialize)]
struct Answer {
    data: Vec<Vec<Value>>,
    meta: Vec<String>,
}

fn read_answer(source: &Source<'_>, table: &mut TableBuilder) -> Result<(), PublishError> {
    let answer: Answer = read_document(source)?;
    let find = |name: &str| {
        let reason = || format!("`meta` does not list `{name}`");
        let at = answer.meta.iter().position(|found| found == name);
        at.ok_or_else(|| PublishError::BadJson { table: source.table.to_string(), reason: reason() })
    };
    let (region, stamp, generation) = (find(COLUMNS[0])?, find(COLUMNS[1])?, find(COLUMNS[2])?);
    for (i, row) in answer.data.iter().enumerate() {
        table.row();
        let place = Place::Item(i);
        if row.len() != answer.meta.len() {
            let found = format!("a row of {} values", row.len());
            return Err(source.bad_field(place, "data", &found, "as many values as `meta` lists"));
        }
        let number = |at: usize, name: &str| match &row[at] {
            Value::Null => Ok(None),
            Value::Number(number) => Ok(number.as_f64()),
            other => Err(source.bad_field(place, name, &other.to_string(), "a number or null")),
        };
        let text = row[stamp].as_str();
        let text = text.ok_or_else(|| source.bad_stamp(place, COLUMNS[1], &row[stamp].to_string(), "a text"))?;
        output(source, table, place, (number(region, COLUMNS[0])?, text, number(generation, COLUMNS[2])?))?;
    }
    Ok(())
}

fn output(
    source: &Source<'_>,
    table: &mut TableBuilder,
    place: Place,
    (region, end, mw): (Option<f64>, &str, Option<f64>),
) -> Result<(), PublishError> {
    let period = source.utc_start(place, COLUMNS[1], end)? - 1;
    if region != Some(0.0) {
        table.count("rows of another region than gsp_id 0 (national) left out");
        return Ok(());
    }
    table.put_some(place, period, Signal::PvLive, mw)
}
