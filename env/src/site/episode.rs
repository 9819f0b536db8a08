//! One episode: a window of the grid trace with the work that arrives in it.
//!
//! In: a start, a length, a job seed. Out: arrivals, the jobs in progress at the start, and what FIFO does with them.
//! Always: everything here is fixed before the first step and the same for whoever acts. Not here: acting (`state.rs`).

use super::setup::{HISTORY, SiteSetup};
use super::state::{SiteState, it_limit};
use crate::core::SeedTree;
use crate::units::Megawatts;
use crate::workload::{Arrivals, JobPool, MAX_CLASSES};
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

/// What FIFO does in one period: run everything at arrival, no battery.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct FifoPeriod {
    /// IT energy, interactive and jobs.
    pub it_mwh: f64,
    /// IT energy still queued after the period.
    pub queued_mwh: f64,
    /// Cost as the score counts it, without the settlement of the end.
    pub cost_gbp: f64,
}

/// An episode ready to be played.
#[derive(Debug, Clone, Default)]
pub struct Episode {
    /// Where it lies.
    pub window: WindowChoice,
    /// What arrives; index 0 is the first period of the episode.
    pub arrivals: Arrivals,
    /// Jobs in progress at the start, as FIFO left them.
    pub initial_jobs: JobPool,
    /// FIFO's course.
    pub fifo: Vec<FifoPeriod>,
    /// Settlement of FIFO's end, pounds; 0 unless the episode is settled.
    pub fifo_settlement_gbp: f64,
    /// Divisor of rewards.
    pub reward_scale: f64,
    warm_up: Arrivals,
}

impl Episode {
    /// Prepares an episode in place, reusing its buffers.
    pub fn prepare(&mut self, setup: &SiteSetup, window: WindowChoice) {
        self.window = window;
        self.draw(setup);
        self.reward_scale = setup.reward_scale(window.start);
        let run = [1.0; MAX_CLASSES];
        let classes = &setup.config.workload.classes;
        if self.initial_jobs.classes() != classes.len() {
            self.initial_jobs = JobPool::new(classes.len());
        }
        self.initial_jobs.clear();
        for t in 0..HISTORY {
            for job in self.warm_up.released(t) {
                self.initial_jobs.push(*job);
            }
            let capacity = Megawatts(setup.config.it_capacity_mw - self.warm_up.interactive_mw[t]);
            self.initial_jobs.serve(classes, &run, capacity, t as i32);
        }
        self.initial_jobs.rebase(HISTORY as i32);
        self.play_fifo(setup);
    }

    /// Draws history and episode as one stream of arrivals, then splits them.
    fn draw(&mut self, setup: &SiteSetup) {
        let WindowChoice { start, periods, job_seed, .. } = self.window;
        let locals = (start - HISTORY..start + periods).map(|t| setup.trace.local(t));
        // Another window with the same seed has other work, as another week would.
        let seed = SeedTree::new(job_seed).child("window", setup.trace.period(start).0 as u64);
        setup.generator.draw(seed, locals, &mut self.warm_up);
        let first = self.warm_up.first_of[HISTORY];
        let arrivals = &mut self.arrivals;
        arrivals.interactive_mw.clear();
        arrivals.interactive_mw.extend_from_slice(&self.warm_up.interactive_mw[HISTORY..]);
        arrivals.first_of.clear();
        arrivals.first_of.extend(self.warm_up.first_of[HISTORY..].iter().map(|i| i - first));
        arrivals.jobs.clear();
        arrivals.jobs.extend_from_slice(&self.warm_up.jobs[first as usize..]);
        for job in &mut arrivals.jobs {
            job.release -= HISTORY as i32;
            job.deadline -= HISTORY as i32;
        }
    }

    fn play_fifo(&mut self, setup: &SiteSetup) {
        let run = [1.0; MAX_CLASSES];
        let classes = &setup.config.workload.classes;
        let mut pool = self.initial_jobs.clone();
        self.fifo.clear();
        for t in 0..self.window.periods {
            let at = self.window.start + t;
            self.arrivals.released(t).iter().for_each(|job| pool.push(*job));
            let interactive = self.arrivals.interactive_mw[t];
            let capacity = it_limit(setup, at) - Megawatts(interactive);
            let served = pool.serve(classes, &run, capacity, t as i32);
            let it_mwh = Megawatts(interactive).over_period().0 + served.energy.0;
            let solar_mwh = Megawatts(setup.solar_mw(at)).over_period().0;
            let import_mwh = (it_mwh * setup.config.pue - solar_mwh).max(0.0);
            let lateness = SiteState::lateness_gbp(setup, served.late);
            self.fifo.push(FifoPeriod {
                it_mwh,
                queued_mwh: pool.queued().0,
                cost_gbp: import_mwh * setup.full_price(at) + lateness,
            });
        }
        self.fifo_settlement_gbp = match self.window.end {
            EpisodeEnd::Bootstrap => 0.0,
            EpisodeEnd::Settle => {
                let start = setup.config.battery.initial_stored();
                super::state::settlement_gbp(setup, &pool, start, self.window.start, self.window.periods)
            }
        };
    }
}
