//! The regions of the Carbon Intensity API: 14 licence areas of the distribution networks, three nations, Great Britain.
//!
//! In: a key, a published name or a number. Out: a [`Region`] with its facts.
//! Always: numbers are the API's (`regionid`), from 1; what is unknown is refused with the nearest key.
//! Not here: carbon intensities (`regional.rs`), the panels of a site (`solar_site.rs`).

use super::import::edit_distance;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;

/// A region of the Carbon Intensity API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
#[allow(missing_docs, reason = "each variant is named as the place it is; its facts stand in `SPECS`")]
pub enum Region {
    NorthScotland = 1,
    SouthScotland,
    NorthWestEngland,
    NorthEastEngland,
    Yorkshire,
    NorthWalesAndMerseyside,
    SouthWales,
    WestMidlands,
    EastMidlands,
    EastEngland,
    SouthWestEngland,
    SouthEngland,
    London,
    SouthEastEngland,
    England,
    Scotland,
    Wales,
    GreatBritain,
}

/// What is known about a region.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RegionSpec {
    /// The region.
    pub region: Region,
    /// Key in configurations and reports.
    pub key: &'static str,
    /// The API's `shortname`.
    pub name: &'static str,
    /// The API's `dnoregion`: the licensee under its name of about 2018.
    pub licensee: &'static str,
    /// Latitude of its middle in degrees north.
    pub latitude_deg: f64,
    /// Longitude of its middle in degrees east.
    pub longitude_deg: f64,
    /// Customers of the licence area in millions; 0 for nations, which consist of licence areas.
    pub customers_million: f64,
}

/// A text that names no region.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` is no region of Great Britain, expected a key or a number in 1 ..= 18\n\nhint: did you mean `{nearest}`?"
)]
pub struct RegionError {
    /// What was read.
    pub text: String,
    /// The key most like it.
    pub nearest: &'static str,
}

macro_rules! spec {
    ($region:ident, $key:literal, $name:literal, $licensee:literal, $lat:literal, $lon:literal, $customers:literal) => {
        RegionSpec {
            region: Region::$region,
            key: $key,
            name: $name,
            licensee: $licensee,
            latitude_deg: $lat,
            longitude_deg: $lon,
            customers_million: $customers,
        }
    };
}

/// All regions in the order of their numbers.
///
/// Numbers, names and licensees: Carbon Intensity API and its published region list (CC BY 4.0), read on 2026-11-22.
/// Middles: read off a map of the licence areas by hand, good to about 20 km, which moves the sun by less than a minute and a half.
/// Customers: what the companies state, rounded to 0.1 million, from general knowledge; checked only as far as UK Power
/// Networks gives 8.3 million (here 8.2) on ukpowernetworks.co.uk, Western Power Distribution about 8 million (here
/// 7.8) and Electricity North West 2.4 million on pages read on 2026-11-22. They serve as weights alone.
#[rustfmt::skip]
pub const SPECS: [RegionSpec; Region::COUNT] = [
    spec!(NorthScotland, "north_scotland", "North Scotland", "Scottish Hydro Electric Power Distribution", 57.4, -4.2, 0.8),
    spec!(SouthScotland, "south_scotland", "South Scotland", "SP Distribution", 55.6, -3.8, 2.0),
    spec!(NorthWestEngland, "north_west_england", "North West England", "Electricity North West", 54.0, -2.7, 2.4),
    spec!(NorthEastEngland, "north_east_england", "North East England", "NPG North East", 54.8, -1.7, 1.6),
    spec!(Yorkshire, "yorkshire", "Yorkshire", "NPG Yorkshire", 53.7, -1.2, 2.3),
    spec!(NorthWalesAndMerseyside, "north_wales_and_merseyside", "North Wales & Merseyside", "SP Manweb", 53.0, -3.4, 1.5),
    spec!(SouthWales, "south_wales", "South Wales", "WPD South Wales", 51.8, -3.9, 1.1),
    spec!(WestMidlands, "west_midlands", "West Midlands", "WPD West Midlands", 52.3, -2.3, 2.5),
    spec!(EastMidlands, "east_midlands", "East Midlands", "WPD East Midlands", 52.8, -0.9, 2.6),
    spec!(EastEngland, "east_england", "East England", "UKPN East", 52.2, 0.5, 3.6),
    spec!(SouthWestEngland, "south_west_england", "South West England", "WPD South West", 50.8, -3.7, 1.6),
    spec!(SouthEngland, "south_england", "South England", "SSE South", 51.3, -1.4, 3.0),
    spec!(London, "london", "London", "UKPN London", 51.5, -0.1, 2.3),
    spec!(SouthEastEngland, "south_east_england", "South East England", "UKPN South East", 51.1, 0.4, 2.3),
    spec!(England, "england", "England", "England", 52.5, -1.5, 0.0),
    spec!(Scotland, "scotland", "Scotland", "Scotland", 56.5, -4.0, 0.0),
    spec!(Wales, "wales", "Wales", "Wales", 52.3, -3.7, 0.0),
    spec!(GreatBritain, "great_britain", "GB", "GB", 52.2, -1.5, 0.0),
];

impl Region {
    /// Number of regions.
    pub const COUNT: usize = 18;
    /// Number of licence areas, which come first and together cover Great Britain.
    pub const AREAS: usize = 14;

