//! Performance profile and optimality gap of scores whose best is 1.
//!
//! In: a score per week and seed, `None` where there is none. Out: numbers with intervals.
//! Always: weeks are drawn with all their seeds. Source: Agarwal et al. 2021 (arXiv:2108.13264), sections 4.1 and 4.3.
//! Not here: what the scores are (`gap.rs`).

use super::{Bootstrap, Estimate};

/// Scores at which a profile is drawn: from a fifth below FIFO to the optimum, in steps of a twentieth.
pub fn profile_scores() -> impl Iterator<Item = f64> {
    (-4..=20).map(|i| f64::from(i) / 20.0)
}

/// Share of the runs whose score is at least `tau`, for every `tau` of [`profile_scores`].
///
/// Shapes: `per_run` is week-major, `[weeks * seeds]`.
pub fn performance_profile(
    per_run: &[Option<f64>],
    weeks: usize,
    seeds: usize,
    bootstrap: &Bootstrap,
) -> Vec<(f64, Estimate)> {
    let at = |tau: f64| {
        let reaches = |score: f64| if score >= tau { 1.0 } else { 0.0 };
        mean_of(per_run, weeks, seeds, bootstrap, reaches).map(|share| (tau, share))
    };
    profile_scores().filter_map(at).collect()
}

/// By how much the runs miss a score of 1 on average; a score above 1 counts as 1. `None` without any score.
pub fn optimality_gap(per_run: &[Option<f64>], weeks: usize, seeds: usize, bootstrap: &Bootstrap) -> Option<Estimate> {
    mean_of(per_run, weeks, seeds, bootstrap, |score| 1.0 - score.min(1.0))
}

/// Mean over runs of a function of the score.
fn mean_of(
    per_run: &[Option<f64>],
    weeks: usize,
    seeds: usize,
    bootstrap: &Bootstrap,
    of: impl Fn(f64) -> f64,
) -> Option<Estimate> {
    // Sum and number of each week, so that a draw looks at weeks alone.
    let week = |runs: &[Option<f64>]| {
        let scores = runs.iter().flatten();
        scores.fold((0.0, 0.0), |(sum, n), score| (sum + of(*score), n + 1.0))
    };
    let weekly: Vec<(f64, f64)> = per_run.chunks(seeds.max(1)).map(week).collect();
    bootstrap.estimate(weeks, |drawn| {
        let (sum, n) = drawn.iter().fold((0.0, 0.0), |(s, n), week| (s + weekly[*week].0, n + weekly[*week].1));
        (n > 0.0).then(|| sum / n)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_counts_the_runs_that_reach_a_score() {
        // Two weeks, two seeds: scores 0.5 and 1.0, then 0.5 and -0.3.
        let runs = [Some(0.5), Some(1.0), Some(0.5), Some(-0.3)];
        let profile = performance_profile(&runs, 2, 2, &Bootstrap::default());
        let share = |tau: f64| profile.iter().find(|(t, _)| *t == tau).map(|(_, share)| *share).unwrap();
        assert_eq!(profile.len(), 25);
        // Draws are weeks: (1st, 1st) has all runs at 0.5 or more, (2nd, 2nd) one half.
        assert_eq!(share(0.5), Estimate { value: 0.75, lo: 0.5, hi: 1.0 });
        assert_eq!((share(-0.2).value, share(0.55).value, share(1.0).value), (0.75, 0.25, 0.25));
        assert!(profile.windows(2).all(|pair| pair[0].1.value >= pair[1].1.value));
    }

    #[test]
    fn the_optimality_gap_is_the_mean_miss_and_no_run_makes_up_for_another() {
        // Misses 0.5, 0 (above 1 is no credit), 0.5, 1.3: mean 0.575.
        let runs = [Some(0.5), Some(1.2), Some(0.5), Some(-0.3)];
        let gap = optimality_gap(&runs, 2, 2, &Bootstrap::default()).unwrap();
        assert!((gap.value - 0.575).abs() < 1e-12 && (gap.lo - 0.25).abs() < 1e-12 && (gap.hi - 0.9).abs() < 1e-12);
    }

    #[test]
    fn runs_without_a_score_stay_out() {
        let runs = [Some(0.5), None, None, None];
        let gap = optimality_gap(&runs, 2, 2, &Bootstrap::default()).unwrap();
        assert_eq!((gap.value, gap.lo, gap.hi), (0.5, 0.5, 0.5));
        assert_eq!(optimality_gap(&[None; 4], 2, 2, &Bootstrap::default()), None);
        assert!(performance_profile(&[None; 4], 2, 2, &Bootstrap::default()).is_empty());
    }
}
