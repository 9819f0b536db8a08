//! Charges found for named regions and the lines behind flat charges, each with its date and source.
//!
//! In: a region of a distribution network. Out: unit rates by time band, and the fixed charges that no behaviour changes.
//! Always: only figures that were found stand here; what was assumed around them (band times) says so in its source.
//! Not here: which of them a site pays (`tariff.rs`).

use super::tariff::ChargeBand;
use serde::{Deserialize, Serialize};
use std::sync::LazyLock;

/// Where the distribution rates come from.
const DNO_TABLE: &str = "DNO schedules as compiled in GeorgeDoors888/GB-Power-Market-JJ (HV site-specific, band 4), \
                         read in part 2026-11-22";
/// What was not found about them.
const TIMES_ASSUMED: &str = "band times unverified: weekday 16-19 h red, 7.5-16 and 19-21 h amber";
const TNUOS_SOURCE: &str = "purelyenergy data hub, read 2026-11-22 (lower bound: a 10 MW site is in a higher band)";

/// A distribution region whose rates were found; high-voltage, site-specific, residual band 4.
///
/// Band times are unverified for all of them (London's midday red window, too). Sites at extra-high voltage have
/// individual prices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChargesRegion {
    /// East Midlands, 2025/26.
    EastMidlands,
    /// East Midlands, 2026/27; its fixed charge was not found.
    #[serde(rename = "east_midlands_2026")]
    EastMidlands2026,
    /// London, 2026/27: a negative residual has all but wiped out the red rate.
    London,
    /// Southern England (Slough), 2025/26; its fixed charge was not found.
    Southern,
    /// North Scotland, 2026/27: no unit rates, the highest capacity charge; its fixed charge was not found.
    NorthScotland,
}

/// What a region charges.
#[derive(Debug, Clone, PartialEq)]
pub struct RegionalCharges {
    /// The region.
    pub region: ChargesRegion,
    /// First day of the charging year.
    pub valid_from: &'static str,
    /// Unit rates by time band; exactly one band holds at every half-hour.
    pub bands: Vec<ChargeBand>,
    /// Capacity charge, GBP per kVA and day.
    pub capacity_gbp_per_kva_day: f64,
    /// Fixed charge, GBP per day; `None` where it was not found.
    pub fixed_gbp_per_day: Option<f64>,
}

/// A charge that no behaviour changes.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FixedCharge {
    /// What it is called on the bill.
    pub name: String,
    /// GBP per day.
    pub gbp_per_day: f64,
    /// Since when.
    pub valid_from: String,
    /// Who says so.
    pub source: String,
}

/// A charge per MWh at every hour: table `[[tariff.lines]]` of a scenario.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChargeLine {
    /// What it is called on the bill.
    pub name: String,
    /// Charge per MWh; negative corrects another line.
    pub gbp_per_mwh: f64,
    /// Levy or tax, or network.
    pub kind: ChargeKind,
    /// Since when it is charged, as text; empty where unknown.
    #[serde(default)]
    pub valid_from: String,
    /// Who says so.
    #[serde(default)]
    pub source: String,
}

/// What a charge pays for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChargeKind {
    /// Levies and taxes.
    Policy,
    /// Networks and balancing.
    Network,
}

impl ChargesRegion {
    /// Every region with a table.
    pub const ALL: [Self; 5] =
        [Self::EastMidlands, Self::EastMidlands2026, Self::London, Self::Southern, Self::NorthScotland];

    /// Its charges.
    pub fn charges(self) -> &'static RegionalCharges {
        &TABLES[self as usize]
    }
}

