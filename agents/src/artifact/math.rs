//! Activations, exponential, logarithm and the beta function with the same bits on every machine.
//!
//! In: one number, or a slice. Out: the function's value.
//! Always: only IEEE `+ - * /` in a fixed order, no fused multiply-add and no mathematical library, whose last bits
//! differ between machines; not-a-number stays not-a-number. Not here: layers (`network.rs`).

/// Adding and subtracting 1.5 x 2^23 rounds an `f32` to a whole number, and leaves that number in the low bits.
const ROUND_F32: f32 = 12_582_912.0;
/// The same for `f64`: 1.5 x 2^52.
const ROUND_F64: f64 = 6_755_399_441_055_744.0;

/// ln 2 in two parts: the first has so few bits that its product with a small whole number is exact.
const LN_2_HIGH: f32 = 0.693_359_4;
const LN_2_LOW: f32 = -2.121_944_4e-4;

/// 1 / k! for k from 0.
const INVERSE_FACTORIALS: [f64; 12] = [
    1.0,
    1.0,
    1.0 / 2.0,
    1.0 / 6.0,
    1.0 / 24.0,
    1.0 / 120.0,
    1.0 / 720.0,
    1.0 / 5_040.0,
    1.0 / 40_320.0,
    1.0 / 362_880.0,
    1.0 / 3_628_800.0,
    1.0 / 39_916_800.0,
];

/// From here on the nearest `f32` to the hyperbolic tangent is 1.
const TANH_SATURATES: f32 = 9.1;

/// Replaces each number by its hyperbolic tangent.
pub(super) fn tanh_in_place(values: &mut [f32]) {
    for v in values {
        *v = tanh(*v);
    }
}

/// Replaces negative numbers by zero.
pub(super) fn relu_in_place(values: &mut [f32]) {
    for v in values {
        *v = if *v < 0.0 { 0.0 } else { *v };
    }
}

/// Replaces negative numbers by a hundredth of them.
pub(super) fn leaky_relu_in_place(values: &mut [f32]) {
    for v in values {
        *v = if *v < 0.0 { LEAK * *v } else { *v };
    }
}

/// Replaces negative numbers by `exp(x) - 1`.
pub(super) fn elu_in_place(values: &mut [f32]) {
    for v in values {
        *v = if *v < 0.0 { exp_minus_one(*v) } else { *v };
    }
}

/// Replaces each number by `x sigmoid(x)`.
pub(super) fn silu_in_place(values: &mut [f32]) {
    for v in values {
        *v = *v * sigmoid(*v);
    }
}

/// Replaces each number by `x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2`.
pub(super) fn gelu_in_place(values: &mut [f32]) {
    for v in values {
        *v = 0.5 * *v * (1.0 + tanh(gelu_argument(*v)));
    }
}

/// Derivative of the exponential linear unit.
#[cfg(feature = "training")]
pub(super) fn elu_slope(x: f32) -> f32 {
    if x < 0.0 { exp_minus_one(x) + 1.0 } else { 1.0 }
}

/// Derivative of the leaky rectified linear unit.
#[cfg(feature = "training")]
pub(super) fn leaky_relu_slope(x: f32) -> f32 {
    if x < 0.0 { LEAK } else { 1.0 }
}

/// Derivative of the sigmoid linear unit.
#[cfg(feature = "training")]
pub(super) fn silu_slope(x: f32) -> f32 {
    let s = sigmoid(x);
    s * (1.0 + x * (1.0 - s))
}

/// Derivative of the Gaussian error linear unit in its hyperbolic-tangent form.
#[cfg(feature = "training")]
pub(super) fn gelu_slope(x: f32) -> f32 {
    let t = tanh(gelu_argument(x));
    // Beyond this the tangent is 1 and its slope 0, while the argument's own slope could overflow.
    let inner = if x.abs() > 10.0 { 0.0 } else { GELU_SCALE * (1.0 + 3.0 * GELU_CUBIC * x * x) };
    0.5 * (1.0 + t) + 0.5 * x * (1.0 - t * t) * inner
}

/// Slope of the leaky rectified linear unit below zero.
const LEAK: f32 = 0.01;
/// The square root of 2 / pi.
const GELU_SCALE: f32 = 0.797_884_6;
const GELU_CUBIC: f32 = 0.044_715;

#[inline(always)]
fn gelu_argument(x: f32) -> f32 {
    GELU_SCALE * (x + GELU_CUBIC * x * x * x)
}

#[inline(always)]
fn sigmoid(x: f32) -> f32 {
    0.5 + 0.5 * tanh(0.5 * x)
}

