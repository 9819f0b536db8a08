//! First in, first out: run everything at arrival, leave the battery alone.

use super::rival::{NoOptions, RivalPolicy};
use crate::policy::{Policy, Situation};
use flexai_env::site::SiteAction;

/// The rule that every saving is measured against.
pub(super) struct Fifo;

impl RivalPolicy for Fifo {
    type Options = NoOptions;
    const NAME: &'static str = "fifo";
    const SUMMARY: &'static str = "run at arrival, battery idle";

    fn new(_options: NoOptions) -> Self {
        Self
    }
}

impl Policy for Fifo {
    fn name(&self) -> &str {
        Self::NAME
    }

    fn decide(&mut self, situation: &Situation<'_>, action: &mut [f32]) {
        let fleet = situation.site.expect("rivals of the site are only offered for site environments");
        fleet.decide_each(action, |_| SiteAction::fifo());
    }
}
