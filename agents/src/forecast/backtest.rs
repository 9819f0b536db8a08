//! Forecasts judged like a forecaster's: issued again and again over a range, and compared with what came.
//!
//! In: fitted forecasts, a trace, a range. Out: scores per target, forecaster and horizon, and some days as fans.
//! Always: all forecasters answer for the same periods; half-hours that are known already, and nights of solar output, are
//! left out. Not here: tables and pages (`train/`).

use super::contract::{Distribution, Target};
use super::fitted::FittedForecasts;
use super::lead::LAST;
use super::member::KINDS;
use super::moment::{DAY, Moment};
use super::residuals::is_next_day_origin;
use super::significance::{DieboldMariano, diebold_mariano};
use flexai_env::grid::calendar::local_day;
use flexai_env::grid::{GridTrace, InformationSet, Knowledge, Period};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// Which periods ahead a score is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Horizon {
    /// The next local day, forecast at 11:00.
    NextDay,
    /// All of the coming 48 half-hours, forecast every half-hour.
    Day,
    /// So many half-hours ahead, forecast every half-hour.
    Lead(usize),
}

/// How a forecaster did.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Score {
    /// What was forecast.
    pub target: Target,
    /// By whom.
    pub forecaster: String,
    /// Whether it is a floor: no model.
    pub floor: bool,
    /// How far ahead.
    pub horizon: Horizon,
    /// Number of forecasts.
    pub n: usize,
    /// Mean absolute error, in the unit of the target.
    pub mae: f64,
    /// Root of the mean squared error.
    pub rmse: f64,
    /// Mean truth minus forecast.
    pub bias: f64,
    /// Mean pinball loss over the nine deciles.
    pub pinball: f64,
    /// Continuous ranked probability score, from the deciles: twice their mean pinball loss.
    pub crps: f64,
    /// Share of truths inside the central 80 %, in percent.
    pub coverage_pct: f64,
    /// Error less than that of the best floor, in percent of it.
    pub skill_pct: f64,
    /// The best floor.
    pub best_floor: String,
    /// Whether the difference to the best floor is luck, by absolute errors per day.
    pub test: Option<DieboldMariano>,
}

/// A forecast and what came.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Fan {
    /// What was forecast.
    pub target: Target,
    /// When.
    pub issued: Period,
    /// The first period forecast.
    pub first: Period,
    /// What was expected.
    pub expected: Vec<Distribution>,
    /// What came.
    pub truth: Vec<Option<f64>>,
}

/// Scores of a range.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Backtest {
    /// First period.
    pub from: Period,
    /// Period after the last one.
    pub to: Period,
    /// Who looked.
    pub information: InformationSet,
    /// All scores.
    pub scores: Vec<Score>,
    /// Some next days of the ensemble, spread over the range.
    pub fans: Vec<Fan>,
}

/// Fans per target.
const FANS: usize = 3;
/// Slots of the accumulators: leads 0 to 48, then the next day.
const NEXT_DAY: usize = DAY + 1;

impl Backtest {
    /// Issues and scores forecasts of every moment of `range`; periods past its end are not scored.
    pub fn run(fitted: &FittedForecasts, trace: &GridTrace, range: Range<usize>, information: InformationSet) -> Self {
        let (mut scores, mut fans) = (Vec::new(), Vec::new());
        for target in Target::ALL {
            let run = TargetRun::new(fitted, trace, range.clone(), information, target);
            scores.extend(run.scores());
            fans.extend(run.fans());
        }
        Self { from: trace.period(range.start), to: trace.period(range.end), information, scores, fans }
    }

    /// The score of a forecaster.
    pub fn score(&self, target: Target, forecaster: &str, horizon: Horizon) -> Option<&Score> {
        let wanted = |s: &&Score| s.target == target && s.forecaster == forecaster && s.horizon == horizon;
        self.scores.iter().find(wanted)
    }
}

