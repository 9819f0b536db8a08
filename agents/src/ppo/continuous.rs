//! Densities and entropies of continuous actions, on tensors.
//!
//! In: what the actor says of a part (`[rows, dim]` each), raw actions. Out: log-density of the action as sent and entropy,
//! each `[rows, 1]`, the entropy `[1, 1]` where all rows have the same.
//! Always: the same formulas as on the host (`artifact/density.rs`); gradients of both are those of the formulas.
//! Not here: which columns belong to which part (`distribution.rs`).

use crate::artifact::STIRLING_REST;
use burn::tensor::Tensor;
use burn::tensor::activation::softplus;

/// Half the logarithm of two pi.
pub(super) const HALF_LN_TAU: f64 = 0.918_938_533_204_672_7;

/// Points and weights of the mean over a standard normal: Gauss and Hermite's rule of thirteen, positive half.
const NORMAL_MEAN: [(f64, f64); 7] = [
    (0.0, 0.340_992_340_992_340_8),
    (0.856_679_493_519_45, 0.237_871_522_964_136_27),
    (1.725_418_379_588_239_2, 0.079_168_955_860_450_04),
    (2.620_689_973_432_214_4, 0.011_770_560_505_996_544),
    (3.563_444_380_281_634, 6.812_363_504_429_273e-4),
    (4.591_398_448_936_521, 1.152_659_652_733_388_3e-5),
    (5.800_167_252_386_501, 2.722_627_642_805_900_3e-8),
];

/// Independent normals; `log_std` is `[1, dim]` or `[rows, dim]`.
pub(super) fn normal(
    mean: Tensor<2>,
    log_std: Tensor<2>,
    action: Tensor<2>,
    entropy_gradient: bool,
) -> (Tensor<2>, Tensor<2>) {
    let dim = log_std.dims()[1] as f64;
    let tracked = if entropy_gradient { log_std.clone() } else { log_std.clone().inner() };
    let entropy = tracked.sum_dim(1).add_scalar((0.5 + HALF_LN_TAU) * dim);
    let z = (action - mean) * log_std.clone().neg().exp();
    let log_prob = (z.square().mul_scalar(-0.5) - log_std).sum_dim(1).sub_scalar(HALF_LN_TAU * dim);
    (log_prob, entropy)
}

/// Log-density of each number by itself, `[rows, dim]`.
pub(super) fn each_normal(mean: Tensor<2>, log_std: Tensor<2>, action: Tensor<2>) -> Tensor<2> {
    let z = (action - mean) * log_std.clone().neg().exp();
    (z.square().mul_scalar(-0.5) - log_std).sub_scalar(HALF_LN_TAU)
}

/// Normals squashed by the hyperbolic tangent; `range_ln` is the sum of the logarithms of half the ranges.
///
/// There is no closed form of the entropy: it is that of the normal plus the mean of the logarithm of the slope, taken by
/// Gauss and Hermite's rule with thirteen points (within 5e-5 up to a spread of 1, 0.007 up to 2). Unlike minus the log-probability of the stored action it needs no draw, and
/// its gradient leads to the distribution of more entropy.
pub(super) fn squashed(
    mean: Tensor<2>,
    log_std: Tensor<2>,
    raw: Tensor<2>,
    range_ln: f64,
    entropy_gradient: bool,
) -> (Tensor<2>, Tensor<2>) {
    let (log_prob, entropy) = normal(mean.clone(), log_std.clone(), raw.clone(), entropy_gradient);
    let log_prob = log_prob - tanh_slope_ln(raw).sum_dim(1).add_scalar(range_ln);
    let (mean, log_std) = if entropy_gradient { (mean, log_std) } else { (mean.inner(), log_std.inner()) };
    let std = log_std.exp();
    let mut slope = tanh_slope_ln(mean.clone()).mul_scalar(NORMAL_MEAN[0].1);
    for (point, weight) in &NORMAL_MEAN[1..] {
        let away = std.clone().mul_scalar(*point);
        let both = tanh_slope_ln(mean.clone() + away.clone()) + tanh_slope_ln(mean.clone() - away);
        slope = slope + both.mul_scalar(*weight);
    }
    (log_prob, entropy + slope.sum_dim(1).add_scalar(range_ln))
}

