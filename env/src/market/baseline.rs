//! Baseline: what a site would have taken, reckoned from what its meter read on earlier days.
//!
//! In: one meter reading per settlement period, the dates of notified events. Out: the baseline of a half-hour.
//! Always: fixed memory; no allocation after construction; a half-hour without enough eligible days has no baseline.
//! Not here: what is paid on it (`p415.rs`, `events/`), the FIFO run that seeds the history (`site/`).
//!
//! Source: BL01 of the Baselining Methodology (modification P376, live 2023-02-23) in the words of the market notes,
//! read 2026-11-22 from secondary sources; the methodology document itself was not readable.

use super::working_days::is_working_day;
use crate::grid::{LocalStamp, PERIODS_PER_DAY};
use crate::units::MegawattHours;
use serde::{Deserialize, Serialize};

/// Slots of a day in memory: 48 of the clock, and the two half-hours that the autumn clock change repeats.
const SLOTS: usize = 50;
/// Days ahead that can be marked as event days.
const DAYS_AHEAD: usize = 2;
/// Largest number of days that a mean may rest on.
const MAX_DAYS: usize = 64;
/// Readings kept in the order they came: the window of the in-day adjustment, and an event of ten hours.
const RECENT: usize = 32;
/// The in-day adjustment looks at this many half-hours ..
const ADJUSTMENT_PERIODS: usize = 6;
/// .. that end this many half-hours before the event.
const ADJUSTMENT_GAP: usize = 2;

/// How the baseline is reckoned: table `[baseline]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BaselineConfig {
    /// Eligible days behind the baseline of a working day.
    pub working_days: usize,
    /// Eligible days behind the baseline of any other day.
    pub non_working_days: usize,
    /// How many days back they are looked for.
    pub look_back_days: usize,
    /// Only so many of them, those with the largest metered energy of the day (5 of 10 in DEG's examples); `None`
    /// takes all.
    pub best_of: Option<usize>,
    /// Whether flexibility events are settled against the baseline moved by the in-day adjustment. P415 has its own
    /// switch, because wholesale activity alone is said to settle unadjusted (unverified).
    pub in_day_adjustment: bool,
}

/// Meter readings of the last days.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MeterHistory {
    config: BaselineConfig,
    days: Vec<DayRecord>,
    /// `[days][SLOTS]`, MWh.
    metered: Vec<f64>,
    recent: Vec<Reading>,
    pushed: u64,
    newest: i32,
}

/// What is known of one local day.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct DayRecord {
    day: i32,
    /// Half-hours of the clock that have a reading, one bit each.
    read: u64,
    /// Periods pushed, readings or not.
    periods: u8,
    event: bool,
    working: bool,
    total_mwh: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Reading {
    day: i32,
    half_hour: u8,
    mwh: f64,
}

impl Default for BaselineConfig {
    fn default() -> Self {
        Self { working_days: 10, non_working_days: 4, look_back_days: 60, best_of: None, in_day_adjustment: true }
    }
}

impl BaselineConfig {
    /// Faults as `(key, message)`.
    pub fn validate(&self) -> Vec<(String, String)> {
        let mut faults = Vec::new();
        let mut check = |key: &str, found: usize, low: usize, high: usize| {
            if !(low..=high).contains(&found) {
                faults.push((format!("baseline.{key}"), format!("is {found}, expected {low} to {high}")));
            }
        };
        check("look_back_days", self.look_back_days, 7, 366);
        check("working_days", self.working_days, 1, MAX_DAYS.min(self.look_back_days));
        check("non_working_days", self.non_working_days, 1, MAX_DAYS.min(self.look_back_days));
        let best = self.best_of.unwrap_or(1);
        check("best_of", best, 1, self.working_days.max(self.non_working_days));
        faults
    }
}

impl MeterHistory {
    /// An empty history.
    ///
    /// # Panics
    /// If the configuration has faults; it was validated when it was loaded.
    pub fn new(config: BaselineConfig) -> Self {
        assert_eq!(config.validate(), [], "a baseline is made from a validated configuration");
        let days = config.look_back_days + 1 + DAYS_AHEAD;
        let empty = DayRecord { day: i32::MIN, read: 0, periods: 0, event: false, working: false, total_mwh: 0.0 };
        Self {
            config,
            days: vec![empty; days],
            metered: vec![f64::NAN; days * SLOTS],
            recent: vec![Reading { day: i32::MIN, half_hour: 0, mwh: f64::NAN }; RECENT],
            pushed: 0,
            newest: i32::MIN,
        }
    }

