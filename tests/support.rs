//! What the integration tests share: the program, small configurations, and a look into the files of a run.
//!
//! In: arguments. Out: exit code and texts, or snapshots of folders.
//! Always: every test works in a folder of its own; the two trained policies that many tests read are made once.
//! Not here: facts (the other modules).

use serde_json::Value;
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// A site of the standard scenario on the embedded grid, eight updates of 64 steps.
pub(crate) const TINY_SITE: &str = r#"
name = "tiny-site"
seed = 3

[env]
id = "FlexSite-v1"

[ppo]
num_envs = 4
num_steps = 16
total_steps = 512
num_minibatches = 2
update_epochs = 2

[network]
hidden = [16]

[evaluation]
every_updates = 3
weeks = 2

[checkpoint]
every_updates = 2
keep_last = 2
"#;

/// CartPole, sixty updates of 128 steps.
pub(crate) const TINY_POLE: &str = r#"
name = "tiny-pole"
seed = 3

[env]
id = "CartPole-v1"

[ppo]
num_envs = 4
num_steps = 32
total_steps = 7680

[network]
hidden = [16]

[evaluation]
every_updates = 7
episodes = 3

[checkpoint]
every_updates = 3
keep_last = 2
"#;

/// What a finished program left behind.
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    /// The same, after making sure that it went well.
    pub(crate) fn ok(self) -> Self {
        assert_eq!(self.code, Some(0), "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }

    /// The one JSON document of `--json`.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|e| panic!("stdout is one JSON document: {e}\n{}", self.stdout))
    }

    /// The JSON lines of `train --json` and `decide`.
    pub(crate) fn json_lines(&self) -> Vec<Value> {
        json_lines(&self.stdout)
    }
}

pub(crate) fn json_lines(text: &str) -> Vec<Value> {
    let read = |line: &str| serde_json::from_str(line).unwrap_or_else(|e| panic!("a line is JSON: {e}\n{line}"));
    text.lines().map(read).collect()
}

/// The program, in the folder of the workspace; an evaluation that says nothing of a cache has that of the tests.
pub(crate) fn command<S: AsRef<OsStr>>(arguments: &[S]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_flexai"));
    command.args(arguments).current_dir(workspace()).stdin(Stdio::null());
    let is = |argument: &S, text: &str| argument.as_ref() == OsStr::new(text);
    let evaluates = arguments.first().is_some_and(|first| is(first, "evaluate"));
    if evaluates && !arguments.iter().any(|a| is(a, "--cache") || is(a, "--no-cache") || is(a, "--help")) {
        command.arg("--cache").arg(shared_cache());
    }
    command
}

/// A cache for the tests of one run.
fn shared_cache() -> &'static Path {
    static CACHE: OnceLock<PathBuf> = OnceLock::new();
    CACHE.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("shared-cache");
        let _ = fs::remove_dir_all(&folder);
        folder
    })
}

/// Runs the program to its end.
pub(crate) fn flexai<S: AsRef<OsStr>>(arguments: &[S]) -> Ran {
    run(command(arguments))
}

pub(crate) fn run(mut command: Command) -> Ran {
    let output = command.output().expect("the program starts");
    Ran {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).expect("stdout is UTF-8"),
        stderr: String::from_utf8(output.stderr).expect("stderr is UTF-8"),
    }
}

pub(crate) fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map(Path::to_owned).expect("train lies in the workspace")
}

/// A path as an argument.
pub(crate) fn text(path: &Path) -> &str {
    path.to_str().expect("folders of tests have plain names")
}

pub(crate) fn temporary() -> TempDir {
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("the target folder can be written")
}

/// A folder with `config.toml` in it; a run made there is always called `run`.
pub(crate) fn folder_with(config: &str) -> TempDir {
    let folder = temporary();
    fs::write(folder.path().join("config.toml"), config).expect("a temporary folder can be written");
    folder
}

/// Trains in a folder made by [`folder_with`]; returns the run directory.
pub(crate) fn train_in(folder: &TempDir, more: &[&str]) -> PathBuf {
    let (config, out) = (folder.path().join("config.toml"), folder.path().join("run"));
    flexai(&[&["train", text(&config), "--out", text(&out)], more].concat()).ok();
    out
}

/// A run of [`TINY_SITE`], made once.
pub(crate) fn site_run() -> &'static Path {
    static RUN: OnceLock<PathBuf> = OnceLock::new();
    RUN.get_or_init(|| shared_run("shared-site", TINY_SITE))
}