/// Beta distributions of `x` in 0 to 1 whose parameters are `1 + softplus`; `range_ln` sums the logarithms of the ranges.
pub(super) fn beta(
    alpha: Tensor<2>,
    beta: Tensor<2>,
    x: Tensor<2>,
    range_ln: f64,
    entropy_gradient: bool,
) -> (Tensor<2>, Tensor<2>) {
    let more_alpha = softplus(alpha, 1.0);
    let more_beta = softplus(beta, 1.0);
    let log_prob = more_alpha.clone() * x.clone().log() + more_beta.clone() * x.neg().add_scalar(1.0).log()
        - beta_ln(&more_alpha, &more_beta);
    let log_prob = log_prob.sum_dim(1).sub_scalar(range_ln);
    let (a, b) = if entropy_gradient { (more_alpha, more_beta) } else { (more_alpha.inner(), more_beta.inner()) };
    let sum = (a.clone() + b.clone()).add_scalar(2.0);
    let entropy = beta_ln(&a, &b)
        + a.clone() * digamma_above(&a.add_scalar(1.0), &sum)
        + b.clone() * digamma_above(&b.add_scalar(1.0), &sum);
    (log_prob, entropy.sum_dim(1).add_scalar(range_ln))
}

/// `ln(1 - tanh(u)^2)`, without cancelling at large `u`.
fn tanh_slope_ln(u: Tensor<2>) -> Tensor<2> {
    (u.clone() + softplus(u.mul_scalar(-2.0), 1.0)).sub_scalar(std::f64::consts::LN_2).mul_scalar(-2.0)
}

/// Logarithm of the beta function of `a + 1` and `b + 1`; Stirling's formula with its large terms joined.
fn beta_ln(a: &Tensor<2>, b: &Tensor<2>) -> Tensor<2> {
    let (alpha, beta) = (a.clone().add_scalar(1.0), b.clone().add_scalar(1.0));
    let sum = alpha.clone() + beta.clone();
    let half = sum.clone().log().mul_scalar(-0.5).add_scalar(HALF_LN_TAU);
    half + a.clone().add_scalar(0.5) * (alpha.clone() / sum.clone()).log()
        + b.clone().add_scalar(0.5) * (beta.clone() / sum.clone()).log()
        + stirling_rest(&alpha)
        + stirling_rest(&beta)
        - stirling_rest(&sum)
}

fn stirling_rest(z: &Tensor<2>) -> Tensor<2> {
    let t = z.clone().recip();
    polynomial(&STIRLING_REST, &t) * t
}

/// Highest power first.
fn polynomial(coefficients: &[f32], t: &Tensor<2>) -> Tensor<2> {
    let (first, rest) = coefficients.split_first().expect("a polynomial has coefficients");
    let first = t.zeros_like().add_scalar(*first);
    rest.iter().fold(first, |p, c| (p * t.clone()).add_scalar(*c))
}

/// What the derivative of Stirling's formula lacks: `digamma(z) = ln z - 1 / (2 z) - t^2 r(t)` with `t = 1 / z`.
///
/// Chebyshev fit for `z >= 1`, within 2e-8; highest power first.
const DIGAMMA_REST: [f32; 8] = [
    -3.225_929_7e-4,
    2.006_198_2e-3,
    -5.104_469_5e-3,
    6.051_483e-3,
    -4.654_256_7e-4,
    -8.280_495e-3,
    -2.380_851_6e-6,
    8.333_335e-2,
];