/// Sums of one forecaster, one slot and one day.
#[derive(Debug, Clone, Copy, Default)]
struct Sums {
    n: usize,
    absolute: f64,
    squared: f64,
    signed: f64,
    pinball: f64,
    inside: usize,
}

impl Sums {
    fn add(&mut self, forecast: &Distribution, truth: f64) {
        let error = truth - forecast.mean;
        self.n += 1;
        self.absolute += error.abs();
        self.squared += error * error;
        self.signed += error;
        self.pinball += forecast.pinball(truth);
        let [low, .., high] = forecast.quantiles;
        self.inside += usize::from((low..=high).contains(&truth));
    }

    fn plus(self, other: &Self) -> Self {
        Self {
            n: self.n + other.n,
            absolute: self.absolute + other.absolute,
            squared: self.squared + other.squared,
            signed: self.signed + other.signed,
            pinball: self.pinball + other.pinball,
            inside: self.inside + other.inside,
        }
    }
}

/// Everything about one target.
struct TargetRun<'a> {
    trace: &'a GridTrace,
    range: Range<usize>,
    information: InformationSet,
    target: Target,
    names: Vec<String>,
    /// `[days][forecasters][slots]`.
    days: Vec<Vec<Vec<Sums>>>,
    fans: Vec<Fan>,
}

impl<'a> TargetRun<'a> {
    fn new(
        fitted: &FittedForecasts,
        trace: &'a GridTrace,
        range: Range<usize>,
        information: InformationSet,
        target: Target,
    ) -> Self {
        let ensemble = fitted.ensemble();
        let last = Knowledge::at(trace, range.end - 1, information);
        let standing = ensemble.standing_from(&last, range.start, &[target]);
        let names =
            fitted.members().iter().filter(|member| member.covers(target)).map(|member| member.name().to_owned());
        let mut run = Self {
            trace,
            range: range.clone(),
            information,
            target,
            names: names.chain(["ensemble".to_owned()]).collect(),
            days: Vec::new(),
            fans: Vec::new(),
        };
        let issue = |now: usize, reach: usize| -> Option<Vec<Vec<Distribution>>> {
            let known = Knowledge::at(trace, now, information);
            let empty = || vec![Distribution::certain(0.0); reach + 1];
            let mut all = Vec::new();
            for member in fitted.members_at(known.period(now)).into_iter().filter(|member| member.covers(target)) {
                let mut out = empty();
                member.predict(&known, target, now, &mut out).ok()?;
                all.push(out);
            }
            let mut out = empty();
            ensemble.predict_with(&standing, &known, target, now, &mut out).ok()?;
            all.push(out);
            Some(all)
        };
        let starts: Vec<usize> = range.clone().step_by(DAY).collect();
        let per_day: Vec<(Vec<Vec<Sums>>, Option<Fan>)> =
            starts.par_iter().map(|start| run.day(*start..(start + DAY).min(range.end), &issue)).collect();
        let with_fan: Vec<Fan> = per_day.iter().filter_map(|(_, fan)| fan.clone()).collect();
        let every = (with_fan.len() / FANS).max(1);
        run.fans = with_fan.into_iter().skip(every / 2).step_by(every).take(FANS).collect();
        run.days = per_day.into_iter().map(|(sums, _)| sums).collect();
        run
    }

