//! Prophet for wind, solar output and carbon intensity, behind the contract of all forecasters.
//!
//! In: a trace and a range to fit, then [`Knowledge`]. Out: [`ProphetForecaster`] and its distributions.
//! Always: a period whose day-ahead forecasts are published is told with them, any other by the calendar alone, and the
//! provenance says which; nothing is drawn, so there is no seed; a fit reads nothing outside its range.
//! Not here: blending with other forecasters, other targets.
//!
//! Fitted once and corrected by what was missed lately, because that was measured to be as good as a new fit every day
//! on a trailing window (next-day wind, validation: 1085 MW against 1068 to 1097 MW for windows of 60 to 365 days).

use super::super::contract::{Distribution, Forecaster, Provenance, Target};
use super::design::{Clock, Regressor, Seasonalities};
use super::inputs::PUBLISHED;
use super::intervals::Situation;
use super::model::{AdditiveOptions, ModelError};
use super::recent::Recent;
use super::tier::{ReadyTier, Tier, TierError, newest, weight};
use flexai_env::grid::{ForecastGap, GridTrace, Knowledge};
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// How Prophet is fitted to one target.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProphetOptions {
    /// Where the day-ahead forecasts of a period are published.
    pub published: AdditiveOptions,
    /// Where they are not.
    pub calendar: AdditiveOptions,
    /// Last part of the range, on which correction and intervals are learned; in `(0, 1)`.
    pub calibration_share: f64,
}

/// Why a target could not be fitted.
#[derive(Debug, thiserror::Error)]
pub enum ProphetFitError {
    /// Prophet is not for this target.
    #[error("Prophet does not speak of {0:?}\n\nhint: it covers carbon, wind and solar")]
    NotCovered(Target),
    /// A share that leaves nothing to fit or nothing to calibrate on.
    #[error("calibration_share is {0}, expected a number between 0 and 1, both excluded")]
    Share(f64),
    /// The range does not lie in the trace.
    #[error("periods {start} to {end} are to be fitted, but the trace has {len}")]
    Range {
        /// First index.
        start: usize,
        /// Index after the last.
        end: usize,
        /// Length of the trace.
        len: usize,
    },
    /// The series is too short, or its design is at fault.
    #[error(
        "{target:?} cannot be fitted: {reason}\n\nhint: Prophet needs about two years of half-hours without long holes"
    )]
    Series {
        /// What was to be fitted.
        target: Target,
        /// What was wrong.
        reason: String,
    },
}

impl ProphetOptions {
    /// What was chosen for a target on the validation split; `None` if Prophet does not cover it.
    pub fn of(target: Target) -> Option<Self> {
        match target {
            Target::Wind => Some(Self::wind()),
            Target::Carbon => Some(Self::carbon()),
            Target::Solar => Some(Self::solar()),
            Target::IntradayPrice | Target::ImbalancePrice => None,
        }
    }

    /// A level without trend: with one the next day's MAE was 1116 MW instead of 1085 MW.
    fn wind() -> Self {
        use Regressor::*;
        let winds = [Wind, WindSquared, WindNear, WindWide, EmbeddedWind, EmbeddedWindSquared, WindProduct];
        Self {
            published: AdditiveOptions { trend: false, ..options(Clock::Utc, [3, 0, 0, 2], &winds) },
            calendar: AdditiveOptions { trend: false, ..options(Clock::Utc, [3, 0, 0, 6], &[]) },
            calibration_share: 0.6,
        }
    }

    /// With Prophet's own trend: 22.1 g, without it the same.
    fn carbon() -> Self {
        use Regressor::*;
        let sources = [ClearSky, SolarGigawatts, Wind, WindSquared, WindNear, WindWide, EmbeddedWind];
        let shares = [WindShare, WindShareSquared, GreenShare, GreenShareSquared, Demand, DemandInverse];
        Self {
            published: options(Clock::Local, [4, 3, 3, 6], &[&sources[..], &shares].concat()),
            calendar: options(Clock::Local, [4, 3, 3, 6], &[ClearSky]),
            calibration_share: 0.35,
        }
    }

    /// Per installed capacity there is no trend to speak of; an added one cannot fade with the sun.
    fn solar() -> Self {
        use Regressor::*;
        let published = options(Clock::Utc, [2, 0, 0, 2], &[Solar, SolarClearSky]);
        let calendar = options(Clock::Utc, [4, 0, 0, 4], &[ClearSky, ClearSkyRoot]);
        Self {
            published: AdditiveOptions { trend: false, ..published },
            calendar: AdditiveOptions { trend: false, ..calendar },
            calibration_share: 0.6,
        }
    }
}

fn options(clock: Clock, orders: [usize; 4], regressors: &[Regressor]) -> AdditiveOptions {
    let [daily, weekend, weekly, yearly] = orders;
    AdditiveOptions {
        clock,
        seasonalities: Seasonalities { daily, weekend, weekly, yearly },
        regressors: regressors.to_vec(),
        ..AdditiveOptions::default()
    }
}

/// Prophet, fitted to one target.
#[derive(Debug, Clone)]
pub struct ProphetForecaster {
    target: Target,
    published: Option<ReadyTier>,
    calendar: ReadyTier,
}

