//! Gap captured: how much of the gain that perfect foresight makes over FIFO a policy makes.
//!
//! In: J of the policy, of FIFO, of the oracle. Out: the pooled ratio and the interquartile mean, with intervals.
//! Always: 0 is FIFO, 1 is the oracle; a week in which the oracle gains nothing has no ratio and is counted apart.
//! Not here: whether the oracle's number is right; above 1 on any week is somebody's bug, see [`GapCaptured::best_week`].

use super::{Bootstrap, Estimate, Scores, StatsError};

/// Oracle gain below which a week has no ratio: a penny.
pub const MIN_HEADROOM_GBP: f64 = 0.01;

/// What a policy captures of the oracle's gain, as fractions.
#[derive(Debug, Clone, PartialEq)]
pub struct GapCaptured {
    /// Sum of gains over sum of oracle gains; `None` if the oracle gains nothing at all.
    pub pooled: Option<Estimate>,
    /// Mean of the middle half of the weekly ratios; `None` if no week has a ratio.
    pub iqm: Option<Estimate>,
    /// Ratio of each week and seed in week-major order; `None` where the oracle gains nothing.
    pub per_run: Vec<Option<f64>>,
}

impl GapCaptured {
    /// Weeks and seeds without a ratio.
    pub fn undefined(&self) -> usize {
        self.per_run.iter().filter(|ratio| ratio.is_none()).count()
    }

    /// The highest ratio; above 1 somebody's terminal state is wrong.
    pub fn best_week(&self) -> Option<f64> {
        self.per_run.iter().flatten().copied().reduce(f64::max)
    }
}

/// Gap captured by a policy, in pounds of J.
///
/// # Errors
/// [`StatsError::NotPaired`] if the three tables differ in size.
pub fn gap_captured(
    policy: &Scores,
    fifo: &Scores,
    oracle: &Scores,
    bootstrap: &Bootstrap,
) -> Result<GapCaptured, StatsError> {
    policy.require_pairs(fifo)?;
    policy.require_pairs(oracle)?;
    let seeds = policy.seeds();
    let gains = |of: &Scores| -> Vec<f64> { fifo.values().iter().zip(of.values()).map(|(f, p)| f - p).collect() };
    let (gain, headroom) = (gains(policy), gains(oracle));
    let ratio = |gain: f64, headroom: f64| (headroom >= MIN_HEADROOM_GBP).then(|| gain / headroom);
    let per_run: Vec<Option<f64>> = gain.iter().zip(&headroom).map(|(gain, room)| ratio(*gain, *room)).collect();
    let runs = |week: usize| week * seeds..(week + 1) * seeds;
    let sum = |of: &[f64], weeks: &[usize]| weeks.iter().map(|week| of[runs(*week)].iter().sum::<f64>()).sum::<f64>();
    let pooled = bootstrap.estimate(policy.weeks(), |weeks| ratio(sum(&gain, weeks), sum(&headroom, weeks)));
    let iqm = bootstrap.estimate(policy.weeks(), |weeks| {
        let drawn = weeks.iter().flat_map(|week| per_run[runs(*week)].iter().flatten().copied()).collect();
        interquartile_mean(drawn)
    });
    Ok(GapCaptured { pooled, iqm, per_run })
}

/// Mean without the lowest and the highest quarter (each rounded down to whole values), over runs x weeks.
///
/// Source: Agarwal et al. 2021 (arXiv:2108.13264), as rliable takes it: a 25 % trimmed mean.
pub fn interquartile_mean(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let cut = values.len() / 4;
    let middle = &values[cut..values.len() - cut];
    (!middle.is_empty()).then(|| middle.iter().sum::<f64>() / middle.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scores(weeks: usize, values: &[f64]) -> Scores {
        Scores::new(weeks, values.len() / weeks, values.to_vec()).unwrap()
    }

    #[test]
    fn the_interquartile_mean_drops_a_quarter_at_each_end() {
        // 8 values: two go at each end, (3 + 4 + 5 + 6) / 4.
        assert_eq!(interquartile_mean(vec![8.0, 1.0, 3.0, 4.0, 100.0, 5.0, -50.0, 6.0]), Some(4.5));
        // 5 values: floor(1.25) = 1 goes at each end.
        assert_eq!(interquartile_mean(vec![1.0, 2.0, 3.0, 4.0, 9.0]), Some(3.0));
        assert_eq!(interquartile_mean(vec![2.0, 4.0, 9.0]), Some(5.0));
        assert_eq!(interquartile_mean(Vec::new()), None);
    }

    #[test]
    fn the_pooled_ratio_weighs_weeks_by_what_could_be_gained() {
        // Gains 10 of 20 and 90 of 100: pooled 100 / 120, weekly ratios 0.5 and 0.9.
        let (fifo, oracle) = (scores(2, &[100.0, 300.0]), scores(2, &[80.0, 200.0]));
        let gap = gap_captured(&scores(2, &[90.0, 210.0]), &fifo, &oracle, &Bootstrap::default()).unwrap();
        let pooled = gap.pooled.unwrap();
        assert!((pooled.value - 100.0 / 120.0).abs() < 1e-12);
        assert_eq!((pooled.lo, pooled.hi), (0.5, 0.9));
        assert_eq!(gap.per_run, [Some(0.5), Some(0.9)]);
        assert!((gap.iqm.unwrap().value - 0.7).abs() < 1e-12);
        assert_eq!((gap.undefined(), gap.best_week()), (0, Some(0.9)));
    }

    #[test]
    fn fifo_captures_nothing_and_the_oracle_everything() {
        let (fifo, oracle) = (scores(2, &[100.0, 300.0, 50.0, 70.0]), scores(2, &[80.0, 200.0, 40.0, 69.0]));
        let of = |policy| gap_captured(policy, &fifo, &oracle, &Bootstrap::default()).unwrap();
        assert_eq!(of(&fifo).pooled, Some(Estimate { value: 0.0, lo: 0.0, hi: 0.0 }));
        assert_eq!(of(&oracle).iqm, Some(Estimate { value: 1.0, lo: 1.0, hi: 1.0 }));
    }

    #[test]
    fn seeds_of_a_week_are_drawn_together() {
        // Each week's seeds cancel out to a gain of one half, so every draw of whole weeks gives one half;
        // draws of single runs would not.
        let (fifo, oracle) = (scores(3, &[10.0; 6]), scores(3, &[0.0; 6]));
        let policy = scores(3, &[0.0, 10.0, 2.0, 8.0, 4.0, 6.0]);
        let gap = gap_captured(&policy, &fifo, &oracle, &Bootstrap::default()).unwrap();
        assert_eq!(gap.pooled, Some(Estimate { value: 0.5, lo: 0.5, hi: 0.5 }));
    }

    #[test]
    fn a_week_without_headroom_is_counted_and_stays_out_of_the_mean() {
        let (fifo, oracle) = (scores(2, &[100.0, 50.0]), scores(2, &[80.0, 50.0]));
        let gap = gap_captured(&scores(2, &[90.0, 50.0]), &fifo, &oracle, &Bootstrap::default()).unwrap();
        assert_eq!(gap.per_run, [Some(0.5), None]);
        assert_eq!((gap.undefined(), gap.iqm.unwrap().value), (1, 0.5));
        let flat = gap_captured(&fifo, &fifo, &fifo, &Bootstrap::default()).unwrap();
        assert_eq!((flat.pooled, flat.iqm, flat.undefined()), (None, None, 2));
    }
}
