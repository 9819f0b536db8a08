//! One episode: a window of the grid trace, and all sites in it.
//!
//! In: a start, a length, a job seed, then an action per site and period. Out: an account per period.
//! Always: what arrives is fixed by window and job seed, whoever acts; FIFO plays beside, period by period.
//! Not here: the physics of a site (`state.rs`), rewards (`reward.rs`).

use super::action::SiteAction;
use super::config::MAX_SITES;
use super::gate::gated_classes;
use super::ledger::StepAccount;
use super::migration::{drain_link, migrate};
use super::settlement::settle;
use super::setup::SiteSetup;
use super::state::{Sent, SiteState};
use crate::core::SeedTree;
use serde::{Deserialize, Serialize};

/// How an episode is cut off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EpisodeEnd {
    /// Training: the window just ends, and the learner values what is left.
    #[default]
    Bootstrap,
    /// Scoring: what is left over is settled at the mean full price of the following 24 hours.
    Settle,
}

/// Where an episode lies and how it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct WindowChoice {
    /// Index of its first period in the trace.
    pub start: usize,
    /// Number of periods.
    pub periods: usize,
    /// Seed of its jobs.
    pub job_seed: u64,
    /// How it ends.
    pub end: EpisodeEnd,
}

impl WindowChoice {
    /// Seed of a site's work. Another window with the same seed has other work, as another week would.
    pub(super) fn site_seed(&self, setup: &SiteSetup, site: usize) -> SeedTree {
        let period = setup.trace.period(self.start).0 as u64;
        SeedTree::new(self.job_seed).child("window", period).child("site", site as u64)
    }
}

/// An episode being played.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Episode {
    /// Where it lies.
    pub window: WindowChoice,
    /// Periods played.
    pub t: usize,
    /// Divisor of rewards.
    pub reward_scale: f64,
    /// One per site.
    pub sites: Vec<SiteState>,
}

impl Episode {
    /// An episode that has not begun.
    pub fn new(setup: &SiteSetup) -> Self {
        let sites = setup.places().iter().map(|place| SiteState::new(setup, place)).collect();
        Self { window: WindowChoice::default(), t: 0, reward_scale: 1.0, sites }
    }

    /// Goes to the first decision of a window, reusing all buffers.
    pub fn begin(&mut self, setup: &SiteSetup, window: WindowChoice) {
        self.window = window;
        self.t = 0;
        self.reward_scale = setup.reward_scale(window.start);
        for (i, (place, site)) in setup.places().iter().zip(&mut self.sites).enumerate() {
            site.begin(setup, place, window.site_seed(setup, i), window.start);
        }
        self.arrive(setup);
    }

    /// Index in the trace of the period that is decided next.
    pub fn at(&self) -> usize {
        self.window.start + self.t
    }

    /// Whether what it leaves over is settled.
    pub(super) fn settles(&self) -> bool {
        self.window.end == EpisodeEnd::Settle
    }

    /// Whether all its periods are played.
    pub fn is_over(&self) -> bool {
        self.t == self.window.periods
    }

    /// Plays one period with an action per site. The account holds the settlement too if this was the last period of a
    /// scored episode.
    pub fn advance(&mut self, setup: &SiteSetup, actions: &[SiteAction]) -> StepAccount {
        self.advance_each(setup, actions, |_, _| ())
    }

    /// The same, showing the account of each site.
    pub fn advance_each(
        &mut self,
        setup: &SiteSetup,
        actions: &[SiteAction],
        mut see: impl FnMut(usize, &StepAccount),
    ) -> StepAccount {
        let (at, t) = (self.at(), self.t as i32);
        let sent = if self.sites.len() > 1 {
            migrate(setup.places(), &mut self.sites, actions, t)
        } else {
            [Sent::default(); MAX_SITES]
        };
        let settles = self.t + 1 == self.window.periods && self.settles();
        let mut total = StepAccount::default();
        for (i, (place, site)) in setup.places().iter().zip(&mut self.sites).enumerate() {
            let gated = gated_classes(place, at);
            let mut account = site.advance(setup, place, at, t, &actions[i], gated, sent[i]);
            if settles {
                settle(place, site, t + 1, at + 1, &mut account);
            }
            total.add(&account);
            see(i, &account);
            if setup.places().len() > 1 {
                drain_link(place, site);
            }
        }
        self.t += 1;
        self.arrive(setup);
        total
    }

    /// Work of the coming period arrives. After the end of a scored episode nothing does: it is settled. After that of
    /// a training episode it does, because the learner values the state that would have been decided in next.
    fn arrive(&mut self, setup: &SiteSetup) {
        let at = self.at();
        if (self.is_over() && self.settles()) || at >= setup.trace.len() {
            return;
        }
        for (place, site) in setup.places().iter().zip(&mut self.sites) {
            site.arrive(setup, place, at, self.t as i32);
        }
    }
}
