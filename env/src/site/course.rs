//! Everything that arrives at a site in a window, and what FIFO makes of it: for those who may know the future.
//!
//! In: a scenario and a window. Out: jobs in progress, arrivals, FIFO's course.
//! Always: the same as an [`Episode`](super::Episode) of that window hands out period by period.
//! Not here: policies, which must not look.

use super::episode::WindowChoice;
use super::gate::gated_classes;
use super::setup::SiteSetup;
use super::state::{FifoPeriod, SiteState};
use crate::workload::{Job, JobPool};

/// A site's window, known from end to end.
#[derive(Debug, Clone, PartialEq)]
pub struct SiteCourse {
    /// Jobs in progress at the start, those of the first period not yet among them.
    pub initial_jobs: JobPool,
    /// Interactive IT load of each period, MW.
    pub interactive_mw: Vec<f64>,
    /// The least that serving it takes, MW: less than the load where the scenario lets a policy serve it with less.
    pub least_interactive_mw: Vec<f64>,
    /// One bit per class that may not run in a period unless it must.
    pub gated: Vec<u16>,
    /// All jobs that arrive, by release.
    pub jobs: Vec<Job>,
    /// FIFO, period by period.
    pub fifo: Vec<FifoPeriod>,
    /// FIFO's jobs at the end.
    pub fifo_left: JobPool,
}

/// The course of every site in a window.
pub fn courses(setup: &SiteSetup, window: WindowChoice) -> Vec<SiteCourse> {
    let of_site = |(i, place)| {
        let mut state = SiteState::new(setup, place);
        state.begin(setup, place, window.site_seed(setup, i), window.start);
        let initial_jobs = state.fifo_jobs.clone();
        let (mut jobs, mut interactive_mw, mut fifo) = (Vec::new(), Vec::new(), Vec::new());
        let (mut least_interactive_mw, mut gated) = (Vec::new(), Vec::new());
        for t in 0..window.periods {
            let at = window.start + t;
            state.draw(setup, place, at, t as i32, |job| jobs.push(job));
            interactive_mw.push(state.interactive.value());
            least_interactive_mw.push(state.least_interactive(place).value());
            gated.push(gated_classes(place, at));
            fifo.push(state.advance_fifo(setup, place, at, t as i32, gated[t]));
        }
        SiteCourse { initial_jobs, interactive_mw, least_interactive_mw, gated, jobs, fifo, fifo_left: state.fifo_jobs }
    };
    setup.places().iter().enumerate().map(of_site).collect()
}
