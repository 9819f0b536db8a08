//! Tariff: the price index paid plus network and policy charges.
//!
//! In: a period in UK local time, the prices of the period. Out: pounds per MWh on top of the index, pounds for energy.
//! Always: charges do not depend on the index, so energy part and whole bill can be told apart; a price that is missing
//! makes the result missing. Not here: the carbon price, which is no part of the bill (`site/ledger.rs`).

use super::regions::{ChargeKind, ChargeLine, ChargesRegion, standard_lines};
use crate::grid::{LocalStamp, Signal};
use crate::units::{MegawattHours, Megawatts, Pounds, PoundsPerMegawattHour};
use serde::{Deserialize, Serialize};

/// Which index the site pays for its import.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PaidPrice {
    /// Market index price of the intraday market.
    #[default]
    Intraday,
    /// Day-ahead hourly auction.
    DayAhead,
    /// System price of the imbalance settlement, known two periods late.
    Imbalance,
    /// A position bought in the day-ahead auction, and the rest settled at the system price. The position is a sunk
    /// cost: what a MWh more or less costs is the system price.
    Mixed,
}

impl PaidPrice {
    /// The signal that prices one MWh more or less of import.
    pub fn signal(self) -> Signal {
        match self {
            Self::Intraday => Signal::IntradayPrice,
            Self::DayAhead => Signal::DayAheadPrice,
            Self::Imbalance | Self::Mixed => Signal::ImbalancePrice,
        }
    }

    /// The signal of the price that a position was bought at, where there is one.
    pub fn position_signal(self) -> Option<Signal> {
        (self == Self::Mixed).then_some(Signal::DayAheadPrice)
    }
}

/// What is paid per MWh of import: table `[tariff]` of a scenario.
///
/// The defaults are round figures for a half-hourly metered, high-voltage industrial site in 2023/24. Policy: Renewables
/// Obligation 0.469 certificates/MWh x 59.01 GBP, Feed-in Tariff about 7, Contracts for Difference about 5, Climate
/// Change Levy 7.75 GBP/MWh. Network: balancing services about 8 GBP/MWh, distribution use of system by time band.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TariffConfig {
    /// Index paid.
    pub paid_price: PaidPrice,
    /// Levies and taxes per MWh, at every hour.
    pub policy_gbp_per_mwh: f64,
    /// Network charges per MWh, at every hour.
    pub network_gbp_per_mwh: f64,
    /// Network charges on top, by local time; bands may overlap, then they add up.
    pub bands: Vec<ChargeBand>,
    /// Power bought in the day-ahead auction for every half-hour (paid price `mixed` only); `None` takes the mean
    /// facility load.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub day_ahead_position_mw: Option<f64>,
    /// Distribution charges of a region, with their date and source, in place of `bands`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub charges_region: Option<ChargesRegion>,
    /// Flat charges one by one, in place of `policy_gbp_per_mwh` and `network_gbp_per_mwh`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub lines: Vec<ChargeLine>,
    /// Whether and how the site is paid for export.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub export: Option<ExportConfig>,
}

/// What the grid takes and pays: table `[tariff.export]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ExportConfig {
    /// Largest export.
    pub limit_mw: f64,
    /// Share of the index that is paid for export; never more than an imported MWh costs.
    pub share_of_index: f64,
}

/// A network charge within local clock hours.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChargeBand {
    /// What it is called on the bill.
    pub name: String,
    /// First local hour, e.g. 16.0.
    pub from_hour: f64,
    /// End of the band, local hour, exclusive.
    pub to_hour: f64,
    /// Only Monday to Friday.
    pub weekdays_only: bool,
    /// Charge per MWh.
    pub gbp_per_mwh: f64,
    /// Only Saturday and Sunday.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub weekends_only: bool,
    /// Only in these months, `1..=12`; `None` is the whole year.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub months: Option<Vec<u8>>,
    /// Who says so.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub source: String,
    /// First day of the charge, as text.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub valid_from: String,
}

