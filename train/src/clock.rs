//! CPU time of this process and of a thread, for figures that other programs on the machine cannot spoil.

use nix::time::{ClockId, clock_gettime};
use std::sync::OnceLock;
use std::time::Duration;

/// CPU time that asking for it takes: the least of many tries.
pub fn thread_cpu_cost() -> Duration {
    static COST: OnceLock<Duration> = OnceLock::new();
    let tries = || {
        (0..1000).map(|_| {
            let begin = thread_cpu();
            thread_cpu().saturating_sub(begin)
        })
    };
    *COST.get_or_init(|| tries().min().unwrap_or_default())
}

/// CPU time of the calling thread, user and system; zero where the system does not tell.
pub fn thread_cpu() -> Duration {
    clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).map_or(Duration::ZERO, Duration::from)
}

/// Seconds of CPU time, user and system, of all threads; 0 where the system does not tell.
pub fn process_cpu_seconds() -> f64 {
    // Linux only: fields 14 and 15 of /proc/self/stat, in ticks of 1/100 s (USER_HZ is 100 on every platform Linux runs on).
    let Ok(stat) = std::fs::read_to_string("/proc/self/stat") else { return 0.0 };
    let after_name = stat.rsplit(')').next().unwrap_or("");
    let fields: Vec<&str> = after_name.split_whitespace().collect();
    let ticks = |i: usize| fields.get(i).and_then(|f| f.parse::<f64>().ok()).unwrap_or(0.0);
    (ticks(11) + ticks(12)) / 100.0
}

/// Name and number of processors, as figures must be read with the machine they were taken on.
pub fn machine() -> String {
    let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find_map(|l| l.strip_prefix("model name").and_then(|r| r.split(": ").nth(1)));
    format!("{} ({cores} cores)", model.unwrap_or(std::env::consts::ARCH))
}
