//! Where a scenario's flexibility events come from.
//!
//! In: the table `[events]` of a scenario. Out: the four sources with their faults named.
//! Always: every event states its notice; prices and depths name their source. Not here: making the events
//! (`list.rs`, `stress.rs`, `schedule.rs`).

use super::{Depth, EventKind};
use crate::grid::Period;
use crate::grid::calendar::PeriodError;
use crate::units::Megawatts;
use serde::{Deserialize, Serialize};

/// Longest event: ten hours, the longest hold of the London trial (December 2025).
pub(super) const MAX_PERIODS: u32 = 20;
/// Longest notice: two weeks.
pub(super) const MAX_NOTICE: u32 = 14 * 48;

/// Which events there are: table `[events]`. Without any source there are none.
///
/// Where events of two sources overlap, the earlier source in this order keeps its event.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EventsConfig {
    /// Sessions of a list.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub list: Option<ListedEvents>,
    /// Events of the scenario itself.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub scripted: Vec<ScriptedEvent>,
    /// Events where day-ahead signals show stress.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stress: Option<StressEvents>,
    /// Events drawn at random.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub random: Option<RandomEvents>,
}

/// Sessions of a CSV list: table `[events.list]`.
///
/// Columns: `event_id,type,first_halfhour_start_utc,last_halfhour_start_utc`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ListedEvents {
    /// The file.
    pub path: String,
    /// Local days between publication and the session.
    pub published_days_before: u32,
    /// Local hour of publication: 14.5 is 14:30, when the Demand Flexibility Service announced the next day's sessions.
    pub published_hour: f64,
    /// Depth asked for, as a share of the baseline. The list has none; 25 % is what the Phoenix trial (May 2025) held.
    pub depth_share: f64,
    /// Paid per MWh: the guaranteed price of winter 2022/23, 3,000 GBP/MWh (Utility Week, read 2026-11-22).
    pub price_gbp_per_mwh: f64,
    /// Charged per MWh of shortfall; the service had no penalty.
    pub penalty_gbp_per_mwh: f64,
}

/// Events where day-ahead signals show stress: table `[events.stress]`.
///
/// Every day at 11:00 local, each half-hour of the next local day gets a score: the mean of the ranks of its day-ahead
/// price and of its forecast residual demand (National Demand, which is net of embedded wind and sun, less wind) among those of the trailing days.
/// The run of half-hours with the highest mean score becomes an event if the score reaches `threshold`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StressEvents {
    /// Lowest mean score of an event, `0 ..= 1`.
    pub threshold: f64,
    /// Days that ranks are taken in.
    pub trailing_days: u32,
    /// Length of an event.
    pub periods: u32,
    /// Depth asked for, as a share of the baseline: 25 % for 3 h (Phoenix trial, May 2025).
    pub depth_share: f64,
    /// Paid per MWh: the mean of the Demand Flexibility Service in April 2026 (dfs.kilowatts.io, read 2026-11-22).
    pub price_gbp_per_mwh: f64,
    /// Charged per MWh of shortfall. No figure was found; the price itself, so that a promise not kept gains nothing.
    pub penalty_gbp_per_mwh: f64,
}

/// Events drawn at random: table `[events.random]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RandomEvents {
    /// Mean number of events drawn per week; where two overlap, the later drawn one is dropped.
    pub per_week: f64,
    /// What an event may look like.
    pub shapes: Vec<RandomShape>,
    /// Paid per MWh, as under `[events.stress]`.
    pub price_gbp_per_mwh: f64,
    /// Charged per MWh of shortfall, as under `[events.stress]`.
    pub penalty_gbp_per_mwh: f64,
}

/// A kind of random event: table `[[events.random.shapes]]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RandomShape {
    /// How often it is drawn, against the other shapes.
    pub weight: f64,
    /// Depth asked for, as a share of the baseline.
    pub depth_share: f64,
    /// Length.
    pub periods: u32,
    /// Shortest notice, periods.
    pub notice_min: u32,
    /// Longest notice, periods.
    pub notice_max: u32,
}

/// An event of the scenario: table `[[events.scripted]]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScriptedEvent {
    /// First period.
    pub start: Period,
    /// Length.
    pub periods: u32,
    /// Periods between publication and start; 0 is known when its first period is decided.
    pub notice_periods: u32,
    /// Turn-down by a share of the baseline; exactly one of this and the next two is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub depth_share: Option<f64>,
    /// Turn-down by a power.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub depth_mw: Option<f64>,
    /// Import kept below a share of the import limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub import_cap_share: Option<f64>,
    /// Paid per MWh delivered.
    #[serde(default)]
    pub price_gbp_per_mwh: f64,
    /// Charged per MWh of shortfall or breach.
    #[serde(default)]
    pub penalty_gbp_per_mwh: f64,
}

