//! Battery health: what age and use take from the capacity.
//!
//! In: the flow of each period. Out: age, equivalent full cycles and the share of the capacity that is left.
//! Always: the share never grows; powers and exponentials are taken once per 48 periods, so a period costs two sums.
//! Not here: the price of wear (`wear_gbp_per_mwh`), which a scenario sets apart from fade.

use super::{BatteryConfig, BatteryFlow};
use crate::units::MegawattHours;
use serde::{Deserialize, Serialize};

/// Periods after which fade is settled: a day.
const SETTLED_EVERY: u32 = 48;
/// REopt.jl `Degradation` defaults, read 2026-11-22: share lost per equivalent full cycle.
const REOPT_CYCLE: f64 = 9.83e-5;
/// The same: share lost per day^0.42 at full charge.
const REOPT_CALENDAR: f64 = 2.55e-3;
/// The same: exponent of the age.
const REOPT_CALENDAR_EXPONENT: f64 = 0.42;
/// BLAST-Lite `lfp_gr_250AhPrismatic_2019`, read 2026-11-22, fitted at 10-45 degrees C, up to 0.65 C charge and 1 C
/// discharge: share lost per (equivalent full cycles)^0.828, the constant, the part per depth of discharge, the part
/// per C-rate, and the Kelvins of its temperature term.
const LFP_CYCLE: [f64; 4] = [4.38e-8, 1.55e-8, 1.68e-7, 2190.0];
const LFP_CYCLE_EXPONENT: f64 = 0.828;
/// The same model, share lost per day^0.526: factor, Kelvins, and Kelvins per volt of anode potential.
const LFP_CALENDAR: [f64; 3] = [8.37e4, -5210.0, -3560.0];
const LFP_CALENDAR_EXPONENT: f64 = 0.526;
/// Anode potential of the empty and of the full cell, volts; linear between, which is our simplification.
const ANODE_VOLTS: [f64; 2] = [0.2, 0.09];
const KELVIN: f64 = 273.15;

/// How capacity fades: table `[battery.fade]`. Fade is always reported; whether it is felt is `shrinks_capacity`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FadeConfig {
    /// The model.
    pub model: FadeModel,
    /// Whether the usable capacity shrinks with it. Off in the standard scenario: its first week takes less than 0.4 %.
    pub shrinks_capacity: bool,
    /// Temperature of the cells, degrees C (model `lfp`).
    pub temperature_c: f64,
    /// Depth of the cycles, a share (model `lfp`).
    pub depth_of_discharge: f64,
    /// Age at the start of an episode, days.
    pub initial_age_days: f64,
    /// Equivalent full cycles at the start of an episode.
    pub initial_full_cycles: f64,
}

/// A model of fade.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FadeModel {
    /// Linear in cycles, age^0.42 times the mean charge: REopt's planning defaults, conservative (40 % after ten years of
    /// a cycle a day at half charge).
    #[default]
    Reopt,
    /// Cycles^0.828 and age^0.526, after NREL's BLAST-Lite model of a 250 Ah LFP cell (18 % and 1.5-5.5 % after ten years
    /// of 0.9 cycles a day at 0.5 C). Packs last 0.7-0.8 times as long as cells, says its README; not applied.
    Lfp,
}

/// Age, use and what is left.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct BatteryHealth {
    /// Age in days.
    pub age_days: f64,
    /// Energy taken out of store over the capacity when new, summed.
    pub equivalent_full_cycles: f64,
    /// Capacity left over that when new, as of the last settled day.
    pub capacity_share: f64,
    /// The part of the fade that comes from age.
    pub calendar_fade: f64,
    /// The part that comes from cycles.
    pub cycle_fade: f64,
    day_periods: u32,
    day_charge: f64,
    day_cycles: f64,
}

impl Default for FadeConfig {
    fn default() -> Self {
        Self {
            model: FadeModel::Reopt,
            shrinks_capacity: false,
            temperature_c: 25.0,
            depth_of_discharge: 0.9,
            initial_age_days: 0.0,
            initial_full_cycles: 0.0,
        }
    }
}

