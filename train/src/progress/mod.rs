//! Progress of a run on stderr: a bar for a person, a line now and then for a log.
//!
//! In: what an update measured. Out: a bar (terminal), a plain line every ten seconds (no terminal), or nothing.
//! Always: stdout is never touched.
//! Not here: the record of these numbers (`metrics`).

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::IsTerminal;
use std::time::{Duration, Instant};

/// Pause between two plain lines.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// How progress is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProgressMode {
    /// A bar on a terminal, plain lines elsewhere.
    Auto,
    /// Nothing: `--quiet`, or `--json`, where a program reads the updates.
    Hidden,
}

/// What one update tells the person who waits.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ProgressUpdate {
    /// Environment steps since the beginning of the run, resumed parts included.
    pub env_steps: u64,
    /// Environment steps per second of wall time.
    pub sps: f64,
    /// Mean return of the episodes that ended last; none before the first end.
    pub return_mean: Option<f64>,
    /// Approximate KL divergence of the update.
    pub approx_kl: Option<f64>,
    /// Share of wall time spent collecting, a fraction.
    pub collect_share: f64,
    /// Share of wall time spent learning, a fraction.
    pub learn_share: f64,
    /// Share of wall time spent judging the policy, a fraction.
    pub evaluate_share: f64,
}

/// The display of one run.
#[derive(Debug)]
pub struct Progress {
    total_steps: u64,
    display: Display,
}

#[derive(Debug)]
enum Display {
    Bar(ProgressBar),
    Lines { last: Option<Instant> },
    Hidden,
}

impl Progress {
    /// A display for a run of so many environment steps.
    pub fn new(total_steps: u64, mode: ProgressMode) -> Self {
        let display = match mode {
            ProgressMode::Hidden => Display::Hidden,
            ProgressMode::Auto if std::io::stderr().is_terminal() => Display::Bar(bar(total_steps)),
            ProgressMode::Auto => Display::Lines { last: None },
        };
        Self { total_steps, display }
    }

    /// Shows an update.
    pub fn update(&mut self, update: &ProgressUpdate) {
        match &mut self.display {
            Display::Bar(bar) => {
                bar.set_message(numbers(update, self.total_steps));
                bar.set_position(update.env_steps);
            }
            Display::Lines { last } => {
                if last.is_none_or(|last| last.elapsed() >= LINE_EVERY) {
                    *last = Some(Instant::now());
                    eprintln!("{}", line(update, self.total_steps));
                }
            }
            Display::Hidden => {}
        }
    }

    /// Says something without tearing the bar.
    pub fn note(&self, text: &str) {
        match &self.display {
            Display::Bar(bar) => bar.suspend(|| eprintln!("{text}")),
            Display::Lines { .. } => eprintln!("{text}"),
            Display::Hidden => {}
        }
    }

    /// Ends the display; the last plain line is always written.
    pub fn finish(&mut self, last: Option<&ProgressUpdate>) {
        match (&self.display, last) {
            (Display::Bar(bar), _) => bar.finish(),
            (Display::Lines { .. }, Some(update)) => eprintln!("{}", line(update, self.total_steps)),
            _ => {}
        }
    }
}

fn bar(total_steps: u64) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(total_steps), ProgressDrawTarget::stderr_with_hz(4));
    let style = ProgressStyle::with_template("{percent:>3} % [{bar:16}] {wide_msg}")
        .expect("the template is a constant that is shown in every run");
    bar.set_style(style.progress_chars("=> "));
    bar
}

/// A plain line with the position in figures.
fn line(update: &ProgressUpdate, total_steps: u64) -> String {
    let percent = 100.0 * update.env_steps as f64 / total_steps.max(1) as f64;
    format!("{} of {total_steps} steps ({percent:.0} %), {}", update.env_steps, numbers(update, total_steps))
}

/// The numbers of an update, the ones that matter most first, as a narrow terminal cuts the end off.
fn numbers(update: &ProgressUpdate, total_steps: u64) -> String {
    let mut parts = vec![format!("{:.0} steps/s", update.sps)];
    let left = total_steps.saturating_sub(update.env_steps);
    if left > 0 && update.sps > 0.0 && update.sps.is_finite() {
        parts.push(format!("{} left", duration(left as f64 / update.sps)));
    }
    parts.extend(update.return_mean.map(|value| format!("return {}", significant(value))));
    parts.extend(update.approx_kl.map(|value| format!("KL {}", significant(value))));
    let mut shares = format!("collect {:.0} % learn {:.0} %", 100.0 * update.collect_share, 100.0 * update.learn_share);
    if update.evaluate_share > 0.0 {
        shares += &format!(" evaluate {:.0} %", 100.0 * update.evaluate_share);
    }
    parts.push(shares);
    parts.join(", ")
}

/// Three significant digits, plain where a person reads plain numbers.
fn significant(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return format!("{value}");
    }
    let magnitude = value.abs().log10().floor();
    if (-4.0..6.0).contains(&magnitude) {
        let decimals = (2.0 - magnitude).max(0.0) as usize;
        format!("{value:.decimals$}")
    } else {
        format!("{value:.2e}")
    }
}

fn duration(seconds: f64) -> String {
    let seconds = seconds.round().min(1e9) as u64;
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, s) => format!("{s} s"),
        (0, m, s) => format!("{m} min {s:02} s"),
        (h, m, _) => format!("{h} h {m:02} min"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn update() -> ProgressUpdate {
        ProgressUpdate {
            env_steps: 25_000,
            sps: 1250.4,
            return_mean: Some(-12.3456),
            approx_kl: Some(0.012_34),
            collect_share: 0.38,
            learn_share: 0.61,
            evaluate_share: 0.0,
        }
    }

    #[test]
    fn a_line_holds_position_speed_time_left_return_kl_and_shares() {
        assert_eq!(
            line(&update(), 100_000),
            "25000 of 100000 steps (25 %), 1250 steps/s, 1 min 00 s left, return -12.3, KL 0.0123, collect 38 % learn 61 %"
        );
    }

    #[test]
    fn an_update_that_was_judged_tells_what_that_took() {
        let judged = ProgressUpdate { collect_share: 0.3, learn_share: 0.5, evaluate_share: 0.2, ..update() };
        assert!(line(&judged, 100_000).ends_with("collect 30 % learn 50 % evaluate 20 %"));
    }

    #[test]
    fn what_is_not_known_yet_is_left_out() {
        let early = ProgressUpdate { return_mean: None, approx_kl: None, sps: 0.0, ..update() };
        assert_eq!(numbers(&early, 100_000), "0 steps/s, collect 38 % learn 61 %");
    }

    #[test]
    fn times_and_numbers_are_short() {
        assert_eq!((duration(59.4).as_str(), duration(7380.0).as_str()), ("59 s", "2 h 03 min"));
        assert_eq!((significant(0.000_012).as_str(), significant(123_456.7).as_str()), ("1.20e-5", "123457"));
        assert_eq!(significant(f64::NAN), "NaN");
    }

    #[test]
    fn a_hidden_display_takes_updates_in_silence() {
        let mut progress = Progress::new(10, ProgressMode::Hidden);
        progress.update(&update());
        progress.note("nothing");
        progress.finish(Some(&update()));
        assert!(matches!(progress.display, Display::Hidden));
    }

    #[test]
    fn the_template_of_the_bar_is_valid() {
        assert_eq!(bar(10).length(), Some(10));
    }
}
