//! The sites of a scenario, what they pay, and whose carbon counts.
//!
//! In: a setup. Out: rows of facts, and their part of the page.
//! Always: every charge names its amount, its date and its source, or says that there is none.
//! Not here: jobs, controls, flexibility (`settings.rs`).

use super::table::Markdown;
use crate::grid::SourceKind;
use crate::market::{ChargeBand, PaidPrice, TariffConfig};
use crate::site::{SiteConfig, SiteSetup};
use serde::Serialize;
use serde_json::json;

/// One site.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SiteRow {
    /// Name in a fleet; a single site has that of its scenario.
    pub name: String,
    /// Key of its region.
    pub region: &'static str,
    /// Largest IT power.
    pub it_capacity_mw: f64,
    /// Mean IT load.
    pub mean_it_mw: f64,
    /// Facility power per IT power.
    pub pue: f64,
    /// Largest import from the grid.
    pub import_limit_mw: f64,
    /// Usable energy of the battery.
    pub battery_mwh: f64,
    /// Power of the battery.
    pub battery_mw: f64,
    /// Peak power of the panels.
    pub solar_mwp: f64,
    /// Distribution area whose charges it pays, where the scenario names one.
    pub charges_region: Option<String>,
}

/// One charge on top of the index.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ChargeRow {
    /// What it is called on the bill.
    pub name: String,
    /// The amount.
    pub gbp_per_mwh: f64,
    /// `policy` or `network`.
    pub kind: String,
    /// Hours and days in which it is charged, local time.
    pub when: String,
    /// First day of the charge; empty where unknown.
    pub valid_from: String,
    /// Who says so; empty where nobody does.
    pub source: String,
    /// Names of the sites that pay it.
    pub sites: Vec<String>,
}

/// What import costs and export earns, beside carbon.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TariffFacts {
    /// Key of the index paid.
    pub paid_price: PaidPrice,
    /// The index in words.
    pub index: String,
    /// The charges on top of it.
    pub charges: Vec<ChargeRow>,
    /// Largest export, where the site is paid for it.
    pub export_limit_mw: Option<f64>,
    /// Share of the index that export earns.
    pub export_share_of_index: Option<f64>,
    /// Whether surplus sun is curtailed in half-hours whose export price is below zero, where the site is paid for export.
    pub curtails_below_zero: Option<bool>,
}

/// Whose emissions are counted, and how.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CarbonFacts {
    /// Price of a tonne.
    pub price_gbp_per_tonne: f64,
    /// The series, in words.
    pub source: String,
    /// `measured`, `simulated` or `synthetic`.
    pub label: &'static str,
}

/// The sites, in order.
pub(super) fn sites(config: &SiteConfig) -> Vec<SiteRow> {
    let names = names(config);
    let row = |(site, name): (SiteConfig, String)| SiteRow {
        name,
        region: site.region.key(),
        it_capacity_mw: site.it_capacity_mw,
        mean_it_mw: site.workload.mean_it_mw,
        pue: site.pue,
        import_limit_mw: site.import_limit_mw,
        battery_mwh: site.battery.capacity_mwh,
        battery_mw: site.battery.power_mw,
        solar_mwp: site.solar.capacity_mwp,
        charges_region: site.tariff.charges_region.and_then(|region| json!(region).as_str().map(str::to_string)),
    };
    config.sites().into_iter().zip(names).map(row).collect()
}

/// Names of the sites; a single one is called like its scenario.
fn names(config: &SiteConfig) -> Vec<String> {
    match config.site_names() {
        names if names.is_empty() => vec![config.name.clone()],
        names => names.into_iter().map(str::to_string).collect(),
    }
}

/// What the sites pay.
pub(super) fn tariff(config: &SiteConfig) -> TariffFacts {
    let mut charges: Vec<ChargeRow> = Vec::new();
    for (site, name) in config.sites().iter().zip(names(config)) {
        for charge in charges_of(&site.tariff) {
            let same = |row: &&mut ChargeRow| ChargeRow { sites: Vec::new(), ..(**row).clone() } == charge;
            match charges.iter_mut().find(same) {
                Some(row) => row.sites.push(name.clone()),
                None => charges.push(ChargeRow { sites: vec![name.clone()], ..charge }),
            }
        }
    }
    let tariff = &config.tariff;
    let position = match tariff.day_ahead_position_mw {
        Some(mw) => format!("{mw} MW"),
        None => "the mean facility load".into(),
    };
    let index = match tariff.paid_price {
        PaidPrice::Intraday => "intraday market index price".into(),
        PaidPrice::DayAhead => "day-ahead hourly auction price".into(),
        PaidPrice::Imbalance => "imbalance (system) price, known two half-hours late".into(),
        PaidPrice::Mixed => {
            format!(
                "{position} bought at the day-ahead auction price in every half-hour, the rest settled at the imbalance price"
            )
        }
    };
    TariffFacts {
        paid_price: tariff.paid_price,
        index,
        charges,
        export_limit_mw: tariff.export.as_ref().map(|export| export.limit_mw),
        export_share_of_index: tariff.export.as_ref().map(|export| export.share_of_index),
        curtails_below_zero: tariff.export.as_ref().map(|_| config.knows_paid_price()),
    }
}

