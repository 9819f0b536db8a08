//! The ensemble's forecasts of a whole trace, computed once and looked up afterwards.
//!
//! In: fitted forecasts, a trace, an information set. Out: an environment's [`ForecastSource`], and quantiles.
//! Always: the forecast of a moment is the one the ensemble would have issued then, the same at any number of threads.
//! Not here: how it is mixed (`ensemble.rs`, `rolling.rs`).

use super::contract::{Distribution, Forecaster, Target};
use super::ensemble::Ensemble;
use super::fitted::FittedForecasts;
use super::moment::{DAY, newest};
use super::residuals;
use super::rolling::{Rolling, member_means, reach};
use flexai_env::grid::{
    DayAheadPersistence, ForecastGap, ForecastSource, Freshness, GridTrace, InformationSet, Knowledge, Period, Signal,
};
use rayon::prelude::*;
use std::ops::Range;

/// Leads that are looked up: the present period and the coming day.
pub const LEADS: usize = DAY + 1;

/// A trace's forecasts, by moment and lead.
#[derive(Debug, Clone)]
pub struct PreparedForecasts {
    /// The first moment.
    first: Period,
    moments: usize,
    information: InformationSet,
    identity: String,
    tables: Vec<Option<Table>>,
}

#[derive(Debug, Clone)]
struct Table {
    /// `[moments][LEADS]`; NaN where nothing is known.
    means: Vec<f32>,
    rolling: Rolling,
}

/// What is prepared.
#[derive(Debug, Clone)]
pub struct Preparation<'a> {
    /// The trace.
    pub trace: &'a GridTrace,
    /// Moments, as indices of the trace.
    pub moments: Range<usize>,
    /// Who looks.
    pub information: InformationSet,
    /// False where a scenario hides day-ahead prices.
    pub day_ahead_prices: bool,
    /// Targets; others are forecast by [`DayAheadPersistence`].
    pub targets: &'a [Target],
}

impl Preparation<'_> {
    fn at(&self, now: usize) -> Knowledge<'_> {
        let known = Knowledge::at(self.trace, now, self.information);
        if self.day_ahead_prices { known } else { known.without_day_ahead() }
    }
}

impl PreparedForecasts {
    /// Computes the forecasts of all moments; a year of a target takes a few seconds.
    pub fn new(fitted: &FittedForecasts, preparation: &Preparation<'_>) -> Self {
        let ensemble = &fitted.ensemble();
        let moments = preparation.moments.clone();
        let moments = moments.start..moments.end.min(preparation.trace.len());
        let preparation = Preparation { moments: moments.clone(), ..preparation.clone() };
        let table = |target: Target| {
            let wanted = preparation.targets.contains(&target) && ensemble.covers(target) && !moments.is_empty();
            wanted.then(|| Table::new(ensemble, &preparation, target))
        };
        Self {
            first: preparation.trace.period(moments.start),
            moments: moments.len(),
            information: preparation.information,
            identity: format!("fitted_ensemble {}", fitted.hash()),
            tables: Target::ALL.map(table).into(),
        }
    }

    /// Distributions from the present period on, at most [`LEADS`] of them.
    ///
    /// # Errors
    /// [`ForecastGap`] if nothing is known to forecast from, or the moment was not prepared.
    pub fn quantiles(
        &self,
        known: &Knowledge<'_>,
        target: Target,
        out: &mut [Distribution],
    ) -> Result<(), ForecastGap> {
        let gap = || residuals::gap(known, target);
        let row = self.row(known, target).ok_or_else(gap)?;
        let state =
            self.tables[target as usize].as_ref().and_then(|table| table.rolling.state(known)).ok_or_else(gap)?;
        let mut means: Vec<f64> = row.iter().take(out.len()).map(|x| f64::from(*x)).collect();
        if means.len() < out.len() {
            return Err(gap());
        }
        residuals::keep_known(known, target, known.now(), &mut means);
        residuals::spread_out(known, target, known.now(), &means, Some(&state.errors), out)
    }

    fn row(&self, known: &Knowledge<'_>, target: Target) -> Option<&[f32]> {
        let table = self.tables[target as usize].as_ref()?;
        let i = usize::try_from(known.period(known.now()) - self.first).ok().filter(|i| *i < self.moments)?;
        let same = known.information() == self.information;
        Some(&table.means[i * LEADS..(i + 1) * LEADS]).filter(|row| same && row[0].is_finite())
    }

