//! Carbon-threshold scheduling: a class waits while the grid is dirtier than its threshold, up to its latest start.
//!
//! Always: must-run work beats the threshold (the environment sees to that). The carbon intensity of the period is not
//! known when it is decided, so the newest known value stands for it. The battery stays idle. Where power may be capped it is
//! the one that takes the least energy for the work.

use super::rival::{NoOptions, RivalPolicy, without_jobs};
use crate::planning::thrifty;
use crate::policy::{Policy, Situation};
use flexai_env::grid::Signal;
use flexai_env::site::{SiteAction, SiteConfig};

/// The thresholds of the scenario's classes, as a policy.
pub(super) struct CarbonThreshold;

impl RivalPolicy for CarbonThreshold {
    type Options = NoOptions;
    const NAME: &'static str = "carbon_threshold";
    const SUMMARY: &'static str =
        "wait while carbon is above the class's threshold, battery idle; it takes the saving of power caps";

    fn new(_options: NoOptions) -> Self {
        Self
    }

    fn unfit(_options: &NoOptions, scenario: &SiteConfig) -> Option<String> {
        without_jobs(scenario)
    }
}

impl Policy for CarbonThreshold {
    fn name(&self) -> &str {
        Self::NAME
    }

    fn decide(&mut self, situation: &Situation<'_>, action: &mut [f32]) {
        let fleet = situation.site.expect("rivals of the site are only offered for site environments");
        fleet.decide_each(action, |site| {
            let known = site.known();
            let national = known.latest(Signal::CarbonIntensity, known.now()).map(|(_, value)| value);
            let carbon = national.map_or(f64::INFINITY, |value| site.place().regional_carbon(value));
            let mut decision = SiteAction::fifo();
            for (run, class) in decision.run.iter_mut().zip(&site.config().workload.classes) {
                let waits = class.carbon_threshold_gco2_kwh.is_some_and(|threshold| carbon > threshold);
                *run = if waits { 0.0 } else { 1.0 };
            }
            thrifty(site, decision)
        });
    }
}