    /// All 18 in the order of their numbers.
    pub fn all() -> impl Iterator<Item = Region> {
        SPECS.iter().map(|spec| spec.region)
    }

    /// The 14 licence areas.
    pub fn areas() -> impl Iterator<Item = Region> {
        Self::all().take(Self::AREAS)
    }

    /// The region of an API number.
    pub fn from_id(id: u64) -> Option<Region> {
        let index = usize::try_from(id).ok()?.checked_sub(1)?;
        SPECS.get(index).map(|spec| spec.region)
    }

    /// The API's number, `1..=18`.
    pub fn id(self) -> u8 {
        self as u8
    }

    /// Position in tables of all regions, `0..18`.
    pub fn index(self) -> usize {
        self as usize - 1
    }

    /// Its facts.
    pub fn spec(self) -> &'static RegionSpec {
        &SPECS[self.index()]
    }

    /// Key in configurations and reports.
    pub fn key(self) -> &'static str {
        self.spec().key
    }

    /// The API's short name.
    pub fn name(self) -> &'static str {
        self.spec().name
    }

    /// Whether it is one of the 14 licence areas.
    pub fn is_area(self) -> bool {
        self.index() < Self::AREAS
    }

    /// Share of the customers of Great Britain, a stand-in for the share of demand; 0 for nations.
    pub fn weight(self) -> f64 {
        let all: f64 = SPECS.iter().map(|spec| spec.customers_million).sum();
        self.spec().customers_million / all
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.key())
    }
}

impl FromStr for Region {
    type Err = RegionError;

    /// Reads a key (`north_scotland`), a published name (`North Scotland`, `SP Distribution`) or a number (`1`).
    fn from_str(text: &str) -> Result<Self, RegionError> {
        let wanted = plain(text);
        let is = |spec: &&RegionSpec| [spec.key, spec.name, spec.licensee].iter().any(|name| plain(name) == wanted);
        let by_number = || text.trim().parse().ok().and_then(Region::from_id);
        if let Some(region) = SPECS.iter().find(is).map(|spec| spec.region).or_else(by_number) {
            return Ok(region);
        }
        // A name as long as a page is like none of them, and its distance would take long.
        let start: String = wanted.chars().take(60).collect();
        let distance = |spec: &&RegionSpec| {
            [spec.key, spec.name, spec.licensee].iter().map(|name| edit_distance(&start, &plain(name))).min()
        };
        let nearest = SPECS.iter().min_by_key(distance).map_or("great_britain", |spec| spec.key);
        Err(RegionError { text: start_of(text), nearest })
    }
}

/// Lower case, words joined by `_`, `&` spelt out.
fn plain(text: &str) -> String {
    let words = text.trim().to_lowercase().replace('&', "and");
    words.split(|c: char| c.is_whitespace() || c == '_' || c == '-').collect::<Vec<_>>().join("_")
}

/// At most 60 characters, for a message.
fn start_of(text: &str) -> String {
    if text.chars().count() <= 60 { text.to_string() } else { text.chars().take(60).chain("..".chars()).collect() }
}

impl Serialize for Region {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.key())
    }
}

impl<'de> Deserialize<'de> for Region {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_region_stands_at_its_own_number_and_is_found_by_all_its_names() {
        for (i, spec) in SPECS.iter().enumerate() {
            assert_eq!((spec.region.index(), usize::from(spec.region.id())), (i, i + 1));
            assert_eq!(Region::from_id(i as u64 + 1), Some(spec.region));
            for text in [spec.key, spec.name, spec.licensee, &(i + 1).to_string()] {
                assert_eq!(text.parse(), Ok(spec.region), "{text}");
            }
        }
        assert_eq!((Region::from_id(0), Region::from_id(19), Region::from_id(u64::MAX)), (None, None, None));
    }

    #[test]
    fn a_mistyped_region_is_refused_with_the_nearest_key() {
        let error = "north scottland".parse::<Region>().expect_err("no such region").to_string();
        assert_eq!(
            error,
            "`north scottland` is no region of Great Britain, expected a key or a number in 1 ..= 18\n\n\
             hint: did you mean `north_scotland`?"
        );
        for (text, nearest) in
            [("yorks", "yorkshire"), ("SP Manwebb", "north_wales_and_merseyside"), ("GBR", "great_britain")]
        {
            assert_eq!(text.parse::<Region>().expect_err(text).nearest, nearest, "{text}");
        }
        let long = "x".repeat(100_000);
        assert_eq!(long.parse::<Region>().expect_err("a page").text.len(), 62);
    }

    #[test]
    fn the_weights_of_the_areas_sum_to_one_and_nations_have_none() {
        let areas: f64 = Region::areas().map(Region::weight).sum();
        assert!((areas - 1.0).abs() < 1e-12, "{areas}");
        assert!(Region::all().all(|region| region.is_area() == (region.weight() > 0.0)));
    }

    #[test]
    fn a_region_is_its_key_in_files() {
        assert_eq!(serde_json::to_string(&Region::GreatBritain).expect("serialises"), "\"great_britain\"");
        let read: Region = serde_json::from_str("\"South Wales\"").expect("names are good, too");
        assert_eq!(read, Region::SouthWales);
        let error = serde_json::from_str::<Region>("\"Sotuh Wales\"").expect_err("mistyped").to_string();
        assert!(error.contains("did you mean `south_wales`?"), "{error}");
    }
}
