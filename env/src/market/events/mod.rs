//! Flexibility events: requests to take less, announced ahead, and what they pay.
//!
//! In: an event and the readings of a half-hour. Out: an [`EventSettlement`].
//! Always: an event is published no later than it starts; volume claimed elsewhere is taken off first; a baseline
//! that was moved, up or down, never raises what is rewarded above a settlement on FIFO itself.
//! Not here: which events there are (`config.rs`, `schedule.rs`), the baseline (`baseline.rs`).

mod config;
mod list;
mod schedule;
mod stress;

pub use config::{EventError, EventsConfig, ListedEvents, RandomEvents, RandomShape, ScriptedEvent, StressEvents};
pub use schedule::{EventCounts, EventSchedule};

use crate::grid::Period;
use crate::units::{MegawattHours, Megawatts};
use serde::{Deserialize, Serialize};

/// A request to a site for a run of half-hours.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct FlexEvent {
    /// The period at whose start the event is known.
    pub published: Period,
    /// Its first period.
    pub start: Period,
    /// Its length.
    pub periods: u32,
    /// What is asked for.
    pub kind: EventKind,
    /// Paid per MWh delivered.
    pub price_gbp_per_mwh: f64,
    /// Charged per MWh of shortfall, or of import above the cap.
    pub penalty_gbp_per_mwh: f64,
    /// Where it comes from.
    pub source: EventSource,
}

/// What an event asks for.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub enum EventKind {
    /// To take less than the baseline.
    TurnDown(Depth),
    /// To keep import below a share of the site's import limit; it pays nothing.
    Constraint {
        /// Share of the import limit, `0 ..= 1`.
        import_cap_share: f64,
    },
}

/// How much less to take.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub enum Depth {
    /// A share of the baseline.
    Share(f64),
    /// A power.
    Power(Megawatts),
}

/// Where an event comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum EventSource {
    /// A list of sessions that took place.
    Listed,
    /// Stress visible in day-ahead signals.
    Stress,
    /// Written in the scenario.
    Scripted,
    /// Drawn at random.
    Random,
}

/// The readings that an event's half-hour is settled from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EventInputs {
    /// Baseline of the half-hour, in-day adjustment included where it applies.
    pub baseline: MegawattHours,
    /// What the baseline would be had the site acted like FIFO all along.
    pub fifo_baseline: MegawattHours,
    /// Import as metered.
    pub metered: MegawattHours,
    /// Import of the FIFO counterfactual.
    pub fifo_import: MegawattHours,
    /// Turn-down of the half-hour that something else has paid for.
    pub already_claimed: MegawattHours,
    /// The site's import limit.
    pub import_limit: Megawatts,
}

/// Settlement of one half-hour of an event. Money is positive where the site earns it.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct EventSettlement {
    /// Turn-down asked for.
    pub requested_mwh: f64,
    /// Turn-down delivered against the baseline, at most what was asked for.
    pub delivered_mwh: f64,
    /// The part of it that is turn-down against FIFO too.
    pub rewarded_mwh: f64,
    /// What nothing else may be paid for.
    pub claimed_mwh: f64,
    /// What is missing from it.
    pub shortfall_mwh: f64,
    /// Import above the cap of a constraint.
    pub breach_mwh: f64,
    /// Payment for what was delivered.
    pub paid_gbp: f64,
    /// Penalty for shortfall and breach; positive is charged.
    pub penalty_gbp: f64,
    /// `paid - penalty`: what the market would settle.
    pub revenue_settled_gbp: f64,
    /// The same, or what it would be with FIFO's baseline, or FIFO's import as the baseline, if that is less.
    pub revenue_rewarded_gbp: f64,
    /// What is settled and not rewarded.
    pub baseline_error_gbp: f64,
}

impl FlexEvent {
    /// The period after its last one.
    pub fn end(&self) -> Period {
        self.start + i64::from(self.periods)
    }