impl ChargeBand {
    /// A band of all weekdays of the year.
    pub fn weekdays(name: &str, from_hour: f64, to_hour: f64, gbp_per_mwh: f64) -> Self {
        Self {
            name: name.into(),
            from_hour,
            to_hour,
            weekdays_only: true,
            gbp_per_mwh,
            weekends_only: false,
            months: None,
            source: String::new(),
            valid_from: String::new(),
        }
    }

    /// Whether a period lies in the band.
    pub fn holds(&self, local: LocalStamp) -> bool {
        let hour = f64::from(local.half_hour) / 2.0;
        let weekday = local.weekday < 5;
        hour >= self.from_hour
            && hour < self.to_hour
            && (weekday || !self.weekdays_only)
            && !(weekday && self.weekends_only)
            && self.months.as_ref().is_none_or(|months| months.contains(&local.month))
    }

    fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        let hours = 0.0 <= self.from_hour && self.from_hour < self.to_hour && self.to_hour <= 24.0;
        if !hours {
            let found = format!("band `{}` runs from {} to {}", self.name, self.from_hour, self.to_hour);
            faults.push(format!("{found}, expected hours within a day, in order"));
        }
        if !(self.gbp_per_mwh >= 0.0 && self.gbp_per_mwh.is_finite()) {
            let found = format!("band `{}` charges {}", self.name, self.gbp_per_mwh);
            faults.push(format!("{found}, expected 0 or more"));
        }
        if self.weekdays_only && self.weekends_only {
            faults.push(format!("band `{}` holds on weekdays only and on weekends only, expected one", self.name));
        }
        let months = self.months.iter().flatten();
        let wrong = months.clone().find(|month| !(1..=12).contains(*month));
        if let Some(month) = wrong {
            faults.push(format!("band `{}` names month {month}, expected 1 to 12", self.name));
        } else if self.months.as_ref().is_some_and(Vec::is_empty) {
            faults.push(format!("band `{}` names no month, expected some, or no `months` for all", self.name));
        }
        faults
    }
}

impl Default for ExportConfig {
    /// 4 MW at 95 % of the index: round figures, no source.
    fn default() -> Self {
        Self { limit_mw: 4.0, share_of_index: 0.95 }
    }
}

impl Default for TariffConfig {
    fn default() -> Self {
        Self {
            paid_price: PaidPrice::Intraday,
            policy_gbp_per_mwh: 47.4,
            network_gbp_per_mwh: 9.0,
            bands: vec![
                standard_band("distribution red", 16.0, 19.0, 18.0),
                standard_band("distribution amber morning", 7.5, 16.0, 2.0),
                standard_band("distribution amber evening", 19.0, 21.0, 2.0),
            ],
            day_ahead_position_mw: None,
            charges_region: None,
            lines: Vec::new(),
            export: None,
        }
    }
}

fn standard_band(name: &str, from_hour: f64, to_hour: f64, gbp_per_mwh: f64) -> ChargeBand {
    ChargeBand {
        source: "round figure for a high-voltage site in 2023/24, unverified".into(),
        valid_from: "2023-04-01".into(),
        ..ChargeBand::weekdays(name, from_hour, to_hour, gbp_per_mwh)
    }
}

impl TariffConfig {
    /// Charges per MWh on top of the index in a period.
    pub fn charges(&self, local: LocalStamp) -> f64 {
        let bands = self.bands().iter().filter(|band| band.holds(local)).map(|band| band.gbp_per_mwh);
        self.flat_gbp_per_mwh() + bands.sum::<f64>()
    }

    /// Charges per MWh at every hour.
    pub fn flat_gbp_per_mwh(&self) -> f64 {
        if self.lines.is_empty() {
            self.policy_gbp_per_mwh + self.network_gbp_per_mwh
        } else {
            self.lines.iter().map(|line| line.gbp_per_mwh).sum()
        }
    }

    /// The bands in force: those of the region, else those of the scenario.
    pub fn bands(&self) -> &[ChargeBand] {
        self.charges_region.map_or(&self.bands, |region| &region.charges().bands)
    }

