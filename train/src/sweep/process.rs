//! A run of a trial as a process of its own: `flexai trial`.
//!
//! In: a task. Out: what the process answered, one JSON line.
//! Always: the process computes on one thread; it ends by itself, with a checkpoint, once this process is gone or stops
//! it, since it reads the end of its input; its words are kept beside its folder.
//! Not here: what a trial does (the command `trial`).

use super::drive::{Runner, Task};
use super::journal::{RunResult, RunStatus};
use super::space::Dimension;
use crate::fault::Fault;
use crate::interrupt::EXIT_INTERRUPTED;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

/// Pause between two looks at a process.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Trains in processes.
pub struct Processes<'a> {
    /// Folder of the sweep.
    pub folder: &'a Path,
    /// Metric of the sweep.
    pub metric: &'a str,
    /// Its dimensions.
    pub dimensions: &'a [Dimension],
}

/// How a process ended.
struct Ended {
    status: ExitStatus,
    stdout: String,
    stderr: String,
}

impl Runner for Processes<'_> {
    fn run(&self, task: &Task, stop: &(dyn Fn() -> bool + Sync)) -> Result<RunResult, Fault> {
        let mut ended = self.train(task, stop)?;
        if ended.status.code().is_none() && !stop() {
            // Killed by somebody, or for its memory: once more, from its last checkpoint.
            ended = self.train(task, stop)?;
        }
        let place = format!("trial {}, seed {}", task.trial, task.seed);
        match ended.status.code() {
            Some(code) if code == i32::from(EXIT_INTERRUPTED) => Ok(without_score(RunStatus::Stopped, None)),
            Some(0) => ended.stdout.lines().last().and_then(|line| serde_json::from_str(line).ok()).ok_or_else(|| {
                Fault::new(
                    place,
                    format!("the trial answered \"{}\", but one JSON line is expected", ended.stdout.trim()),
                )
                .hint("continue with --resume by the program that began the sweep")
            }),
            None if stop() => Ok(without_score(RunStatus::Stopped, None)),
            None => {
                Ok(without_score(RunStatus::Failed, Some(format!("the process was killed twice ({})", ended.status))))
            }
            Some(_) => Err(world_fault(place, &ended)),
        }
    }
}

impl Processes<'_> {
    /// Folder of a run.
    pub fn run_folder(&self, trial: usize, seed: u64) -> PathBuf {
        run_folder(self.folder, trial, seed)
    }

    fn train(&self, task: &Task, stop: &(dyn Fn() -> bool + Sync)) -> Result<Ended, Fault> {
        let out = self.run_folder(task.trial, task.seed);
        let parent = out.parent().unwrap_or(self.folder);
        std::fs::create_dir_all(parent).map_err(|error| Fault::of_io(parent, "make the folder", &error))?;
        let words = parent.join(format!("seed-{}.log", task.seed));
        let log = std::fs::File::create(&words).map_err(|error| Fault::of_io(&words, "create the file", &error))?;
        let mut child = self.command(task, &out).stderr(log).spawn().map_err(|error| {
            Fault { exit_code: 1, ..Fault::new("flexai trial", format!("the process cannot be started: {error}")) }
                .hint("free memory, or run fewer at a time with --parallel, then continue with --resume")
        })?;
        let status = wait(&mut child, stop).map_err(|error| Fault::of_io(&words, "wait for the trial", &error))?;
        let mut stdout = String::new();
        if let Some(mut pipe) = child.stdout.take() {
            pipe.read_to_string(&mut stdout).map_err(|error| Fault::of_io(&words, "read the answer", &error))?;
        }
        let stderr =
            std::fs::read(&words).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
        Ok(Ended { status, stdout, stderr })
    }

    fn command(&self, task: &Task, out: &Path) -> Command {
        // A program that was replaced meanwhile is still the one that runs.
        let program = std::env::current_exe().unwrap_or_else(|_| "flexai".into());
        let mut command = Command::new(program);
        command.arg("trial").arg(self.folder.join("base.toml"));
        for (dimension, value) in self.dimensions.iter().zip(&task.point) {
            command.arg("--set").arg(format!("{}={value}", dimension.key));
        }
        command.args(["--seed", &task.seed.to_string(), "--until", &task.share.to_string(), "--metric", self.metric]);
        command.arg("--out").arg(out).arg("--leash").env("RAYON_NUM_THREADS", "1");
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        command
    }
}

/// Folder of a run in a sweep's folder.
pub fn run_folder(sweep: &Path, trial: usize, seed: u64) -> PathBuf {
    sweep.join("trials").join(format!("{trial:04}")).join(format!("seed-{seed}"))
}

/// Waits for the end; a stop closes the input, which asks for a checkpoint and the end.
fn wait(child: &mut Child, stop: &(dyn Fn() -> bool + Sync)) -> std::io::Result<ExitStatus> {
    // `wait` would close the input at once.
    let mut leash = child.stdin.take();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        if stop() {
            drop(leash.take());
        }
        std::thread::sleep(LOOK_EVERY);
    }
}

fn without_score(status: RunStatus, message: Option<String>) -> RunResult {
    RunResult { status, score: None, env_steps: 0, wall_seconds: 0.0, cpu_seconds: 0.0, message }
}

/// What the process said, as a fault of the sweep.
fn world_fault(place: String, ended: &Ended) -> Fault {
    let said = ended.stderr.rsplit("error: ").next().unwrap_or_default().trim();
    let (message, hint) = said.split_once("\n\nhint: ").unwrap_or((said, "mend the cause"));
    let message = if message.is_empty() { format!("it ended with {}", ended.status) } else { message.to_owned() };
    Fault { exit_code: 1, ..Fault::new(place, message) }.hint(format!("{hint}; then continue with --resume"))
}