impl FadeConfig {
    /// Faults as `(key, message)`.
    pub fn validate(&self) -> Vec<(String, String)> {
        let checks = [
            ("temperature_c", self.temperature_c, -20.0, 60.0),
            ("depth_of_discharge", self.depth_of_discharge, 0.0, 1.0),
            ("initial_age_days", self.initial_age_days, 0.0, 36_525.0),
            ("initial_full_cycles", self.initial_full_cycles, 0.0, 100_000.0),
        ];
        let bad = checks.into_iter().filter(|(_, found, low, high)| !(low..=high).contains(&found));
        bad.map(|(key, found, low, high)| {
            (format!("battery.fade.{key}"), format!("is {found}, expected a number between {low} and {high}"))
        })
        .collect()
    }
}

impl BatteryHealth {
    /// A battery at the start of an episode; its earlier days are taken at half charge.
    pub fn new(config: &BatteryConfig) -> Self {
        let mut health = Self {
            age_days: 0.0,
            equivalent_full_cycles: 0.0,
            capacity_share: 1.0,
            calendar_fade: 0.0,
            cycle_fade: 0.0,
            day_periods: 0,
            day_charge: 0.0,
            day_cycles: 0.0,
        };
        health.settle(config, config.fade.initial_age_days, 0.5, config.fade.initial_full_cycles);
        health
    }

    /// Whether a saved state can go on.
    pub(crate) fn is_sound(&self) -> bool {
        let sums = [self.age_days, self.equivalent_full_cycles, self.calendar_fade, self.cycle_fade];
        let day = [self.day_charge, self.day_cycles];
        sums.iter().chain(&day).all(|x| *x >= 0.0 && x.is_finite())
            && (0.0..=1.0).contains(&self.capacity_share)
            && self.day_periods < SETTLED_EVERY
    }

    /// Takes in one period.
    pub fn advance(&mut self, config: &BatteryConfig, flow: &BatteryFlow) {
        if config.capacity_mwh <= 0.0 {
            return;
        }
        self.day_charge += flow.stored.0 / config.capacity_mwh;
        self.day_cycles += flow.discharged.0 / config.discharge_efficiency / config.capacity_mwh;
        self.day_periods += 1;
        if self.day_periods == SETTLED_EVERY {
            let mean_charge = self.day_charge / f64::from(SETTLED_EVERY);
            self.settle(config, 1.0, mean_charge, self.day_cycles);
            (self.day_periods, self.day_charge, self.day_cycles) = (0, 0.0, 0.0);
        }
    }

    /// Usable capacity: what is left where the scenario lets it shrink, that when new elsewhere.
    pub fn capacity(&self, config: &BatteryConfig) -> MegawattHours {
        let share = if config.fade.shrinks_capacity { self.capacity_share } else { 1.0 };
        MegawattHours(config.capacity_mwh * share)
    }

    /// Adds days and cycles; each takes what its power law gains from the age or use before to that after.
    fn settle(&mut self, config: &BatteryConfig, days: f64, mean_charge: f64, cycles: f64) {
        let (age, use_before) = (self.age_days, self.equivalent_full_cycles);
        let gain = |from: f64, by: f64, exponent: f64| (from + by).powf(exponent) - from.powf(exponent);
        let (calendar, cycle) = match config.fade.model {
            FadeModel::Reopt => {
                (REOPT_CALENDAR * mean_charge * gain(age, days, REOPT_CALENDAR_EXPONENT), REOPT_CYCLE * cycles)
            }
            FadeModel::Lfp => (
                lfp_calendar_rate(&config.fade, mean_charge) * gain(age, days, LFP_CALENDAR_EXPONENT),
                lfp_cycle_rate(config) * gain(use_before, cycles, LFP_CYCLE_EXPONENT),
            ),
        };
        self.age_days += days;
        self.equivalent_full_cycles += cycles;
        self.calendar_fade += calendar;
        self.cycle_fade += cycle;
        self.capacity_share = (1.0 - self.calendar_fade - self.cycle_fade).max(0.0);
    }
}

