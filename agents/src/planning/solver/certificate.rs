//! A lower bound from prices of the rows, whatever they are worth.
//!
//! In: a program and a price per row. Out: a cost that no point of the program falls below.
//! Always: true for any prices; the better they are, the higher the bound. So an optimiser's tolerance can cost a little
//! of the bound, but never its truth.
//! Not here: where the prices come from.
//!
//! For prices `y` and a point `x` within rows and bounds: `c x = y (A x) + (c - y A) x`. The first term is at least what
//! the rows' bounds allow, the second at least the sum of each column's least part within its own bounds.

use crate::planning::LinearProgram;

/// Rounding of a sum of `n` terms is below this share of the sum of their magnitudes.
const ROUNDING: f64 = 4.0 * f64::EPSILON;

/// The largest bound that these prices of the rows prove; minus infinity where a column or row without a bound spoils it.
/// Prices may have any sign; those that point to a missing bound of a row are taken as 0.
pub fn lower_bound(program: &LinearProgram, prices: &[f64]) -> f64 {
    let mut reduced: Vec<f64> = program.columns().iter().map(|column| column.cost).collect();
    let mut magnitude: Vec<f64> = reduced.iter().map(|cost| cost.abs()).collect();
    let (mut bound, mut size) = (program.offset, program.offset.abs());
    for (row, price) in program.rows().iter().zip(prices) {
        let side = if *price > 0.0 { row.lower } else { row.upper };
        if *price == 0.0 || !price.is_finite() || !side.is_finite() {
            continue;
        }
        bound += price * side;
        size += (price * side).abs();
        for (column, a) in program.terms(row) {
            reduced[column.0] -= price * a;
            magnitude[column.0] += (price * a).abs();
        }
    }
    for ((column, reduced), magnitude) in program.columns().iter().zip(&reduced).zip(&magnitude) {
        // What rounding may have done to the sum is on the safe side too.
        let doubt = magnitude * ROUNDING * 64.0;
        let least = |slope: f64| {
            let side = if slope > 0.0 { column.lower } else { column.upper };
            if slope == 0.0 { 0.0 } else { slope * side }
        };
        let part = least(reduced - doubt).min(least(reduced + doubt));
        bound += part;
        size += part.abs();
    }
    bound - size * ROUNDING * 64.0
}