impl RegionalCharges {
    /// The fixed charges of a site with so much agreed capacity, and the transmission residual it pays at least.
    pub fn fixed_charges(&self, agreed_kva: f64) -> Vec<FixedCharge> {
        let line = |name: &str, gbp_per_day: f64, valid_from: &str, source: &str| FixedCharge {
            name: name.into(),
            gbp_per_day,
            valid_from: valid_from.into(),
            source: source.into(),
        };
        let capacity = agreed_kva * self.capacity_gbp_per_kva_day;
        let mut lines = vec![line("distribution capacity", capacity, self.valid_from, DNO_TABLE)];
        lines.extend(self.fixed_gbp_per_day.map(|gbp| line("distribution fixed", gbp, self.valid_from, DNO_TABLE)));
        lines.push(line("transmission residual, HV band 2", 117.15, "2026-04-01", TNUOS_SOURCE));
        lines
    }
}

/// The lines behind the flat charges of the standard scenario; they sum to its 47.4 + 9.0 GBP/MWh.
pub fn standard_lines() -> Vec<ChargeLine> {
    use ChargeKind::{Network, Policy};
    let recalled = "round figure for 2023/24, unverified";
    let ro = "Ofgem: 0.469 certificates/MWh x 59.01 GBP for 2023/24, recalled, unverified";
    let ccl = "Drax, read 2026-11-22: 7.75 until 2026-03, then with RPI; up to 92 % less under an agreement";
    let bsuos = "npower, read 2026-11-22: April to September 2024";
    vec![
        charge("Renewables Obligation", 27.675, Policy, "2023-04-01", ro),
        charge("Feed-in Tariff", 7.0, Policy, "2023-04-01", recalled),
        charge("Contracts for Difference", 5.0, Policy, "2023-04-01", recalled),
        charge("Climate Change Levy", 7.75, Policy, "2021-04-01", ccl),
        charge("rounding of the policy total", -0.025, Policy, "", "so that the scenario's total is a round figure"),
        charge("balancing services (BSUoS)", 7.63, Network, "2024-04-01", bsuos),
        charge("other network charges", 1.37, Network, "", "remainder of the scenario's total, unverified"),
    ]
}

/// Levies that came after the real table ends (2024-06): in no default, for scenarios of later years.
pub fn later_lines() -> Vec<ChargeLine> {
    let policy = |name, gbp, from, source| charge(name, gbp, ChargeKind::Policy, from, source);
    vec![
        policy("nuclear RAB levy", 3.54, "2025-12-01", "LCCC, read 2026-11-22: December 2025"),
        policy("support of energy-intensive industries", 0.9, "", "Adalta, read 2026-11-22: about 0.9, no date given"),
    ]
}

fn charge(name: &str, gbp_per_mwh: f64, kind: ChargeKind, valid_from: &str, source: &str) -> ChargeLine {
    ChargeLine { name: name.into(), gbp_per_mwh, kind, valid_from: valid_from.into(), source: source.into() }
}

/// In the order of [`ChargesRegion`].
static TABLES: LazyLock<[RegionalCharges; 5]> = LazyLock::new(|| {
    use ChargesRegion::{EastMidlands, EastMidlands2026, London, NorthScotland, Southern};
    let (year_25, year_26) = ("2025-04-01", "2026-04-01");
    [
        // Pence per kWh x 10 = GBP per MWh; pence per kVA and day; pence per day.
        table(EastMidlands, year_25, [24.31, 3.70, 0.22], 0.0876, Some(41.6188)),
        table(EastMidlands2026, year_26, [28.37, 2.57, 0.09], 0.0857, None),
        table(London, year_26, [0.21, 0.0, 0.0], 0.0919, Some(0.0)),
        table(Southern, year_25, [0.73, 0.0, 0.0], 0.0831, None),
        table(NorthScotland, year_26, [0.0, 0.0, 0.0], 0.2010, None),
    ]
});

