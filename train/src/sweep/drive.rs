//! The search itself: draw a generation, train it stop by stop, keep the best, and again.
//!
//! In: a checked sweep, its journal, somebody who trains. Out: a record with every result.
//! Always: what is decided follows from results alone, not from when they came; what the journal holds already is not done
//! again, so that a sweep that was killed ends as if it never had been.
//! Not here: how a run is trained (`process.rs`), how results are shown (`table.rs`).

use super::config::SweepConfig;
use super::journal::{Event, Journal, RunResult, RunStatus};
use super::record::Record;
use super::sampler::suggest;
use super::space::{Dimension, Point};
use crate::fault::Fault;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError, mpsc};

/// A run to be trained up to a stop.
#[derive(Debug, Clone, PartialEq)]
pub struct Task {
    /// Its trial.
    pub trial: usize,
    /// Its training seed.
    pub seed: u64,
    /// The stop, from 0.
    pub rung: usize,
    /// Share of the steps at that stop.
    pub share: f64,
    /// Values of the dimensions.
    pub point: Point,
}

/// Who trains: called from several threads at once.
pub trait Runner: Sync {
    /// Trains up to the stop of a task; `stop` is asked now and then.
    ///
    /// # Errors
    /// A [`Fault`] that ends the sweep: a failing world, not a bad point.
    fn run(&self, task: &Task, stop: &(dyn Fn() -> bool + Sync)) -> Result<RunResult, Fault>;
}

/// A sweep in progress.
pub struct Sweep<'a> {
    /// What is searched.
    pub config: &'a SweepConfig,
    /// Its dimensions.
    pub dimensions: &'a [Dimension],
    /// The base's own point, if it is the first trial.
    pub base_point: Option<Point>,
    /// Runs at a time.
    pub parallel: usize,
    /// The file.
    pub journal: Journal,
    /// What it says.
    pub record: Record,
}

/// What somebody who waits hears of.
#[derive(Debug)]
pub enum Heard<'a> {
    /// A run came to a stop.
    Result(&'a Task, &'a RunResult),
    /// Trials go on, the rest of the field does not.
    Promoted {
        /// The stop.
        rung: usize,
        /// How many were there.
        of: usize,
        /// Who goes on.
        promoted: &'a [usize],
    },
}