fn lfp_calendar_rate(fade: &FadeConfig, mean_charge: f64) -> f64 {
    let kelvin = fade.temperature_c + KELVIN;
    let volts = ANODE_VOLTS[0] + (ANODE_VOLTS[1] - ANODE_VOLTS[0]) * mean_charge.clamp(0.0, 1.0);
    LFP_CALENDAR[0] * ((LFP_CALENDAR[1] + LFP_CALENDAR[2] * volts) / kelvin).exp()
}

fn lfp_cycle_rate(config: &BatteryConfig) -> f64 {
    let c_rate = 0.5 * (config.charge_power().0 + config.discharge_power().0) / config.capacity_mwh.max(1e-9);
    let kelvin = config.fade.temperature_c + KELVIN;
    let linear = LFP_CYCLE[0] + LFP_CYCLE[1] * config.fade.depth_of_discharge + LFP_CYCLE[2] * c_rate;
    linear * (LFP_CYCLE[3] / kelvin).exp()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ten years at a constant charge, with so many cycles a day.
    fn after_ten_years(config: &BatteryConfig, charge: f64, cycles_a_day: f64) -> BatteryHealth {
        let mut health = BatteryHealth::new(config);
        let flow = BatteryFlow {
            stored: MegawattHours(config.capacity_mwh * charge),
            discharged: MegawattHours(config.capacity_mwh * config.discharge_efficiency * cycles_a_day / 48.0),
            ..BatteryFlow::default()
        };
        (0..3650 * 48).for_each(|_| health.advance(config, &flow));
        health
    }

    #[test]
    fn reopt_fade_is_36_percent_by_cycles_and_4_by_age_after_ten_years_of_a_cycle_a_day() {
        let health = after_ten_years(&BatteryConfig::default(), 0.5, 1.0);
        // 9.83e-5 x 3650 = 0.358795; 2.55e-3 x 0.5 x 3650^0.42 = 0.03996.
        assert!((health.cycle_fade - 0.358_795).abs() < 1e-9, "{health:?}");
        assert!((health.calendar_fade - 0.039_96).abs() < 5e-5, "{health:?}");
        assert!((health.age_days - 3650.0).abs() < 1e-9 && (health.equivalent_full_cycles - 3650.0).abs() < 1e-6);
        assert!((health.capacity_share - (1.0 - 0.358_795 - health.calendar_fade)).abs() < 1e-9);
    }

    #[test]
    fn lfp_fade_gives_the_figures_of_the_shared_battery_table() {
        let fade = FadeConfig { model: FadeModel::Lfp, ..FadeConfig::default() };
        let config = BatteryConfig { power_mw: 8.0, fade, ..BatteryConfig::default() };
        let low = after_ten_years(&config, 0.0, 0.9);
        let high = after_ten_years(&config, 1.0, 0.9);
        // Its rows say 0.18 at 0.5 C and depth 0.9 after 3285 cycles, and 0.015-0.055 from empty to full.
        assert!((low.cycle_fade - 0.18).abs() < 0.005, "{low:?}");
        assert!((low.calendar_fade - 0.015).abs() < 5e-4 && (high.calendar_fade - 0.055).abs() < 5e-4, "{high:?}");
        let mut gentle = BatteryConfig { power_mw: 4.0, ..config };
        gentle.fade.depth_of_discharge = 0.8;
        let gentle = after_ten_years(&gentle, 0.5, 0.8);
        assert!((gentle.cycle_fade - 0.11).abs() < 0.005, "{gentle:?}");
    }

    #[test]
    fn the_capacity_shrinks_only_where_the_scenario_says_so() {
        let mut config = BatteryConfig::default();
        config.fade.initial_full_cycles = 1000.0;
        let health = BatteryHealth::new(&config);
        assert_eq!(health.capacity(&config), MegawattHours(16.0));
        config.fade.shrinks_capacity = true;
        assert!((health.capacity(&config).0 - 16.0 * (1.0 - 0.0983)).abs() < 1e-12);
    }

    #[test]
    fn a_site_without_battery_has_no_fade() {
        let config = BatteryConfig { capacity_mwh: 0.0, ..BatteryConfig::default() };
        let health = after_ten_years(&config, 0.0, 1.0);
        assert_eq!((health.capacity_share, health.age_days), (1.0, 0.0));
    }
}