/// Why events could not be made.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum EventError {
    /// The list cannot be opened or read.
    #[error(
        "{table}: the list of events cannot be read: {reason}\n\nhint: check the path and that the file may be read"
    )]
    Unreadable {
        /// Path as given.
        table: String,
        /// What the system says.
        reason: String,
    },
    /// The text is no CSV, or a row has another length than the header.
    #[error("{table}:{line}: the text is no CSV: {reason}\n\nhint: save the list as UTF-8 text, comma-separated")]
    NotCsv {
        /// Path as given.
        table: String,
        /// Line, from 1.
        line: u64,
        /// What the reader says.
        reason: String,
    },
    /// A needed column is not there.
    #[error("{table}:1: the column `{column}` is missing, found {found}\n\nhint: add the column `{column}`")]
    MissingColumn {
        /// Path as given.
        table: String,
        /// The column.
        column: &'static str,
        /// The header.
        found: String,
    },
    /// A time that is no UTC half-hour.
    #[error("{table}:{line}: `{column}`: {fault}")]
    BadTime {
        /// Path as given.
        table: String,
        /// Line, from 1.
        line: u64,
        /// The column.
        column: &'static str,
        /// What is wrong.
        fault: PeriodError,
    },
    /// A session that ends before it starts, or is too long.
    #[error(
        "{table}:{line}: the session runs from {first} to {last}, expected a last half-hour 0 to {} half-hours after \
         the first\n\nhint: correct the two times; each is the start of a half-hour in UTC", MAX_PERIODS - 1
    )]
    Length {
        /// Path as given.
        table: String,
        /// Line, from 1.
        line: u64,
        /// First half-hour.
        first: Period,
        /// Last half-hour.
        last: Period,
    },
    /// Two sessions share a half-hour.
    #[error(
        "{table}:{line}: the session from {start} overlaps another one, expected one session at a time\n\n\
         hint: delete or shorten one of them"
    )]
    Overlap {
        /// Path as given.
        table: String,
        /// Line, from 1.
        line: u64,
        /// First half-hour.
        start: Period,
    },
}

impl Default for ListedEvents {
    fn default() -> Self {
        Self {
            path: String::new(),
            published_days_before: 1,
            published_hour: 14.5,
            depth_share: 0.25,
            price_gbp_per_mwh: 3000.0,
            penalty_gbp_per_mwh: 0.0,
        }
    }
}

impl Default for StressEvents {
    fn default() -> Self {
        Self {
            threshold: 0.95,
            trailing_days: 30,
            periods: 6,
            depth_share: 0.25,
            price_gbp_per_mwh: 121.0,
            penalty_gbp_per_mwh: 121.0,
        }
    }
}

impl Default for RandomEvents {
    /// One event a week, mostly what trials have shown: 25 % for 3 h (Phoenix, May 2025), 30 % at once for 1 h, and a
    /// ten-hour hold (London, December 2025, which gives no depth for it: 10 % is assumed, as are weights and notices).
    fn default() -> Self {
        let shape = |weight, depth_share, periods, notice_min, notice_max| RandomShape {
            weight,
            depth_share,
            periods,
            notice_min,
            notice_max,
        };
        Self {
            per_week: 1.0,
            shapes: vec![shape(0.5, 0.25, 6, 4, 48), shape(0.3, 0.30, 2, 0, 1), shape(0.2, 0.10, 20, 24, 48)],
            price_gbp_per_mwh: 121.0,
            penalty_gbp_per_mwh: 121.0,
        }
    }
}

impl ScriptedEvent {
    /// What is asked for; `None` unless exactly one of the three keys is given.
    pub fn kind(&self) -> Option<EventKind> {
        match (self.depth_share, self.depth_mw, self.import_cap_share) {
            (Some(share), None, None) => Some(EventKind::TurnDown(Depth::Share(share))),
            (None, Some(mw), None) => Some(EventKind::TurnDown(Depth::Power(Megawatts(mw)))),
            (None, None, Some(import_cap_share)) => Some(EventKind::Constraint { import_cap_share }),
            _ => None,
        }
    }
}

/// Collects faults under a prefix.
struct Faults {
    prefix: String,
    found: Vec<(String, String)>,
}

