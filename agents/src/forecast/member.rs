//! A member of the ensemble: a forecaster that is fitted, saved and loaded.
//!
//! In: history to fit on. Out: members by name. One member, one line in [`KINDS`].
//! Always: a member reads `Knowledge` only. Not here: what each one computes; how they are weighted (`rolling.rs`).

use super::boosted::{BoostError, BoostedOptions};
use super::contract::{Forecaster, Provenance, Target};
use super::regression::{BoostedMember, RidgeMember};
use super::ridge::RidgeOptions;
use super::{contract::Distribution, floors, prophet};
use flexai_env::grid::{ForecastGap, GridTrace, Knowledge};
use serde::{Deserialize, Serialize};

/// A forecaster that can be saved.
pub trait Member: Forecaster {
    /// Bytes from which the registry loads it again.
    fn save(&self) -> Vec<u8>;

    /// The means of [`Forecaster::predict`], for those who need no quantiles.
    ///
    /// # Errors
    /// As [`Forecaster::predict`].
    fn points(
        &self,
        known: &Knowledge<'_>,
        target: Target,
        first: usize,
        out: &mut [f64],
    ) -> Result<Provenance, ForecastGap> {
        let mut distributions = vec![Distribution::certain(0.0); out.len()];
        let provenance = self.predict(known, target, first, &mut distributions)?;
        out.iter_mut().zip(&distributions).for_each(|(out, distribution)| *out = distribution.mean);
        Ok(provenance)
    }
}

/// How members are fitted.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FitOptions {
    /// Seed of everything that is drawn.
    pub seed: u64,
    /// Blocks of the range whose forecasts come from members fitted to the rest of it; 0 leaves forecasts of the range
    /// itself to members that have seen it.
    pub folds: usize,
    /// Lines per group of leads.
    pub ridge: RidgeOptions,
    /// Forests.
    pub boosted: BoostedOptions,
}

impl Default for FitOptions {
    fn default() -> Self {
        Self { seed: 0, folds: 4, ridge: RidgeOptions::default(), boosted: BoostedOptions::default() }
    }
}

/// History to fit on: nothing after its end is there.
#[derive(Debug, Clone, Copy)]
pub struct History<'a> {
    /// The periods up to the end of the range to fit on.
    pub trace: &'a GridTrace,
    /// First index to fit on.
    pub from: usize,
    /// Start and end of what was made holes, where a member is fitted for forecasts of a block in there.
    pub hidden: Option<(usize, usize)>,
    /// How.
    pub options: &'a FitOptions,
}

/// A member could not be fitted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FitError {
    /// Too little history.
    #[error(
        "the table gives {days} days to fit on, expected at least {expected}\n\n\
         hint: forecasts are fitted on 2020-01-08 to 2023-12-31; name a table that holds a good part of it"
    )]
    TooShort {
        /// Days there.
        days: usize,
        /// Days needed.
        expected: usize,
    },
    /// The booster refused.
    #[error(
        "forecast member `boosted`, {target}: {reason}\n\nhint: check the holes of the table with `flexai data check`"
    )]
    Boost {
        /// Of what.
        target: &'static str,
        /// Why.
        reason: BoostError,
    },
    /// Another member's fault, in its words.
    #[error("forecast member `{member}`: {reason}")]
    Member {
        /// Its name.
        member: &'static str,
        /// Why.
        reason: String,
    },
}

/// Fits a member.
pub type Fit = fn(&History<'_>) -> Result<Box<dyn Member>, FitError>;
/// Loads a member from what [`Member::save`] gave; the error says what is wrong with the bytes.
pub type Load = fn(&[u8]) -> Result<Box<dyn Member>, String>;

/// One kind of member.
#[derive(Clone, Copy)]
pub struct MemberKind {
    /// Its name, also that of its file.
    pub name: &'static str,
    /// Whether it is an honest floor: no model, only what anybody could say.
    pub floor: bool,
    /// Targets whose ensemble it can take part in; it is judged in all that it covers.
    pub joins: &'static [Target],
    /// Fits it.
    pub fit: Fit,
    /// Loads it.
    pub load: Load,
}

const NONE: &[Target] = &[];
const CARBON: &[Target] = &[Target::Carbon];
const PRICES: &[Target] = &[Target::IntradayPrice, Target::ImbalancePrice];
const ALL: &[Target] = &Target::ALL;
/// What Prophet covers.
const OUTPUT: &[Target] = &[Target::Carbon, Target::Wind, Target::Solar];
/// What publishers forecast themselves.
const FORWARD: &[Target] = &[Target::IntradayPrice, Target::ImbalancePrice, Target::Wind, Target::Solar];

macro_rules! member {
    ($name:literal, floor $floor:literal, $joins:ident, $fit:path, $load:path) => {
        MemberKind { name: $name, floor: $floor, joins: $joins, fit: $fit, load: $load }
    };
}

/// All members; the order is that of reports.
pub const KINDS: [MemberKind; 8] = [
    member!("persistence", floor true, NONE, floors::fit_persistence, floors::load_persistence),
    member!("yesterday", floor true, CARBON, floors::fit_yesterday, floors::load_yesterday),
    member!("last_week", floor true, NONE, floors::fit_last_week, floors::load_last_week),
    member!("published", floor true, FORWARD, floors::fit_published, floors::load_published),
    member!("present", floor true, PRICES, floors::fit_present, floors::load_present),
    member!("ridge", floor false, ALL, RidgeMember::fit, RidgeMember::load),
    member!("prophet", floor false, OUTPUT, prophet::member::fit, prophet::member::load),
    member!("boosted", floor false, ALL, BoostedMember::fit, BoostedMember::load),
];