    /// Bytes of its buffers.
    pub fn buffer_bytes(&self) -> usize {
        size_of_val(&self.days[..]) + size_of_val(&self.metered[..]) + size_of_val(&self.recent[..])
    }

    /// Forgets all readings.
    pub fn clear(&mut self) {
        self.days.fill(DayRecord { day: i32::MIN, read: 0, periods: 0, event: false, working: false, total_mwh: 0.0 });
        self.metered.fill(f64::NAN);
        self.recent.fill(Reading { day: i32::MIN, half_hour: 0, mwh: f64::NAN });
        self.pushed = 0;
        self.newest = i32::MIN;
    }

    /// Whether it was made for a configuration and its buffers are whole, e.g. after it was read from a file.
    pub fn has_config(&self, config: &BaselineConfig) -> bool {
        let days = config.look_back_days + 1 + DAYS_AHEAD;
        self.config == *config
            && self.days.len() == days
            && self.metered.len() == days * SLOTS
            && self.recent.len() == RECENT
    }

    /// Whether a history read from a file can go on at a local day: no reading is from later, and none out of range.
    pub fn is_sound(&self, today: i32) -> bool {
        let half_hours = self.recent.iter().all(|reading| usize::from(reading.half_hour) < PERIODS_PER_DAY);
        let newest = self.newest == i32::MIN || (0..=today).contains(&self.newest);
        let days = self.days.iter().all(|record| {
            record.read >> PERIODS_PER_DAY == 0
                && record.day <= today + DAYS_AHEAD as i32
                && record.total_mwh.is_finite()
        });
        let counted = self.pushed < u64::MAX / 2;
        half_hours && newest && days && counted && self.recent.iter().all(|reading| reading.day <= today)
    }

    /// Takes in the reading of the next settlement period; NaN says that there is none.
    ///
    /// # Panics
    /// If the period lies on an earlier day than the last one: readings come in order, one per period.
    pub fn push(&mut self, local: LocalStamp, metered: MegawattHours) {
        assert!(local.day >= self.newest, "meter readings come in the order of time");
        self.newest = local.day;
        let index = self.open(local.day);
        let bit = 1_u64 << local.half_hour;
        let repeated = self.days[index].read & bit != 0;
        // The repeated hour of the autumn clock change is 01:00 to 02:00, half-hours 2 and 3.
        let slot = if repeated { PERIODS_PER_DAY + usize::from(local.half_hour) % 2 } else { local.half_hour.into() };
        self.metered[index * SLOTS + slot] = metered.0;
        let record = &mut self.days[index];
        record.periods = record.periods.saturating_add(1);
        if metered.0.is_finite() {
            record.read |= bit;
            record.total_mwh += metered.0;
        }
        let at = (self.pushed % RECENT as u64) as usize;
        self.recent[at] = Reading { day: local.day, half_hour: local.half_hour, mwh: metered.0 };
        self.pushed += 1;
    }

    /// Marks a local date, in days since 1970-01-01, as one with a notified event; it then serves no other day.
    ///
    /// Whether it was recorded: a date further ahead than two days after the newest reading cannot be, one that has left
    /// the window need not be.
    pub fn mark_event_day(&mut self, day: i32) -> bool {
        let ahead = i64::from(day) - i64::from(self.newest);
        let oldest = -(self.config.look_back_days as i64);
        if self.newest == i32::MIN || !(oldest..=DAYS_AHEAD as i64).contains(&ahead) {
            return false;
        }
        let index = self.open(day);
        self.days[index].event = true;
        true
    }