    /// Fills what the table holds; later leads repeat the day before them.
    fn fill(&self, known: &Knowledge<'_>, target: Target, out: &mut [f64]) -> Result<Freshness, ForecastGap> {
        let row = self.row(known, target).ok_or_else(|| residuals::gap(known, target))?;
        out.iter_mut().zip(row).for_each(|(out, mean)| *out = f64::from(*mean));
        for k in LEADS..out.len() {
            out[k] = out[k - DAY];
        }
        if let (Some(value), Some(out)) = (target.known(known, known.now()), out.first_mut()) {
            *out = value;
        }
        Ok(freshness(known, target))
    }
}

impl Table {
    fn new(ensemble: &Ensemble, preparation: &Preparation<'_>, target: Target) -> Self {
        let moments = preparation.moments.clone();
        let last = preparation.at(moments.end - 1);
        let means = |now: usize, reach: usize| {
            let known = preparation.at(now);
            member_means(&ensemble.members(&known, target), &known, target, reach)
        };
        // Every member's forecast of every moment, those past a day for the few moments that look further.
        let all: Vec<Vec<Vec<f32>>> =
            moments.clone().into_par_iter().map(|now| means(now, reach(&last, now))).collect();
        let first_weeks = ensemble.first_weeks(target);
        let span = (moments.start, moments.end - 1);
        let rolling = Rolling::learn(
            &last,
            target,
            ensemble.joins(target),
            ensemble.options(),
            first_weeks,
            span,
            |now, reach| match now.checked_sub(moments.start) {
                Some(i) => all[i].clone(),
                None => means(now, reach),
            },
        );
        let mut mixes = vec![f32::NAN; moments.len() * LEADS];
        mixes.par_chunks_mut(LEADS).zip(&all).enumerate().for_each(|(i, (out, of_members))| {
            let known = preparation.at(moments.start + i);
            let Some(state) = rolling.state(&known) else { return };
            let mut mixed = vec![Distribution::certain(0.0); LEADS];
            if ensemble.mix(state, &known, target, known.now(), of_members, &mut mixed).is_ok() {
                out.iter_mut().zip(&mixed).for_each(|(out, mixed)| *out = mixed.mean as f32);
            }
        });
        Self { means: mixes, rolling }
    }
}

impl ForecastSource for PreparedForecasts {
    fn name(&self) -> &'static str {
        "fitted_ensemble"
    }

    fn identity(&self) -> String {
        self.identity.clone()
    }

    fn forecast(&self, known: &Knowledge<'_>, signal: Signal, out: &mut [f64]) -> Result<Freshness, ForecastGap> {
        let target = Target::ALL.into_iter().find(|target| target.signal() == Some(signal));
        let Some(target) = target.filter(|target| self.tables[*target as usize].is_some()) else {
            return DayAheadPersistence.forecast(known, signal, out);
        };
        let freshness = self.fill(known, target, out)?;
        if out.len() > LEADS && matches!(target, Target::IntradayPrice | Target::ImbalancePrice) {
            // Past the coming day the auction knows more than a repetition.
            let mut auctioned = vec![0.0; out.len()];
            DayAheadPersistence.forecast(known, signal, &mut auctioned)?;
            out[LEADS..].copy_from_slice(&auctioned[LEADS..]);
        }
        Ok(freshness)
    }

    fn forecast_solar(&self, known: &Knowledge<'_>, out: &mut [f64]) {
        if self.tables[Target::Solar as usize].is_none() || self.fill(known, Target::Solar, out).is_err() {
            DayAheadPersistence.forecast_solar(known, out);
        }
    }
}

/// The newest value can be two periods old for imbalance prices and hourly carbon, one for the rest.
fn freshness(known: &Knowledge<'_>, target: Target) -> Freshness {
    let expected = match target {
        Target::ImbalancePrice | Target::Carbon => 2,
        _ => 1,
    };
    let age = newest(known, target).map_or(0, |(t, _)| known.now() - t);
    match age.saturating_sub(expected) {
        0 => Freshness::Fresh,
        age => Freshness::Stale { age },
    }
}
