//! What a model has missed lately: the only way in which the latest values reach a forecast.
//!
//! In: residuals of a model up to the newest known period. Out: [`Recent`], and the features of a coming period.
//! Always: nothing after the newest known period is asked for; a hole leaves a sum, it is never filled.
//! Not here: weights (`correction.rs`).

/// Numbers that say what was missed, for one coming period.
pub(super) const FEATURES: usize = 9;
const DAY: usize = 48;
const WEEK: usize = 7 * DAY;
/// Periods before the newest known one that are looked at one by one.
const CLOSE: usize = WEEK + DAY;
/// Before that every eighth is looked at: six of a day.
const STRIDE: usize = 8;
/// Windows of the means, in periods; the last two take every eighth.
const WINDOWS: [usize; 6] = [1, 6, DAY, WEEK, 30 * DAY, 60 * DAY];
const CLOSE_WINDOWS: usize = 4;
/// Least mean weight of a window: below it, as in a winter night, it says nothing.
const LEAST_WEIGHT: f64 = 0.02;

/// One period of the past: what was missed, and how much could have been.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Missed {
    /// Truth minus model; `None` in a hole.
    pub(super) residual: Option<f64>,
    /// 1, or clear-sky irradiance for solar output.
    pub(super) weight: f64,
}

/// What was missed up to a period.
#[derive(Debug, Clone)]
pub(super) struct Recent {
    newest: usize,
    /// `close[i]` is the period `newest - i`.
    close: Vec<Missed>,
    means: [f64; WINDOWS.len()],
    /// Mean size, per weight, of what was missed in the last week beyond the mean of the last month.
    pub(super) volatility: f64,
}

impl Recent {
    /// Looks back from the newest known period.
    pub(super) fn new(newest: usize, mut missed: impl FnMut(usize) -> Missed) -> Self {
        let close: Vec<Missed> = (0..CLOSE.min(newest + 1)).map(|i| missed(newest - i)).collect();
        let far: Vec<Missed> = (0..=newest.min(WINDOWS[5] - 1))
            .step_by(STRIDE)
            .map(|i| close.get(i).copied().unwrap_or_else(|| missed(newest - i)))
            .collect();
        let mut means = [0.0; WINDOWS.len()];
        for (w, (mean, window)) in means.iter_mut().zip(WINDOWS).enumerate() {
            let part = if w < CLOSE_WINDOWS {
                &close[..window.min(close.len())]
            } else {
                &far[..(window / STRIDE).min(far.len())]
            };
            *mean = per_weight(part);
        }
        let volatility = scatter(&close[..WEEK.min(close.len())], means[4]);
        Self { newest, close, means, volatility }
    }

    /// Features of the coming period `t`, whose weight is given.
    pub(super) fn features(&self, t: usize, weight: f64) -> [f64; FEATURES] {
        let mut features = [0.0; FEATURES];
        for (feature, mean) in features.iter_mut().zip(self.means) {
            *feature = mean * weight;
        }
        let behind = (t - self.newest) % DAY;
        // The same half-hour of the latest days of which it is known.
        let back = if behind == 0 { 0 } else { DAY - behind };
        let (mut sum, mut count) = (0.0, 0.0);
        for i in (back..back + WEEK).step_by(DAY) {
            if let Some(residual) = self.close.get(i).and_then(|m| m.residual) {
                if i == back {
                    features[6] = residual;
                }
                (sum, count) = (sum + residual, count + 1.0);
            }
        }
        features[7] = if count > 0.0 { sum / count } else { 0.0 };
        let last_week = (self.newest + WEEK).checked_sub(t).and_then(|i| self.close.get(i)).and_then(|m| m.residual);
        features[8] = last_week.unwrap_or(0.0);
        features
    }
}

fn per_weight(part: &[Missed]) -> f64 {
    ratio(part.iter().map(|m| (m.residual, m.weight)))
}

fn scatter(part: &[Missed], mean: f64) -> f64 {
    ratio(part.iter().map(|m| (m.residual.map(|r| (r - mean * m.weight).abs()), m.weight)))
}

fn ratio(part: impl Iterator<Item = (Option<f64>, f64)>) -> f64 {
    let (mut sum, mut weight, mut count) = (0.0, 0.0, 0.0);
    for (value, w) in part.filter_map(|(value, w)| value.map(|v| (v, w))) {
        (sum, weight, count) = (sum + value, weight + w, count + 1.0);
    }
    if weight > LEAST_WEIGHT * count { sum / weight } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn features_name_the_residuals_they_say() {
        let value = |i: usize| Missed { residual: Some(i as f64), weight: 1.0 };
        let recent = Recent::new(5000, value);
        // Ten periods ahead of the newest: the same half-hour was known 38 periods before it.
        let features = recent.features(5010, 1.0);
        assert_eq!(features[0], 5000.0);
        assert_eq!(features[1], 4997.5);
        assert_eq!(features[6], 4962.0);
        assert_eq!(features[7], 4962.0 - 3.0 * 48.0);
        assert_eq!(features[8], 5010.0 - 336.0);
        assert_eq!(recent.features(5048, 1.0)[6], 5000.0);
        assert_eq!(recent.features(5049, 1.0)[6], 5000.0 - 47.0);
    }

    #[test]
    fn holes_leave_the_means() {
        let recent = Recent::new(100, |i| Missed { residual: (i % 2 == 0).then_some(4.0), weight: 2.0 });
        assert_eq!(recent.features(101, 1.0)[2], 2.0);
        let empty = Recent::new(100, |_| Missed::default());
        assert_eq!(empty.features(101, 1.0), [0.0; FEATURES]);
    }

    #[test]
    fn nothing_after_the_newest_period_is_asked_for() {
        Recent::new(300, |i| {
            assert!(i <= 300);
            Missed::default()
        });
    }
}