    /// Baseline of a half-hour, from the days before its own; `None` if there are not enough eligible ones.
    ///
    /// Eligible: same type of day, within the look-back, no notified event, no clock change, a reading in all 48
    /// half-hours. On a clock-change day itself both hours of the same name have the same baseline.
    pub fn baseline(&self, local: LocalStamp) -> Option<MegawattHours> {
        let working = is_working_day(local.day);
        let wanted = if working { self.config.working_days } else { self.config.non_working_days };
        let slot = usize::from(local.half_hour);
        let eligible = (1..=self.config.look_back_days as i32)
            .map(|back| self.index(local.day - back))
            .filter(|(day, index)| self.days[*index].serves(*day, working))
            .map(|(_, index)| (self.days[index].total_mwh, self.metered[index * SLOTS + slot]))
            .take(wanted);
        let mut days = [(0.0, 0.0); MAX_DAYS];
        let mut found = 0;
        for (place, day) in days.iter_mut().zip(eligible) {
            *place = day;
            found += 1;
        }
        if found < wanted {
            return None;
        }
        let days = &mut days[..found];
        let kept = self.config.best_of.map_or(found, |best| best.min(found));
        if kept < found {
            // Insertion sort: it is stable, so that among equal days the later one is kept, and it allocates nothing.
            for i in 1..found {
                let mut at = i;
                while at > 0 && days[at].0 > days[at - 1].0 {
                    days.swap(at, at - 1);
                    at -= 1;
                }
            }
        }
        Some(MegawattHours(days[..kept].iter().map(|(_, mwh)| mwh).sum::<f64>() / kept as f64))
    }

    /// The in-day adjustment of an event of whose periods `since_start` have been pushed: the mean of metered minus
    /// unadjusted baseline over the three hours that end one hour before the event.
    ///
    /// Add it to [`MeterHistory::baseline`] of every half-hour of the event. `None` if a reading or a baseline of the
    /// window is missing, or if the event began too long ago.
    pub fn in_day_adjustment(&self, since_start: usize) -> Option<MegawattHours> {
        let newest_used = since_start + ADJUSTMENT_GAP;
        let oldest_used = newest_used + ADJUSTMENT_PERIODS;
        if oldest_used > RECENT || (self.pushed as usize) < oldest_used {
            return None;
        }
        let mut sum = 0.0;
        for back in newest_used..oldest_used {
            let at = ((self.pushed - 1 - back as u64) % RECENT as u64) as usize;
            let reading = self.recent[at];
            sum += reading.mwh - self.baseline(stamp(reading))?.0;
        }
        sum.is_finite().then(|| MegawattHours(sum / ADJUSTMENT_PERIODS as f64))
    }

    /// Number of eligible days behind a date, of its own type, at most as many as it needs; for reports.
    pub fn eligible_days(&self, day: i32) -> usize {
        let working = is_working_day(day);
        let wanted = if working { self.config.working_days } else { self.config.non_working_days };
        let days = (1..=self.config.look_back_days as i32).map(|back| self.index(day - back));
        days.filter(|(day, index)| self.days[*index].serves(*day, working)).take(wanted).count()
    }

    /// The day and its place in the ring.
    fn index(&self, day: i32) -> (i32, usize) {
        (day, day.rem_euclid(self.days.len() as i32) as usize)
    }

    /// The place of a day in the ring, emptied of the day that was there before.
    fn open(&mut self, day: i32) -> usize {
        let (_, index) = self.index(day);
        if self.days[index].day != day {
            let working = is_working_day(day);
            self.days[index] = DayRecord { day, read: 0, periods: 0, event: false, working, total_mwh: 0.0 };
            self.metered[index * SLOTS..(index + 1) * SLOTS].fill(f64::NAN);
        }
        index
    }
}

impl DayRecord {
    /// Whether the record is that of `day`, and may serve baselines of days of a type.
    fn serves(&self, day: i32, working: bool) -> bool {
        const ALL: u64 = (1 << PERIODS_PER_DAY) - 1;
        let complete = self.read == ALL && usize::from(self.periods) == PERIODS_PER_DAY;
        self.day == day && complete && !self.event && self.working == working
    }
}

/// A stamp that has what a baseline needs: date and half-hour.
fn stamp(reading: Reading) -> LocalStamp {
    LocalStamp { half_hour: reading.half_hour, weekday: 0, day: reading.day, month: 1, day_of_year: 1 }
}

#[cfg(test)]
#[path = "baseline_tests.rs"]
mod tests;