impl Sweep<'_> {
    /// Searches to the end; false if it was asked to stop before.
    ///
    /// # Errors
    /// A [`Fault`] of the journal or of a runner; a later call goes on from there.
    pub fn drive(
        &mut self,
        runner: &dyn Runner,
        stop: &(dyn Fn() -> bool + Sync),
        heard: &mut dyn FnMut(&Heard<'_>),
    ) -> Result<bool, Fault> {
        for generation in 0..self.config.generations() {
            self.draw(generation)?;
            let mut field: Vec<usize> = self.config.trials_of(generation).collect();
            for (rung, share) in self.config.stops().into_iter().enumerate() {
                let tasks = self.tasks(&field, rung, share);
                if !self.train(tasks, runner, stop, heard)? {
                    return Ok(false);
                }
                if rung + 1 < self.config.stops().len() {
                    field = self.promote(generation, rung, &field, heard)?;
                }
            }
        }
        Ok(true)
    }

    /// Draws the points of a generation that were not drawn before.
    fn draw(&mut self, generation: usize) -> Result<(), Fault> {
        let trials = self.config.trials_of(generation);
        let found = self.record.found(self.config, trials.start);
        let mut pending = Vec::new();
        for trial in trials {
            if self.record.point(trial).is_none() {
                let base = self.base_point.clone().filter(|_| trial == 0);
                let point = base.unwrap_or_else(|| {
                    suggest(self.dimensions, &self.config.sampler, self.config.seed, trial, &found, &pending)
                });
                let keys = self.dimensions.iter().map(|d| d.key.clone());
                let values = keys.zip(&point).map(|(key, value)| (key, serde_json::json!(value))).collect();
                self.note(Event::Suggest { trial, generation, values })?;
            }
            pending.extend(self.record.point(trial).cloned());
        }
        Ok(())
    }

    fn tasks(&self, field: &[usize], rung: usize, share: f64) -> VecDeque<Task> {
        let mut tasks = VecDeque::new();
        for (trial, seed) in field.iter().flat_map(|trial| self.config.seeds.iter().map(|seed| (*trial, *seed))) {
            if self.record.result(trial, rung, seed).is_none() {
                let point = self.record.point(trial).cloned().unwrap_or_default();
                tasks.push_back(Task { trial, seed, rung, share, point });
            }
        }
        tasks
    }

    /// Trains all tasks, several at a time; false if one was stopped.
    fn train(
        &mut self,
        tasks: VecDeque<Task>,
        runner: &dyn Runner,
        stop: &(dyn Fn() -> bool + Sync),
        heard: &mut dyn FnMut(&Heard<'_>),
    ) -> Result<bool, Fault> {
        let workers = self.parallel.min(tasks.len());
        let queue = Mutex::new(tasks);
        let halted = AtomicBool::new(false);
        let halt = || halted.load(Ordering::SeqCst) || stop();
        let next = || if halt() { None } else { queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front() };
        let (sender, receiver) = mpsc::channel();
        let mut whole = true;
        let mut first_fault = None;
        std::thread::scope(|scope| {
            for _ in 0..workers {
                let sender = sender.clone();
                let (next, halt) = (&next, &halt);
                scope.spawn(move || {
                    while let Some(task) = next() {
                        let result = runner.run(&task, halt);
                        if sender.send((task, result)).is_err() {
                            break;
                        }
                    }
                });
            }
            drop(sender);
            for (task, result) in receiver {
                let noted = match result {
                    Ok(result) if result.status == RunStatus::Stopped => {
                        whole = false;
                        Ok(())
                    }
                    Ok(result) => {
                        heard(&Heard::Result(&task, &result));
                        self.note(Event::Result { trial: task.trial, seed: task.seed, rung: task.rung, result })
                    }
                    Err(fault) => Err(fault),
                };
                if let Err(fault) = noted {
                    halted.store(true, Ordering::SeqCst);
                    first_fault.get_or_insert(fault);
                }
            }
        });
        let left = !queue.into_inner().unwrap_or_else(PoisonError::into_inner).is_empty();
        first_fault.map_or(Ok(whole && !left), Err)
    }

    /// Decides who goes on, or reads who did.
    fn promote(
        &mut self,
        generation: usize,
        rung: usize,
        field: &[usize],
        heard: &mut dyn FnMut(&Heard<'_>),
    ) -> Result<Vec<usize>, Fault> {
        if let Some(promoted) = self.record.promoted(generation, rung) {
            return Ok(promoted.to_vec());
        }
        let promoted = self.record.survivors(self.config, rung, field);
        heard(&Heard::Promoted { rung, of: field.len(), promoted: &promoted });
        self.note(Event::Promote { generation, rung, promoted: promoted.clone() })?;
        Ok(promoted)
    }

    fn note(&mut self, event: Event) -> Result<(), Fault> {
        self.journal.append(&event)?;
        self.record.apply(&event, self.dimensions);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sweep::journal::JOURNAL_VERSION;
    use crate::sweep::record::Row;
    use crate::sweep::space::{Domain, number};
    use std::path::Path;

    /// Scores a point at once; fails where it is told to, and stops everything after so many runs.
    struct Fake {
        runs_left: Mutex<usize>,
    }

    impl Runner for Fake {
        fn run(&self, task: &Task, _stop: &(dyn Fn() -> bool + Sync)) -> Result<RunResult, Fault> {
            let mut left = self.runs_left.lock().unwrap();
            let x = number(&task.point[0]).unwrap();
            let mut result = RunResult {
                status: RunStatus::Done,
                score: Some(-(x - 0.3).powi(2) * task.share + task.seed as f64 / 1e3),
                env_steps: (1000.0 * task.share) as u64,
                wall_seconds: 0.0,
                cpu_seconds: 0.0,
                message: None,
            };
            if *left == 0 {
                result.status = RunStatus::Stopped;
                return Ok(result);
            }
            *left -= 1;
            if x > 0.8 {
                (result.status, result.score, result.message) = (RunStatus::Failed, None, Some("too large".into()));
            }
            Ok(result)
        }
    }

    fn config() -> SweepConfig {
        let mut config = SweepConfig { trials: 22, generation: 5, seeds: vec![1, 2], ..SweepConfig::default() };
        config.pruning.rungs = vec![0.25, 0.5];
        config
    }

    fn dimensions() -> Vec<Dimension> {
        vec![Dimension { key: "x".into(), domain: Domain::Uniform { low: 0.0, high: 1.0 } }]
    }

    /// Goes on from a journal, or begins one; the rows, and whether the end was reached.
    fn go_on(path: &Path, runs: usize, parallel: usize) -> (Vec<Row>, bool) {
        let (config, dimensions) = (config(), dimensions());
        let text = String::new();
        let head = Event::Sweep {
            version: JOURNAL_VERSION,
            workbench_version: text.clone(),
            sweep_sha256: text.clone(),
            base_sha256: text,
        };
        let mut record = Record::default();
        let journal = if path.exists() {
            let (journal, events) = Journal::open(path).unwrap();
            events.iter().for_each(|event| record.apply(event, &dimensions));
            journal
        } else {
            Journal::create(path, &head).unwrap()
        };
        let base_point = Some(vec![toml::Value::Float(0.95)]);
        let mut sweep = Sweep { config: &config, dimensions: &dimensions, base_point, parallel, journal, record };
        let runner = Fake { runs_left: Mutex::new(runs) };
        let ended = sweep.drive(&runner, &|| false, &mut |_| ()).unwrap();
        (sweep.record.rows(&config, config.trials), ended)
    }

    #[test]
    fn a_sweep_that_was_stopped_anywhere_and_cut_short_ends_as_one_that_was_not() {
        let folder = tempfile::tempdir().unwrap();
        let (whole, ended) = go_on(&folder.path().join("whole.jsonl"), usize::MAX, 1);
        assert!(ended && whole.len() == 22);
        assert!(whole.iter().any(|row| row.message.as_deref() == Some("too large")), "some trials fail");
        for (index, runs) in [1, 7, 10, 13, 33].into_iter().enumerate() {
            let path = folder.path().join(format!("{index}.jsonl"));
            assert!(!go_on(&path, runs, 1 + index % 3).1);
            // A kill in the middle of a line.
            let text = std::fs::read_to_string(&path).unwrap();
            std::fs::write(&path, &text[..text.len() - 9]).unwrap();
            assert!(!go_on(&path, runs, 2).1);
            let (rows, ended) = go_on(&path, usize::MAX, 3);
            assert!(ended);
            assert_eq!(rows, whole, "stopped after {runs} runs");
        }
    }

    #[test]
    fn halving_leaves_one_of_five_at_the_end_and_the_base_is_the_first_trial() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sweep.jsonl");
        let (rows, _) = go_on(&path, usize::MAX, 2);
        let complete = rows.iter().filter(|row| row.env_steps == 1000).count();
        // Five generations of 5, 5, 5, 5 and 2 trials: 5 -> 2 -> 1, and 2 -> 1 -> 1.
        assert_eq!(complete, 5);
        let first = rows.iter().find(|row| row.trial == 0).unwrap();
        assert_eq!(first.point, [toml::Value::Float(0.95)]);
        // Nothing is left to do: a sweep that ended trains nothing again.
        let lines = std::fs::read_to_string(&path).unwrap();
        assert!(go_on(&path, 0, 2).1);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), lines);
    }

    #[test]
    fn a_failing_world_ends_the_sweep_with_its_fault() {
        struct Broken;
        impl Runner for Broken {
            fn run(&self, _: &Task, _: &(dyn Fn() -> bool + Sync)) -> Result<RunResult, Fault> {
                Err(Fault::new("disk", "it is full"))
            }
        }
        let folder = tempfile::tempdir().unwrap();
        let (config, dimensions) = (config(), dimensions());
        let head = Event::Promote { generation: 99, rung: 0, promoted: Vec::new() };
        let journal = Journal::create(&folder.path().join("sweep.jsonl"), &head).unwrap();
        let (base_point, record) = (None, Record::default());
        let mut sweep = Sweep { config: &config, dimensions: &dimensions, base_point, parallel: 2, journal, record };
        let fault = sweep.drive(&Broken, &|| false, &mut |_| ()).unwrap_err();
        assert_eq!(fault.to_string(), "disk: it is full");
    }
}
