//! The ensemble: members weighted by how they did lately, with intervals from how their mix has missed.
//!
//! In: fitted members and [`Knowledge`]. Out: distributions. Always: weights and intervals of a day rest on errors known when
//! it began (UTC). Not here: the weights themselves (`rolling.rs`), tables for a whole trace (`prepared.rs`).

use super::conformal::{Conformal, within};
use super::contract::{Distribution, Forecaster, Provenance, Target};
use super::folds::Panel;
use super::lead;
use super::member::Member;
use super::moment::{Moment, newest};
use super::residuals;
use super::rolling::{DayState, EnsembleOptions, Rolling, member_means};
use super::selection::Joins;
use flexai_env::grid::{ForecastGap, Knowledge};
use std::sync::Arc;

/// Members and how they are mixed.
///
/// [`Forecaster::predict`] works out anew what the day began with, seconds of work: whoever forecasts more than once a day
/// holds a [`Standing`] and asks [`Ensemble::predict_with`], which takes milliseconds.
#[derive(Clone)]
pub struct Ensemble {
    panel: Arc<Panel>,
    options: EnsembleOptions,
    /// Quantiles of scaled errors, of each target, for the first weeks of a trace.
    first_weeks: Arc<Vec<Conformal>>,
    /// Who takes part, of each target.
    joins: Arc<Vec<Joins>>,
}

impl std::fmt::Debug for Ensemble {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<&str> = self.panel.members().iter().map(|member| member.name()).collect();
        f.debug_struct("Ensemble").field("members", &names).field("options", &self.options).finish_non_exhaustive()
    }
}

/// What a day begins with: weights and intervals of every target.
#[derive(Debug, Clone, PartialEq)]
pub struct Standing {
    of_target: Vec<Option<Rolling>>,
}

impl Ensemble {
    pub(super) fn new(
        panel: Arc<Panel>,
        options: EnsembleOptions,
        first_weeks: Arc<Vec<Conformal>>,
        joins: Arc<Vec<Joins>>,
    ) -> Self {
        Self { panel, options, first_weeks, joins }
    }

    /// Who takes part for a target.
    pub(super) fn joins(&self, target: Target) -> &Joins {
        &self.joins[target as usize]
    }

    /// Its members for a target that may speak at a moment: those that have not seen it.
    pub(super) fn members(&self, known: &Knowledge<'_>, target: Target) -> Vec<&dyn Member> {
        let joins = self.joins(target);
        self.panel.of(known).into_iter().filter(|member| joins.has(member.name())).collect()
    }

    /// How weights and intervals follow the last weeks.
    pub fn options(&self) -> &EnsembleOptions {
        &self.options
    }

    pub(super) fn first_weeks(&self, target: Target) -> &Conformal {
        &self.first_weeks[target as usize]
    }

    /// What the day of a moment begins with. It replays the last four months, which takes seconds; it holds for all
    /// moments of the same UTC day.
    pub fn standing(&self, known: &Knowledge<'_>, targets: &[Target]) -> Standing {
        self.standing_from(known, known.now(), targets)
    }

    /// The standings of all days from that of moment `first` to that of `known`, each as it was then.
    pub fn standing_from(&self, known: &Knowledge<'_>, first: usize, targets: &[Target]) -> Standing {
        let of_target = |target: Target| targets.contains(&target).then(|| self.learn(known, first, target));
        Standing { of_target: Target::ALL.map(of_target).into() }
    }

    fn learn(&self, known: &Knowledge<'_>, first: usize, target: Target) -> Rolling {
        let first_weeks = self.first_weeks(target);
        Rolling::learn(
            known,
            target,
            self.joins(target),
            &self.options,
            first_weeks,
            (first, known.now()),
            |then, reach| {
                let then = known.rewound(then);
                member_means(&self.members(&then, target), &then, target, reach)
            },
        )
    }

    /// [`Forecaster::predict`] with what the day began with.
    ///
    /// # Errors
    /// [`ForecastGap`] if nothing is known to forecast from, or the standing is that of another day or of other targets.
    pub fn predict_with(
        &self,
        standing: &Standing,
        known: &Knowledge<'_>,
        target: Target,
        first: usize,
        out: &mut [Distribution],
    ) -> Result<Provenance, ForecastGap> {
        let gap = || residuals::gap(known, target);
        let state =
            standing.of_target[target as usize].as_ref().and_then(|rolling| rolling.state(known)).ok_or_else(gap)?;
        let members = self.members(known, target);
        let reach = (first + out.len()).saturating_sub(known.now() + 1);
        let means = member_means(&members, known, target, reach);
        self.mix(state, known, target, first, &means, out)?;
        let newest = newest(known, target).map(|(t, _)| known.period(t));
        let moment = Moment::without_features(known, target).ok_or_else(gap)?;
        let mut missing = Vec::new();
        let periods = first..first + out.len();
        periods.flat_map(|t| moment.missing(t)).for_each(|name| residuals::note(&mut missing, name));
        Ok(Provenance { issued: known.period(known.now()), newest, source: "ensemble".into(), missing })
    }

    /// Mixes the members' means from `known.now()` on.
    pub(super) fn mix(
        &self,
        state: &DayState,
        known: &Knowledge<'_>,
        target: Target,
        first: usize,
        means: &[Vec<f32>],
        out: &mut [Distribution],
    ) -> Result<(), ForecastGap> {
        let moment = Moment::without_features(known, target).ok_or_else(|| residuals::gap(known, target))?;
        let mut mixed = vec![0.0; out.len()];
        for (k, mixed) in mixed.iter_mut().enumerate() {
            let (t, lead) = (first + k, first + k - known.now());
            let forecasts = means.iter().map(|mean| f64::from(mean[lead]));
            *mixed = within(state.mix(lead::group(known, t), moment.scale_at(t), forecasts), target);
            if !mixed.is_finite() {
                return Err(residuals::gap(known, target));
            }
        }
        residuals::keep_known(known, target, first, &mut mixed);
        residuals::spread_out(known, target, first, &mixed, Some(&state.errors), out)
    }
}

impl Forecaster for Ensemble {
    fn name(&self) -> &str {
        "ensemble"
    }

    fn covers(&self, target: Target) -> bool {
        self.joins(target).members() > 0
    }

    fn predict(
        &self,
        known: &Knowledge<'_>,
        target: Target,
        first: usize,
        out: &mut [Distribution],
    ) -> Result<Provenance, ForecastGap> {
        self.predict_with(&self.standing(known, &[target]), known, target, first, out)
    }
}
