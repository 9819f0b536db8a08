//! Ridge lines and boosted trees as forecasters of every target.
//!
//! In: history to fit on, then [`Knowledge`]. Out: base plus scale times answer. Always: the imbalance price is the
//! forecast of the index plus a premium; near by, trees correct the line, further away they stand alone, because a line
//! runs away there. Not here: base, scale and features (`moment.rs`, `features.rs`), growing trees (`boosted.rs`).

use super::boosted::Boosted;
use super::conformal::{Conformal, within};
use super::contract::{Distribution, Forecaster, Provenance, Target};
use super::lead;
use super::member::{FitError, History, Member};
use super::moment::Moment;
use super::residuals;
use super::ridge::Ridge;
use super::rows::{NEAR, Rows, far_leads, leads_of_groups, near_leads};
use flexai_env::grid::{ForecastGap, Knowledge};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// Days at the end of history that a first fit leaves out, so that its errors there are those of a stranger.
const HELD_OUT_DAYS: usize = 180;
/// Least history of a fit, in days.
const LEAST_DAYS: usize = 180;

/// Answers of one target, in units of the scale.
pub(super) trait Model: Serialize + DeserializeOwned + Send + Sync + Sized {
    const NAME: &'static str;
    /// Whether it needs rows for trees.
    const TREES: bool;

    fn fit(rows: &TargetRows, target: Target, history: &History<'_>) -> Result<Self, FitError>;

    fn answer(&self, lead: usize, group: usize, row: &[f64]) -> f64;

    fn is_sound(&self, width: usize) -> bool;
}

/// A model of each target, with the quantiles of its errors.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Regression<M> {
    /// Features of a row of each target.
    widths: Vec<u32>,
    models: Vec<M>,
    errors: Vec<Conformal>,
}

/// Lines for every target.
pub(super) type RidgeMember = RegressionMember<Ridge>;
/// Lines and trees for every target.
pub(super) type BoostedMember = RegressionMember<Hybrid>;

/// A [`Regression`] as a member.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct RegressionMember<M>(Regression<M>);

/// Trees: near by on top of a line, further away alone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Hybrid {
    line: Ridge,
    near: Boosted,
    far: Boosted,
}

/// Rows of one target, for lines, near trees and far trees.
pub(super) struct TargetRows {
    lines: Rows,
    near: Rows,
    far: Rows,
}

impl TargetRows {
    fn collect(history: &History<'_>, to: usize, target: Target, trees: bool) -> Self {
        let collect = |leads: fn(usize, bool) -> Vec<usize>| {
            Rows::collect(history.trace, history.from..to, history.hidden, target, leads)
        };
        let trees = |leads: fn(usize, bool) -> Vec<usize>| match trees {
            true => collect(leads),
            false => Rows::default(),
        };
        Self { lines: collect(leads_of_groups), near: trees(near_leads), far: trees(far_leads) }
    }
}

impl Model for Ridge {
    const NAME: &'static str = "ridge";
    const TREES: bool = false;

    fn fit(rows: &TargetRows, _: Target, history: &History<'_>) -> Result<Self, FitError> {
        Ok(Ridge::fit(&rows.lines, &history.options.ridge))
    }

    fn answer(&self, _: usize, group: usize, row: &[f64]) -> f64 {
        self.predict(group, row).unwrap_or(0.0)
    }

    fn is_sound(&self, width: usize) -> bool {
        Ridge::is_sound(self, width)
    }
}

impl Model for Hybrid {
    const NAME: &'static str = "boosted";
    const TREES: bool = true;

    fn fit(rows: &TargetRows, target: Target, history: &History<'_>) -> Result<Self, FitError> {
        let options = history.options;
        let line = Ridge::fit(&rows.lines, &options.ridge);
        let mut near = rows.near.clone();
        for i in 0..near.len() {
            near.outcomes[i] -= line.predict(near.groups[i], rows.near.row(i)).unwrap_or(0.0);
        }
        let grow = |rows: &Rows, which: u64| {
            let seed = options.seed.wrapping_mul(1_000).wrapping_add(10 * target as u64 + which);
            let fault = |reason| FitError::Boost { target: target.name(), reason };
            Boosted::fit(rows, &options.boosted, seed).map_err(fault)
        };
        Ok(Self { line, near: grow(&near, 0)?, far: grow(&rows.far, 1)? })
    }

    fn answer(&self, lead: usize, group: usize, row: &[f64]) -> f64 {
        if lead > NEAR {
            return self.far.predict(row);
        }
        self.line.predict(group, row).unwrap_or(0.0) + self.near.predict(row)
    }

