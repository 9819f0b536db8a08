//! Statistics of half-hourly series with holes.
//!
//! In: series in which NaN is a hole. Out: moments, autocorrelation, correlation, daily profiles.
//! Always: a pair counts only if both values are there; no statistic of nothing is a number (NaN instead).
//! Not here: which statistics matter (`compare.rs`).

use super::calendar::{LocalStamp, PERIODS_PER_DAY};

/// Mean of the values that are there.
pub fn mean(values: &[f64]) -> f64 {
    let (sum, n) = present(values).fold((0.0, 0_usize), |(sum, n), x| (sum + x, n + 1));
    sum / n as f64
}

/// Population standard deviation of the values that are there.
pub fn standard_deviation(values: &[f64]) -> f64 {
    let centre = mean(values);
    let (sum, n) = present(values).fold((0.0, 0_usize), |(sum, n), x| (sum + (x - centre).powi(2), n + 1));
    (sum / n as f64).sqrt()
}

/// Share of the values that are there for which `holds`.
pub fn share(values: &[f64], holds: impl Fn(f64) -> bool) -> f64 {
    let n = present(values).count();
    present(values).filter(|x| holds(*x)).count() as f64 / n as f64
}

/// Smallest value; NaN if there is none.
pub fn minimum(values: &[f64]) -> f64 {
    present(values).fold(f64::NAN, f64::min)
}

/// Largest value; NaN if there is none.
pub fn maximum(values: &[f64]) -> f64 {
    present(values).fold(f64::NAN, f64::max)
}

/// Pearson correlation over the pairs that are there.
pub fn correlation(a: &[f64], b: &[f64]) -> f64 {
    correlation_of(a.iter().copied().zip(b.iter().copied()))
}

/// Correlation of a series with itself `lag` periods later.
pub fn autocorrelation(values: &[f64], lag: usize) -> f64 {
    correlation_of(values.iter().copied().zip(values.iter().copied().skip(lag)))
}

/// Mean absolute difference over the pairs that are there.
pub fn mean_absolute_difference(a: &[f64], b: &[f64]) -> f64 {
    let difference: Vec<f64> = a.iter().zip(b).map(|(x, y)| (x - y).abs()).collect();
    mean(&difference)
}

/// The value below which the share `probability` of a sorted series lies, linear between ranks.
///
/// # Panics
/// If the series is empty.
pub fn quantile_of_sorted(sorted: &[f64], probability: f64) -> f64 {
    assert!(!sorted.is_empty(), "a quantile needs at least one value");
    let rank = probability.clamp(0.0, 1.0) * (sorted.len() - 1) as f64;
    let low = rank.floor() as usize;
    let high = (low + 1).min(sorted.len() - 1);
    sorted[low] + (sorted[high] - sorted[low]) * (rank - low as f64)
}

/// The values that are there, ascending.
pub fn sorted(values: &[f64]) -> Vec<f64> {
    let mut sorted: Vec<f64> = present(values).collect();
    sorted.sort_by(f64::total_cmp);
    sorted
}

/// Mean by local half-hour over the periods that `takes`; NaN where there is none.
pub fn daily_profile(values: &[f64], local: &[LocalStamp], takes: impl Fn(&LocalStamp) -> bool) -> Vec<f64> {
    let mut sum = vec![0.0; PERIODS_PER_DAY];
    let mut n = vec![0_usize; PERIODS_PER_DAY];
    for (x, stamp) in values.iter().zip(local).filter(|(x, stamp)| !x.is_nan() && takes(stamp)) {
        sum[usize::from(stamp.half_hour)] += x;
        n[usize::from(stamp.half_hour)] += 1;
    }
    sum.iter().zip(&n).map(|(sum, n)| sum / *n as f64).collect()
}

/// Of each local day, largest minus smallest value; days with fewer than 46 values are left out.
pub fn daily_spreads(values: &[f64], local: &[LocalStamp]) -> Vec<f64> {
    let mut spreads = Vec::new();
    let mut t = 0;
    while t < values.len() {
        let day = local[t].day;
        let end = t + local[t..].iter().take_while(|stamp| stamp.day == day).count();
        let today = &values[t..end];
        if present(today).count() >= 46 {
            spreads.push(maximum(today) - minimum(today));
        }
        t = end;
    }
    spreads
}

fn present(values: &[f64]) -> impl Iterator<Item = f64> {
    values.iter().copied().filter(|x| !x.is_nan())
}

fn correlation_of(pairs: impl Iterator<Item = (f64, f64)> + Clone) -> f64 {
    let pairs = pairs.filter(|(x, y)| !x.is_nan() && !y.is_nan());
    let (sx, sy, n) = pairs.clone().fold((0.0, 0.0, 0_usize), |(sx, sy, n), (x, y)| (sx + x, sy + y, n + 1));
    let (mx, my) = (sx / n as f64, sy / n as f64);
    let (xx, yy, xy) = pairs.fold((0.0, 0.0, 0.0), |(xx, yy, xy), (x, y)| {
        (xx + (x - mx).powi(2), yy + (y - my).powi(2), xy + (x - mx) * (y - my))
    });
    xy / (xx * yy).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grid::Period;

    const HOLE: f64 = f64::NAN;

    #[test]
    fn holes_do_not_count() {
        let values = [1.0, HOLE, 3.0, 5.0];
        assert_eq!(mean(&values), 3.0);
        assert!((standard_deviation(&values) - (8.0_f64 / 3.0).sqrt()).abs() < 1e-12);
        assert_eq!((minimum(&values), maximum(&values)), (1.0, 5.0));
        assert_eq!(share(&values, |x| x > 2.0), 2.0 / 3.0);
        assert!(mean(&[HOLE]).is_nan() && minimum(&[]).is_nan());
    }

    #[test]
    fn correlation_is_one_for_a_line_and_pairs_with_holes_are_left_out() {
        assert!((correlation(&[1.0, 2.0, HOLE, 4.0], &[2.0, 4.0, 1.0, 8.0]) - 1.0).abs() < 1e-12);
        assert!((autocorrelation(&[1.0, -1.0, 1.0, -1.0, 1.0], 1) + 1.0).abs() < 1e-12);
    }

    #[test]
    fn quantiles_are_linear_between_ranks() {
        let sorted = sorted(&[3.0, HOLE, 1.0, 2.0]);
        assert_eq!(quantile_of_sorted(&sorted, 0.5), 2.0);
        assert_eq!(quantile_of_sorted(&sorted, 0.75), 2.5);
        assert_eq!(quantile_of_sorted(&sorted, 7.0), 3.0);
    }

    #[test]
    fn profiles_and_spreads_follow_the_local_clock() {
        let start: Period = "2023-06-30T23:00:00Z".parse().expect("a period");
        let local: Vec<LocalStamp> = (0..96).map(|t| (start + t).local()).collect();
        let values: Vec<f64> = (0..96).map(|t| if t < 48 { t as f64 } else { 2.0 * (t - 48) as f64 }).collect();
        let profile = daily_profile(&values, &local, |_| true);
        assert_eq!((profile[0], profile[47]), (0.0, 1.5 * 47.0));
        assert_eq!(daily_spreads(&values, &local), [47.0, 94.0]);
        assert_eq!(daily_spreads(&values[..40], &local[..40]), [0.0; 0]);
    }
}
