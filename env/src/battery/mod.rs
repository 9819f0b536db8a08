//! Battery: turns a power set-point into energy moved and energy lost.
//!
//! In: a set-point, the limits of the site and the length of a period. Out: a [`BatteryFlow`] whose energies balance.
//! Always: `0 <= stored <= capacity`; charging and discharging never happen together; each efficiency is applied once.
//! Not here: wear cost (`site/ledger.rs`), how the capacity fades (`health.rs`), when to charge (`flexai-agents`).

mod health;
#[cfg(test)]
mod property;

pub use health::{BatteryHealth, FadeConfig, FadeModel};

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
    /// Largest charging power where it differs from `power_mw`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub charge_power_mw: Option<f64>,
    /// Largest discharging power where it differs from `power_mw`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub discharge_power_mw: Option<f64>,
    /// Share of the stored energy that leaks away in a day, taken in 48 equal parts per half-hour. The standard scenario
    /// has 0, so that its oracle and its rivals see the same battery; lithium cells lose a few per cent a month.
    pub self_discharge_per_day: f64,
    /// Share of the capacity that discharging leaves in store (0.2 in REopt's defaults, read 2026-11-22).
    pub min_charge: f64,
    /// Whether it may discharge beyond the site's own load, into the grid.
    pub export_allowed: bool,
    /// How its capacity fades.
    pub fade: FadeConfig,
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
            charge_power_mw: None,
            discharge_power_mw: None,
            self_discharge_per_day: 0.0,
            min_charge: 0.0,
            export_allowed: false,
            fade: FadeConfig::default(),
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
        for (key, power) in [("charge_power_mw", self.charge_power_mw), ("discharge_power_mw", self.discharge_power_mw)]
        {
            check(power.is_none_or(amount), key, power.unwrap_or_default(), "0 or more");
        }
        let leak = self.self_discharge_per_day;
        check((0.0..=1.0).contains(&leak), "self_discharge_per_day", leak, "between 0 and 1");
        check((0.0..1.0).contains(&self.min_charge), "min_charge", self.min_charge, "0 or more, less than 1");
        faults.extend(self.fade.validate());
        faults
    }

    /// Largest charging power.
    pub fn charge_power(&self) -> Megawatts {
        Megawatts(self.charge_power_mw.unwrap_or(self.power_mw))
    }

    /// Largest discharging power.
    pub fn discharge_power(&self) -> Megawatts {
        Megawatts(self.discharge_power_mw.unwrap_or(self.power_mw))
    }

    /// The set-point of a share of the power of its direction: -1 discharge .. 1 charge.
    pub fn set_point(&self, share: f64) -> Megawatts {
        if share < 0.0 { self.discharge_power() * share.max(-1.0) } else { self.charge_power() * share.min(1.0) }
    }

    /// Largest discharging power that a site can take: its own net load, and the export limit where export is allowed.
    pub fn discharge_limit(&self, net_load: Megawatts, export_limit: Megawatts) -> Megawatts {
        let export = if self.export_allowed { export_limit.max(Megawatts::ZERO) } else { Megawatts::ZERO };
        (net_load + export).max(Megawatts::ZERO)
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
    /// Lost in conversion and by leaking: `charged - discharged - lost` is the change of `stored`.
    pub lost: MegawattHours,
    /// The part of `lost` that leaked out of the store.
    pub leaked: MegawattHours,
    /// Stored energy after the period.
    pub stored: MegawattHours,
}

/// Moves energy for one period.
///
/// `set_point` is positive for charging; `charge_limit` and `discharge_limit` (both >= 0) are what the site can give
/// and take. What capacity or limits forbid is left out of the flow. What leaks does so at the start of the period. A
/// set-point that is no number leaves the battery alone.
pub fn operate(
    config: &BatteryConfig,
    stored: MegawattHours,
    set_point: Megawatts,
    charge_limit: Megawatts,
    discharge_limit: Megawatts,
) -> BatteryFlow {
    operate_within(config, MegawattHours(config.capacity_mwh), stored, set_point, charge_limit, discharge_limit)
}

