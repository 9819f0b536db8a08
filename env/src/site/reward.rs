//! What the agent is told about a period.
//!
//! In: the account of a period and the state before and after. Out: a number of order one.
//! Always: undiscounted, the shaped saving of a settled episode sums to exactly (J of FIFO - J) / scale.
//! Not here: what the period cost (`ledger.rs`).
//!
//! The difference to FIFO and the potential are there because the plain cost teaches little: with a discount it pays
//! for postponing, and the fruit of charging or waiting is hours away. The potential is not discounted, on purpose: its
//! sum must be the saving, and with a discount it adds a mild wish to hold charge, against the discount's own haste.

use super::config::RewardMode;
use super::episode::{Episode, EpisodeEnd};
use super::ledger::StepAccount;
use super::setup::SiteSetup;
use super::state::SiteState;

/// Pounds that stored energy and work done ahead of FIFO are worth at the mean forecast price.
///
/// At the end of a settled episode it is 0, because the settlement has paid for both.
pub(super) fn potential_gbp(setup: &SiteSetup, episode: &Episode, state: &SiteState) -> f64 {
    let over = state.t == episode.window.periods;
    if over && episode.window.end == EpisodeEnd::Settle {
        return 0.0;
    }
    let at = (episode.window.start + state.t).min(setup.trace.len() - 1);
    let battery = &setup.config.battery;
    let stored = (state.stored - battery.initial_stored()).value();
    let fifo_queue = match state.t {
        0 => episode.initial_jobs.queued().value(),
        t => episode.fifo[t - 1].queued_mwh,
    };
    // Jobs of the present period have arrived in both courses: their work cancels out.
    let arrived: f64 = if over { 0.0 } else { episode.arrivals.released(state.t).iter().map(|j| j.work_mwh).sum() };
    let behind = state.jobs.queued().value() - arrived - fifo_queue;
    setup.mean_forecast(at) * (battery.discharge_efficiency * stored - setup.config.pue * behind)
}

/// Reward of a period, dimensionless.
pub(super) fn reward(
    setup: &SiteSetup,
    episode: &Episode,
    account: &StepAccount,
    potential_before: f64,
    potential_after: f64,
) -> f64 {
    let saving = account.fifo_cost_gbp - account.cost_gbp();
    let pounds = match setup.config.reward.mode {
        RewardMode::Cost => -account.cost_gbp(),
        RewardMode::Saving => saving,
        RewardMode::ShapedSaving => saving + potential_after - potential_before,
    };
    pounds / episode.reward_scale
}
