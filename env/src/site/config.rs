//! A scenario: `configs/scenarios/*.toml`.
//!
//! In: TOML. Out: everything that defines a site but its grid trace.
//! Always: every default is written once, here or beside the part it configures; unknown keys are refused.

use crate::battery::BatteryConfig;
use crate::grid::{Availability, InformationSet, Region, SolarPlace};
use crate::market::events::EventsConfig;
use crate::market::{BaselineConfig, ChargesRegion, P415Config, PaidPrice, TariffConfig};
use crate::workload::WorkloadConfig;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// A data-centre site and its rules. The defaults are the standard scenario.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SiteConfig {
    /// Name of the scenario, for reports.
    pub name: String,
    /// What it is for, in a sentence, for its page.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub summary: String,
    /// Where it is; in `great_britain` its carbon intensity is the national one.
    pub region: Region,
    /// A table of regional carbon intensities by path; without one they are simulated from the national one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub regional_carbon: Option<PathBuf>,
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
    /// Turn-down sold on the wholesale market.
    pub p415: P415Config,
    /// How the baseline is made that P415 and events are settled on.
    pub baseline: BaselineConfig,
    /// Requests of the grid.
    pub events: EventsConfig,
    /// What the agent can do, and what is enforced.
    pub controls: ControlsConfig,
    /// What the agent is told.
    pub reward: RewardConfig,
    /// How jobs move between sites.
    pub migration: MigrationConfig,
    /// The sites of a fleet; empty means one site, the one described above.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sites: Vec<SitePlan>,
}

/// What the agent can do, and what is enforced: table `[controls]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ControlsConfig {
    /// One more action per class, the power cap of each of its jobs, and one for interactive inference, which is served
    /// on fewer replicas and under a cap, within its latency limit. Without it the power curves of the classes are not
    /// used: a job on part of its power does that part of the work.
    pub power_cap: bool,
    /// Levels of each action for discrete actions with masks: an odd number, so that a battery at rest is one of them; 0
    /// means continuous actions.
    pub discrete_levels: usize,
    /// Keep classes from running, for every policy and FIFO alike, while the expected carbon intensity exceeds their
    /// threshold; jobs that must run do. If not, breaches are only counted.
    pub enforce_thresholds: bool,
    /// Share of the on-site solar capacity above which green-only classes may run.
    pub green_share: f64,
}

/// How jobs move between sites: table `[migration]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MigrationConfig {
    /// Bandwidth of each site's link in each direction, Gbit/s.
    pub bandwidth_gbit_per_s: f64,
    /// IT energy of moving data, kWh per GB: 0.06, as `sustain-cluster` (NeurIPS 2025) takes it.
    pub energy_kwh_per_gb: f64,
    /// Charge of the network, GBP per GB; 0 on links of one's own.
    pub cost_gbp_per_gb: f64,
    /// Whether running jobs may move too, losing the work since their last checkpoint.
    pub running_jobs: bool,
    /// Half-hours that a job stays at least where it arrived before it may move on: data are staged, images pulled and
    /// places booked for it, which nobody does every half-hour anew.
    pub min_stay_periods: u32,
}

/// One site of a fleet: table `[[sites]]`; what is left out is as in the scenario.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SitePlan {
    /// Snake-case name; actions and observations are named after it.
    pub name: String,
    /// Where it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<Region>,
    /// Network charges of its area.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub charges_region: Option<ChargesRegion>,
    /// Largest IT power.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub it_capacity_mw: Option<f64>,
    /// Mean IT load.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mean_it_mw: Option<f64>,
    /// Facility power per IT power.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pue: Option<f64>,
    /// Largest import from the grid.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub import_limit_mw: Option<f64>,
    /// Usable energy of the battery.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub battery_capacity_mwh: Option<f64>,
    /// Power of the battery.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub battery_power_mw: Option<f64>,
    /// Peak power of the panels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub solar_capacity_mwp: Option<f64>,
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
    /// Where and how the panels stand; left out, in the middle of the region, 35 degrees to the south.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<SolarPlace>,
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
        Self { capacity_mwp: 4.0, place: None }
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
            summary: String::new(),
            region: Region::GreatBritain,
            regional_carbon: None,
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
            p415: P415Config::default(),
            baseline: BaselineConfig::default(),
            events: EventsConfig::default(),
            controls: ControlsConfig::default(),
            reward: RewardConfig::default(),
            migration: MigrationConfig::default(),
            sites: Vec::new(),
        }
    }
}