/// `exp(x) - 1` for a number that is not positive, by the hyperbolic tangent of half of it: `2 t / (1 - t)`.
#[inline(always)]
fn exp_minus_one(x: f32) -> f32 {
    let t = tanh(0.5 * x);
    2.0 * t / (1.0 - t)
}

/// `ln(1 + exp(x))`.
pub(super) fn softplus(x: f32) -> f32 {
    let positive = if x < 0.0 { 0.0 } else { x };
    let e = exp(-x.abs());
    // Where 1 + e would round e away, e is its own logarithm.
    positive + if e < 1e-4 { e - 0.5 * e * e } else { ln(1.0 + e) }
}

/// What Stirling's formula lacks, as a polynomial of `t = 1 / z`: `ln gamma(z) = (z - 1/2) ln z - z + ln(2 pi) / 2 + t q(t)`.
///
/// Chebyshev fit for `z >= 1`, within 5e-9; highest power first.
pub(crate) const STIRLING_REST: [f32; 7] =
    [1.422_189_5e-4, -6.456_699e-4, 1.063_533_1e-3, -6.090_973_3e-5, -2.770_688_1e-3, -3.497_345_4e-7, 8.333_333_7e-2];

/// Half the logarithm of two pi.
const HALF_LN_TAU: f32 = 0.918_938_5;

/// Logarithm of the beta function of two numbers, each at least 1, by Stirling's formula with its large terms joined.
pub(super) fn beta_ln(a: f32, b: f32) -> f32 {
    let rest = |z: f32| {
        let t = 1.0 / z;
        STIRLING_REST.iter().fold(0.0, |p, c| p * t + c) * t
    };
    let sum = a + b;
    HALF_LN_TAU + (a - 0.5) * ln(a / sum) + (b - 0.5) * ln(b / sum) - 0.5 * ln(sum) + rest(a) + rest(b) - rest(sum)
}

/// Hyperbolic tangent, within 2e-7 of the exact value.
///
/// With `e = exp(-2|x|) - 1` it is `-e / (2 + e)`, and `e` comes from `exp(n ln 2 + r) - 1 = 2^n p(r) + (2^n - 1)`.
/// There is no branch, so a loop over a slice compiles to vector instructions.
#[inline(always)]
pub(crate) fn tanh(x: f32) -> f32 {
    let size = x.abs();
    // Not `min`: that would turn not-a-number into a number.
    let size = if size > TANH_SATURATES { TANH_SATURATES } else { size };
    let y = -2.0 * size;
    let shifted = y * std::f32::consts::LOG2_E + ROUND_F32;
    let n = shifted - ROUND_F32;
    let r = (y - n * LN_2_HIGH) - n * LN_2_LOW;
    let mut p = 1.0 / 5040.0;
    p = p * r + 1.0 / 720.0;
    p = p * r + 1.0 / 120.0;
    p = p * r + 1.0 / 24.0;
    p = p * r + 1.0 / 6.0;
    p = p * r + 0.5;
    p = p * (r * r) + r;
    let power = f32::from_bits((shifted.to_bits() << 23).wrapping_add(0x3f80_0000));
    let e = power * p + (power - 1.0);
    (-e / (2.0 + e)).copysign(x)
}

/// Exponential, rounded from `f64`.
pub(crate) fn exp(x: f32) -> f32 {
    // Beyond +-150 an `f32` can only be infinity or zero.
    exp_wide(f64::from(x).clamp(-150.0, 150.0)) as f32
}

/// Exponential, relatively within 4e-13 of the exact value; beyond -700..700 it is that of the nearer end. No branch.
#[inline(always)]
pub(crate) fn exp_wide(x: f64) -> f64 {
    let x = x.clamp(-700.0, 700.0);
    let shifted = x * std::f64::consts::LOG2_E + ROUND_F64;
    let n = shifted - ROUND_F64;
    let r = x - n * std::f64::consts::LN_2;
    // Taylor to degree 11 by Horner: |r| < 0.35, so the rest is below 1e-14.
    let mut p = INVERSE_FACTORIALS[11];
    for k in (0..11).rev() {
        p = INVERSE_FACTORIALS[k] + p * r;
    }
    let power = f64::from_bits((shifted.to_bits() << 52).wrapping_add(0x3ff0_0000_0000_0000));
    p * power
}

