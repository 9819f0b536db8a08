//! What a forecast must beat: the same half-hour yesterday, the same of last week, the newest value.
//!
//! In: a history. Out: one number per half-hour ahead.
//! Always: a hole is looked up a day (a week) earlier. Not here: quantiles, which a floor does not have.

use super::series::{DAY, HORIZON, WEEK};
use serde::{Deserialize, Serialize};

/// A forecast that needs no learning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Floor {
    /// The same half-hour of the day before.
    Yesterday,
    /// The same half-hour of the week before.
    LastWeek,
    /// The newest value.
    Persistence,
}

impl Floor {
    /// All, in the order of reports.
    pub const ALL: [Self; 3] = [Self::Yesterday, Self::LastWeek, Self::Persistence];

    /// Its name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Yesterday => "same half-hour yesterday",
            Self::LastWeek => "same half-hour last week",
            Self::Persistence => "persistence",
        }
    }

    /// Values of the 48 half-hours after `history`; NaN where nothing is known.
    pub fn forecast(self, history: &[f64]) -> [f64; HORIZON] {
        let len = history.len();
        let known = |i: Option<usize>| i.and_then(|i| history.get(i)).copied().filter(|x| x.is_finite());
        let newest = history.iter().rev().copied().find(|x| x.is_finite()).unwrap_or(f64::NAN);
        std::array::from_fn(|k| {
            let back = |step: usize| (1..=8).find_map(|n| known((len + k).checked_sub(n * step))).unwrap_or(newest);
            match self {
                Self::Yesterday => back(DAY),
                Self::LastWeek => back(WEEK),
                Self::Persistence => newest,
            }
        })
    }
}