impl Default for ControlsConfig {
    fn default() -> Self {
        Self { power_cap: false, discrete_levels: 0, enforce_thresholds: false, green_share: 0.8 }
    }
}

impl Default for MigrationConfig {
    fn default() -> Self {
        Self {
            bandwidth_gbit_per_s: 100.0,
            energy_kwh_per_gb: 0.06,
            cost_gbp_per_gb: 0.0,
            running_jobs: false,
            min_stay_periods: 4,
        }
    }
}

impl SitePlan {
    /// The scenario as this site sees it; job sizes stay, their number follows the load.
    fn apply(&self, scenario: &SiteConfig) -> SiteConfig {
        let mut site = SiteConfig { sites: Vec::new(), ..scenario.clone() };
        site.region = self.region.unwrap_or(site.region);
        if self.charges_region.is_some() {
            site.tariff.charges_region = self.charges_region;
            // Regional bands take the place of those of the scenario.
            site.tariff.bands = TariffConfig::default().bands;
        }
        site.it_capacity_mw = self.it_capacity_mw.unwrap_or(site.it_capacity_mw);
        site.workload.mean_it_mw = self.mean_it_mw.unwrap_or(site.workload.mean_it_mw);
        site.pue = self.pue.unwrap_or(site.pue);
        site.import_limit_mw = self.import_limit_mw.unwrap_or(site.import_limit_mw);
        site.battery.capacity_mwh = self.battery_capacity_mwh.unwrap_or(site.battery.capacity_mwh);
        site.battery.power_mw = self.battery_power_mw.unwrap_or(site.battery.power_mw);
        site.solar.capacity_mwp = self.solar_capacity_mwp.unwrap_or(site.solar.capacity_mwp);
        site
    }
}

impl SiteConfig {
    /// Replaces the path of every file that the scenario names.
    ///
    /// A scenario's paths count from its own folder, which the scenario itself does not know: who reads its file calls
    /// this once.
    pub fn resolve_files(&mut self, mut resolve: impl FnMut(&Path) -> PathBuf) {
        if let Some(path) = &mut self.regional_carbon {
            *path = resolve(path);
        }
        if let Some(list) = self.events.list.as_mut().filter(|list| !list.path.is_empty()) {
            list.path = resolve(Path::new(&list.path)).to_string_lossy().into_owned();
        }
        for path in self.workload.trace.paths_mut().filter(|path| !path.as_os_str().is_empty()) {
            *path = resolve(path);
        }
    }

    /// Whether flexibility is sold or asked for.
    pub fn has_flex(&self) -> bool {
        self.p415.enabled || !self.events.is_empty()
    }

    /// One configuration per site.
    pub fn sites(&self) -> Vec<SiteConfig> {
        if self.sites.is_empty() {
            return vec![self.clone()];
        }
        self.sites.iter().map(|plan| plan.apply(self)).collect()
    }

    /// Names of the sites; a single site has none.
    pub fn site_names(&self) -> Vec<&str> {
        self.sites.iter().map(|plan| plan.name.as_str()).collect()
    }

