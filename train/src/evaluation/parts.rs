//! The terms of J, so that a saving can be followed to where it comes from.
//!
//! In: ledgers. Out: one number per term.
//! Always: [`CostParts::terms`] adds up to J.

use flexai_env::site::Ledger;
use serde::{Deserialize, Serialize};

/// Sums over the weeks, averaged over job seeds, in pounds; what a week leaves over is in the settlement alone.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct CostParts {
    /// Import at the index price, less what export earns.
    pub energy_gbp: f64,
    /// Import at network and policy charges.
    pub charges_gbp: f64,
    /// Carbon price on emissions.
    pub carbon_gbp: f64,
    /// Battery wear.
    pub wear_gbp: f64,
    /// Charge for late work.
    pub lateness_gbp: f64,
    /// Value of jobs lost in steps before their deadline.
    pub value_lost_gbp: f64,
    /// Charge for inferences that went unserved or were answered too slowly.
    #[serde(default)]
    pub inference_gbp: f64,
    /// Charge for moving data between sites.
    pub migration_gbp: f64,
    /// What flexibility earned; counts against the cost.
    pub flex_revenue_gbp: f64,
    /// Value of what the weeks leave over.
    pub settlement_gbp: f64,
}

impl CostParts {
    /// Mean over job seeds of the sums over weeks.
    pub fn of<'a>(ledgers: impl Iterator<Item = &'a Ledger>, seeds: usize) -> Self {
        let share = 1.0 / seeds.max(1) as f64;
        ledgers.map(|ledger| &ledger.total).fold(Self::default(), |sum, total| Self {
            energy_gbp: sum.energy_gbp + share * total.energy_gbp,
            charges_gbp: sum.charges_gbp + share * total.charges_gbp,
            carbon_gbp: sum.carbon_gbp + share * total.carbon_gbp,
            wear_gbp: sum.wear_gbp + share * total.wear_gbp,
            lateness_gbp: sum.lateness_gbp + share * total.lateness_gbp,
            value_lost_gbp: sum.value_lost_gbp + share * total.value_lost_gbp,
            inference_gbp: sum.inference_gbp + share * total.inference_gbp,
            migration_gbp: sum.migration_gbp + share * total.migration_gbp,
            flex_revenue_gbp: sum.flex_revenue_gbp + share * total.flex_revenue_gbp,
            settlement_gbp: sum.settlement_gbp + share * total.settlement_gbp,
        })
    }

    /// The terms as people call them, with the signs they have in J.
    pub fn terms(&self) -> [(&'static str, f64); 10] {
        [
            ("energy at the index price", self.energy_gbp),
            ("network and policy charges", self.charges_gbp),
            ("carbon price", self.carbon_gbp),
            ("battery wear", self.wear_gbp),
            ("late work", self.lateness_gbp),
            ("jobs that lost their value", self.value_lost_gbp),
            ("inferences slow or unserved", self.inference_gbp),
            ("migration", self.migration_gbp),
            ("flexibility sold", -self.flex_revenue_gbp),
            ("left over at week's end", self.settlement_gbp),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flexai_env::site::StepAccount;

    #[test]
    fn the_terms_add_up_to_j() {
        let total = StepAccount {
            energy_gbp: 1.0,
            charges_gbp: 2.0,
            carbon_gbp: 4.0,
            wear_gbp: 8.0,
            lateness_gbp: 16.0,
            value_lost_gbp: 32.0,
            migration_gbp: 64.0,
            flex_revenue_gbp: 128.0,
            settlement_gbp: 256.0,
            inference_gbp: 512.0,
            ..StepAccount::default()
        };
        let ledger = Ledger { total, ..Ledger::default() };
        let parts = CostParts::of([&ledger, &ledger].into_iter(), 2);
        let sum: f64 = parts.terms().iter().map(|term| term.1).sum();
        assert_eq!(sum, total.cost_gbp());
    }
}
