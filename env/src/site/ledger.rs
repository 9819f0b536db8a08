//! What a period cost, and where every MWh went.
//!
//! In: physics of one period. Out: a [`StepAccount`], summed into a [`Ledger`].
//! Always: `import + solar used + discharged = facility load + charged`; the cost is the sum of its terms.
//! Not here: what the agent is told about it (`reward.rs`).

use crate::units::PERIOD_HOURS;
use serde::{Deserialize, Serialize};

/// Declares the numbers of an account once: the struct, their names, units and meanings, and their sum.
///
/// The doc comment of an entry is its meaning on the environment's page too.
macro_rules! accounts {
    ($($(#[doc = $doc:literal])+ $name:ident: $unit:literal,)*) => {
        /// Money, carbon and energy of one period; of all sites together where there are several.
        #[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
        pub struct StepAccount {
            $($(#[doc = $doc])+ #[doc = concat!(" Unit: ", $unit, ".")] pub $name: f64,)*
            /// The parts of `settlement_gbp`.
            pub settled: Settled,
        }

        /// Names of the info entries of the site environments, in the order of [`StepAccount::write_info`].
        pub const INFO_KEYS: &[&str] = &["cost_gbp", "bill_gbp", $(stringify!($name)),*];

        /// The info entries with their units and meanings, in the same order.
        pub const INFO_FIELDS: &[InfoField] = &[
            InfoField { key: "cost_gbp", unit: "GBP", meaning: "J: everything the score counts." },
            InfoField { key: "bill_gbp", unit: "GBP", meaning: "What is paid for energy: index price and charges." },
            $(InfoField {
                key: stringify!($name),
                unit: $unit,
                meaning: concat!($($doc),+).trim_ascii(),
            }),*
        ];

        impl StepAccount {
            /// Writes the entries named by [`INFO_KEYS`].
            pub fn write_info(&self, out: &mut [f64]) {
                out.copy_from_slice(&[self.cost_gbp(), self.bill_gbp(), $(self.$name),*]);
            }

            /// Adds another account, number by number.
            pub fn add(&mut self, other: &StepAccount) {
                $(self.$name += other.$name;)*
                self.settled.energy_gbp += other.settled.energy_gbp;
                self.settled.charges_gbp += other.settled.charges_gbp;
                self.settled.carbon_t += other.settled.carbon_t;
            }
        }
    };
}

accounts! {
    /// Import at the index price, less what export earns.
    energy_gbp: "GBP",
    /// Import at network and policy charges.
    charges_gbp: "GBP",
    /// Carbon price on emissions; not part of the bill.
    carbon_gbp: "GBP",
    /// Battery wear.
    wear_gbp: "GBP",
    /// Charge for late work.
    lateness_gbp: "GBP",
    /// Value of jobs lost in steps before their deadline.
    value_lost_gbp: "GBP",
    /// Charge for inferences that went unserved or were answered too slowly.
    inference_gbp: "GBP",
    /// Charge for moving data between sites; the energy of the transfer is in the import of the site that sends.
    migration_gbp: "GBP",
    /// What flexibility earned: turn-down sold and events delivered, less penalties and fees. Counts against the cost.
    flex_revenue_gbp: "GBP",
    /// Value of what is left over, in the last period of a scored episode only.
    settlement_gbp: "GBP",
    /// Cost of the same period under FIFO.
    fifo_cost_gbp: "GBP",
    /// Emissions, location-based average.
    carbon_t: "t",
    /// Import from the grid.
    import_mwh: "MWh",
    /// Export to the grid.
    export_mwh: "MWh",
    /// IT energy, interactive and jobs.
    it_mwh: "MWh",
    /// IT energy of interactive inference.
    interactive_mwh: "MWh",
    /// Inferences served by it, in millions.
    inferences_millions: "million",
    /// Inferences asked for and not served because the fleet was slowed too far, in millions.
    inferences_unserved_millions: "million",
    /// Inferences answered more slowly than the latency limit, in millions.
    inferences_slow_millions: "million",
    /// Jobs released and unfinished at the end of the period; divide by the periods.
    live_jobs: "jobs",
    /// Work done on jobs, as IT energy at full power.
    work_mwh: "MWh",
    /// Facility energy: IT and transfers of data, times PUE.
    facility_mwh: "MWh",
    /// On-site solar used.
    solar_used_mwh: "MWh",
    /// On-site solar neither used nor exported.
    solar_curtailed_mwh: "MWh",
    /// Drawn by the battery.
    charged_mwh: "MWh",
    /// Delivered by the battery.
    discharged_mwh: "MWh",
    /// Lost in the battery's conversion and by self-discharge.
    battery_lost_mwh: "MWh",
    /// Work past its deadline at the end of the period.
    late_mwh: "MWh",
    /// Of this, work of jobs that would have been in time had the estimate of their duration been true.
    late_by_estimate_mwh: "MWh",
    /// Work lost at checkpoints.
    checkpoint_lost_mwh: "MWh",
    /// Half the distance of the IT energy from FIFO's; sums to the energy moved in time.
    shifted_mwh: "MWh",
    /// Jobs finished by their deadline.
    jobs_in_time: "jobs",
    /// Jobs finished late, or left over late at the end.
    jobs_late: "jobs",
    /// Of these, jobs that would have been in time had the estimate of their duration been true.
    jobs_late_by_estimate: "jobs",
    /// Jobs sent to another site.
    jobs_migrated: "jobs",
    /// IT energy of sending their data.
    transfer_mwh: "MWh",
    /// IT energy run above its class's carbon threshold.
    threshold_breach_mwh: "MWh",
    /// IT energy of green-only classes run outside a green window.
    green_breach_mwh: "MWh",
    /// Import beyond the limit, or beyond the cap that the grid asked for.
    import_breach_mwh: "MWh",
    /// Turn-down sold ahead.
    flex_sold_mwh: "MWh",
    /// Turn-down that was rewarded: never more than that against FIFO, and none of it twice.
    flex_delivered_mwh: "MWh",
    /// What the market's own rule would have paid; `flex_revenue_gbp` pays for true turn-down only.
    flex_settled_gbp: "GBP",
    /// Deviation from the baseline that was no turn-down against FIFO: error of the baseline.
    baseline_error_mwh: "MWh",
    /// Turn-down asked for by grid events.
    event_requested_mwh: "MWh",
    /// Asked for and not delivered.
    event_shortfall_mwh: "MWh",
}

/// Import beyond a limit that is no breach but rounding: 1 mWh.
const ROUNDING_MWH: f64 = 1e-9;

/// One entry of the info of the site environments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct InfoField {
    /// Its name.
    pub key: &'static str,
    /// Its unit, per step; sums over an episode have the same.
    pub unit: &'static str,
    /// What it counts.
    pub meaning: &'static str,
}

/// The terms of the cost with their signs: J is their sum.
pub const COST_TERMS: &[(f64, &str)] = &[
    (1.0, "energy_gbp"),
    (1.0, "charges_gbp"),
    (1.0, "carbon_gbp"),
    (1.0, "wear_gbp"),
    (1.0, "lateness_gbp"),
    (1.0, "value_lost_gbp"),
    (1.0, "inference_gbp"),
    (1.0, "migration_gbp"),
    (1.0, "settlement_gbp"),
    (-1.0, "flex_revenue_gbp"),
];

/// What a scored episode leaves over, at the mean prices and carbon intensity of the settlement: these two amounts, the
/// carbon price on the third and the charge for late work add up to [`StepAccount::settlement_gbp`].
///
/// Without them, leaving work over or emptying the battery would look like a smaller bill and like fewer emissions.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Settled {
    /// At the index price.
    pub energy_gbp: f64,
    /// At network and policy charges.
    pub charges_gbp: f64,
    /// Emissions.
    pub carbon_t: f64,
}

/// Sums over an episode.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Ledger {
    /// Sum of all periods.
    pub total: StepAccount,
    /// Largest import power.
    pub peak_import_mw: f64,
    /// Periods summed.
    pub periods: u32,
    /// Periods in which a site drew more than its limit, or than the cap that the grid asked for.
    pub import_breaches: u32,
}

impl StepAccount {
    /// What is paid: energy and charges.
    pub fn bill_gbp(&self) -> f64 {
        self.energy_gbp + self.charges_gbp
    }

    /// The energy part of the bill, with what is left over.
    pub fn settled_energy_gbp(&self) -> f64 {
        self.energy_gbp + self.settled.energy_gbp
    }

    /// The bill with what is left over: comparable between policies that leave different amounts of work and charge.
    pub fn settled_bill_gbp(&self) -> f64 {
        self.bill_gbp() + self.settled.energy_gbp + self.settled.charges_gbp
    }

    /// Emissions with those of what is left over.
    pub fn settled_carbon_t(&self) -> f64 {
        self.carbon_t + self.settled.carbon_t
    }

    /// J: everything the score counts.
    pub fn cost_gbp(&self) -> f64 {
        let service = self.lateness_gbp + self.value_lost_gbp + self.inference_gbp + self.migration_gbp;
        self.bill_gbp() + self.carbon_gbp + self.wear_gbp + service + self.settlement_gbp - self.flex_revenue_gbp
    }

    /// Energy that does not balance; rounding only.
    pub fn imbalance_mwh(&self) -> f64 {
        let supply = self.import_mwh + self.solar_used_mwh + self.discharged_mwh;
        supply - self.facility_mwh - self.charged_mwh - self.export_mwh
    }
}

impl Ledger {
    /// Adds a period.
    pub fn add(&mut self, step: &StepAccount) {
        self.total.add(step);
        self.peak_import_mw = self.peak_import_mw.max(step.import_mwh / PERIOD_HOURS);
        self.periods += 1;
        self.import_breaches += u32::from(step.import_breach_mwh > ROUNDING_MWH);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An account whose numbers are all different.
    fn distinct() -> StepAccount {
        let zero = serde_json::to_value(StepAccount::default()).expect("an account serialises");
        let mut value = zero;
        let numbers = value.as_object_mut().expect("as an object").iter_mut().filter(|(_, v)| v.is_number());
        for (i, (_, number)) in numbers.enumerate() {
            *number = (1.0 + (i as f64) * (i as f64)).into();
        }
        serde_json::from_value(value).expect("and deserialises")
    }

    #[test]
    fn the_cost_is_the_sum_of_its_named_terms() {
        let account = distinct();
        let mut info = vec![0.0; INFO_KEYS.len()];
        account.write_info(&mut info);
        let of = |key: &str| info[INFO_KEYS.iter().position(|k| *k == key).expect("a term is an info entry")];
        let sum: f64 = COST_TERMS.iter().map(|(sign, key)| sign * of(key)).sum();
        assert!((sum - account.cost_gbp()).abs() < 1e-9 && sum != 0.0, "{sum} {}", account.cost_gbp());
        assert_eq!(of("cost_gbp"), account.cost_gbp());
    }

    #[test]
    fn a_period_beyond_the_limit_is_counted_once_and_rounding_never() {
        let mut ledger = Ledger::default();
        for import_breach_mwh in [0.0, 1e-15, 0.25, 3.0] {
            ledger.add(&StepAccount { import_breach_mwh, ..StepAccount::default() });
        }
        assert_eq!((ledger.import_breaches, ledger.periods), (2, 4));
    }

    #[test]
    fn every_info_entry_has_a_name_of_its_own_a_unit_and_a_meaning() {
        assert_eq!(INFO_FIELDS.iter().map(|field| field.key).collect::<Vec<_>>(), INFO_KEYS);
        for (i, field) in INFO_FIELDS.iter().enumerate() {
            assert!(!field.unit.is_empty() && field.meaning.ends_with('.'), "{field:?}");
            assert!(INFO_FIELDS[..i].iter().all(|other| other.key != field.key), "{} stands twice", field.key);
        }
    }
}