    /// The id of the environment that plays this scenario.
    pub fn env_id(&self) -> &'static str {
        if self.sites.is_empty() { "FlexSite-v1" } else { "FlexFleet-v1" }
    }

    /// Whether what is paid in a half-hour is known when that half-hour is decided.
    pub fn knows_paid_price(&self) -> bool {
        let InformationConfig { set, day_ahead_prices } = self.information;
        Availability::of(self.tariff.paid_price.signal(), set, day_ahead_prices).is_in_time()
    }

    /// All faults together, as `(key, message)`.
    pub fn validate(&self) -> Vec<(String, String)> {
        let mut faults = self.validate_site();
        let levels = self.controls.discrete_levels;
        if levels != 0 && (levels.is_multiple_of(2) || !(3..=31).contains(&levels)) {
            let text = format!(
                "is {levels}, expected an odd number from 3 to 31, so that a battery at rest is among the levels, or 0 for \
                 continuous actions"
            );
            faults.push(("controls.discrete_levels".into(), text));
        }
        let migration = &self.migration;
        for (key, found, expected, ok) in [
            (
                "controls.green_share",
                self.controls.green_share,
                "0 to 1",
                (0.0..=1.0).contains(&self.controls.green_share),
            ),
            (
                "migration.bandwidth_gbit_per_s",
                migration.bandwidth_gbit_per_s,
                "more than 0",
                positive(migration.bandwidth_gbit_per_s),
            ),
            (
                "migration.energy_kwh_per_gb",
                migration.energy_kwh_per_gb,
                "0 or more",
                amount(migration.energy_kwh_per_gb),
            ),
            ("migration.cost_gbp_per_gb", migration.cost_gbp_per_gb, "0 or more", amount(migration.cost_gbp_per_gb)),
            (
                "migration.min_stay_periods",
                f64::from(migration.min_stay_periods),
                "0 to 336, a week",
                migration.min_stay_periods <= 336,
            ),
        ] {
            if !ok {
                faults.push((key.into(), format!("is {found}, expected {expected}")));
            }
        }
        faults.extend(self.p415.validate());
        faults.extend(self.baseline.validate());
        faults.extend(self.events.validate());
        self.validate_fleet(&mut faults);
        faults
    }

    fn validate_fleet(&self, faults: &mut Vec<(String, String)>) {
        let count = self.sites.len();
        if count > MAX_SITES {
            faults.push(("sites".into(), format!("are {count}, expected at most {MAX_SITES}")));
        }
        for (i, (plan, site)) in self.sites.iter().zip(self.sites()).enumerate() {
            let name = &plan.name;
            let snake =
                !name.is_empty() && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
            if !snake {
                faults.push((format!("sites[{i}].name"), format!("is `{name}`, expected a snake-case name")));
            }
            if self.sites[..i].iter().any(|other| other.name == *name) {
                faults.push((format!("sites[{i}].name"), format!("is `{name}` again, expected unique names")));
            }
            let new = site.validate_site().into_iter().map(|(key, text)| (format!("sites.{name}.{key}"), text));
            let shared = |key: &str| faults.iter().any(|(known, _)| key.ends_with(&format!(".{known}")));
            let new: Vec<_> = new.filter(|(key, _)| !shared(key)).collect();
            faults.extend(new);
        }
    }

    fn validate_site(&self) -> Vec<(String, String)> {
        let mut faults = Vec::new();
        let mut check = |ok: bool, key: &str, found: f64, expected: &str| {
            if !ok {
                faults.push((key.to_string(), format!("is {found}, expected {expected}")));
            }
        };
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
        let day_ahead = matches!(self.tariff.paid_price, PaidPrice::DayAhead | PaidPrice::Mixed);
        if day_ahead && !self.information.day_ahead_prices {
            let text = "buys day-ahead, but `information.day_ahead_prices` is false, expected a price the site knows";
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
        let peak = self.workload.interactive_peak_mw();
        let capacity = format!("a peak of interactive load within it_capacity_mw ({})", self.it_capacity_mw);
        check(peak <= self.it_capacity_mw, "workload.interactive", peak, &capacity);
        let facility = mean * self.pue;
        let import = format!("more than the mean facility load ({facility:.2} MW)");
        check(self.import_limit_mw > facility, "import_limit_mw", self.import_limit_mw, &import);
        if let Some(place) = &self.solar.place {
            faults.extend(place.validate().into_iter().map(|(key, text)| (format!("solar.place.{key}"), text)));
        }
        faults.extend(self.battery.validate());
        faults.extend(self.tariff.validate());
        faults.extend(self.workload.validate());
        faults
    }
}

/// Most sites a fleet can have.
pub const MAX_SITES: usize = 32;

fn positive(x: f64) -> bool {
    x > 0.0 && x.is_finite()
}

fn amount(x: f64) -> bool {
    x >= 0.0 && x.is_finite()
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
    fn only_odd_numbers_of_levels_are_taken_because_a_battery_must_be_able_to_rest() {
        let faults = |discrete_levels| {
            let controls = ControlsConfig { discrete_levels, ..ControlsConfig::default() };
            SiteConfig { controls, ..SiteConfig::default() }.validate()
        };
        for good in [0, 3, 5, 31] {
            assert_eq!(faults(good), [], "{good} levels");
        }
        for bad in [1, 2, 4, 32, 33] {
            let text = format!(
                "is {bad}, expected an odd number from 3 to 31, so that a battery at rest is among the levels, or 0 for \
                 continuous actions"
            );
            assert_eq!(faults(bad), [("controls.discrete_levels".to_string(), text)]);
        }
    }

    #[test]
    fn all_faults_are_reported_together() {
        let mut config = SiteConfig { pue: 0.5, import_limit_mw: -1.0, ..SiteConfig::default() };
        config.battery.charge_efficiency = 1.5;
        let keys: Vec<String> = config.validate().into_iter().map(|(key, _)| key).collect();
        assert_eq!(keys, ["pue", "import_limit_mw", "import_limit_mw", "battery.charge_efficiency"]);
    }
}
