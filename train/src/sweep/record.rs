//! What a sweep knows: points, results, who went on; and the order of trials that follows from it.
//!
//! In: events in any order of ending. Out: scores, ranks, survivors of a stop.
//! Always: the order of events with the same content changes nothing; a trial that failed is worse than every other, one
//! that was trained further is better than one that was stopped before; equal ones go by number.
//! Not here: the file (`journal.rs`), tables (`table.rs`).

use super::config::{Direction, OverSeeds, SweepConfig};
use super::journal::{Event, RunResult, RunStatus};
use super::sampler::Found;
use super::space::{Dimension, Point};
use std::cmp::Ordering;
use std::collections::BTreeMap;

/// Everything found so far.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Record {
    points: BTreeMap<usize, Point>,
    /// By trial, stop and seed.
    results: BTreeMap<(usize, usize, u64), RunResult>,
    /// By generation and stop.
    promoted: BTreeMap<(usize, usize), Vec<usize>>,
}

/// How far a trial came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// It failed.
    Failed,
    /// It was stopped after this stop.
    Pruned(usize),
    /// It was trained to the end.
    Complete,
}

/// A trial as the table shows it.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// From 1.
    pub rank: usize,
    /// Number of the trial.
    pub trial: usize,
    /// How far it came.
    pub standing: Standing,
    /// Its score over seeds; none if it failed.
    pub score: Option<f64>,
    /// Population standard deviation over seeds; none if it failed or there is one seed.
    pub spread: Option<f64>,
    /// Score of each seed.
    pub by_seed: Vec<Option<f64>>,
    /// Environment steps of a run.
    pub env_steps: u64,
    /// Its values.
    pub point: Point,
    /// Why it failed.
    pub message: Option<String>,
}

impl Record {
    /// Takes an event in; the first line says nothing here.
    pub fn apply(&mut self, event: &Event, dimensions: &[Dimension]) {
        match event {
            Event::Sweep { .. } => {}
            Event::Suggest { trial, values, .. } => {
                let value = |d: &Dimension| values.get(&d.key).and_then(|v| toml::Value::try_from(v).ok());
                if let Some(point) = dimensions.iter().map(value).collect() {
                    self.points.insert(*trial, point);
                }
            }
            Event::Result { trial, seed, rung, result } => {
                self.results.insert((*trial, *rung, *seed), result.clone());
            }
            Event::Promote { generation, rung, promoted } => {
                self.promoted.insert((*generation, *rung), promoted.clone());
            }
        }
    }

    /// The point of a trial.
    pub fn point(&self, trial: usize) -> Option<&Point> {
        self.points.get(&trial)
    }

    /// The result of a run at a stop.
    pub fn result(&self, trial: usize, rung: usize, seed: u64) -> Option<&RunResult> {
        self.results.get(&(trial, rung, seed))
    }

    /// Who went on after a stop.
    pub fn promoted(&self, generation: usize, rung: usize) -> Option<&[usize]> {
        self.promoted.get(&(generation, rung)).map(Vec::as_slice)
    }

    /// CPU seconds of all runs.
    pub fn cpu_seconds(&self) -> f64 {
        self.results.values().map(|result| result.cpu_seconds).sum()
    }

    /// Those of `field` that go on after a stop, by number: the base, and of the others the best that did not fail.
    pub fn survivors(&self, config: &SweepConfig, rung: usize, field: &[usize]) -> Vec<usize> {
        let mut scored: Vec<(f64, usize)> =
            field.iter().filter_map(|trial| Some((self.score(config, *trial, rung)?, *trial))).collect();
        scored.sort_by(|a, b| better(config, a.0, b.0).then(a.1.cmp(&b.1)));
        let with_base = field.iter().any(|trial| config.is_base(*trial));
        let base = with_base.then(|| scored.iter().position(|(_, trial)| config.is_base(*trial)));
        let base = base.flatten().map(|at| scored.remove(at));
        scored.truncate(config.going_on(field.len(), with_base) - usize::from(with_base));
        scored.extend(base);
        let mut survivors: Vec<usize> = scored.into_iter().map(|(_, trial)| trial).collect();
        survivors.sort_unstable();
        survivors
    }

