//! Prophet as a member of the ensemble.
//!
//! In: history, or saved bytes. Out: the [`ProphetSet`] among the other members.
//! Not here: its files of one target each (`file.rs`).

use super::ProphetSet;
use crate::forecast::member::{FitError, History, Member};
use std::path::Path;

const NAME: &str = "prophet";

impl Member for ProphetSet {
    fn save(&self) -> Vec<u8> {
        self.to_json_lines().into_bytes()
    }
}

/// Fits all targets that Prophet covers.
///
/// # Errors
/// [`FitError::Member`] if one of them cannot be fitted.
pub(in crate::forecast) fn fit(history: &History<'_>) -> Result<Box<dyn Member>, FitError> {
    let fitted = ProphetSet::fit(history.trace, history.from..history.trace.len());
    fitted.map(|set| Box::new(set) as Box<dyn Member>).map_err(|fault| {
        let text = fault.to_string();
        let reason = text.split("\n\nhint: ").next().unwrap_or_default().to_string();
        FitError::Member { member: NAME, reason }
    })
}

/// Loads what [`Member::save`] gave.
///
/// # Errors
/// What is wrong with the bytes.
pub(in crate::forecast) fn load(bytes: &[u8]) -> Result<Box<dyn Member>, String> {
    let text = std::str::from_utf8(bytes).map_err(|error| error.to_string())?;
    let set = ProphetSet::from_json_lines(text, Path::new(NAME)).map_err(|fault| fault.to_string())?;
    Ok(Box::new(set))
}