    /// The lines that the flat charges are made of, for reports; they sum to [`TariffConfig::flat_gbp_per_mwh`].
    pub fn flat_lines(&self) -> Vec<ChargeLine> {
        if !self.lines.is_empty() {
            return self.lines.clone();
        }
        let standard = Self::default();
        let totals = |tariff: &Self| (tariff.policy_gbp_per_mwh, tariff.network_gbp_per_mwh);
        if totals(self) == totals(&standard) {
            return standard_lines();
        }
        let line = |name: &str, gbp_per_mwh, kind| ChargeLine {
            name: name.into(),
            gbp_per_mwh,
            kind,
            valid_from: String::new(),
            source: "the scenario's total".into(),
        };
        vec![
            line("policy", self.policy_gbp_per_mwh, ChargeKind::Policy),
            line("network", self.network_gbp_per_mwh, ChargeKind::Network),
        ]
    }

    /// Power bought day-ahead for every half-hour; zero where the paid price knows no position.
    pub fn position(&self, mean_facility_load: Megawatts) -> Megawatts {
        match self.paid_price {
            PaidPrice::Mixed => self.day_ahead_position_mw.map_or(mean_facility_load, Megawatts),
            _ => Megawatts::ZERO,
        }
    }

    /// The part of a period's energy cost that does not depend on import: position x (day-ahead - system price).
    ///
    /// Together with import x the price of [`PaidPrice::signal`] it is position x day-ahead + (import - position) x
    /// system price. Zero unless the paid price is `mixed`; `None` if one of the two prices is missing.
    pub fn fixed_gbp(
        &self,
        mean_facility_load: Megawatts,
        day_ahead: Option<PoundsPerMegawattHour>,
        imbalance: Option<PoundsPerMegawattHour>,
    ) -> Option<Pounds> {
        if self.paid_price != PaidPrice::Mixed {
            return Some(Pounds::ZERO);
        }
        Some(self.position(mean_facility_load).over_period() * (known(day_ahead)? - known(imbalance)?))
    }

    /// What a period's import costs at the index, position included; `None` if a price it needs is missing.
    ///
    /// `marginal` is the price of [`PaidPrice::signal`], `day_ahead` that of the auction.
    pub fn energy_gbp(
        &self,
        import: MegawattHours,
        mean_facility_load: Megawatts,
        marginal: Option<PoundsPerMegawattHour>,
        day_ahead: Option<PoundsPerMegawattHour>,
    ) -> Option<Pounds> {
        let fixed = self.fixed_gbp(mean_facility_load, day_ahead, marginal)?;
        Some(import * known(marginal)? + fixed)
    }

    /// What an exported MWh earns: a share of the index, never more than an imported one costs; negative where the
    /// index is. Zero where there is no export.
    pub fn export_price(&self, index: PoundsPerMegawattHour, charges: PoundsPerMegawattHour) -> PoundsPerMegawattHour {
        let share = |export: &ExportConfig| (index * export.share_of_index).min(index + charges);
        self.export.as_ref().map_or(PoundsPerMegawattHour::ZERO, share)
    }

    /// Faults as `(key, message)`.
    pub fn validate(&self) -> Vec<(String, String)> {
        let mut faults = Vec::new();
        let amount = |x: f64| x >= 0.0 && x.is_finite();
        let position = self.day_ahead_position_mw.unwrap_or_default();
        let limit = self.export.as_ref().map_or(0.0, |export| export.limit_mw);
        let amounts = [
            ("policy_gbp_per_mwh", self.policy_gbp_per_mwh),
            ("network_gbp_per_mwh", self.network_gbp_per_mwh),
            ("day_ahead_position_mw", position),
            ("export.limit_mw", limit),
        ];
        for (key, found) in amounts.into_iter().filter(|(_, found)| !amount(*found)) {
            faults.push((format!("tariff.{key}"), format!("is {found}, expected 0 or more")));
        }
        if self.day_ahead_position_mw.is_some() && self.paid_price != PaidPrice::Mixed {
            let text =
                format!("is {position}, but `tariff.paid_price` buys none, expected \"mixed\" there, or no position");
            faults.push(("tariff.day_ahead_position_mw".into(), text));
        }
        if let Some(share) = self.export.as_ref().map(|export| export.share_of_index)
            && !(0.0..=1.0).contains(&share)
        {
            faults.push(("tariff.export.share_of_index".into(), format!("is {share}, expected between 0 and 1")));
        }
        for line in self.lines.iter().filter(|line| !line.gbp_per_mwh.is_finite()) {
            let text = format!("line `{}` charges {}, expected a number", line.name, line.gbp_per_mwh);
            faults.push(("tariff.lines".into(), text));
        }
        if !self.lines.is_empty() && !amount(self.flat_gbp_per_mwh()) {
            let text = format!("sum to {}, expected 0 or more", self.flat_gbp_per_mwh());
            faults.push(("tariff.lines".into(), text));
        }
        if self.charges_region.is_some() && !self.bands.is_empty() && self.bands != Self::default().bands {
            let text = "are given beside `tariff.charges_region`, which has its own, expected one of the two";
            faults.push(("tariff.bands".into(), text.into()));
        }
        for fault in self.bands.iter().flat_map(ChargeBand::faults) {
            faults.push(("tariff.bands".into(), fault));
        }
        faults
    }
}