    /// The points of the trials below `end`, best first.
    pub fn found(&self, config: &SweepConfig, end: usize) -> Found {
        let mut found = Found::default();
        for row in self.rows(config, end) {
            let list = if row.standing == Standing::Failed { &mut found.failed } else { &mut found.scored };
            list.push(row.point);
        }
        found
    }

    /// The trials below `end`, best first.
    pub fn rows(&self, config: &SweepConfig, end: usize) -> Vec<Row> {
        let mut rows: Vec<Row> =
            self.points.range(..end).map(|(trial, point)| self.row(config, *trial, point)).collect();
        rows.sort_by(|a, b| {
            let scores = match (a.score, b.score) {
                (Some(a), Some(b)) => better(config, a, b),
                _ => Ordering::Equal,
            };
            b.standing.cmp(&a.standing).then(scores).then(a.trial.cmp(&b.trial))
        });
        rows.iter_mut().enumerate().for_each(|(index, row)| row.rank = index + 1);
        rows
    }

    fn row(&self, config: &SweepConfig, trial: usize, point: &Point) -> Row {
        let stops = config.stops().len();
        let reached = |rung: &usize| config.seeds.iter().any(|seed| self.result(trial, *rung, *seed).is_some());
        let rung = (0..stops).rev().find(reached).unwrap_or(0);
        let of_seed = |seed: &u64| self.result(trial, rung, *seed);
        let by_seed: Vec<Option<f64>> = config.seeds.iter().map(|seed| of_seed(seed).and_then(|r| r.score)).collect();
        let score = self.score(config, trial, rung);
        let standing = match score {
            None => Standing::Failed,
            Some(_) if rung + 1 == stops => Standing::Complete,
            Some(_) => Standing::Pruned(rung),
        };
        let scores: Vec<f64> = by_seed.iter().flatten().copied().collect();
        let mean = scores.iter().sum::<f64>() / scores.len().max(1) as f64;
        let variance = scores.iter().map(|score| (score - mean).powi(2)).sum::<f64>() / scores.len().max(1) as f64;
        Row {
            rank: 0,
            trial,
            standing,
            score,
            spread: score.filter(|_| scores.len() > 1).map(|_| variance.sqrt()),
            by_seed,
            env_steps: config.seeds.iter().filter_map(of_seed).map(|result| result.env_steps).max().unwrap_or(0),
            point: point.clone(),
            message: config.seeds.iter().filter_map(of_seed).find_map(|result| result.message.clone()),
        }
    }

    /// The score of a trial at a stop; none if a run is missing or failed.
    fn score(&self, config: &SweepConfig, trial: usize, rung: usize) -> Option<f64> {
        let score = |seed: &u64| {
            let result = self.result(trial, rung, *seed)?;
            result.score.filter(|score| score.is_finite() && result.status == RunStatus::Done)
        };
        let scores: Vec<f64> = config.seeds.iter().map(score).collect::<Option<_>>()?;
        Some(match config.objective.over_seeds {
            OverSeeds::Mean => scores.iter().sum::<f64>() / scores.len() as f64,
            OverSeeds::Worst => {
                let worse = |a: f64, b: f64| if better(config, a, b) == Ordering::Less { b } else { a };
                scores.iter().copied().reduce(worse)?
            }
        })
    }
}