/// [`operate`] with the capacity that is left of a faded battery, e.g. [`BatteryHealth::capacity`].
///
/// Stored energy above `capacity` cannot be held: it is counted as lost.
pub fn operate_within(
    config: &BatteryConfig,
    capacity: MegawattHours,
    stored: MegawattHours,
    set_point: Megawatts,
    charge_limit: Megawatts,
    discharge_limit: Megawatts,
) -> BatteryFlow {
    let kept = (stored - leak(config, stored)).min(capacity);
    let leaked = stored - kept;
    // False for a set-point that is no number.
    if set_point.0 < 0.0 {
        let available = (kept - capacity * config.min_charge).max(MegawattHours::ZERO) * config.discharge_efficiency;
        let wanted = (-set_point).min(config.discharge_power()).min(discharge_limit).max(Megawatts::ZERO).over_period();
        let discharged = wanted.min(available);
        let after = (kept - discharged / config.discharge_efficiency).max(MegawattHours::ZERO);
        let lost = (stored - after) - discharged;
        BatteryFlow { charged: MegawattHours::ZERO, discharged, lost, leaked, stored: after }
    } else {
        let room = (capacity - kept).max(MegawattHours::ZERO) / config.charge_efficiency;
        let wanted = if set_point.0 > 0.0 { set_point } else { Megawatts::ZERO };
        let charged = wanted.min(config.charge_power()).min(charge_limit).max(Megawatts::ZERO).over_period().min(room);
        let after = (kept + charged * config.charge_efficiency).min(capacity);
        let lost = charged - (after - stored);
        BatteryFlow { charged, discharged: MegawattHours::ZERO, lost, leaked, stored: after }
    }
}

/// What of the stored energy is still there after the leak at the start of a period.
pub fn kept(config: &BatteryConfig, stored: MegawattHours) -> MegawattHours {
    stored - leak(config, stored)
}

/// Energy that leaks out of the store in one period.
fn leak(config: &BatteryConfig, stored: MegawattHours) -> MegawattHours {
    stored * (config.self_discharge_per_day * PERIOD_HOURS / 24.0)
}

/// Largest power the battery can deliver over the coming period.
pub fn deliverable(config: &BatteryConfig, stored: MegawattHours) -> Megawatts {
    let kept = stored - leak(config, stored) - MegawattHours(config.capacity_mwh * config.min_charge);
    let available = kept.max(MegawattHours::ZERO) * config.discharge_efficiency;
    available.per_period().min(config.discharge_power())
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

    #[test]
    fn ten_percent_a_day_leaks_a_480th_part_per_half_hour_and_is_counted_as_lost() {
        let config = BatteryConfig { self_discharge_per_day: 0.1, ..BatteryConfig::default() };
        let flow = operate(&config, MegawattHours(9.6), Megawatts(0.0), FREE, FREE);
        assert!((flow.leaked.0 - 0.02).abs() < 1e-15 && (flow.stored.0 - 9.58).abs() < 1e-12);
        assert_eq!((flow.lost, flow.charged, flow.discharged), (flow.leaked, MegawattHours(0.0), MegawattHours(0.0)));
    }

    #[test]
    fn discharging_stops_at_the_charge_that_is_kept() {
        let config = BatteryConfig { min_charge: 0.2, ..BatteryConfig::default() };
        // 3.2 of 16 MWh stay; 0.8 MWh above them give 0.76 MWh.
        let flow = operate(&config, MegawattHours(4.0), Megawatts(-4.0), FREE, FREE);
        assert!((flow.discharged.0 - 0.76).abs() < 1e-12 && (flow.stored.0 - 3.2).abs() < 1e-12);
        assert!((deliverable(&config, MegawattHours(4.0)).0 - 1.52).abs() < 1e-12);
        assert_eq!(deliverable(&config, MegawattHours(3.0)), Megawatts(0.0));
    }

    #[test]
    fn each_direction_has_its_own_power() {
        let config =
            BatteryConfig { charge_power_mw: Some(2.0), discharge_power_mw: Some(6.0), ..BatteryConfig::default() };
        assert_eq!(operate(&config, MegawattHours(8.0), Megawatts(9.0), FREE, FREE).charged, MegawattHours(1.0));
        assert_eq!(operate(&config, MegawattHours(8.0), Megawatts(-9.0), FREE, FREE).discharged, MegawattHours(3.0));
        assert_eq!((config.set_point(0.5), config.set_point(-0.5)), (Megawatts(1.0), Megawatts(-3.0)));
        assert_eq!((config.set_point(7.0), config.set_point(-7.0)), (Megawatts(2.0), Megawatts(-6.0)));
    }

    #[test]
    fn a_set_point_that_is_no_number_leaves_the_battery_alone() {
        let flow = operate(&BatteryConfig::default(), MegawattHours(8.0), Megawatts(f64::NAN), FREE, FREE);
        assert_eq!(flow, BatteryFlow { stored: MegawattHours(8.0), ..BatteryFlow::default() });
    }

    #[test]
    fn only_a_battery_that_may_export_discharges_beyond_the_load() {
        let mut config = BatteryConfig::default();
        let limit = |config: &BatteryConfig, net| config.discharge_limit(Megawatts(net), Megawatts(5.0));
        assert_eq!((limit(&config, 3.0), limit(&config, -2.0)), (Megawatts(3.0), Megawatts(0.0)));
        config.export_allowed = true;
        assert_eq!((limit(&config, 3.0), limit(&config, -2.0)), (Megawatts(8.0), Megawatts(3.0)));
        assert_eq!(limit(&config, -9.0), Megawatts(0.0));
    }
}
