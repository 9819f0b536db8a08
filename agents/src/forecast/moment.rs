//! What a fitted model sees of a moment: base forecast, scale and features of any coming period.
//!
//! In: [`Knowledge`]. Out: per period a base (what is published, or the same half-hour before), a scale (how far such
//! forecasts have missed lately) and a row of features; a model learns `(truth - base) / scale`.
//! Always: nothing but `Knowledge` is read; what is missing is NaN in a row and a name in the list of what was missing.
//! Not here: models (`ridge.rs`, `boosted.rs`), the features of each target (`features.rs`).

use super::contract::Target;
use flexai_env::grid::{Knowledge, Signal};

/// Half-hours of a day and of a week.
pub(super) const DAY: usize = 48;
pub(super) const WEEK: usize = 7 * DAY;
/// Periods ahead of `now` that a moment is prepared for: the end of the next local day as seen at 11:00, and a few more.
pub(super) const REACH: usize = 80;
/// A hole is looked up in at most this many earlier days.
const DAYS_BACK: usize = 14;
/// Periods before `now` that the day-ahead curve is kept for.
const BEFORE: usize = 8;

/// The published inputs of a day, in the order of reports.
const PUBLISHED: [(Signal, &str); 4] = [
    (Signal::DayAheadPrice, "day-ahead price"),
    (Signal::DayAheadForecastWind, "day-ahead wind forecast"),
    (Signal::DayAheadForecastEmbeddedSolar, "day-ahead solar forecast"),
    (Signal::DayAheadForecastDemand, "day-ahead demand forecast"),
];

/// What is known at the start of a period, prepared for one target.
pub(super) struct Moment<'k, 'a> {
    pub(super) known: &'k Knowledge<'a>,
    pub(super) target: Target,
    pub(super) now: usize,
    /// Newest known period of the target.
    pub(super) newest: usize,
    /// Newest known value of the target.
    pub(super) newest_value: f64,
    /// How far such forecasts have missed lately, in the unit of the target.
    pub(super) scale: f64,
    /// Day-ahead price from `now - BEFORE` on, of an earlier day where it is not auctioned yet.
    prices: Vec<f64>,
    /// Published solar forecast to capacity factor.
    solar_ratio: f64,
    /// Highest solar factor of each half-hour of the UTC day in the last two weeks, and its mean in the last five days.
    solar_slots: Vec<[f64; 2]>,
    /// Features that do not depend on the period.
    pub(super) common: Vec<f64>,
}

impl<'k, 'a> Moment<'k, 'a> {
    /// `None` if nothing is known of the target.
    pub(super) fn new(known: &'k Knowledge<'a>, target: Target) -> Option<Self> {
        let mut moment = Self::without_features(known, target)?;
        moment.fill_common();
        Some(moment)
    }

    /// The same for those who want base and scale only.
    pub(super) fn without_features(known: &'k Knowledge<'a>, target: Target) -> Option<Self> {
        let now = known.now();
        let (newest, newest_value) = newest(known, target)?;
        let mut moment = Self {
            known,
            target,
            now,
            newest,
            newest_value,
            scale: 1.0,
            prices: Vec::new(),
            solar_ratio: f64::NAN,
            solar_slots: Vec::new(),
            common: Vec::with_capacity(64),
        };
        if target == Target::Solar {
            moment.prepare_solar();
        } else {
            let from = now.saturating_sub(BEFORE);
            moment.prices = (from..now + REACH + BEFORE).map(|t| day_ahead(known, t).unwrap_or(f64::NAN)).collect();
        }
        moment.scale = moment.recent_scale();
        Some(moment)
    }