    fn is_sound(&self, width: usize) -> bool {
        self.line.is_sound(width) && self.near.is_sound(width) && self.far.is_sound(width)
    }
}

impl<M: Model + Clone + 'static> RegressionMember<M> {
    /// Fits all targets twice: once without the last half year, for honest errors there, and once on everything. For a
    /// hidden block it is fitted once, and forecasts are points.
    pub(super) fn fit(history: &History<'_>) -> Result<Box<dyn Member>, FitError> {
        let days = (history.trace.len() - history.from.min(history.trace.len())) / 48;
        if days < LEAST_DAYS {
            return Err(FitError::TooShort { days, expected: LEAST_DAYS });
        }
        if history.hidden.is_some() {
            return Ok(Box::new(Self::fit_until(history, history.trace.len(), Vec::new())?));
        }
        let held_out = HELD_OUT_DAYS.min(days / 3) * 48;
        let split = history.trace.len() - held_out;
        let mut stranger = Self::fit_until(history, split, Vec::new())?;
        let errors = Target::ALL.map(|target| residuals::conformal(&stranger, target, history.trace, split));
        stranger.0.errors = errors.to_vec();
        Ok(Box::new(Self::fit_until(history, history.trace.len(), stranger.0.errors)?))
    }

    fn fit_until(history: &History<'_>, to: usize, errors: Vec<Conformal>) -> Result<Self, FitError> {
        let fit = |target: Target| {
            let rows = TargetRows::collect(history, to, target, M::TREES);
            M::fit(&rows, target, history).map(|model| (rows.lines.width as u32, model))
        };
        // Target by target: the rows of one are hundreds of megabytes.
        let fitted: Result<Vec<_>, FitError> = Target::ALL.into_iter().map(fit).collect();
        let (widths, models) = fitted?.into_iter().unzip();
        Ok(Self(Regression { widths, models, errors }))
    }

    /// Loads what [`Member::save`] gave.
    pub(super) fn load(bytes: &[u8]) -> Result<Box<dyn Member>, String> {
        let (regression, rest): (Regression<M>, &[u8]) =
            postcard::take_from_bytes(bytes).map_err(|error| error.to_string())?;
        let all = [regression.widths.len(), regression.models.len()];
        let with_errors = [0, Target::ALL.len()].contains(&regression.errors.len());
        let sound = || {
            let models = regression.widths.iter().zip(&regression.models);
            models.clone().all(|(width, model)| model.is_sound(*width as usize))
                && regression.errors.iter().all(Conformal::is_sound)
        };
        if !rest.is_empty() || all != [Target::ALL.len(); 2] || !with_errors || !sound() {
            return Err("its parts do not fit each other".into());
        }
        Ok(Box::new(Self(regression)))
    }
}

impl<M: Model + Clone + 'static> Forecaster for RegressionMember<M> {
    fn name(&self) -> &str {
        M::NAME
    }

    fn covers(&self, _: Target) -> bool {
        true
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
        residuals::spread_out(known, target, first, &means, self.0.errors.get(target as usize), out)?;
        Ok(provenance)
    }
}

impl<M: Model + Clone + 'static> Member for RegressionMember<M> {
    fn save(&self) -> Vec<u8> {
        postcard::to_stdvec(&self.0).expect("numbers in order serialise")
    }

    fn points(
        &self,
        known: &Knowledge<'_>,
        target: Target,
        first: usize,
        out: &mut [f64],
    ) -> Result<Provenance, ForecastGap> {
        let moment = Moment::new(known, target).ok_or_else(|| residuals::gap(known, target))?;
        if target == Target::ImbalancePrice {
            self.points(known, Target::IntradayPrice, first, out)?;
        } else {
            out.iter_mut().enumerate().for_each(|(k, out)| *out = moment.base(first + k));
        }
        let model = &self.0.models[target as usize];
        let (mut row, mut missing) = (Vec::with_capacity(96), Vec::new());
        for (k, out) in out.iter_mut().enumerate() {
            let t = first + k;
            let scale = moment.scale_at(t);
            if target.known(known, t).is_some() || scale == 0.0 {
                continue;
            }
            moment.row(t, &mut row);
            *out = within(*out + scale * model.answer(t - known.now(), lead::group(known, t), &row), target);
            moment.missing(t).for_each(|name| residuals::note(&mut missing, name));
        }
        residuals::keep_known(known, target, first, out);
        let newest = Some(known.period(moment.newest));
        Ok(Provenance { issued: known.period(known.now()), newest, source: M::NAME.into(), missing })
    }
}
