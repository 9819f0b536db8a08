//! The events of a scenario on a trace, in the order of time.
//!
//! In: the sources of a scenario, a trace, a seed. Out: which event runs when, and which one is known.
//! Always: sorted by start, no two overlap, none is seen before it is published; look-ups allocate nothing.
//! Not here: what an event pays (`mod.rs`).

use super::config::{EventError, EventsConfig, RandomEvents, ScriptedEvent};
use super::{Depth, EventKind, EventSource, FlexEvent, list, stress};
use crate::core::SeedTree;
use crate::grid::{GridTrace, PERIODS_PER_WEEK, Period};
use rand::RngExt;
use serde::{Deserialize, Serialize};

/// Events in the order of time.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct EventSchedule {
    events: Vec<FlexEvent>,
    longest_notice: i64,
    counts: EventCounts,
}

/// Where the events of a schedule come from, and what was left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct EventCounts {
    /// From the list.
    pub listed: usize,
    /// From the scenario.
    pub scripted: usize,
    /// From stress.
    pub stress: usize,
    /// Drawn.
    pub random: usize,
    /// Left out because they share a half-hour with an event of an earlier source, or drawn earlier.
    pub overlapping: usize,
    /// Left out because they do not lie within the trace.
    pub outside_trace: usize,
    /// Days that were looked at for stress.
    pub days_judged: usize,
    /// Days that could not be, for want of a signal or of history.
    pub days_without_signals: usize,
}

impl EventSchedule {
    /// Makes the events of a validated configuration that lie within a trace.
    ///
    /// Random events come from the stream `flex_events` of `seeds`.
    ///
    /// # Errors
    /// [`EventError`] if the list cannot be read.
    pub fn build(config: &EventsConfig, trace: &GridTrace, seeds: &SeedTree) -> Result<Self, EventError> {
        let mut schedule = Self::default();
        if let Some(list) = &config.list {
            schedule.counts.listed = schedule.add(list::read(list)?, trace);
        }
        schedule.counts.scripted = schedule.add(config.scripted.iter().filter_map(scripted), trace);
        if let Some(config) = &config.stress {
            let found = stress::find(config, trace);
            schedule.counts.days_judged = found.days_judged;
            schedule.counts.days_without_signals = found.days_without_signals;
            schedule.counts.stress = schedule.add(found.events, trace);
        }
        if let Some(config) = &config.random {
            schedule.counts.random = schedule.add(draw(config, trace, seeds), trace);
        }
        Ok(schedule)
    }

    /// All events, by start.
    pub fn events(&self) -> &[FlexEvent] {
        &self.events
    }

    /// Where they come from.
    pub fn counts(&self) -> EventCounts {
        self.counts
    }

    /// The event that covers a period; it is known by then.
    pub fn active_at(&self, period: Period) -> Option<&FlexEvent> {
        self.events[..self.after(period)].last().filter(|event| event.covers(period))
    }

    /// The first event, running or to come, that ends after `from` and is known at the start of period `now`.
    pub fn next_visible(&self, now: Period, from: Period) -> Option<&FlexEvent> {
        let first = self.events.partition_point(|event| event.end() <= from);
        // Nothing further ahead than the longest notice can have been published.
        let candidates = self.events[first..].iter().take_while(|event| event.start - now <= self.longest_notice);
        candidates.into_iter().find(|event| event.published <= now)
    }

    /// What reports must say about these events, a line for each source.
    pub fn labels(&self) -> Vec<&'static str> {
        let mut labels: Vec<&'static str> = self.events.iter().map(|event| event.source.label()).collect();
        labels.sort_unstable();
        labels.dedup();
        labels
    }

    /// Number of events that start at or before a period.
    fn after(&self, period: Period) -> usize {
        self.events.partition_point(|event| event.start <= period)
    }

    /// Adds what fits and gives its number.
    fn add(&mut self, events: impl IntoIterator<Item = FlexEvent>, trace: &GridTrace) -> usize {
        let mut added = 0;
        for event in events {
            let at = self.after(event.start);
            let clear = self.events[..at].last().is_none_or(|before| before.end() <= event.start)
                && self.events.get(at).is_none_or(|next| event.end() <= next.start);
            if event.start < trace.start() || event.end() > trace.end() {
                self.counts.outside_trace += 1;
            } else if clear {
                self.longest_notice = self.longest_notice.max(event.start - event.published);
                self.events.insert(at, event);
                added += 1;
            } else {
                self.counts.overlapping += 1;
            }
        }
        added
    }
}

fn scripted(event: &ScriptedEvent) -> Option<FlexEvent> {
    Some(FlexEvent {
        published: event.start - i64::from(event.notice_periods),
        start: event.start,
        periods: event.periods,
        kind: event.kind()?,
        price_gbp_per_mwh: event.price_gbp_per_mwh,
        penalty_gbp_per_mwh: event.penalty_gbp_per_mwh,
        source: EventSource::Scripted,
    })
}

/// Draws for each half-hour whether an event starts, then its shape and its notice.
fn draw(config: &RandomEvents, trace: &GridTrace, seeds: &SeedTree) -> Vec<FlexEvent> {
    let mut rng = seeds.stream("flex_events");
    let chance = (config.per_week / PERIODS_PER_WEEK as f64).clamp(0.0, 1.0);
    let total: f64 = config.shapes.iter().map(|shape| shape.weight).sum();
    let mut events = Vec::new();
    for t in 0..trace.len() {
        if !rng.random_bool(chance) {
            continue;
        }
        let mut left = rng.random::<f64>() * total;
        let shape = config.shapes.iter().find(|shape| {
            left -= shape.weight;
            left < 0.0
        });
        let Some(shape) = shape else { continue };
        let notice = rng.random_range(shape.notice_min..=shape.notice_max.max(shape.notice_min));
        let start = trace.period(t);
        events.push(FlexEvent {
            published: start - i64::from(notice),
            start,
            periods: shape.periods,
            kind: EventKind::TurnDown(Depth::Share(shape.depth_share)),
            price_gbp_per_mwh: config.price_gbp_per_mwh,
            penalty_gbp_per_mwh: config.penalty_gbp_per_mwh,
            source: EventSource::Random,
        });
    }
    events
}