    /// Names of published inputs of period `t` that are not there.
    pub(super) fn missing(&self, t: usize) -> impl Iterator<Item = &'static str> {
        let wanted = match self.target {
            Target::IntradayPrice | Target::ImbalancePrice | Target::Carbon => &PUBLISHED[..],
            Target::Wind => &PUBLISHED[1..2],
            Target::Solar => &PUBLISHED[2..3],
        };
        let known = self.known;
        wanted.iter().filter(move |(signal, _)| known.get(*signal, t).is_none()).map(|(_, name)| *name)
    }

    /// What is forecast of period `t` without any model, in the unit of the target.
    pub(super) fn base(&self, t: usize) -> f64 {
        match self.target {
            Target::IntradayPrice | Target::ImbalancePrice => finite(self.price(t), self.newest_value),
            Target::Carbon => same_slot(self.known, Target::Carbon, t).unwrap_or(self.newest_value),
            Target::Wind => self.published(Signal::DayAheadForecastWind, t).unwrap_or(self.newest_value),
            Target::Solar => self.solar_base(t),
        }
    }

    /// Unit of the model's answer for period `t`; zero where the sun is down.
    pub(super) fn scale_at(&self, t: usize) -> f64 {
        match self.target {
            Target::Solar => self.solar_slots[self.slot(t)][0],
            _ => self.scale,
        }
    }

    /// Day-ahead price, of an earlier day where it is not auctioned yet; NaN if there is none at all.
    pub(super) fn price(&self, t: usize) -> f64 {
        let i = (t + BEFORE.min(self.now)).checked_sub(self.now);
        i.and_then(|i| self.prices.get(i)).copied().unwrap_or(f64::NAN)
    }

    /// A published forecast of period `t`, if it is out.
    pub(super) fn published(&self, signal: Signal, t: usize) -> Option<f64> {
        self.known.get(signal, t)
    }

    /// Index over day-ahead price in a past period, GBP/MWh.
    pub(super) fn spread(&self, t: usize) -> Option<f64> {
        Some(self.known.get(Signal::IntradayPrice, t)? - day_ahead(self.known, t)?)
    }

    /// Half-hour of the UTC day.
    pub(super) fn slot(&self, t: usize) -> usize {
        // Slots are counted back from `now`: the same clock time of other days has the same number.
        (t + DAYS_BACK * DAY - self.now % DAY) % DAY
    }

    fn recent_scale(&self) -> f64 {
        let recent = |periods: usize, error: &dyn Fn(usize) -> Option<f64>| {
            let newest = self.newest;
            mean((newest.saturating_sub(periods - 1)..=newest).filter_map(error).map(f64::abs))
        };
        let blend = |error: &dyn Fn(usize) -> Option<f64>| match (recent(WEEK, error), recent(4 * WEEK, error)) {
            (Some(week), Some(month)) => 0.6 * week + 0.4 * month,
            (week, month) => week.or(month).unwrap_or(f64::NAN),
        };
        let known = self.known;
        match self.target {
            Target::IntradayPrice => finite(blend(&|t| self.spread(t)), 10.0).max(2.0),
            Target::ImbalancePrice => {
                let error = |t| Some(known.get(Signal::ImbalancePrice, t)? - known.get(Signal::IntradayPrice, t)?);
                finite(blend(&error), 20.0).max(3.0)
            }
            Target::Carbon => {
                let error = |t| Some(self.target.known(known, t)? - same_slot_before(known, self.target, t)?);
                finite(blend(&error), 30.0).max(5.0)
            }
            Target::Wind => {
                let error = |t| known.get(Signal::Wind, t);
                // Errors grow with what turns.
                (0.15 * finite(blend(&error), 6_000.0)).max(300.0)
            }
            Target::Solar => 1.0,
        }
    }

    fn prepare_solar(&mut self) {
        let (now, known) = (self.now, self.known);
        let mut slots = vec![[0.0; 2]; DAY];
        for (i, slot) in slots.iter_mut().enumerate() {
            let of_day = |day: usize| (now + i).checked_sub(day * DAY).and_then(|t| known.solar_factor(t));
            let most = (1..=2 * DAYS_BACK).filter_map(of_day).take(DAYS_BACK).fold(0.0, f64::max);
            let usual = mean((1..=2 * DAYS_BACK).filter_map(of_day).take(5)).unwrap_or(0.0);
            *slot = [if most > SUNRISE { most } else { 0.0 }, usual];
        }
        self.solar_slots = slots;
        let (mut actual, mut published) = (0.0, 0.0);
        for t in now.saturating_sub(DAYS_BACK * DAY)..now {
            if let (Some(y), Some(f)) =
                (known.solar_factor(t), self.published(Signal::DayAheadForecastEmbeddedSolar, t))
            {
                actual += y;
                published += f;
            }
        }
        self.solar_ratio = if published > 0.0 { actual / published } else { f64::NAN };
    }

    /// Published forecast as a capacity factor, scaled as it has come true lately; without it, the mean of five days.
    fn solar_base(&self, t: usize) -> f64 {
        let published = self.published(Signal::DayAheadForecastEmbeddedSolar, t).map(|mw| mw * self.solar_ratio);
        published.filter(|x| x.is_finite()).unwrap_or_else(|| self.solar_usual(t))
    }

    /// Mean of the half-hour in the last five days.
    pub(super) fn solar_usual(&self, t: usize) -> f64 {
        self.solar_slots[self.slot(t)][1]
    }

    /// The published forecast as a capacity factor, if it is out.
    pub(super) fn solar_published(&self, t: usize) -> f64 {
        self.published(Signal::DayAheadForecastEmbeddedSolar, t).map_or(f64::NAN, |mw| mw * self.solar_ratio)
    }
}

/// A half-hour whose factor has not passed this in two weeks is night.
const SUNRISE: f64 = 0.004;

/// The newest known value of a target, with its period; looks back at most two weeks.
pub(super) fn newest(known: &Knowledge<'_>, target: Target) -> Option<(usize, f64)> {
    let from = known.now();
    (from.saturating_sub(DAYS_BACK * DAY)..=from).rev().find_map(|t| target.known(known, t).map(|x| (t, x)))
}

/// The same half-hour of the latest day that is known, for period `t`.
pub(super) fn same_slot(known: &Knowledge<'_>, target: Target, t: usize) -> Option<f64> {
    (1..=DAYS_BACK).filter_map(|d| t.checked_sub(d * DAY)).find_map(|i| target.known(known, i))
}

/// The same half-hour of the day before, as it was.
fn same_slot_before(known: &Knowledge<'_>, target: Target, t: usize) -> Option<f64> {
    t.checked_sub(DAY).and_then(|i| target.known(known, i))
}

/// Day-ahead price of period `t`; where it is not auctioned yet, that of the latest day that is, else the index then.
pub(super) fn day_ahead(known: &Knowledge<'_>, t: usize) -> Option<f64> {
    let same_slot = |signal| move |d: usize| t.checked_sub(d * DAY).and_then(|i| known.get(signal, i));
    known
        .get(Signal::DayAheadPrice, t)
        .or_else(|| (1..=DAYS_BACK).find_map(same_slot(Signal::DayAheadPrice)))
        .or_else(|| (1..=DAYS_BACK).find_map(same_slot(Signal::IntradayPrice)))
}

/// Mean of what there is; `None` of nothing.
pub(super) fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, count) = values.fold((0.0, 0_usize), |(sum, count), x| (sum + x, count + 1));
    (count > 0).then(|| sum / count as f64)
}

/// `x`, or something else where it is no number.
pub(super) fn finite(x: f64, otherwise: f64) -> f64 {
    if x.is_finite() { x } else { otherwise }
}
