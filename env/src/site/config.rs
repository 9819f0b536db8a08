//! A scenario: `configs/scenarios/*.toml`.
//!
//! In: TOML. Out: everything that defines a site but its grid trace.
//! Always: every default is written once, here or beside the part it configures; unknown keys are refused.

use crate::battery::BatteryConfig;
use crate::grid::InformationSet;
use crate::market::{PaidPrice, TariffConfig};
use crate::workload::WorkloadConfig;
use serde::{Deserialize, Serialize};

/// A data-centre site and its rules. The defaults are the standard scenario.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SiteConfig {
    /// Name of the scenario, for reports.
    pub name: String,
    /// Largest IT power.
    pub it_capacity_mw: f64,
    /// Facility power per IT power, at least 1.
    pub pue: f64,
    /// Largest import from the grid.
    pub import_limit_mw: f64,
    /// Price of a tonne of CO2, on the location-based average of the grid.
    pub carbon_price_gbp_per_tonne: f64,
    /// Charge for a MWh of work that is late by an hour.
    pub lateness_gbp_per_mwh_hour: f64,
    /// Length of an episode in settlement periods.
    pub episode_periods: usize,
    /// What the site knows.
    pub information: InformationConfig,
    /// What it pays.
    pub tariff: TariffConfig,
    /// Its battery.
    pub battery: BatteryConfig,
    /// Its panels.
    pub solar: SolarConfig,
    /// What it computes.
    pub workload: WorkloadConfig,
    /// What the agent is told.
    pub reward: RewardConfig,
}

/// What is known at the start of a period: table `[information]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct InformationConfig {
    /// Whose screens the site sees.
    pub set: InformationSet,
    /// Whether day-ahead prices are published to it.
    pub day_ahead_prices: bool,
}

/// On-site panels: table `[solar]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SolarConfig {
    /// Installed peak power; 0 means no panels.
    pub capacity_mwp: f64,
}

/// Table `[reward]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RewardConfig {
    /// What a step pays.
    pub mode: RewardMode,
    /// Divide by the spread of day-ahead prices over the episode (at least this many GBP/MWh), so that a calm year and
    /// a crisis teach with the same weight; `None` divides by `scale_gbp`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spread_floor_gbp_per_mwh: Option<f64>,
    /// Divisor when no spread is used.
    pub scale_gbp: f64,
}

/// What a step pays the agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RewardMode {
    /// Minus the pounds of the step.
    Cost,
    /// Pounds saved against FIFO on the same step.
    Saving,
    /// The saving, plus the change of a potential on stored energy and waiting work; sums to the saving.
    #[default]
    ShapedSaving,
}

impl Default for InformationConfig {
    fn default() -> Self {
        Self { set: InformationSet::Trader, day_ahead_prices: true }
    }
}

impl Default for SolarConfig {
    fn default() -> Self {
        Self { capacity_mwp: 4.0 }
    }
}

impl Default for RewardConfig {
    fn default() -> Self {
        Self { mode: RewardMode::ShapedSaving, spread_floor_gbp_per_mwh: Some(5.0), scale_gbp: 100.0 }
    }
}

impl Default for SiteConfig {
    fn default() -> Self {
        Self {
            name: "standard".into(),
            it_capacity_mw: 12.0,
            pue: 1.2,
            import_limit_mw: 16.0,
            carbon_price_gbp_per_tonne: 85.0,
            lateness_gbp_per_mwh_hour: 200.0,
            episode_periods: 336,
            information: InformationConfig::default(),
            tariff: TariffConfig::default(),
            battery: BatteryConfig::default(),
            solar: SolarConfig::default(),
            workload: WorkloadConfig::default(),
            reward: RewardConfig::default(),
        }
    }
}

impl SiteConfig {
    /// All faults together, as `(key, message)`.
    pub fn validate(&self) -> Vec<(String, String)> {
        let mut faults = Vec::new();
        let mut check = |ok: bool, key: &str, found: f64, expected: &str| {
            if !ok {
                faults.push((key.to_string(), format!("is {found}, expected {expected}")));
            }
        };
        let positive = |x: f64| x > 0.0 && x.is_finite();
        let amount = |x: f64| x >= 0.0 && x.is_finite();
        check(positive(self.it_capacity_mw), "it_capacity_mw", self.it_capacity_mw, "more than 0");
        check((1.0..=3.0).contains(&self.pue), "pue", self.pue, "between 1 and 3");
        check(positive(self.import_limit_mw), "import_limit_mw", self.import_limit_mw, "more than 0");
        let carbon = self.carbon_price_gbp_per_tonne;
        check(amount(carbon), "carbon_price_gbp_per_tonne", carbon, "0 or more");
        let lateness = self.lateness_gbp_per_mwh_hour;
        check(amount(lateness), "lateness_gbp_per_mwh_hour", lateness, "0 or more");
        let periods = self.episode_periods;
        check((1..=17_568).contains(&periods), "episode_periods", periods as f64, "1 to 17568 (a year)");
        check(amount(self.solar.capacity_mwp), "solar.capacity_mwp", self.solar.capacity_mwp, "0 or more");
        check(positive(self.reward.scale_gbp), "reward.scale_gbp", self.reward.scale_gbp, "more than 0");
        if let Some(floor) = self.reward.spread_floor_gbp_per_mwh {
            check(positive(floor), "reward.spread_floor_gbp_per_mwh", floor, "more than 0");
        }
        if self.tariff.paid_price == PaidPrice::DayAhead && !self.information.day_ahead_prices {
            let text = "is \"day_ahead\", but `information.day_ahead_prices` is false, expected a price the site knows";
            faults.push(("tariff.paid_price".into(), text.into()));
        }
        let mut check = |ok: bool, key: &str, found: f64, expected: &str| {
            if !ok {
                faults.push((key.to_string(), format!("is {found}, expected {expected}")));
            }
        };
        let mean = self.workload.mean_it_mw;
        let capacity = format!("less than it_capacity_mw ({})", self.it_capacity_mw);
        check(mean < self.it_capacity_mw, "workload.mean_it_mw", mean, &capacity);
        let facility = mean * self.pue;
        let import = format!("more than the mean facility load ({facility:.2} MW)");
        check(self.import_limit_mw > facility, "import_limit_mw", self.import_limit_mw, &import);
        faults.extend(self.battery.validate());
        faults.extend(self.tariff.validate());
        faults.extend(self.workload.validate());
        faults
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_scenario_is_valid_and_survives_toml() {
        let standard = SiteConfig::default();
        assert_eq!(standard.validate(), []);
        let text = toml::to_string(&standard).expect("a scenario serialises");
        assert_eq!(toml::from_str::<SiteConfig>(&text).expect("and deserialises"), standard);
    }

    #[test]
    fn all_faults_are_reported_together() {
        let mut config = SiteConfig { pue: 0.5, import_limit_mw: -1.0, ..SiteConfig::default() };
        config.battery.charge_efficiency = 1.5;
        let keys: Vec<String> = config.validate().into_iter().map(|(key, _)| key).collect();
        assert_eq!(keys, ["pue", "import_limit_mw", "import_limit_mw", "battery.charge_efficiency"]);
    }
}
