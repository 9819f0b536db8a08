//! What a period cost, and where every MWh went.
//!
//! In: physics of one period. Out: a [`StepAccount`], summed into a [`Ledger`].
//! Always: `import + solar used + discharged = facility load + charged`; the cost is the sum of its terms.
//! Not here: what the agent is told about it (`reward.rs`).

use crate::units::PERIOD_HOURS;
use serde::{Deserialize, Serialize};

/// Declares the numbers of an account once: the struct, their names and their sum.
macro_rules! accounts {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// Money, carbon and energy of one period; of all sites together where there are several.
        #[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
        pub struct StepAccount {
            $($(#[$doc])* pub $name: f64,)*
            /// The parts of `settlement_gbp`.
            pub settled: Settled,
        }

        /// Names of the info entries of the site environments, in the order of [`StepAccount::write_info`].
        pub const INFO_KEYS: &[&str] = &["cost_gbp", "bill_gbp", $(stringify!($name)),*];

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
    energy_gbp,
    /// Import at network and policy charges.
    charges_gbp,
    /// Carbon price on emissions; not part of the bill.
    carbon_gbp,
    /// Battery wear.
    wear_gbp,
    /// Charge for late work.
    lateness_gbp,
    /// Value of jobs lost in steps before their deadline.
    value_lost_gbp,
    /// Charge for moving data between sites; the energy of the transfer is in the import of the site that sends.
    migration_gbp,
    /// What flexibility earned: turn-down sold and events delivered, less penalties and fees. Counts against the cost.
    flex_revenue_gbp,
    /// Value of what is left over, in the last period of a scored episode only.
    settlement_gbp,
    /// Cost of the same period under FIFO.
    fifo_cost_gbp,
    /// Emissions, location-based average.
    carbon_t,
    /// Import from the grid.
    import_mwh,
    /// Export to the grid.
    export_mwh,
    /// IT energy, interactive and jobs.
    it_mwh,
    /// IT energy of interactive inference.
    interactive_mwh,
    /// Inferences served by it, in millions.
    inferences_millions,
    /// Work done on jobs, as IT energy at full power.
    work_mwh,
    /// Facility energy: IT and transfers of data, times PUE.
    facility_mwh,
    /// On-site solar used.
    solar_used_mwh,
    /// On-site solar neither used nor exported.
    solar_curtailed_mwh,
    /// Drawn by the battery.
    charged_mwh,
    /// Delivered by the battery.
    discharged_mwh,
    /// Lost in the battery's conversion and by self-discharge.
    battery_lost_mwh,
    /// Work past its deadline at the end of the period.
    late_mwh,
    /// Of this, work of jobs that would have been in time had the estimate of their duration been true.
    late_by_estimate_mwh,
    /// Work lost at checkpoints.
    checkpoint_lost_mwh,
    /// Half the distance of the IT energy from FIFO's; sums to the energy moved in time.
    shifted_mwh,
    /// Jobs finished by their deadline.
    jobs_in_time,
    /// Jobs finished late, or left over late at the end.
    jobs_late,
    /// Of these, jobs that would have been in time had the estimate of their duration been true.
    jobs_late_by_estimate,
    /// Jobs sent to another site.
    jobs_migrated,
    /// IT energy of sending their data.
    transfer_mwh,
    /// IT energy run above its class's carbon threshold.
    threshold_breach_mwh,
    /// IT energy of green-only classes run outside a green window.
    green_breach_mwh,
    /// Import beyond the limit, or beyond the cap that the grid asked for.
    import_breach_mwh,
    /// Turn-down sold ahead.
    flex_sold_mwh,
    /// Turn-down that was rewarded: never more than that against FIFO, and none of it twice.
    flex_delivered_mwh,
    /// What the market's own rule would have paid; `flex_revenue_gbp` pays for true turn-down only.
    flex_settled_gbp,
    /// Deviation from the baseline that was no turn-down against FIFO: error of the baseline.
    baseline_error_mwh,
    /// Turn-down asked for by grid events.
    event_requested_mwh,
    /// Asked for and not delivered.
    event_shortfall_mwh,
}

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
        let service = self.lateness_gbp + self.value_lost_gbp + self.migration_gbp;
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
    }
}
