//! Tariff: the price index paid plus network and policy charges.
//!
//! In: a period in UK local time. Out: pounds per MWh on top of the index.
//! Always: charges are positive and do not depend on the index, so energy part and whole bill can be told apart.
//! Not here: the carbon price, which is no part of the bill (`site/ledger.rs`).

use crate::grid::{LocalStamp, Signal};
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
}

impl PaidPrice {
    /// The signal that holds it.
    pub fn signal(self) -> Signal {
        match self {
            Self::Intraday => Signal::IntradayPrice,
            Self::DayAhead => Signal::DayAheadPrice,
            Self::Imbalance => Signal::ImbalancePrice,
        }
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
}

impl Default for TariffConfig {
    fn default() -> Self {
        let band = |name: &str, from_hour, to_hour, gbp_per_mwh| ChargeBand {
            name: name.into(),
            from_hour,
            to_hour,
            weekdays_only: true,
            gbp_per_mwh,
        };
        Self {
            paid_price: PaidPrice::Intraday,
            policy_gbp_per_mwh: 47.4,
            network_gbp_per_mwh: 9.0,
            bands: vec![
                band("distribution red", 16.0, 19.0, 18.0),
                band("distribution amber morning", 7.5, 16.0, 2.0),
                band("distribution amber evening", 19.0, 21.0, 2.0),
            ],
        }
    }
}

impl TariffConfig {
    /// Charges per MWh on top of the index in a period.
    pub fn charges(&self, local: LocalStamp) -> f64 {
        let hour = f64::from(local.half_hour) / 2.0;
        let weekday = local.weekday < 5;
        let bands = self
            .bands
            .iter()
            .filter(|b| hour >= b.from_hour && hour < b.to_hour && (weekday || !b.weekdays_only))
            .map(|b| b.gbp_per_mwh);
        self.policy_gbp_per_mwh + self.network_gbp_per_mwh + bands.sum::<f64>()
    }

    /// Faults as `(key, message)`.
    pub fn validate(&self) -> Vec<(String, String)> {
        let mut faults = Vec::new();
        let amounts =
            [("policy_gbp_per_mwh", self.policy_gbp_per_mwh), ("network_gbp_per_mwh", self.network_gbp_per_mwh)];
        for (key, found) in amounts {
            if !(found >= 0.0 && found.is_finite()) {
                faults.push((format!("tariff.{key}"), format!("is {found}, expected 0 or more")));
            }
        }
        for band in &self.bands {
            let hours = 0.0 <= band.from_hour && band.from_hour < band.to_hour && band.to_hour <= 24.0;
            if !hours {
                let found = format!("band `{}` runs from {} to {}", band.name, band.from_hour, band.to_hour);
                faults.push(("tariff.bands".into(), format!("{found}, expected hours within a day, in order")));
            }
            if !(band.gbp_per_mwh >= 0.0 && band.gbp_per_mwh.is_finite()) {
                let found = format!("band `{}` charges {}", band.name, band.gbp_per_mwh);
                faults.push(("tariff.bands".into(), format!("{found}, expected 0 or more")));
            }
        }
        faults
    }
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
}
