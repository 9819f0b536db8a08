//! Initial weights, drawn on the host so that every device starts from the same numbers.
//!
//! In: a size, a gain, a stream. Out: a matrix with orthonormal rows or columns, times the gain.
//! Not here: the order in which the layers draw (`actor_critic.rs`).

use flexai_env::core::StreamRng;
use rand_distr::{Distribution, StandardNormal};

/// A `[rows, columns]` matrix, row-major: the shorter side is orthonormal, times `gain`.
///
/// Gram-Schmidt on a normal matrix is uniform over such matrices (the diagonal of its R is positive).
/// Source: Saxe et al. 2014 (arXiv:1312.6120); gains as in Andrychowicz et al. 2021 (arXiv:2006.05990).
pub(super) fn orthogonal(rows: usize, columns: usize, gain: f64, rng: &mut StreamRng) -> Vec<f32> {
    let (count, len) = (rows.min(columns), rows.max(columns));
    let mut basis: Vec<Vec<f64>> = Vec::with_capacity(count);
    while basis.len() < count {
        let mut vector: Vec<f64> = (0..len).map(|_| StandardNormal.sample(rng)).collect();
        // The second pass removes what rounding left over from the first.
        for _ in 0..2 {
            for other in &basis {
                let along: f64 = vector.iter().zip(other).map(|(a, b)| a * b).sum();
                vector.iter_mut().zip(other).for_each(|(a, b)| *a -= along * b);
            }
        }
        let norm = vector.iter().map(|a| a * a).sum::<f64>().sqrt();
        // A vector (almost) inside the span of the others has no direction of its own: draw again.
        if norm > 1e-6 {
            vector.iter_mut().for_each(|a| *a /= norm);
            basis.push(vector);
        }
    }
    let at = |r: usize, c: usize| if rows <= columns { basis[r][c] } else { basis[c][r] };
    (0..rows * columns).map(|i| (gain * at(i / columns, i % columns)) as f32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use flexai_env::core::SeedTree;

    #[test]
    fn the_shorter_side_is_orthonormal_times_the_gain() {
        for (rows, columns) in [(5, 5), (3, 8), (8, 3), (64, 64), (1, 4)] {
            let gain = std::f64::consts::SQRT_2;
            let w = orthogonal(rows, columns, gain, &mut SeedTree::new(3).stream("init"));
            let (count, len) = (rows.min(columns), rows.max(columns));
            let at =
                |k: usize, i: usize| f64::from(if rows <= columns { w[k * columns + i] } else { w[i * columns + k] });
            for a in 0..count {
                for b in 0..count {
                    let product: f64 = (0..len).map(|i| at(a, i) * at(b, i)).sum();
                    let expected = if a == b { gain * gain } else { 0.0 };
                    assert!((product - expected).abs() < 1e-5, "{rows}x{columns}: {a}.{b} = {product}");
                }
            }
        }
    }
}
