//! The same work for less energy, where a scenario lets a policy cap power.
//!
//! In: what to do at full power. Out: the same work at the cap that takes the least energy for it, and inference served on
//! as little power as keeps its latency. Always: jobs that must run do so at full power, whatever is asked for.
//! Not here: when to run (`rivals/`).

use flexai_env::site::{SiteAction, SiteView};
use flexai_env::workload::ClassRules;

/// Levels of serving inference, the thriftiest first: few replicas capped, few at full power, all at full power.
const LEVELS: [f64; 3] = [0.0, 0.5, 1.0];

/// Does what an action wants with the least energy; nothing changes where power is no control.
pub(crate) fn thrifty(site: &SiteView<'_>, mut action: SiteAction) -> SiteAction {
    if !site.config().controls.power_cap {
        return action;
    }
    let best = site.inference_gbp(1.0);
    action.serve = LEVELS.into_iter().find(|level| site.inference_gbp(*level) <= best).unwrap_or(1.0);
    let shares = action.run.iter_mut().zip(&mut action.cap);
    for ((run, cap), rules) in shares.zip(&site.place().rules) {
        let (power, throughput) = thriftiest(rules);
        *cap = power;
        // More jobs at once, as each is slower.
        *run = (*run / throughput).min(1.0);
    }
    action
}

/// The share of a job's power that takes least energy for the work, and the throughput at it.
fn thriftiest(rules: &ClassRules) -> (f64, f64) {
    let shares = (0..=100).map(|i| rules.power_floor + (1.0 - rules.power_floor) * f64::from(i) / 100.0);
    let energy = |share: f64| share / rules.power_curve.throughput(share);
    let share = shares.min_by(|a, b| energy(*a).total_cmp(&energy(*b))).unwrap_or(1.0);
    (share, rules.power_curve.throughput(share))
}