/// `digamma(sum) - digamma(z)`, its logarithms joined.
fn digamma_above(z: &Tensor<2>, sum: &Tensor<2>) -> Tensor<2> {
    let rest = |z: &Tensor<2>| {
        let t = z.clone().recip();
        t.clone().mul_scalar(0.5) + polynomial(&DIGAMMA_REST, &t) * t.square()
    };
    (sum.clone() / z.clone()).log() + rest(z) - rest(sum)
}

#[cfg(test)]
mod tests {
    use super::super::distribution::{ActionBatch, HeadLayout};
    use super::*;
    use crate::artifact::{ActionHead, Distribution, HeadStyle, Spread};
    use crate::device::{DeviceChoice, open, read};
    use flexai_env::core::{SeedTree, Space};
    use rand::RngExt;

    const LOW: f64 = -2.0;
    const HIGH: f64 = 3.0;

    /// `ln gamma` by Lanczos' sum (g = 7, nine terms), within 1e-13: nothing of what is tested.
    fn gamma_ln(z: f64) -> f64 {
        let terms = [
            676.520_368_121_885_1,
            -1_259.139_216_722_402_8,
            771.323_428_777_653_1,
            -176.615_029_162_140_6,
            12.507_343_278_686_905,
            -0.138_571_095_265_720_12,
            9.984_369_578_019_572e-6,
            1.505_632_735_149_311_6e-7,
        ];
        let z = z - 1.0;
        let sum = terms.iter().enumerate().fold(0.999_999_999_999_809_9, |x, (i, c)| x + c / (z + i as f64 + 1.0));
        let t = z + 7.5;
        HALF_LN_TAU + (z + 0.5) * t.ln() - t + sum.ln()
    }

    fn softplus_exact(x: f64) -> f64 {
        x.max(0.0) + (-x.abs()).exp().ln_1p()
    }

    /// Log-density of the sent action in `f64`; `p` are the parameters of one dimension.
    fn log_prob_exact(style: HeadStyle, p: [f64; 2], x: f64) -> f64 {
        let normal = |log_std: f64| -0.5 * ((x - p[0]) / log_std.exp()).powi(2) - log_std - HALF_LN_TAU;
        let log_std = if style.spread == Spread::State { p[1].clamp(-5.0, 2.0) } else { p[1] };
        match style.distribution {
            Distribution::Gaussian => normal(log_std),
            Distribution::Squashed => normal(log_std) - (0.5 * (HIGH - LOW) * (1.0 - x.tanh().powi(2))).ln(),
            Distribution::Beta => {
                let (a, b) = (1.0 + softplus_exact(p[0]), 1.0 + softplus_exact(p[1]));
                let ln_b = gamma_ln(a) + gamma_ln(b) - gamma_ln(a + b);
                (a - 1.0) * x.ln() + (b - 1.0) * (1.0 - x).ln() - ln_b - (HIGH - LOW).ln()
            }
        }
    }

    /// Entropy of the sent action as an integral in `f64` over the raw one.
    fn entropy_exact(style: HeadStyle, p: [f64; 2]) -> f64 {
        let (from, to) = if style.distribution == Distribution::Beta { (1e-9, 1.0 - 1e-9) } else { (-20.0, 20.0) };
        let n = 40_000;
        let step = (to - from) / f64::from(n);
        let width = |x: f64| match style.distribution {
            Distribution::Gaussian => 1.0,
            Distribution::Squashed => 0.5 * (HIGH - LOW) * (1.0 - x.tanh().powi(2)),
            Distribution::Beta => HIGH - LOW,
        };
        let term = |i: i32| {
            let x = from + (f64::from(i) + 0.5) * step;
            let width = width(x);
            if width == 0.0 {
                return 0.0;
            }
            let log_prob = log_prob_exact(style, p, x);
            -log_prob * log_prob.exp() * width * step
        };
        (0..n).map(term).sum()
    }

