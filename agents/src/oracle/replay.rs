//! A plan carried out in the environment, to see how near a policy can come to the oracle's bound.
//!
//! Always: looks at the plan and at what has been done so far. Not a rival: the plan knows the future.

use crate::planning::{PeriodPlan, thrifty};
use crate::policy::{Policy, Situation};
use flexai_env::site::{SiteAction, SiteView};
use flexai_env::units::PERIOD_HOURS;

/// Carries out a plan: the battery as planned, of each class as much as brings its energy so far to the plan's.
#[derive(Debug, Clone)]
pub struct PlanReplay {
    plan: Vec<Vec<PeriodPlan>>,
    /// Work that has arrived or been there, less what is left, is what was done: by site and class.
    planned: Vec<Vec<f64>>,
    /// Work left at the last decision, and that would be left now.
    queued: Vec<Vec<f64>>,
    done: Vec<Vec<f64>>,
    t: usize,
}

impl PlanReplay {
    /// Carries out a plan, by site and period.
    pub fn new(plan: Vec<Vec<PeriodPlan>>) -> Self {
        Self { plan, planned: Vec::new(), queued: Vec::new(), done: Vec::new(), t: 0 }
    }

    fn decide_site(&mut self, s: usize, site: &SiteView<'_>) -> SiteAction {
        let plan = self.plan[s][self.t.min(self.plan[s].len() - 1)];
        let config = site.config();
        let mut action = SiteAction::default();
        let net = (plan.charge_mwh - plan.discharge_mwh) / PERIOD_HOURS;
        let power = if net < 0.0 { config.battery.discharge_power() } else { config.battery.charge_power() };
        action.battery = if power.value() > 0.0 { (net / power.value()).clamp(-1.0, 1.0) } else { 0.0 };
        for c in 0..config.workload.classes.len() {
            let view = site.class(c);
            let arrived: f64 = site
                .jobs(c)
                .iter()
                .filter(|job| self.t > 0 && job.release == site.period() as i32)
                .map(|job| job.work_mwh())
                .sum();
            if self.t > 0 {
                self.done[s][c] += self.queued[s][c] + arrived - view.true_mwh;
            }
            self.queued[s][c] = view.true_mwh;
            self.planned[s][c] += plan.work_mwh[c];
            let wanted_mw = (self.planned[s][c] - self.done[s][c]) / PERIOD_HOURS;
            action.run[c] = if view.available_mw > 0.0 { (wanted_mw / view.available_mw).clamp(0.0, 1.0) } else { 0.0 };
        }
        // Where work takes less energy at less power, the plan counts on it.
        thrifty(site, action)
    }
}

impl Policy for PlanReplay {
    fn name(&self) -> &str {
        "plan_replay"
    }

    fn begin_episode(&mut self, _seed: u64) {
        self.t = 0;
        let classes = flexai_env::workload::MAX_CLASSES;
        for sums in [&mut self.planned, &mut self.queued, &mut self.done] {
            *sums = vec![vec![0.0; classes]; self.plan.len()];
        }
    }

    fn decide(&mut self, situation: &Situation<'_>, action: &mut [f32]) {
        let fleet = situation.site.expect("a plan is carried out in site environments");
        let mut s = 0;
        fleet.decide_each(action, |site| {
            s += 1;
            self.decide_site(s - 1, site)
        });
        self.t += 1;
    }
}