impl Faults {
    fn within(&mut self, key: &str, found: f64, low: f64, high: f64) {
        if !(low..=high).contains(&found) {
            let text = format!("is {found}, expected a number between {low} and {high}");
            self.found.push((format!("events.{}.{key}", self.prefix), text));
        }
    }

    fn amount(&mut self, key: &str, found: f64) {
        self.within(key, found, 0.0, 1e6);
    }

    fn shape(&mut self, depth_share: f64, periods: u32) {
        self.within("depth_share", depth_share, 0.0, 1.0);
        self.within("periods", periods.into(), 1.0, MAX_PERIODS.into());
    }
}

impl EventsConfig {
    /// Whether there is no source.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Faults as `(key, message)`.
    pub fn validate(&self) -> Vec<(String, String)> {
        let mut faults = Faults { prefix: "list".into(), found: Vec::new() };
        if let Some(list) = &self.list {
            faults.listed(list);
        }
        for (i, event) in self.scripted.iter().enumerate() {
            faults.prefix = format!("scripted[{i}]");
            faults.scripted(event);
            let overlaps = |other: &ScriptedEvent| {
                event.start < other.start + i64::from(other.periods)
                    && other.start < event.start + i64::from(event.periods)
            };
            if let Some(other) = self.scripted[..i].iter().position(overlaps) {
                let text = format!("overlaps events.scripted[{other}], expected one event at a time");
                faults.found.push((format!("events.scripted[{i}].start"), text));
            }
        }
        if let Some(stress) = &self.stress {
            faults.prefix = "stress".into();
            faults.within("threshold", stress.threshold, 0.0, 1.0);
            faults.within("trailing_days", stress.trailing_days.into(), 7.0, 366.0);
            faults.shape(stress.depth_share, stress.periods);
            faults.amount("price_gbp_per_mwh", stress.price_gbp_per_mwh);
            faults.amount("penalty_gbp_per_mwh", stress.penalty_gbp_per_mwh);
        }
        if let Some(random) = &self.random {
            faults.prefix = "random".into();
            faults.random(random);
        }
        faults.found
    }
}

impl Faults {
    fn listed(&mut self, list: &ListedEvents) {
        if list.path.is_empty() {
            self.found.push(("events.list.path".into(), "is empty, expected the path of a CSV list".into()));
        }
        self.within("published_days_before", list.published_days_before.into(), 1.0, 14.0);
        self.within("published_hour", list.published_hour, 0.0, 23.5);
        self.within("depth_share", list.depth_share, 0.0, 1.0);
        self.amount("price_gbp_per_mwh", list.price_gbp_per_mwh);
        self.amount("penalty_gbp_per_mwh", list.penalty_gbp_per_mwh);
    }

    fn scripted(&mut self, event: &ScriptedEvent) {
        self.within("periods", event.periods.into(), 1.0, MAX_PERIODS.into());
        self.within("notice_periods", event.notice_periods.into(), 0.0, MAX_NOTICE.into());
        if event.kind().is_none() {
            let text = "asks for none or several, expected one of `depth_share`, `depth_mw`, `import_cap_share`";
            self.found.push((format!("events.{}", self.prefix), text.into()));
        }
        self.within("depth_share", event.depth_share.unwrap_or_default(), 0.0, 1.0);
        self.amount("depth_mw", event.depth_mw.unwrap_or_default());
        self.within("import_cap_share", event.import_cap_share.unwrap_or_default(), 0.0, 1.0);
        self.amount("price_gbp_per_mwh", event.price_gbp_per_mwh);
        self.amount("penalty_gbp_per_mwh", event.penalty_gbp_per_mwh);
    }

    fn random(&mut self, random: &RandomEvents) {
        self.within("per_week", random.per_week, 0.0, 48.0);
        self.amount("price_gbp_per_mwh", random.price_gbp_per_mwh);
        self.amount("penalty_gbp_per_mwh", random.penalty_gbp_per_mwh);
        for (i, shape) in random.shapes.iter().enumerate() {
            self.prefix = format!("random.shapes[{i}]");
            self.amount("weight", shape.weight);
            self.shape(shape.depth_share, shape.periods);
            self.within("notice_min", shape.notice_min.into(), 0.0, MAX_NOTICE.into());
            self.within("notice_max", shape.notice_max.into(), shape.notice_min.into(), MAX_NOTICE.into());
        }
        if random.shapes.iter().map(|shape| shape.weight).sum::<f64>() <= 0.0 {
            let text = "have no weight together, expected more than 0".to_string();
            self.found.push(("events.random.shapes".into(), text));
        }
    }
}