    struct Found {
        log_prob: Vec<f32>,
        entropy: Vec<f32>,
        log_prob_slope: Vec<[f32; 2]>,
        entropy_slope: Vec<[f32; 2]>,
    }

    /// Log-probability, entropy and both gradients of rows with one dimension each, by the tape.
    fn found(style: HeadStyle, parameters: &[[f64; 2]], raw: &[f64]) -> Found {
        let head = ActionHead { components: Space::uniform_box(1, LOW as f32, HIGH as f32).components(), style };
        let (layout, rows) = (HeadLayout::new(&head), raw.len());
        let device = open(DeviceChoice::Flex).unwrap();
        let column = |of: &dyn Fn(usize) -> f64| {
            let numbers: Vec<f32> = (0..rows).map(|i| of(i) as f32).collect();
            Tensor::<1>::from_data(numbers.as_slice(), &device).reshape([rows, 1])
        };
        let apart = style.parameters_per_dimension() == 1;
        // The tape is consumed by a gradient, so each has its own.
        let taped = |pick: fn((Tensor<2>, Tensor<2>)) -> Tensor<2>| {
            let [first, second] = [0, 1].map(|k| column(&|i| parameters[i][k]).autodiff().require_grad());
            let said = if apart { first.clone() } else { Tensor::cat(vec![first.clone(), second.clone()], 1) };
            let actions = ActionBatch { continuous: Some(column(&|i| raw[i])), choices: None, forbidden: None };
            let number = pick(layout.evaluate(&said, apart.then_some(&second), &actions, true)).expand([rows, 1]);
            let gradients = number.clone().sum().backward();
            let of = |x: &Tensor<2>| x.grad(&gradients).map_or(vec![0.0; rows], |g| read(g).unwrap());
            let slopes = of(&first).into_iter().zip(of(&second)).map(|(a, b)| [a, b]).collect::<Vec<_>>();
            (read(number.inner()).unwrap(), slopes)
        };
        let ((log_prob, log_prob_slope), (entropy, entropy_slope)) = (taped(|both| both.0), taped(|both| both.1));
        Found { log_prob, entropy, log_prob_slope, entropy_slope }
    }

    fn styles() -> Vec<HeadStyle> {
        let plain = [Distribution::Gaussian, Distribution::Squashed, Distribution::Beta];
        let style = |distribution, spread| HeadStyle { distribution, spread };
        let mut styles: Vec<HeadStyle> = plain.map(|d| style(d, Spread::Independent)).to_vec();
        styles.extend([style(Distribution::Gaussian, Spread::State), style(Distribution::Squashed, Spread::State)]);
        styles
    }

    /// Central differences in `f64` of formulas written down again, beside the gradients of the tape.
    #[test]
    fn log_probabilities_and_their_gradients_are_those_of_the_formulas_in_double_precision() {
        let mut rng = SeedTree::new(6).stream("points");
        for style in styles() {
            let beta = style.distribution == Distribution::Beta;
            let mut draw = |low: f64, high: f64| low + (high - low) * rng.random::<f64>();
            let points: Vec<([f64; 2], f64)> = (0..200)
                .map(|_| {
                    let x = if beta { draw(0.01, 0.99) } else { draw(-3.0, 3.0) };
                    let p = [draw(-2.0, 4.0), if beta { draw(-2.0, 4.0) } else { draw(-1.0, 1.0) }];
                    (p.map(|p| f64::from(p as f32)), f64::from(x as f32))
                })
                .collect();
            let (parameters, raw): (Vec<_>, Vec<_>) = points.iter().copied().unzip();
            let found = found(style, &parameters, &raw);
            for (i, (p, x)) in points.iter().enumerate() {
                let exact = log_prob_exact(style, *p, *x);
                let near = |found: f32, exact: f64| (f64::from(found) - exact).abs() < 1e-5 * (1.0 + exact.abs());
                assert!(near(found.log_prob[i], exact), "{style:?} {p:?} {x}: {}, {exact}", found.log_prob[i]);
                for k in 0..2 {
                    let moved = |by: f64| {
                        let mut p = *p;
                        p[k] += by;
                        log_prob_exact(style, p, *x)
                    };
                    let slope = (moved(1e-5) - moved(-1e-5)) / 2e-5;
                    let mine = found.log_prob_slope[i][k];
                    assert!(near(mine, slope), "{style:?} {p:?} {x}: slope {k} is {mine}, {slope}");
                }
            }
        }
    }

