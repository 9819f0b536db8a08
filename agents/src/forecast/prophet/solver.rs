//! Prophet's most probable parameters, found exactly.
//!
//! In: the scaled series and design of one model (`augurs-prophet`'s [`Data`]). Out: trend, coefficients and noise at the
//! mode of the posterior. Source of the model: Taylor and Letham 2018, "Forecasting at scale", and its Stan program.
//! Always: no random number; the same data give the same bytes. For a given noise the problem is convex and solved to
//! rounding by an active set; the noise has a closed form; the two alternate until neither moves.
//! Not here: logistic growth and multiplicative terms, which are refused; how columns are made (`design.rs`).

use super::quadratic::{Quadratic, minimise};
use augurs_prophet::PositiveFloat;
use augurs_prophet::optimizer::{Data, Error, InitialParams, OptimizeOpts, OptimizedParams, Optimizer, TrendIndicator};

/// Prior standard deviations of growth rate and offset, and of the noise, as in Prophet's Stan program.
const TREND_PRIOR_SD: f64 = 5.0;
const NOISE_PRIOR_SD: f64 = 0.5;
/// Relative change of the noise below which the fit has ended; it falls by orders of magnitude per round.
const NOISE_TOLERANCE: f64 = 1e-13;
const MAX_ROUNDS: usize = 200;
/// Noise of a series that the model reproduces: its density has no mode, so it is held here.
const LEAST_NOISE: f64 = 1e-9;
/// Growth rate and offset come before the changes of rate in a row of the design.
const TREND: usize = 2;

/// Deterministic maximiser of Prophet's posterior density.
#[derive(Debug, Clone, Copy, Default)]
pub struct MapOptimizer;

impl Optimizer for MapOptimizer {
    fn optimize(&self, _: &InitialParams, data: &Data, opts: &OptimizeOpts) -> Result<OptimizedParams, Error> {
        check(data)?;
        let moments = Moments::of(data);
        // In unconstrained coordinates the density of the noise carries its own Jacobian: one observation less.
        let observations = data.y.len() as f64 - if opts.jacobian == Some(true) { 1.0 } else { 0.0 };
        let (theta, sigma) = moments.mode(data, observations)?;
        let changes = data.t_change.len();
        Ok(OptimizedParams {
            k: theta[0],
            m: theta[1],
            sigma_obs: PositiveFloat::try_new(sigma).map_err(Error::custom)?,
            delta: theta[TREND..TREND + changes].to_vec(),
            beta: theta[TREND + changes..].to_vec(),
            trend: data.t.iter().map(|t| trend_at(data, &theta, *t)).collect(),
        })
    }
}

/// Minus the log posterior density up to a constant, as Prophet's Stan program states it (without Jacobian).
#[cfg(test)]
pub(super) fn objective(data: &Data, theta: &[f64], sigma: f64) -> f64 {
    let changes = data.t_change.len();
    let mut row = vec![0.0; theta.len()];
    let squares: f64 = (0..data.y.len())
        .map(|i| {
            fill_row(data, i, &mut row);
            (data.y[i] - dot(&row, theta)).powi(2)
        })
        .sum();
    let normal = |x: f64, sd: f64| 0.5 * (x / sd).powi(2);
    let rates: f64 = theta[TREND..TREND + changes].iter().map(|d| d.abs() / *data.tau).sum();
    let coefficients: f64 = theta[TREND + changes..].iter().zip(&data.sigmas).map(|(b, s)| normal(*b, **s)).sum();
    data.y.len() as f64 * sigma.ln()
        + 0.5 * squares / (sigma * sigma)
        + normal(theta[0], TREND_PRIOR_SD)
        + normal(theta[1], TREND_PRIOR_SD)
        + rates
        + coefficients
        + normal(sigma, NOISE_PRIOR_SD)
}

fn check(data: &Data) -> Result<(), Error> {
    let (rows, columns) = (data.y.len(), data.sigmas.len());
    if data.trend_indicator == TrendIndicator::Logistic {
        return Err(Error::static_str("logistic growth is not solved here"));
    }
    if data.s_m.iter().zip(&data.s_a).any(|(m, a)| *m != 0 || *a != 1) {
        return Err(Error::static_str("multiplicative terms are not solved here"));
    }
    if rows < 2 || data.t.len() != rows || data.X.len() != rows * columns || data.s_a.len() != columns {
        return Err(Error::string(format!(
            "{rows} values, {} times and a design of {} numbers for {columns} columns do not fit together",
            data.t.len(),
            data.X.len()
        )));
    }
    if data.y.iter().chain(&data.t).chain(&data.X).chain(&data.t_change).any(|x| !x.is_finite()) {
        return Err(Error::static_str("a value of the series or of its design is not finite"));
    }
    Ok(())
}