    /// Sums of the forecasts issued on one day, and the fan of its next day.
    fn day(
        &self,
        moments: Range<usize>,
        issue: &impl Fn(usize, usize) -> Option<Vec<Vec<Distribution>>>,
    ) -> (Vec<Vec<Sums>>, Option<Fan>) {
        let mut sums = vec![vec![Sums::default(); NEXT_DAY + 1]; self.names.len()];
        let mut fan = None;
        for now in moments {
            let next_day = is_next_day_origin(self.trace, now).then(|| self.next_day(now));
            let reach = if next_day.is_some() { LAST } else { DAY };
            let Some(forecasts) = issue(now, reach) else { continue };
            let known = Knowledge::at(self.trace, now, self.information);
            let Some(moment) = Moment::without_features(&known, self.target) else { continue };
            for lead in 0..=reach {
                let t = now + lead;
                let open = t < self.range.end && self.target.known(&known, t).is_none() && moment.scale_at(t) > 0.0;
                let Some(truth) = self.target.truth(self.trace, t).filter(|_| open) else { continue };
                for (sums, forecasts) in sums.iter_mut().zip(&forecasts) {
                    if lead <= DAY {
                        sums[lead].add(&forecasts[lead], truth);
                    }
                    if next_day.as_ref().is_some_and(|day| day.contains(&t)) {
                        sums[NEXT_DAY].add(&forecasts[lead], truth);
                    }
                }
            }
            if let Some(day) = next_day.filter(|day| day.end <= self.range.end) {
                let of_ensemble = forecasts.last().expect("the ensemble is the last forecaster");
                fan = Some(Fan {
                    target: self.target,
                    issued: self.trace.period(now),
                    first: self.trace.period(day.start),
                    expected: of_ensemble[day.start - now..day.end - now].to_vec(),
                    truth: day.map(|t| self.target.truth(self.trace, t)).collect(),
                });
            }
        }
        (sums, fan)
    }

    fn next_day(&self, now: usize) -> Range<usize> {
        let day = local_day(self.trace.local(now).day + 1);
        let start = self.trace.start().0;
        (day.start.0 - start) as usize..(day.end.0 - start) as usize
    }

    fn scores(&self) -> Vec<Score> {
        let horizons = [Horizon::NextDay, Horizon::Day].into_iter().chain((0..=DAY).map(Horizon::Lead));
        horizons.flat_map(|horizon| self.scores_of(horizon)).collect()
    }

    fn scores_of(&self, horizon: Horizon) -> Vec<Score> {
        let slots = match horizon {
            Horizon::NextDay => NEXT_DAY..NEXT_DAY + 1,
            Horizon::Day => 1..DAY + 1,
            Horizon::Lead(lead) => lead..lead + 1,
        };
        let total = |sums: &[Sums]| sums[slots.clone()].iter().fold(Sums::default(), |all, one| all.plus(one));
        let per_day: Vec<Vec<Sums>> =
            (0..self.names.len()).map(|i| self.days.iter().map(|day| total(&day[i])).collect()).collect();
        let all: Vec<Sums> =
            per_day.iter().map(|days| days.iter().fold(Sums::default(), |all, one| all.plus(one))).collect();
        if all[0].n == 0 {
            return Vec::new();
        }
        let mae = |i: usize| all[i].absolute / all[i].n as f64;
        let floors = (0..self.names.len()).filter(|i| is_floor(&self.names[*i]));
        let Some(best) = floors.min_by(|a, b| mae(*a).total_cmp(&mae(*b))) else { return Vec::new() };
        let losses = |i: usize| -> Vec<f64> { per_day[i].iter().map(|day| day.absolute / day.n as f64).collect() };
        let score = |i: usize| {
            let (sums, n) = (&all[i], all[i].n as f64);
            let pinball = sums.pinball / n;
            Score {
                target: self.target,
                forecaster: self.names[i].clone(),
                floor: is_floor(&self.names[i]),
                horizon,
                n: sums.n,
                mae: mae(i),
                rmse: (sums.squared / n).sqrt(),
                bias: sums.signed / n,
                pinball,
                crps: 2.0 * pinball,
                coverage_pct: 100.0 * sums.inside as f64 / n,
                skill_pct: 100.0 * (1.0 - mae(i) / mae(best)),
                best_floor: self.names[best].clone(),
                test: diebold_mariano(&losses(best), &losses(i)),
            }
        };
        (0..self.names.len()).map(score).collect()
    }

    fn fans(&self) -> Vec<Fan> {
        self.fans.clone()
    }
}

fn is_floor(name: &str) -> bool {
    KINDS.iter().any(|kind| kind.name == name && kind.floor)
}