    #[test]
    fn entropies_and_their_gradients_are_those_of_the_integrals_in_double_precision() {
        for style in styles() {
            let parameters = [[0.0, 0.0], [0.7, -0.5], [-1.5, -1.0], [2.5, -0.2], [-3.0, 0.5]];
            // The rule of thirteen points is the coarser the wider the normal: 5e-5 up to a spread of 1.
            let allowed = |p: [f64; 2]| match style.distribution {
                Distribution::Squashed if p[1] > 0.0 => 4e-3,
                _ => 4e-4,
            };
            let found = found(style, &parameters, &[0.4; 5]);
            for (i, p) in parameters.iter().enumerate() {
                let exact = entropy_exact(style, *p);
                let mine = f64::from(found.entropy[i]);
                assert!((mine - exact).abs() < allowed(*p), "{style:?} {p:?}: {mine}, {exact}");
                for k in 0..2 {
                    let moved = |by: f64| {
                        let mut p = *p;
                        p[k] += by;
                        entropy_exact(style, p)
                    };
                    let slope = (moved(1e-4) - moved(-1e-4)) / 2e-4;
                    let mine = f64::from(found.entropy_slope[i][k]);
                    assert!((mine - slope).abs() < 2.0 * allowed(*p), "{style:?} {p:?}: slope {k} is {mine}, {slope}");
                }
            }
        }
    }

    /// Far out, where a formula written down carelessly overflows or cancels.
    #[test]
    fn extreme_parameters_have_finite_log_probabilities_and_gradients() {
        for style in styles() {
            let beta = style.distribution == Distribution::Beta;
            let raw = if beta { [1e-6, 0.5, 1.0 - 1e-6, 0.3] } else { [-40.0, 0.0, 40.0, 1.0] };
            let found = found(style, &[[60.0, -4.0], [-60.0, 1.9], [200.0, 0.0], [0.0, -4.9]], &raw);
            let numbers = found.log_prob.iter().chain(&found.entropy);
            let slopes = found.log_prob_slope.iter().chain(&found.entropy_slope).flatten();
            assert!(numbers.chain(slopes).all(|x| x.is_finite()), "{style:?}: {:?}", found.log_prob);
        }
    }

    /// `sum of h^2 exp(2 log_std) + 1e-6`, as `StateDependentNoiseDistribution.proba_distribution` there.
    #[test]
    fn state_dependent_exploration_has_the_variance_of_stable_baselines3() {
        // variance = (0.25 e^-2 + 1.44 e^-1 + 1e-6, 0.25 e^0 + 1.44 e^-4 + 1e-6) for h = (0.5, -1.2) and
        // log_std = ((-1, 0), (-0.5, -2)).
        let (h, log_std) = ([0.5f32, -1.2], [-1.0f32, 0.0, -0.5, -2.0]);
        let mut found = Vec::new();
        crate::artifact::gsde_log_std(&h, log_std.iter().map(|x| (2.0 * x).exp()), 2, &mut found);
        let variance = [0.25 * (-2f64).exp() + 1.44 * (-1f64).exp() + 1e-6, 0.25 + 1.44 * (-4f64).exp() + 1e-6];
        for (found, variance) in found.iter().zip(variance) {
            assert!((f64::from(*found) - 0.5 * variance.ln()).abs() < 1e-6);
        }
    }
}