/// Row `i` of the full design: rate, offset, ramps after each change, features.
fn fill_row(data: &Data, i: usize, row: &mut [f64]) {
    let (t, changes, columns) = (data.t[i], data.t_change.len(), data.sigmas.len());
    let moves = if data.trend_indicator == TrendIndicator::Flat { 0.0 } else { 1.0 };
    row[0] = moves * t;
    row[1] = 1.0;
    for (x, change) in row[TREND..TREND + changes].iter_mut().zip(&data.t_change) {
        *x = moves * (t - change).max(0.0);
    }
    row[TREND + changes..].copy_from_slice(&data.X[i * columns..(i + 1) * columns]);
}

fn trend_at(data: &Data, theta: &[f64], t: f64) -> f64 {
    if data.trend_indicator == TrendIndicator::Flat {
        return theta[1];
    }
    let ramps: f64 = data.t_change.iter().zip(&theta[TREND..]).map(|(c, d)| d * (t - c).max(0.0)).sum();
    theta[0] * t + theta[1] + ramps
}

/// All that the squared error needs to know of the series: `|y - Z theta|^2 = yy - 2 zy theta + theta zz theta`.
struct Moments {
    zz: Vec<f64>,
    zy: Vec<f64>,
    yy: f64,
}

impl Moments {
    fn of(data: &Data) -> Self {
        let size = TREND + data.t_change.len() + data.sigmas.len();
        let mut row = vec![0.0; size];
        let mut sums = Self { zz: vec![0.0; size * size], zy: vec![0.0; size], yy: 0.0 };
        for (i, y) in data.y.iter().enumerate() {
            fill_row(data, i, &mut row);
            sums.yy += y * y;
            for a in 0..size {
                let x = row[a];
                sums.zy[a] += x * y;
                for (sum, other) in sums.zz[a * size + a..(a + 1) * size].iter_mut().zip(&row[a..]) {
                    *sum += x * other;
                }
            }
        }
        for a in 0..size {
            for b in 0..a {
                sums.zz[a * size + b] = sums.zz[b * size + a];
            }
        }
        sums
    }

    fn squared_error(&self, theta: &[f64]) -> f64 {
        let size = theta.len();
        let quadratic: f64 = (0..size).map(|a| theta[a] * dot(&self.zz[a * size..(a + 1) * size], theta)).sum();
        (self.yy - 2.0 * dot(&self.zy, theta) + quadratic).max(0.0)
    }

    /// Parameters and noise at which the density is greatest.
    fn mode(&self, data: &Data, observations: f64) -> Result<(Vec<f64>, f64), Error> {
        let (size, changes) = (self.zy.len(), data.t_change.len());
        let mut theta = vec![0.0; size];
        let mut sigma = noise(self.squared_error(&theta), observations);
        for _ in 0..MAX_ROUNDS {
            theta = minimise(&self.given_noise(data, sigma), &theta)
                .ok_or_else(|| Error::static_str("two columns of the design say the same, or a number overflowed"))?;
            let next = noise(self.squared_error(&theta), observations);
            let moved = (next - sigma).abs() / sigma;
            sigma = next;
            if moved < NOISE_TOLERANCE {
                break;
            }
        }
        debug_assert_eq!(theta.len(), TREND + changes + data.sigmas.len());
        Ok((theta, sigma))
    }

    fn given_noise(&self, data: &Data, sigma: f64) -> Quadratic {
        let (size, changes) = (self.zy.len(), data.t_change.len());
        let weight = 1.0 / (sigma * sigma);
        let mut hessian: Vec<f64> = self.zz.iter().map(|x| x * weight).collect();
        for a in 0..size {
            let precision = match a {
                0 | 1 => TREND_PRIOR_SD.powi(-2),
                _ if a < TREND + changes => 0.0,
                _ => data.sigmas[a - TREND - changes].powi(-2),
            };
            hessian[a * size + a] += precision;
        }
        Quadratic {
            hessian,
            linear: self.zy.iter().map(|x| x * weight).collect(),
            penalised: TREND..TREND + changes,
            penalty: 1.0 / *data.tau,
        }
    }
}

/// The noise at which `n ln s + rss / (2 s^2) + s^2 / (2 sd^2)` is smallest: the positive root of a quadratic in `s^2`.
fn noise(squared_error: f64, observations: f64) -> f64 {
    let a = NOISE_PRIOR_SD.powi(-2);
    // Written without the difference of two nearly equal numbers.
    let root = (observations * observations + 4.0 * a * squared_error).sqrt();
    (2.0 * squared_error / (observations + root)).sqrt().max(LEAST_NOISE)
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}