/// `Less` if the first score is the better one.
fn better(config: &SweepConfig, a: f64, b: f64) -> Ordering {
    match config.objective.direction() {
        Direction::Maximize => b.total_cmp(&a),
        Direction::Minimize => a.total_cmp(&b),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sweep::space::Domain;
    use toml::Value;

    fn dimensions() -> Vec<Dimension> {
        vec![Dimension { key: "x".into(), domain: Domain::IntUniform { low: 0, high: 99 } }]
    }

    fn suggest(trial: usize) -> Event {
        let values = [("x".to_string(), serde_json::json!(trial))].into_iter().collect();
        Event::Suggest { trial, generation: 0, values }
    }

    fn result(trial: usize, rung: usize, seed: u64, score: Option<f64>) -> Event {
        let status = if score.is_some() { RunStatus::Done } else { RunStatus::Failed };
        let message = score.is_none().then(|| "it blew up".to_string());
        let result = RunResult { status, score, env_steps: 10, wall_seconds: 0.0, cpu_seconds: 1.0, message };
        Event::Result { trial, seed, rung, result }
    }

    fn config() -> SweepConfig {
        let mut config = SweepConfig { seeds: vec![1, 2], ..SweepConfig::default() };
        config.pruning.rungs = vec![0.5];
        config
    }

    fn record(events: &[Event]) -> Record {
        let mut record = Record::default();
        events.iter().for_each(|event| record.apply(event, &dimensions()));
        record
    }

    fn events() -> Vec<Event> {
        let mut events: Vec<Event> = (0..5).map(suggest).collect();
        for (trial, scores) in [(0, [1.0, 3.0]), (1, [4.0, 5.0]), (2, [9.0, 0.0]), (3, [2.0, 2.0])] {
            events.extend([1, 2].map(|seed| result(trial, 0, seed, Some(scores[seed as usize - 1]))));
        }
        events.extend([result(4, 0, 1, Some(99.0)), result(4, 0, 2, None)]);
        events.extend([result(1, 1, 1, Some(1.0)), result(1, 1, 2, Some(2.0))]);
        events
    }

    #[test]
    fn complete_trials_come_first_then_those_trained_furthest_and_failures_last() {
        let rows = record(&events()).rows(&config(), 99);
        let seen: Vec<_> = rows.iter().map(|row| (row.rank, row.trial, row.standing, row.score)).collect();
        assert_eq!(
            seen,
            [
                (1, 1, Standing::Complete, Some(1.5)),
                (2, 2, Standing::Pruned(0), Some(4.5)),
                // Equal scores go by number.
                (3, 0, Standing::Pruned(0), Some(2.0)),
                (4, 3, Standing::Pruned(0), Some(2.0)),
                (5, 4, Standing::Failed, None),
            ]
        );
        assert_eq!((rows[1].spread, rows[3].spread, rows[4].spread), (Some(4.5), Some(0.0), None));
        assert_eq!((rows[4].message.as_deref(), rows[0].env_steps), (Some("it blew up"), 10));
        assert_eq!(rows[0].point, [Value::Integer(1)]);
        assert_eq!(record(&events()).rows(&config(), 2).len(), 2, "trials from the second on are not looked at");
    }

    #[test]
    fn the_order_in_which_runs_end_changes_nothing() {
        let mut turned = events();
        turned.reverse();
        assert_eq!(record(&turned), record(&events()));
    }

    #[test]
    fn the_worst_seed_counts_where_that_is_asked() {
        let mut config = config();
        config.objective.over_seeds = OverSeeds::Worst;
        let of = |config: &SweepConfig, trial| record(&events()).score(config, trial, 0);
        assert_eq!((of(&config, 2), of(&config, 4)), (Some(0.0), None));
        config.objective.direction = Some(Direction::Minimize);
        assert_eq!(of(&config, 2), Some(9.0));
    }

    #[test]
    fn one_in_eta_goes_on_one_at_least_and_no_failure() {
        let (record, mut config) = (record(&events()), config());
        assert_eq!(record.survivors(&config, 0, &[0, 1, 2, 3, 4]), [0, 1, 2], "the base, and two of four: 4.5 each");
        assert_eq!(record.survivors(&config, 0, &[0]), [0], "the base is never pruned");
        config.include_base = false;
        assert_eq!(record.survivors(&config, 0, &[0, 1, 2, 3, 4]), [1, 2], "five halved are two");
        assert_eq!(record.survivors(&config, 0, &[0, 3, 4]), [0], "the first of equals");
        assert_eq!(record.survivors(&config, 0, &[4]), [0_usize; 0], "a failure never goes on");
        config.pruning.eta = 9;
        config.objective.direction = Some(Direction::Minimize);
        assert_eq!(record.survivors(&config, 0, &[1, 2, 3, 4]), [3]);
    }
}