/// Natural logarithm of a positive, finite and normal number, relatively within 1e-13 of the exact value. No branch.
#[inline(always)]
pub(crate) fn ln_wide(x: f64) -> f64 {
    let bits = x.to_bits();
    // The exponent in the low bits of 2^52 is 2^52 plus the exponent.
    let exponent = f64::from_bits((bits >> 52) | 0x4330_0000_0000_0000) - 4_503_599_627_371_519.0;
    let m = f64::from_bits((bits & 0x000f_ffff_ffff_ffff) | 0x3ff0_0000_0000_0000);
    let large = m > std::f64::consts::SQRT_2;
    let m = if large { 0.5 * m } else { m };
    let exponent = if large { exponent + 1.0 } else { exponent };
    // ln m = 2 artanh s with |s| < 0.172: the rest after s^15 is below 1e-14.
    let s = (m - 1.0) / (m + 1.0);
    let z = s * s;
    let mut p = 1.0 / 15.0;
    for inverse in [1.0 / 13.0, 1.0 / 11.0, 1.0 / 9.0, 1.0 / 7.0, 1.0 / 5.0, 1.0 / 3.0, 1.0] {
        p = p * z + inverse;
    }
    exponent * std::f64::consts::LN_2 + 2.0 * s * p
}

/// Natural logarithm, rounded from `f64`; minus infinity at zero, not-a-number below.
pub(super) fn ln(x: f32) -> f32 {
    if x.is_nan() || x < 0.0 {
        return f32::NAN;
    }
    if x == 0.0 {
        return f32::NEG_INFINITY;
    }
    if x.is_infinite() {
        return x;
    }
    // Every positive `f32` is a normal `f64`, subnormal ones included.
    ln_wide(f64::from(x)) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All kinds of sizes: a dense line over the working range, and powers of two down to the subnormal.
    fn grid() -> impl Iterator<Item = f32> {
        let line = (-2_000_000..=2_000_000).map(|i| i as f32 * 5e-6);
        let powers = (-149..=127).flat_map(|e| [2f64.powi(e) as f32, 1.7 * 2f64.powi(e) as f32]);
        line.chain(powers)
    }

    #[test]
    fn tanh_is_within_two_ten_millionths_of_the_exact_value_everywhere() {
        let (mut worst, mut at) = (0.0f64, 0.0);
        let mut worst_relative = 0.0f64;
        for x in grid() {
            let exact = f64::from(x).tanh();
            let error = (f64::from(tanh(x)) - exact).abs();
            if error > worst {
                (worst, at) = (error, x);
            }
            if x.abs() > f32::MIN_POSITIVE {
                worst_relative = worst_relative.max(error / exact.abs());
            }
        }
        assert!(worst <= 2e-7, "worst error {worst:e} at {at}");
        assert!(worst_relative <= 4e-7, "worst relative error {worst_relative:e}");
    }

    #[test]
    fn tanh_is_odd_bounded_and_rising_up_to_rounding() {
        let mut last = -1.0;
        for i in -100_000..=100_000 {
            let x = i as f32 * 1e-4;
            let y = tanh(x);
            assert_eq!(y.to_bits(), (-tanh(-x)).to_bits(), "at {x}");
            assert!(y.abs() <= 1.0, "tanh({x}) = {y}");
            assert!(y >= last - 2e-7, "falls at {x}: {last} then {y}");
            last = y;
        }
        assert_eq!(tanh(-0.0).to_bits(), (-0.0f32).to_bits());
    }

    #[test]
    fn tanh_saturates_at_one_and_keeps_not_a_number() {
        for x in [9.1, 20.0, 1e30, f32::MAX, f32::INFINITY] {
            assert_eq!((tanh(x), tanh(-x)), (1.0, -1.0));
        }
        assert!(tanh(f32::NAN).is_nan());
        let mut row = [1.0, f32::NAN, -1.0, 0.0, 3.0];
        tanh_in_place(&mut row);
        assert_eq!(row.map(f32::is_nan), [false, true, false, false, false]);
    }

    #[test]
    fn relu_clears_negative_numbers_and_keeps_not_a_number() {
        let mut row = [-2.0, 0.0, 3.0, f32::NAN];
        relu_in_place(&mut row);
        assert_eq!(row[..3], [0.0, 0.0, 3.0]);
        assert!(row[3].is_nan());
    }

    #[test]
    fn the_other_activations_are_their_definitions() {
        let gelu =
            |x: f64| 0.5 * x * (1.0 + ((2.0 / std::f64::consts::PI).sqrt() * (x + 0.044_715 * x.powi(3))).tanh());
        type Case = (&'static str, fn(&mut [f32]), fn(f64) -> f64);
        let cases: [Case; 4] = [
            ("leaky relu", leaky_relu_in_place, |x| if x < 0.0 { 0.01 * x } else { x }),
            ("elu", elu_in_place, |x| if x < 0.0 { x.exp_m1() } else { x }),
            ("silu", silu_in_place, |x| x / (1.0 + (-x).exp())),
            ("gelu", gelu_in_place, |_| 0.0),
        ];
        for (name, of, exact) in cases {
            for i in -60_000..=60_000 {
                let x = i as f32 * 5e-4;
                let mut y = [x];
                of(&mut y);
                let exact = if name == "gelu" { gelu(f64::from(x)) } else { exact(f64::from(x)) };
                let error = (f64::from(y[0]) - exact).abs() / (1.0 + f64::from(x).abs());
                assert!(error <= 4e-7, "{name}({x}) = {}, exact {exact}", y[0]);
            }
            let mut row = [f32::NAN, 0.0, 1e30];
            of(&mut row);
            assert!(row[0].is_nan() && row[1] == 0.0 && row[2] == 1e30, "{name}: {row:?}");
        }
    }

    #[test]
    fn softplus_is_exact_at_both_ends() {
        for i in -40_000..=40_000 {
            let x = i as f32 * 2e-3;
            let exact = f64::from(x).max(0.0) + (-f64::from(x).abs()).exp().ln_1p();
            let found = f64::from(softplus(x));
            assert!((found - exact).abs() <= 2e-7 * (1.0 + exact) && found >= 0.0, "softplus({x}) = {found}");
        }
    }

    #[test]
    fn the_beta_function_is_that_of_factorials() {
        // For whole numbers B(a, b) = (a - 1)! (b - 1)! / (a + b - 1)!.
        let factorial_ln = |n: i32| (1..=n).map(|k| f64::from(k).ln()).sum::<f64>();
        for (a, b) in [(1, 1), (1, 2), (2, 3), (7, 1), (20, 40), (300, 3), (500, 500)] {
            let exact = factorial_ln(a - 1) + factorial_ln(b - 1) - factorial_ln(a + b - 1);
            let found = f64::from(beta_ln(a as f32, b as f32));
            assert!((found - exact).abs() <= 1e-6 * (1.0 + exact.abs()), "{a} {b}: {found}, {exact}");
        }
    }

    #[test]
    fn a_slice_gives_the_bits_of_its_single_numbers() {
        let xs: Vec<f32> = (0..1001).map(|i| (i as f32 - 500.0) * 0.0173).collect();
        let mut together = xs.clone();
        tanh_in_place(&mut together);
        for (x, y) in xs.iter().zip(&together) {
            assert_eq!(std::hint::black_box(tanh)(*x).to_bits(), y.to_bits());
        }
    }

    #[test]
    fn exp_and_ln_are_within_one_unit_in_the_last_place() {
        let near = |mine: f32, exact: f64| {
            let nearest = exact as f32;
            mine.to_bits().abs_diff(nearest.to_bits()) <= 1
        };
        for i in -110_000..=90_000 {
            let x = i as f32 * 1e-3;
            assert!(near(exp(x), f64::from(x).exp()), "exp({x}) = {}", exp(x));
        }
        for x in grid().filter(|x| *x > 0.0) {
            assert!(near(ln(x), f64::from(x).ln()), "ln({x}) = {}", ln(x));
        }
    }

    #[test]
    fn the_wide_exp_and_ln_are_within_four_hundred_million_millionths() {
        for i in -70_000..=70_000 {
            let x = f64::from(i) * 1e-2;
            assert!((exp_wide(x) / x.exp() - 1.0).abs() < 4e-13, "exp({x})");
        }
        for i in 1..=100_000 {
            let x = f64::from(i) * 7.7e-3;
            assert!((ln_wide(x) - x.ln()).abs() < 4e-14, "ln({x})");
            assert!((ln_wide(x * 1e200) - (x * 1e200).ln()).abs() < 4e-13, "ln({x}e200)");
        }
        assert_eq!((exp_wide(0.0), ln_wide(1.0)), (1.0, 0.0));
        assert!(exp_wide(f64::NAN).is_nan());
    }

    #[test]
    fn exp_and_ln_know_their_edges() {
        assert_eq!((exp(0.0), exp(f32::NEG_INFINITY), exp(f32::INFINITY)), (1.0, 0.0, f32::INFINITY));
        assert_eq!((ln(1.0), ln(0.0), ln(f32::INFINITY)), (0.0, f32::NEG_INFINITY, f32::INFINITY));
        assert!(exp(f32::NAN).is_nan() && ln(f32::NAN).is_nan() && ln(-1.0).is_nan());
    }
}
