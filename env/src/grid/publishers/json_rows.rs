//! Rows of a publisher's JSON answer, in any of its three envelopes.
//!
//! In: `{"data":[..]}`, the same with `metadata`, or the bare list of the `/stream` endpoints. Out: typed rows.
//! Always: a key of the wrong type is refused with line and column; keys nobody asked for are ignored.

use super::Source;
use super::error::PublishError;
use serde::Deserialize;
use serde::de::DeserializeOwned;

#[derive(Deserialize)]
struct Envelope<T> {
    data: Vec<T>,
}

/// The rows of the answer.
pub(super) fn read_json<T: DeserializeOwned>(source: &Source<'_>) -> Result<Vec<T>, PublishError> {
    if source.bytes.trim_ascii_start().starts_with(b"[") {
        read_document(source)
    } else {
        read_document::<Envelope<T>>(source).map(|envelope| envelope.data)
    }
}

/// The whole answer as one value.
pub(super) fn read_document<T: DeserializeOwned>(source: &Source<'_>) -> Result<T, PublishError> {
    serde_json::from_slice(source.bytes)
        .map_err(|e| PublishError::BadJson { table: source.table.to_string(), reason: e.to_string() })
}