/// A price that is there and a number.
fn known(price: Option<PoundsPerMegawattHour>) -> Option<PoundsPerMegawattHour> {
    price.filter(|price| price.0.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grid::Period;

    #[test]
    fn the_red_band_is_charged_in_local_time_on_weekdays_only() {
        let tariff = TariffConfig::default();
        let at = |text: &str| tariff.charges(text.parse::<Period>().expect("a period").local());
        let base = 47.4 + 9.0;
        // 15:30 UTC on a summer Monday is 16:30 in London.
        assert_eq!(at("2023-07-03T15:30:00Z"), base + 18.0);
        assert_eq!(at("2023-07-03T18:00:00Z"), base + 2.0);
        assert_eq!(at("2023-07-02T15:30:00Z"), base);
        assert_eq!(at("2023-01-16T15:30:00Z"), base + 2.0);
    }

    const LOAD: Megawatts = Megawatts(9.6);

    fn price(gbp: f64) -> Option<PoundsPerMegawattHour> {
        Some(PoundsPerMegawattHour(gbp))
    }

    #[test]
    fn mixed_pays_the_position_day_ahead_and_settles_the_rest_at_the_system_price() {
        let mut tariff = TariffConfig { paid_price: PaidPrice::Mixed, ..TariffConfig::default() };
        assert_eq!(tariff.paid_price.signal(), Signal::ImbalancePrice);
        // 4.8 MWh bought at 80, 3.0 MWh taken, 1.8 MWh sold back at 120: 384 - 216 = 168.
        let energy = |tariff: &TariffConfig, import, imbalance, day_ahead| {
            tariff.energy_gbp(MegawattHours(import), LOAD, imbalance, day_ahead).map(|gbp| gbp.0)
        };
        let close = |found: Option<f64>, gbp: f64| assert!((found.unwrap() - gbp).abs() < 1e-9, "{found:?} {gbp}");
        close(energy(&tariff, 3.0, price(120.0), price(80.0)), 168.0);
        close(tariff.fixed_gbp(LOAD, price(80.0), price(120.0)).map(|gbp| gbp.0), -192.0);
        // At a negative system price the surplus of the position is paid for a second time: 4.8 x 80 + 1.8 x 50.
        close(energy(&tariff, 3.0, price(-50.0), price(80.0)), 474.0);
        tariff.day_ahead_position_mw = Some(4.0);
        close(energy(&tariff, 3.0, price(120.0), price(80.0)), 280.0);
    }

    #[test]
    fn a_missing_price_is_never_a_free_one() {
        let mixed = TariffConfig { paid_price: PaidPrice::Mixed, ..TariffConfig::default() };
        let one = MegawattHours(1.0);
        assert_eq!(mixed.energy_gbp(one, LOAD, price(50.0), None), None);
        assert_eq!(mixed.energy_gbp(one, LOAD, price(f64::NAN), price(50.0)), None);
        let intraday = TariffConfig::default();
        assert_eq!(intraday.energy_gbp(one, LOAD, None, price(50.0)), None);
        assert_eq!(intraday.energy_gbp(one, LOAD, price(50.0), None), Some(Pounds(50.0)));
        assert_eq!(intraday.position(LOAD), Megawatts::ZERO);
    }

    #[test]
    fn a_band_of_winter_months_is_charged_in_winter_only() {
        let mut tariff = TariffConfig { bands: Vec::new(), ..TariffConfig::default() };
        let months = Some(vec![11, 12, 1, 2]);
        tariff.bands.push(ChargeBand { months, ..ChargeBand::weekdays("capacity market levy", 16.0, 19.0, 10.0) });
        let at = |text: &str| tariff.charges(text.parse::<Period>().expect("a period").local()) - 56.4;
        assert_eq!(at("2024-01-15T17:00:00Z").round(), 10.0);
        assert_eq!(at("2024-06-17T16:00:00Z"), 0.0);
        assert_eq!(at("2024-01-13T17:00:00Z"), 0.0);
    }

    #[test]
    fn a_region_replaces_the_bands_and_keeps_the_flat_charges() {
        let tariff = TariffConfig { charges_region: Some(ChargesRegion::EastMidlands), ..TariffConfig::default() };
        assert_eq!(tariff.validate(), []);
        let at = |text: &str| tariff.charges(text.parse::<Period>().expect("a period").local());
        assert_eq!(at("2024-01-15T17:00:00Z"), 56.4 + 24.31);
        assert_eq!(at("2024-01-15T03:00:00Z"), 56.4 + 0.22);
        assert_eq!(at("2024-01-13T17:00:00Z"), 56.4 + 0.22);
    }

    #[test]
    fn the_itemised_lines_sum_to_what_is_charged() {
        let own = TariffConfig { policy_gbp_per_mwh: 30.0, ..TariffConfig::default() };
        let lines = crate::market::later_lines();
        for tariff in [TariffConfig::default(), own, TariffConfig { lines, ..TariffConfig::default() }] {
            let sum: f64 = tariff.flat_lines().iter().map(|line| line.gbp_per_mwh).sum();
            assert!((sum - tariff.flat_gbp_per_mwh()).abs() < 1e-12, "{tariff:?}");
        }
    }

    #[test]
    fn export_never_earns_more_than_import_costs() {
        let mut tariff = TariffConfig { export: Some(ExportConfig::default()), ..TariffConfig::default() };
        let at = |tariff: &TariffConfig, index, charges| {
            tariff.export_price(PoundsPerMegawattHour(index), PoundsPerMegawattHour(charges)).0
        };
        assert_eq!(at(&tariff, 100.0, 56.4), 95.0);
        // Where the index is negative, export costs; with no charges an import at -100 is the better deal.
        assert_eq!(at(&tariff, -20.0, 56.4), -19.0);
        assert_eq!(at(&tariff, -100.0, 0.0), -100.0);
        tariff.export = None;
        assert_eq!(at(&tariff, 100.0, 56.4), 0.0);
    }

    #[test]
    fn faults_name_their_key() {
        let tariff = TariffConfig {
            day_ahead_position_mw: Some(5.0),
            charges_region: Some(ChargesRegion::London),
            export: Some(ExportConfig { limit_mw: -1.0, share_of_index: 1.5 }),
            bands: vec![ChargeBand { months: Some(vec![13]), ..ChargeBand::weekdays("red", 16.0, 19.0, 1.0) }],
            ..TariffConfig::default()
        };
        let keys: Vec<String> = tariff.validate().into_iter().map(|(key, _)| key).collect();
        let expected = [
            "tariff.export.limit_mw",
            "tariff.day_ahead_position_mw",
            "tariff.export.share_of_index",
            "tariff.bands",
            "tariff.bands",
        ];
        assert_eq!(keys, expected);
    }

    #[test]
    fn a_tariff_with_everything_survives_toml() {
        let text = "paid_price = \"mixed\"\nday_ahead_position_mw = 8.0\ncharges_region = \"north_scotland\"\n\
                    [export]\nlimit_mw = 2.0\n[[lines]]\nname = \"CCL\"\ngbp_per_mwh = 7.75\nkind = \"policy\"\n";
        let tariff: TariffConfig = toml::from_str(text).expect("reads");
        assert_eq!((tariff.flat_gbp_per_mwh(), tariff.validate().len()), (7.75, 0));
        let again = toml::to_string(&tariff).expect("writes");
        assert_eq!(toml::from_str::<TariffConfig>(&again).expect("reads again"), tariff);
    }
}
