//! What a planner asks of a site: calendar, published events, the battery as it is, the end of the week.
//!
//! In: a [`SiteView`]. Out: values known at the moment of decision.
//! Always: nothing that is not yet known, except that a week that is scored says so and where it ends.
//! Not here: prices and jobs (`observation.rs`), how they are combined (`flexai-agents`, `planning/`).

use super::observation::SiteView;
use super::setup::SETTLEMENT;
use super::state::initial_stored;
use crate::grid::{LocalStamp, Period};
use crate::market::events::FlexEvent;
use std::ops::Range;

/// How a scored episode will end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettlementAhead {
    /// Periods left to decide, the present one included.
    pub periods_left: usize,
    /// Indices in the trace of the periods whose mean full price settles what is left over.
    pub priced_at: Range<usize>,
}

impl<'a> SiteView<'a> {
    /// The half-hour at index `t` of the trace, which may lie beyond its end.
    pub fn half_hour(&self, t: usize) -> Period {
        self.setup.trace.start() + t as i64
    }

    /// UK local time at index `t` of the trace, which may lie beyond its end.
    pub fn local(&self, t: usize) -> LocalStamp {
        if t < self.setup.trace.len() { self.setup.trace.local(t) } else { self.half_hour(t).local() }
    }

    /// First index beyond the trace.
    pub fn trace_len(&self) -> usize {
        self.setup.trace.len()
    }

    /// Published events that are not over and begin within so many periods, by start.
    pub fn events(&self, periods: usize) -> impl Iterator<Item = &'a FlexEvent> + use<'a> {
        let now = self.half_hour(self.now());
        let all = self.setup.events().events();
        let first = all.partition_point(|event| event.end() <= now);
        let near = all[first..].iter().take_while(move |event| event.start < now + periods as i64);
        near.filter(move |event| event.published <= now)
    }

    /// Most that the battery can hold now, MWh.
    pub fn battery_capacity_mwh(&self) -> f64 {
        self.state.health.capacity(&self.place.config.battery).value()
    }

    /// Energy in the battery at the start of the episode, against which a scored one is settled, MWh.
    pub fn initial_stored_mwh(&self) -> f64 {
        initial_stored(self.place).value()
    }

    /// How the episode will be settled; `None` in training, where it is cut off.
    pub fn settlement(&self) -> Option<SettlementAhead> {
        if !self.episode.settles() {
            return None;
        }
        let end = self.episode.window.start + self.episode.window.periods;
        let from = if self.place.settles_on_following_day(end) { end } else { end - SETTLEMENT };
        let periods_left = end.saturating_sub(self.now());
        Some(SettlementAhead { periods_left, priced_at: from..from + SETTLEMENT })
    }
}