impl ProphetForecaster {
    /// Fits to the periods `range` of a trace, and reads nothing outside of it.
    ///
    /// Without a single published forecast in the range the calendar alone is fitted.
    ///
    /// # Errors
    /// [`ProphetFitError`].
    pub fn fit(
        trace: &GridTrace,
        range: Range<usize>,
        target: Target,
        options: &ProphetOptions,
    ) -> Result<Self, ProphetFitError> {
        if !is_covered(target) {
            return Err(ProphetFitError::NotCovered(target));
        }
        let share = options.calibration_share;
        if !(share > 0.0 && share < 1.0) {
            return Err(ProphetFitError::Share(share));
        }
        if range.start > range.end || range.end > trace.len() {
            return Err(ProphetFitError::Range { start: range.start, end: range.end, len: trace.len() });
        }
        let fit = |options: &AdditiveOptions| Tier::fit(trace, range.clone(), target, options, share);
        let series = |error: TierError| ProphetFitError::Series { target, reason: error.to_string() };
        let published = match fit(&options.published) {
            Err(TierError::Model(ModelError::TooShort { rows: 0, .. })) => None,
            other => Some(ReadyTier::new(other.map_err(series)?)),
        };
        let calendar = ReadyTier::new(fit(&options.calendar).map_err(series)?);
        Ok(Self { target, published, calendar })
    }

    /// What it was fitted to.
    pub fn target(&self) -> Target {
        self.target
    }

    pub(super) fn of_tiers(target: Target, published: Option<Tier>, calendar: Tier) -> Self {
        Self { target, published: published.map(ReadyTier::new), calendar: ReadyTier::new(calendar) }
    }

    pub(super) fn tiers(&self) -> (Option<&Tier>, &Tier) {
        (self.published.as_ref().map(|t| &t.tier), &self.calendar.tier)
    }
}

/// Whether Prophet has options for a target.
pub(super) fn is_covered(target: Target) -> bool {
    ProphetOptions::of(target).is_some()
}

/// What a target can be.
fn bounds(target: Target) -> (f64, f64) {
    if target == Target::Solar { (0.0, 1.0) } else { (0.0, f64::MAX) }
}

/// A forecast in the making: what each tier has missed lately is worked out once, when the tier first speaks.
struct Speaking<'f, 'k, 'a> {
    forecaster: &'f ProphetForecaster,
    known: &'k Knowledge<'a>,
    newest: Option<usize>,
    recent: [Option<Recent>; 2],
    row: Vec<f64>,
}

impl Speaking<'_, '_, '_> {
    /// The distribution of period `t`, and whether published forecasts were used.
    fn of(&mut self, t: usize) -> (Distribution, bool) {
        let (known, target) = (self.known, self.forecaster.target);
        let weight = weight(known, target, t);
        if weight <= 0.0 {
            return (Distribution::certain(0.0), true);
        }
        let with_published = self
            .forecaster
            .published
            .as_ref()
            .and_then(|tier| tier.ready.expected(known, t, &mut self.row).map(|expected| (0, tier, expected)));
        let by_calendar = || {
            let tier = &self.forecaster.calendar;
            (1, tier, tier.ready.expected(known, t, &mut Vec::new()).unwrap_or(0.0))
        };
        let (slot, tier, expected) = with_published.unwrap_or_else(by_calendar);
        if let (None, Some(newest)) = (&self.recent[slot], self.newest) {
            self.recent[slot] = Some(tier.recent(known, target, newest, &mut self.row));
        }
        let lead = t.saturating_sub(known.now());
        // A hole before the newest value is filled without it.
        let recent = self.recent[slot].as_ref().filter(|_| self.newest.is_some_and(|newest| newest < t));
        let added = recent.map_or(0.0, |r| tier.tier.correction.at(lead, &r.features(t, weight)));
        let volatility = recent.map_or(0.0, |r| r.volatility);
        let point = expected + added;
        let situation = Situation { level: point / tier.tier.model.unit, weight, volatility };
        (tier.tier.intervals.around(point, lead, &situation, bounds(target)), slot == 0)
    }
}

impl Forecaster for ProphetForecaster {
    fn name(&self) -> &str {
        "prophet"
    }

    fn covers(&self, target: Target) -> bool {
        target == self.target
    }

    fn predict(
        &self,
        known: &Knowledge<'_>,
        target: Target,
        first: usize,
        out: &mut [Distribution],
    ) -> Result<Provenance, ForecastGap> {
        assert_eq!(target, self.target, "a forecaster is asked for what it covers");
        let newest = newest(known, target);
        let mut speaking =
            Speaking { forecaster: self, known, newest, recent: [None, None], row: Vec::with_capacity(32) };
        let mut unpublished = None;
        for (t, distribution) in (first..).zip(out.iter_mut()) {
            if let Some(value) = target.known(known, t) {
                *distribution = Distribution::certain(value);
                continue;
            }
            let (told, with_published) = speaking.of(t);
            *distribution = told;
            if !with_published {
                unpublished.get_or_insert(t);
            }
        }
        let missing = unpublished.map_or(Vec::new(), |t| {
            let absent = PUBLISHED.iter().filter(|(signal, _)| known.get(*signal, t).is_none());
            absent.map(|(_, name)| (*name).to_string()).collect()
        });
        let source = if unpublished.is_some() { "prophet, in part by the calendar alone" } else { "prophet" };
        Ok(Provenance {
            issued: known.period(known.now()),
            newest: newest.map(|t| known.period(t)),
            source: source.into(),
            missing,
        })
    }
}