    /// Whether it covers a period.
    pub fn covers(&self, period: Period) -> bool {
        self.start <= period && period < self.end()
    }

    /// Largest import of a constraint; `None` for a turn-down.
    pub fn import_cap(&self, import_limit: Megawatts) -> Option<Megawatts> {
        match self.kind {
            EventKind::Constraint { import_cap_share } => Some(import_limit * import_cap_share),
            EventKind::TurnDown(_) => None,
        }
    }

    /// Turn-down asked for in a half-hour of a given baseline.
    pub fn requested(&self, baseline: MegawattHours) -> MegawattHours {
        match self.kind {
            EventKind::TurnDown(Depth::Share(share)) => baseline.max(MegawattHours::ZERO) * share,
            EventKind::TurnDown(Depth::Power(power)) => power.over_period(),
            EventKind::Constraint { .. } => MegawattHours::ZERO,
        }
    }

    /// Settles one half-hour of the event.
    ///
    /// Delivered: baseline - meter - claimed elsewhere, within 0 ..= requested. Rewarded is the smallest of this settlement,
    /// of one with the baseline of a site that acts like FIFO, and of one with FIFO's import as the baseline; what is asked for follows from the baseline in both. So an inflated
    /// baseline does not raise the payment, and a deflated one, which asks for less, does not lower the penalty.
    pub fn settle(&self, inputs: &EventInputs) -> EventSettlement {
        let mut settled = self.settle_against(inputs, inputs.baseline);
        settled.rewarded_mwh = settled.delivered_mwh;
        settled.claimed_mwh = settled.delivered_mwh;
        settled.revenue_rewarded_gbp = settled.revenue_settled_gbp;
        for baseline in [inputs.fifo_baseline, inputs.fifo_import] {
            let honest = self.settle_against(inputs, baseline);
            settled.rewarded_mwh = settled.rewarded_mwh.min(honest.delivered_mwh);
            if honest.revenue_settled_gbp < settled.revenue_rewarded_gbp {
                settled.claimed_mwh = settled.delivered_mwh.max(honest.delivered_mwh);
                settled.revenue_rewarded_gbp = honest.revenue_settled_gbp;
            }
        }
        settled.baseline_error_gbp = settled.revenue_settled_gbp - settled.revenue_rewarded_gbp;
        settled
    }

    fn settle_against(&self, inputs: &EventInputs, baseline: MegawattHours) -> EventSettlement {
        let requested = self.requested(baseline);
        let free = baseline - inputs.metered - inputs.already_claimed.max(MegawattHours::ZERO);
        let delivered = free.max(MegawattHours::ZERO).min(requested);
        let cap = self.import_cap(inputs.import_limit).map(Megawatts::over_period);
        let breach = cap.map_or(MegawattHours::ZERO, |cap| (inputs.metered - cap).max(MegawattHours::ZERO));
        let paid_gbp = delivered.0 * self.price_gbp_per_mwh;
        let penalty_gbp = (requested - delivered + breach).0 * self.penalty_gbp_per_mwh;
        EventSettlement {
            requested_mwh: requested.0,
            delivered_mwh: delivered.0,
            shortfall_mwh: (requested - delivered).0,
            breach_mwh: breach.0,
            paid_gbp,
            penalty_gbp,
            revenue_settled_gbp: paid_gbp - penalty_gbp,
            ..EventSettlement::default()
        }
    }
}

impl EventSource {
    /// What a report must say about figures that rest on such events.
    pub fn label(self) -> &'static str {
        match self {
            Self::Listed => {
                "counterfactual: times of real sessions; this site took no part, depth and price are the scenario's"
            }
            Self::Stress => "counterfactual: events made from day-ahead signals; nobody called them",
            Self::Scripted => "counterfactual: events written in the scenario; nobody called them",
            Self::Random => "counterfactual: events drawn at random; nobody called them",
        }
    }
}

#[cfg(test)]
mod tests;
