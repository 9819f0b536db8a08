//! Runs a computation in the widest vector instructions of this machine.
//!
//! In: a [`Kernel`] whose functions are all inlined into it. Out: its result, the same on every machine: wider vectors
//! compute more of the same independent sums at once, and multiplications are never fused with additions.
//! Not here: what is computed (`gemm.rs`, `mlp.rs`, `heads.rs`).

use macerator::{AutoArch, Simd, WithSimd};

/// A computation compiled once per width; `R` rows of `N` panels are what the registers hold.
pub(super) trait Kernel {
    fn run<const R: usize, const N: usize>(self);
}

/// Runs it.
pub(super) fn dispatch(kernel: impl Kernel) {
    AutoArch::new().dispatch(Wide(kernel));
}

struct Wide<K>(K);

impl<K: Kernel> WithSimd for Wide<K> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self) {
        if S::lanes32() >= 16 { self.0.run::<8, 2>() } else { self.0.run::<2, 2>() }
    }
}
