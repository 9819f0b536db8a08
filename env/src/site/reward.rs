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
use super::state::initial_stored;

/// Pounds that stored energy and work done ahead of FIFO are worth at the mean forecast price.
///
/// At the end of a settled episode it is 0, because the settlement has paid for both.
pub(super) fn potential_gbp(setup: &SiteSetup, episode: &Episode) -> f64 {
    if episode.is_over() && episode.window.end == EpisodeEnd::Settle {
        return 0.0;
    }
    let at = episode.at().min(setup.trace.len() - 1);
    let of_site = setup.places().iter().zip(&episode.sites).map(|(place, site)| {
        let battery = &place.config.battery;
        let stored = (site.stored - initial_stored(place)).value();
        // What has just arrived is in both queues, so that it cancels out.
        let behind = (site.queued() - site.fifo_jobs.queued()).value();
        let price = f64::from(place.outlook(at).mean_gbp_per_mwh);
        price * (battery.discharge_efficiency * stored - place.config.pue * behind)
    });
    of_site.sum()
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

/// Pounds that the potential gives each number of the action by itself: the battery, then the work of each class, site
/// after site. They sum to [`potential_gbp`] but for work on its way between sites.
pub(super) fn own_potentials(setup: &SiteSetup, episode: &Episode, out: &mut [f64]) {
    if episode.is_over() && episode.window.end == EpisodeEnd::Settle {
        out.fill(0.0);
        return;
    }
    let at = episode.at().min(setup.trace.len() - 1);
    let sites = setup.places().iter().zip(&episode.sites);
    for ((place, site), out) in sites.zip(out.chunks_mut(1 + setup.config.workload.classes.len())) {
        let battery = &place.config.battery;
        let price = f64::from(place.outlook(at).mean_gbp_per_mwh);
        out[0] = price * battery.discharge_efficiency * (site.stored - initial_stored(place)).value();
        for (c, out) in out[1..].iter_mut().enumerate() {
            let behind = site.jobs.view(c).true_mwh - site.fifo_jobs.view(c).true_mwh;
            *out = -price * place.config.pue * behind;
        }
    }
}

/// Pounds that each number of the action has earned by itself in the period at `at`, which has just been played: at the
/// full price of import, against FIFO. What sun, limits and charges change about that is in none of them.
pub(super) fn own_earnings(setup: &SiteSetup, episode: &Episode, flows: &[BatteryMoney], at: usize, out: &mut [f64]) {
    let sites = setup.places().iter().zip(&episode.sites).zip(flows);
    for (((place, site), flow), out) in sites.zip(out.chunks_mut(1 + setup.config.workload.classes.len())) {
        let price = place.full_price(at);
        out[0] = -price * flow.drawn_mwh - flow.wear_gbp;
        for (out, ahead) in out[1..].iter_mut().zip(&site.ahead_mwh) {
            *out = -price * place.config.pue * ahead;
        }
    }
}

/// What a battery drew from its site in a period, less what it gave, and its wear.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct BatteryMoney {
    pub(super) drawn_mwh: f64,
    pub(super) wear_gbp: f64,
}
