//! What a period cost, and where every MWh went.
//!
//! In: physics of one period. Out: a [`StepAccount`], summed into a [`Ledger`].
//! Always: `import + solar used + discharged = facility load + charged`; the cost is the sum of its terms.
//! Not here: what the agent is told about it (`reward.rs`).

use crate::units::PERIOD_HOURS;
use serde::{Deserialize, Serialize};

/// Names of the info entries of `FlexSite-v1`, in the order of [`StepAccount::write_info`].
pub const INFO_KEYS: &[&str] = &[
    "cost_gbp",
    "bill_gbp",
    "energy_gbp",
    "charges_gbp",
    "carbon_gbp",
    "wear_gbp",
    "lateness_gbp",
    "settlement_gbp",
    "fifo_cost_gbp",
    "carbon_t",
    "import_mwh",
    "it_mwh",
    "solar_used_mwh",
    "solar_curtailed_mwh",
    "charged_mwh",
    "discharged_mwh",
    "battery_lost_mwh",
    "late_mwh",
    "checkpoint_lost_mwh",
    "shifted_mwh",
    "jobs_in_time",
    "jobs_late",
    "threshold_breach_mwh",
    "import_breach_mwh",
];

/// Money, carbon and energy of one period.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct StepAccount {
    /// Import at the index price.
    pub energy_gbp: f64,
    /// Import at network and policy charges.
    pub charges_gbp: f64,
    /// Carbon price on emissions; not part of the bill.
    pub carbon_gbp: f64,
    /// Battery wear.
    pub wear_gbp: f64,
    /// Charge for late work.
    pub lateness_gbp: f64,
    /// Value of what is left over, in the last period of a scored episode only.
    pub settlement_gbp: f64,
    /// The parts of `settlement_gbp`.
    pub settled: Settled,
    /// Cost of the same period under FIFO.
    pub fifo_cost_gbp: f64,
    /// Emissions, location-based average.
    pub carbon_t: f64,
    /// Import from the grid.
    pub import_mwh: f64,
    /// IT energy, interactive and jobs.
    pub it_mwh: f64,
    /// Facility energy: IT times PUE.
    pub facility_mwh: f64,
    /// On-site solar used.
    pub solar_used_mwh: f64,
    /// On-site solar not used.
    pub solar_curtailed_mwh: f64,
    /// Drawn by the battery.
    pub charged_mwh: f64,
    /// Delivered by the battery.
    pub discharged_mwh: f64,
    /// Lost in the battery's conversion.
    pub battery_lost_mwh: f64,
    /// Work past its deadline at the end of the period.
    pub late_mwh: f64,
    /// Work lost at checkpoints.
    pub checkpoint_lost_mwh: f64,
    /// Half the distance of the IT energy from FIFO's; sums to the energy moved in time.
    pub shifted_mwh: f64,
    /// Jobs finished by their deadline.
    pub jobs_in_time: f64,
    /// Jobs finished late, or left over late at the end.
    pub jobs_late: f64,
    /// IT energy run above its class's carbon threshold.
    pub threshold_breach_mwh: f64,
    /// Import beyond the limit.
    pub import_breach_mwh: f64,
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
        self.bill_gbp() + self.carbon_gbp + self.wear_gbp + self.lateness_gbp + self.settlement_gbp
    }

    /// Energy that does not balance; rounding only.
    pub fn imbalance_mwh(&self) -> f64 {
        self.import_mwh + self.solar_used_mwh + self.discharged_mwh - self.facility_mwh - self.charged_mwh
    }

    /// Writes the entries named by [`INFO_KEYS`].
    pub fn write_info(&self, out: &mut [f64]) {
        out.copy_from_slice(&[
            self.cost_gbp(),
            self.bill_gbp(),
            self.energy_gbp,
            self.charges_gbp,
            self.carbon_gbp,
            self.wear_gbp,
            self.lateness_gbp,
            self.settlement_gbp,
            self.fifo_cost_gbp,
            self.carbon_t,
            self.import_mwh,
            self.it_mwh,
            self.solar_used_mwh,
            self.solar_curtailed_mwh,
            self.charged_mwh,
            self.discharged_mwh,
            self.battery_lost_mwh,
            self.late_mwh,
            self.checkpoint_lost_mwh,
            self.shifted_mwh,
            self.jobs_in_time,
            self.jobs_late,
            self.threshold_breach_mwh,
            self.import_breach_mwh,
        ]);
    }

    fn add(&mut self, step: &StepAccount) {
        self.energy_gbp += step.energy_gbp;
        self.charges_gbp += step.charges_gbp;
        self.carbon_gbp += step.carbon_gbp;
        self.wear_gbp += step.wear_gbp;
        self.lateness_gbp += step.lateness_gbp;
        self.settlement_gbp += step.settlement_gbp;
        self.settled.energy_gbp += step.settled.energy_gbp;
        self.settled.charges_gbp += step.settled.charges_gbp;
        self.settled.carbon_t += step.settled.carbon_t;
        self.fifo_cost_gbp += step.fifo_cost_gbp;
        self.carbon_t += step.carbon_t;
        self.import_mwh += step.import_mwh;
        self.it_mwh += step.it_mwh;
        self.facility_mwh += step.facility_mwh;
        self.solar_used_mwh += step.solar_used_mwh;
        self.solar_curtailed_mwh += step.solar_curtailed_mwh;
        self.charged_mwh += step.charged_mwh;
        self.discharged_mwh += step.discharged_mwh;
        self.battery_lost_mwh += step.battery_lost_mwh;
        self.late_mwh += step.late_mwh;
        self.checkpoint_lost_mwh += step.checkpoint_lost_mwh;
        self.shifted_mwh += step.shifted_mwh;
        self.jobs_in_time += step.jobs_in_time;
        self.jobs_late += step.jobs_late;
        self.threshold_breach_mwh += step.threshold_breach_mwh;
        self.import_breach_mwh += step.import_breach_mwh;
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
