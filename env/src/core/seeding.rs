//! Named random streams from one seed.
//!
//! In: a seed and a name. Out: a generator that depends on both and on nothing else.
//! Always: the same seed and name give the same numbers on every machine, and two names never share a stream.
//! Not here: Burn's global generator, which serves initialisation only.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

/// The generator of every stream: value-stable, and serialisable in mid-stream.
pub type StreamRng = ChaCha8Rng;

/// A seed from which parts of the program derive their own streams by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SeedTree {
    seed: u64,
}

impl SeedTree {
    /// The tree of one seed.
    pub fn new(seed: u64) -> Self {
        Self { seed }
    }

    /// The seed of a named child, e.g. `("env", 3)`.
    pub fn child(&self, name: &str, index: u64) -> SeedTree {
        let mut hash = FNV_OFFSET;
        for byte in self.seed.to_le_bytes().iter().chain(name.as_bytes()).chain(&[0]).chain(&index.to_le_bytes()) {
            hash = (hash ^ u64::from(*byte)).wrapping_mul(FNV_PRIME);
        }
        SeedTree { seed: mix(hash) }
    }

    /// The generator of a named stream.
    pub fn stream(&self, name: &str) -> StreamRng {
        StreamRng::seed_from_u64(self.child(name, 0).seed)
    }

    /// The seed itself, for an interface that takes a number.
    pub fn seed(&self) -> u64 {
        self.seed
    }
}

const FNV_OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
const FNV_PRIME: u64 = 0x0000_0100_0000_01b3;

/// Finaliser of SplitMix64 (Steele et al. 2014): spreads FNV's weak high bits.
fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::RngExt;

    #[test]
    fn streams_of_different_names_differ_and_equal_names_agree() {
        let tree = SeedTree::new(7);
        let draw = |name: &str| -> u64 { tree.stream(name).random() };
        assert_eq!(draw("jobs"), draw("jobs"));
        assert_ne!(draw("jobs"), draw("window"));
        assert_ne!(tree.child("env", 0).seed(), tree.child("env", 1).seed());
    }
}
