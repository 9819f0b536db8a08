//! Honest floors: what anybody could say without a model.
//!
//! In: [`Knowledge`]. Out: the newest value, the same half-hour of the last day or week, what the publishers say, or what an
//! environment forecasts without a model. Always: each says which source answered and what was missing.
//! Not here: anything that learns, but for the quantiles of past errors.

use super::conformal::{Conformal, within};
use super::contract::{Distribution, Forecaster, Provenance, Target};
use super::member::{FitError, History, Member};
use super::moment::{Moment, WEEK, day_ahead, newest, same_slot};
use super::residuals;
use flexai_env::grid::{DayAheadPersistence, ForecastGap, ForecastSource, Knowledge, Signal};
use serde::{Deserialize, Serialize};

/// Which floor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Rule {
    Persistence,
    Yesterday,
    LastWeek,
    Published,
    Present,
}

/// A floor with the quantiles of its errors.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Floor {
    rule: Rule,
    errors: Vec<Option<Conformal>>,
}

macro_rules! kind {
    ($fit:ident, $load:ident, $rule:ident) => {
        pub(super) fn $fit(history: &History<'_>) -> Result<Box<dyn Member>, FitError> {
            Ok(Box::new(Floor::fit(Rule::$rule, history)))
        }
        pub(super) fn $load(bytes: &[u8]) -> Result<Box<dyn Member>, String> {
            Floor::load(Rule::$rule, bytes).map(|floor| Box::new(floor) as Box<dyn Member>)
        }
    };
}

kind!(fit_persistence, load_persistence, Persistence);
kind!(fit_yesterday, load_yesterday, Yesterday);
kind!(fit_last_week, load_last_week, LastWeek);
kind!(fit_published, load_published, Published);
kind!(fit_present, load_present, Present);

impl Floor {
    fn fit(rule: Rule, history: &History<'_>) -> Self {
        let mut floor = Self { rule, errors: vec![None; Target::ALL.len()] };
        let errors = Target::ALL.map(|target| {
            floor.covers(target).then(|| residuals::conformal(&floor, target, history.trace, history.from))
        });
        floor.errors = errors.into_iter().collect();
        floor
    }

    fn load(rule: Rule, bytes: &[u8]) -> Result<Self, String> {
        let floor: Self = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
        let complete = |(target, errors): (&Target, &Option<Conformal>)| {
            errors.as_ref().map_or(!floor.covers(*target), Conformal::is_sound)
        };
        let sound = floor.rule == rule && floor.errors.len() == Target::ALL.len();
        if sound && Target::ALL.iter().zip(&floor.errors).all(complete) {
            return Ok(floor);
        }
        Err(format!("its quantiles do not belong to the floor {rule:?}"))
    }

    /// The value for period `t`, and what had to stand in for it.
    fn value(&self, known: &Knowledge<'_>, target: Target, t: usize) -> Option<(f64, Option<&'static str>)> {
        let usual = || same_slot(known, target, t).or_else(|| newest(known, target).map(|(_, x)| x));
        match self.rule {
            Rule::Persistence => newest(known, target).map(|(_, x)| (x, None)),
            Rule::Yesterday => usual().map(|x| (x, None)),
            Rule::LastWeek => {
                let week = |weeks: usize| t.checked_sub(weeks * WEEK).and_then(|i| target.known(known, i));
                let value = (1..=4).find_map(week).map(|x| (x, None));
                value.or_else(|| usual().map(|x| (x, Some("same half-hour last week"))))
            }
            Rule::Published | Rule::Present => {
                let published = match target {
                    Target::IntradayPrice | Target::ImbalancePrice => known.get(Signal::DayAheadPrice, t),
                    Target::Wind => known.get(Signal::DayAheadForecastWind, t),
                    Target::Carbon | Target::Solar => None,
                };
                let instead = || match target {
                    Target::IntradayPrice | Target::ImbalancePrice => day_ahead(known, t).or_else(usual),
                    _ => usual(),
                };
                published.map(|x| (x, None)).or_else(|| instead().map(|x| (x, Some("published forecast"))))
            }
        }
    }

    fn present(known: &Knowledge<'_>, target: Target, first: usize, out: &mut [f64]) -> Result<(), ForecastGap> {
        let ahead = first - known.now();
        let mut values = vec![0.0; ahead + out.len()];
        match target.signal() {
            Some(signal) => drop(DayAheadPersistence.forecast(known, signal, &mut values)?),
            None => DayAheadPersistence.forecast_solar(known, &mut values),
        }
        out.copy_from_slice(&values[ahead..]);
        Ok(())
    }
}

impl Forecaster for Floor {
    fn name(&self) -> &str {
        match self.rule {
            Rule::Persistence => "persistence",
            Rule::Yesterday => "yesterday",
            Rule::LastWeek => "last_week",
            Rule::Published => "published",
            Rule::Present => "present",
        }
    }

    fn covers(&self, target: Target) -> bool {
        self.rule != Rule::Published || target != Target::Carbon
    }

    fn predict(
        &self,
        known: &Knowledge<'_>,
        target: Target,
        first: usize,
        out: &mut [Distribution],
    ) -> Result<Provenance, ForecastGap> {
        let mut means = vec![0.0; out.len()];
        let provenance = self.points(known, target, first, &mut means)?;
        residuals::spread_out(known, target, first, &means, self.errors[target as usize].as_ref(), out)?;
        Ok(provenance)
    }
}

impl Member for Floor {
    fn save(&self) -> Vec<u8> {
        serde_json::to_vec_pretty(self).expect("numbers in order serialise")
    }

    fn points(
        &self,
        known: &Knowledge<'_>,
        target: Target,
        first: usize,
        out: &mut [f64],
    ) -> Result<Provenance, ForecastGap> {
        let gap = || residuals::gap(known, target);
        let mut missing = Vec::new();
        if self.rule == Rule::Present {
            Self::present(known, target, first, out)?;
        } else if self.rule == Rule::Published && target == Target::Solar {
            let moment = Moment::without_features(known, target).ok_or_else(gap)?;
            for (k, out) in out.iter_mut().enumerate() {
                *out = within(moment.base(first + k), target);
                if !moment.solar_published(first + k).is_finite() {
                    residuals::note(&mut missing, "published forecast");
                }
            }
        } else {
            for (k, out) in out.iter_mut().enumerate() {
                let (value, instead) = self.value(known, target, first + k).ok_or_else(gap)?;
                *out = value;
                instead.into_iter().for_each(|name| residuals::note(&mut missing, name));
            }
        }
        residuals::keep_known(known, target, first, out);
        let newest = newest(known, target).map(|(t, _)| known.period(t));
        let source =
            if missing.is_empty() { self.name().into() } else { format!("{}, else the day before", self.name()) };
        Ok(Provenance { issued: known.period(known.now()), newest, source, missing })
    }
}