/// A run of [`TINY_POLE`], made once.
pub(crate) fn pole_run() -> &'static Path {
    static RUN: OnceLock<PathBuf> = OnceLock::new();
    RUN.get_or_init(|| shared_run("shared-pole", TINY_POLE))
}

/// A static is never dropped, so its folder has a fixed name and is cleared before, not after.
fn shared_run(name: &str, config: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).expect("the target folder can be written");
    let (file, out) = (folder.join("config.toml"), folder.join("run"));
    fs::write(&file, config).expect("the target folder can be written");
    flexai(&["train", text(&file), "--out", text(&out)]).ok();
    out
}

/// Starts the program without waiting for it; its stderr is kept for [`finish`].
pub(crate) fn start<S: AsRef<OsStr>>(arguments: &[S]) -> Child {
    command(arguments).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("the program starts")
}

/// Waits until a file has that many whole lines, or the program has ended; true if the program still runs.
pub(crate) fn wait_for_lines(child: &mut Child, path: &Path, lines: usize) -> bool {
    let begin = Instant::now();
    loop {
        if child.try_wait().expect("a child can be asked").is_some() {
            return false;
        }
        let found = fs::read(path).unwrap_or_default().iter().filter(|byte| **byte == b'\n').count();
        if found >= lines {
            return true;
        }
        assert!(begin.elapsed() < Duration::from_secs(120), "{} has {found} lines, not {lines}", path.display());
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Waits for the end: exit code (none if a signal ended it) and stderr.
pub(crate) fn finish(child: Child) -> (Option<i32>, String) {
    let output = child.wait_with_output().expect("a child can be waited for");
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

/// Every file of a folder by its path in it.
pub(crate) fn files_of(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut open = vec![folder.to_path_buf()];
    while let Some(inner) = open.pop() {
        for entry in fs::read_dir(&inner).expect("the folder is there").flatten() {
            let path = entry.path();
            if path.is_dir() {
                open.push(path);
            } else {
                let name = path.strip_prefix(folder).expect("it lies inside").to_string_lossy().into_owned();
                found.insert(name, fs::read(&path).expect("the file is there"));
            }
        }
    }
    found
}

/// What of a run must be the same each time: all but times, the command line, and events (rebuilt from metrics).
pub(crate) fn reproducible(run: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = files_of(run);
    files.retain(|name, _| name != "timings.jsonl" && name != "run.json" && !name.starts_with("tensorboard/"));
    if let Some(bytes) = files.get_mut("evaluation/validation.json") {
        let mut evaluation: Value = serde_json::from_slice(bytes).expect("an evaluation is JSON");
        for policy in evaluation["policies"].as_array_mut().expect("it lists policies") {
            policy.as_object_mut().expect("a policy is an object").remove("decision_ms");
        }
        *bytes = evaluation.to_string().into_bytes();
    }
    files
}

/// Asserts that two runs are the same, byte for byte, naming the first file that is not.
pub(crate) fn assert_same_run(left: &Path, right: &Path) {
    let (left, right) = (reproducible(left), reproducible(right));
    assert_eq!(left.keys().collect::<Vec<_>>(), right.keys().collect::<Vec<_>>());
    for (name, bytes) in &left {
        assert!(bytes == &right[name], "{name} differs");
    }
}

/// Asserts that an object has these keys; returns it for more.
pub(crate) fn assert_keys<'a>(value: &'a Value, keys: &[&str]) -> &'a Value {
    let object = value.as_object().unwrap_or_else(|| panic!("an object is expected, not {value}"));
    for key in keys {
        assert!(object.contains_key(*key), "`{key}` is missing in {value}");
    }
    value
}

/// The names of the folders in a folder, sorted; hidden ones are among them.
pub(crate) fn folders_of(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("the folder is there").flatten();
    let folders = entries.filter(|entry| entry.path().is_dir());
    let mut names: Vec<String> = folders.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// Copies a folder with everything in it.
pub(crate) fn copy_folder(from: &Path, to: &Path) {
    for (name, bytes) in files_of(from) {
        let path = to.join(name);
        fs::create_dir_all(path.parent().expect("a file lies in a folder")).expect("the target folder can be written");
        fs::write(path, bytes).expect("the target folder can be written");
    }
}
