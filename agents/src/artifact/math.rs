//! Hyperbolic tangent, exponential and logarithm with the same bits on every machine.
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
pub(crate) fn tanh_in_place(values: &mut [f32]) {
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
pub(super) fn exp(x: f32) -> f32 {
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