fn charges_of(tariff: &TariffConfig) -> Vec<ChargeRow> {
    let flat = tariff.flat_lines().into_iter().map(|line| ChargeRow {
        name: line.name,
        gbp_per_mwh: line.gbp_per_mwh,
        kind: json!(line.kind).as_str().unwrap_or_default().to_string(),
        when: "always".into(),
        valid_from: line.valid_from,
        source: line.source,
        sites: Vec::new(),
    });
    let bands = tariff.bands().iter().map(|band| ChargeRow {
        name: band.name.clone(),
        gbp_per_mwh: band.gbp_per_mwh,
        kind: "network".into(),
        when: hours(band),
        valid_from: band.valid_from.clone(),
        source: band.source.clone(),
        sites: Vec::new(),
    });
    flat.chain(bands).collect()
}

fn hours(band: &ChargeBand) -> String {
    let days = match (band.weekdays_only, band.weekends_only) {
        (true, _) => "Monday to Friday",
        (_, true) => "Saturday and Sunday",
        _ => "every day",
    };
    let months = band.months.as_ref().map_or_else(String::new, |months| {
        format!(", months {}", months.iter().map(u8::to_string).collect::<Vec<_>>().join(", "))
    });
    format!("{} to {} h, {days}{months}", band.from_hour, band.to_hour)
}

/// Whose carbon counts.
pub(super) fn carbon(setup: &SiteSetup) -> CarbonFacts {
    let config = &setup.config;
    let regional = config.sites().iter().any(|site| site.region.is_area());
    let national = match setup.trace.source().kind {
        SourceKind::Real => "measured",
        SourceKind::Synthetic => "synthetic",
    };
    let (source, label) = match (&config.regional_carbon, regional) {
        (Some(_), _) => {
            ("location-based average of each site's region, from a published table".to_string(), "measured")
        }
        (None, true) => {
            let text = "location-based average of each site's region, by a model from the national value";
            (text.to_string(), "simulated")
        }
        (None, false) => ("location-based national average".to_string(), national),
    };
    CarbonFacts { price_gbp_per_tonne: config.carbon_price_gbp_per_tonne, source, label }
}

/// The part of the page.
pub(super) fn write(page: &mut Markdown, sites: &[SiteRow], tariff: &TariffFacts, carbon: &CarbonFacts) {
    page.heading(3, if sites.len() > 1 { "Sites" } else { "Site" });
    let columns = [
        "site",
        "region",
        "IT capacity MW",
        "mean IT load MW",
        "PUE",
        "import limit MW",
        "battery MWh / MW",
        "solar MWp",
        "distribution charges of",
    ];
    let row = |site: &SiteRow| {
        vec![
            site.name.clone(),
            site.region.to_string(),
            site.it_capacity_mw.to_string(),
            site.mean_it_mw.to_string(),
            site.pue.to_string(),
            site.import_limit_mw.to_string(),
            format!("{} / {}", site.battery_mwh, site.battery_mw),
            site.solar_mwp.to_string(),
            site.charges_region.clone().unwrap_or_else(|| "the scenario".into()),
        ]
    };
    page.table(&columns, &sites.iter().map(row).collect::<Vec<_>>());
    page.heading(3, "Tariff");
    page.paragraph(&format!("Paid per MWh of import: {}, and the charges below.", tariff.index));
    let row = |charge: &ChargeRow| {
        let or = |text: &str| if text.is_empty() { "not given".to_string() } else { text.to_string() };
        let sites_of = if charge.sites.len() == sites.len() { "all".into() } else { charge.sites.join(", ") };
        vec![
            charge.name.clone(),
            charge.gbp_per_mwh.to_string(),
            charge.kind.clone(),
            charge.when.clone(),
            or(&charge.valid_from),
            or(&charge.source),
            sites_of,
        ]
    };
    let columns = ["charge", "GBP/MWh", "kind", "local time", "valid from", "source", "sites"];
    // Bands at no charge only fill the day.
    let charged: Vec<_> = tariff.charges.iter().filter(|charge| charge.gbp_per_mwh != 0.0).map(row).collect();
    if charged.is_empty() {
        page.paragraph("None.");
    } else {
        page.table(&columns, &charged);
    }
    page.paragraph("Charges per kVA or per day are left out: no decision changes them.");
    match tariff.export_limit_mw.zip(tariff.export_share_of_index) {
        Some((limit, share)) => {
            let below_zero = if tariff.curtails_below_zero == Some(true) {
                "surplus sun is curtailed, because the price is known when the half-hour is decided; the battery exports \
                 what it is told to"
            } else {
                "export goes on, because the price is known only after the half-hour is decided"
            };
            page.paragraph(&format!(
                "Export up to {limit} MW earns {share} of the index, never more than an imported MWh costs. Where that is \
                 less than zero {below_zero}."
            ));
        }
        None => page.paragraph("Export is not paid and not possible; what sun is left over is curtailed."),
    }
    page.heading(3, "Carbon");
    let (price, source, label) = (carbon.price_gbp_per_tonne, &carbon.source, carbon.label);
    page.paragraph(&format!("{price} GBP per tonne of CO2 on the {source} ({label})."));
}
