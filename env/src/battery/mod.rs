//! Battery: turns a power set-point into energy moved and energy lost.
//!
//! In: a set-point, the limits of the site and the length of a period. Out: a [`BatteryFlow`] whose energies balance.
//! Always: `0 <= stored <= capacity`; charging and discharging never happen together; each efficiency is applied once.
//! Not here: wear cost (`site/ledger.rs`), when to charge (`flexai-agents`).

use crate::units::{MegawattHours, Megawatts, PERIOD_HOURS};
use serde::{Deserialize, Serialize};

/// A battery behind the meter: table `[battery]` of a scenario.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BatteryConfig {
    /// Usable energy; 0 means no battery.
    pub capacity_mwh: f64,
    /// Largest charging and discharging power at the AC side.
    pub power_mw: f64,
    /// Energy stored per energy drawn, in `(0, 1]`.
    pub charge_efficiency: f64,
    /// Energy delivered per energy taken out of store, in `(0, 1]`.
    pub discharge_efficiency: f64,
    /// Wear per MWh discharged at the AC side.
    pub wear_gbp_per_mwh: f64,
    /// State of charge at the start of an episode, as a share of the capacity.
    pub initial_charge: f64,
}

impl Default for BatteryConfig {
    fn default() -> Self {
        Self {
            capacity_mwh: 16.0,
            power_mw: 4.0,
            charge_efficiency: 0.95,
            discharge_efficiency: 0.95,
            wear_gbp_per_mwh: 10.0,
            initial_charge: 0.5,
        }
    }
}

impl BatteryConfig {
    /// Faults as `(key, message)`.
    pub fn validate(&self) -> Vec<(String, String)> {
        let mut faults = Vec::new();
        let mut check = |ok: bool, key: &str, found: f64, expected: &str| {
            if !ok {
                faults.push((format!("battery.{key}"), format!("is {found}, expected {expected}")));
            }
        };
        let efficiency = |x: f64| x > 0.0 && x <= 1.0;
        let amount = |x: f64| x >= 0.0 && x.is_finite();
        check(amount(self.capacity_mwh), "capacity_mwh", self.capacity_mwh, "0 or more");
        check(amount(self.power_mw), "power_mw", self.power_mw, "0 or more");
        check(
            efficiency(self.charge_efficiency),
            "charge_efficiency",
            self.charge_efficiency,
            "more than 0, at most 1",
        );
        check(
            efficiency(self.discharge_efficiency),
            "discharge_efficiency",
            self.discharge_efficiency,
            "more than 0, at most 1",
        );
        check(amount(self.wear_gbp_per_mwh), "wear_gbp_per_mwh", self.wear_gbp_per_mwh, "0 or more");
        check((0.0..=1.0).contains(&self.initial_charge), "initial_charge", self.initial_charge, "between 0 and 1");
        faults
    }

    /// Energy stored at the start of an episode.
    pub fn initial_stored(&self) -> MegawattHours {
        MegawattHours(self.capacity_mwh * self.initial_charge)
    }
}

/// Energies of one period at the AC side, and what was lost between AC side and store.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct BatteryFlow {
    /// Drawn from the site.
    pub charged: MegawattHours,
    /// Delivered to the site.
    pub discharged: MegawattHours,
    /// Lost in conversion.
    pub lost: MegawattHours,
    /// Stored energy after the period.
    pub stored: MegawattHours,
}

/// Moves energy for one period.
///
/// `set_point` is positive for charging; `charge_limit` and `discharge_limit` (both >= 0) are what the site can give
/// and take. What capacity or limits forbid is left out of the flow.
pub fn operate(
    config: &BatteryConfig,
    stored: MegawattHours,
    set_point: Megawatts,
    charge_limit: Megawatts,
    discharge_limit: Megawatts,
) -> BatteryFlow {
    let power = Megawatts(config.power_mw);
    if set_point.0 >= 0.0 {
        let room = MegawattHours((config.capacity_mwh - stored.0).max(0.0) / config.charge_efficiency);
        let charged = set_point.min(power).min(charge_limit).max(Megawatts::ZERO).over_period().min(room);
        let gained = charged * config.charge_efficiency;
        let after = (stored + gained).min(MegawattHours(config.capacity_mwh));
        BatteryFlow { charged, discharged: MegawattHours::ZERO, lost: charged - (after - stored), stored: after }
    } else {
        let available = stored * config.discharge_efficiency;
        let wanted = (-set_point).min(power).min(discharge_limit).max(Megawatts::ZERO).over_period();
        let discharged = wanted.min(available);
        let after = (stored - discharged / config.discharge_efficiency).max(MegawattHours::ZERO);
        BatteryFlow { charged: MegawattHours::ZERO, discharged, lost: (stored - after) - discharged, stored: after }
    }
}

/// Largest power the battery can deliver over the coming period.
pub fn deliverable(config: &BatteryConfig, stored: MegawattHours) -> Megawatts {
    Megawatts((stored.0 * config.discharge_efficiency / PERIOD_HOURS).min(config.power_mw))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FREE: Megawatts = Megawatts(1e9);

    #[test]
    fn a_full_round_trip_returns_the_product_of_the_efficiencies() {
        let config = BatteryConfig::default();
        let start = MegawattHours(8.0);
        let charge = operate(&config, start, Megawatts(4.0), FREE, FREE);
        assert_eq!(charge.charged, MegawattHours(2.0));
        assert!((charge.stored.0 - 9.9).abs() < 1e-12);
        // 1.9 MWh came into store; 1.9 x 0.95 = 1.805 MWh can be delivered on the way back.
        let back = operate(&config, charge.stored, Megawatts(-3.61), FREE, FREE);
        assert!((back.discharged.0 - 1.805).abs() < 1e-12);
        assert!((back.stored.0 - start.0).abs() < 1e-12);
        assert!((charge.lost.0 + back.lost.0 - (2.0 - 1.805)).abs() < 1e-12);
    }

    #[test]
    fn an_empty_battery_delivers_nothing_and_a_full_one_takes_nothing() {
        let config = BatteryConfig::default();
        let empty = operate(&config, MegawattHours(0.0), Megawatts(-4.0), FREE, FREE);
        assert_eq!((empty.discharged, empty.stored), (MegawattHours(0.0), MegawattHours(0.0)));
        let full = operate(&config, MegawattHours(16.0), Megawatts(4.0), FREE, FREE);
        assert_eq!((full.charged, full.stored), (MegawattHours(0.0), MegawattHours(16.0)));
    }

    #[test]
    fn the_site_limits_hold() {
        let config = BatteryConfig::default();
        let flow = operate(&config, MegawattHours(8.0), Megawatts(4.0), Megawatts(1.0), FREE);
        assert_eq!(flow.charged, MegawattHours(0.5));
        let flow = operate(&config, MegawattHours(8.0), Megawatts(-4.0), FREE, Megawatts(0.4));
        assert_eq!(flow.discharged, MegawattHours(0.2));
    }
}