fn table(
    region: ChargesRegion,
    valid_from: &'static str,
    [red, amber, green]: [f64; 3],
    capacity_gbp_per_kva_day: f64,
    fixed_gbp_per_day: Option<f64>,
) -> RegionalCharges {
    let band = |name: &str, from_hour, to_hour, gbp_per_mwh| ChargeBand {
        source: format!("{DNO_TABLE}; {TIMES_ASSUMED}"),
        valid_from: valid_from.into(),
        ..ChargeBand::weekdays(name, from_hour, to_hour, gbp_per_mwh)
    };
    let mut weekend = band("distribution green, weekend", 0.0, 24.0, green);
    (weekend.weekdays_only, weekend.weekends_only) = (false, true);
    let bands = vec![
        band("distribution red", 16.0, 19.0, red),
        band("distribution amber, day", 7.5, 16.0, amber),
        band("distribution amber, evening", 19.0, 21.0, amber),
        band("distribution green, early", 0.0, 7.5, green),
        band("distribution green, late", 21.0, 24.0, green),
        weekend,
    ];
    RegionalCharges { region, valid_from, bands, capacity_gbp_per_kva_day, fixed_gbp_per_day }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grid::Period;

    #[test]
    fn each_region_finds_its_own_table_and_has_one_band_at_every_half_hour_of_a_week() {
        let monday: Period = "2024-01-15T00:00:00Z".parse().expect("a period");
        for region in ChargesRegion::ALL {
            let charges = region.charges();
            assert_eq!(charges.region, region);
            for local in (0..336).map(|t| (monday + t).local()) {
                assert_eq!(charges.bands.iter().filter(|band| band.holds(local)).count(), 1, "{region:?} {local:?}");
            }
        }
    }

    #[test]
    fn the_yearly_red_bill_of_ten_megawatts_is_that_of_the_market_notes() {
        // 3 h on 252 days at 10 MW are 7,560 MWh.
        let red = |region: ChargesRegion| region.charges().bands[0].gbp_per_mwh * 7560.0;
        assert_eq!(red(ChargesRegion::EastMidlands).round(), 183_784.0);
        assert_eq!(red(ChargesRegion::EastMidlands2026).round(), 214_477.0);
        assert_eq!(red(ChargesRegion::London).round(), 1588.0);
        assert_eq!(red(ChargesRegion::Southern).round(), 5519.0);
        assert_eq!(red(ChargesRegion::NorthScotland), 0.0);
    }

    #[test]
    fn fixed_charges_of_ten_and_a_half_megavolt_amperes_are_those_of_the_market_notes() {
        let capacity = |region: ChargesRegion| region.charges().fixed_charges(10_500.0)[0].gbp_per_day * 365.0;
        assert!((capacity(ChargesRegion::EastMidlands2026) - 328_445.0).abs() < 1.0);
        assert!((capacity(ChargesRegion::London) - 352_207.0).abs() < 1.0);
        let lines = ChargesRegion::EastMidlands.charges().fixed_charges(10_500.0);
        let names: Vec<&str> = lines.iter().map(|line| line.name.as_str()).collect();
        assert_eq!(names, ["distribution capacity", "distribution fixed", "transmission residual, HV band 2"]);
        assert!((lines[2].gbp_per_day * 365.0 - 42_760.0).abs() < 1.0);
        assert_eq!(ChargesRegion::Southern.charges().fixed_charges(1.0).len(), 2, "what was not found is left out");
    }

    #[test]
    fn the_standard_lines_sum_to_the_standard_totals() {
        let sum = |kind| standard_lines().iter().filter(|line| line.kind == kind).map(|line| line.gbp_per_mwh).sum();
        let (policy, network): (f64, f64) = (sum(ChargeKind::Policy), sum(ChargeKind::Network));
        assert!((policy - 47.4).abs() < 1e-12 && (network - 9.0).abs() < 1e-12, "{policy} {network}");
        assert!(standard_lines().iter().chain(&later_lines()).all(|line| !line.source.is_empty()));
    }

    #[test]
    fn a_region_is_written_in_snake_case() {
        let text = serde_json::to_string(&ChargesRegion::ALL).expect("serialises");
        assert_eq!(text, r#"["east_midlands","east_midlands_2026","london","southern","north_scotland"]"#);
    }
}
