//! Spaces: which flat `f32` vectors are legal observations or actions.
//!
//! In: a vector. Out: whether it belongs, or a sample that does.
//! Always: a space fixes the flat layout; a dictionary is the concatenation of its entries in order.
//! Not here: which options are legal at this moment (action masks, `env.rs`).

use super::seeding::StreamRng;
use rand::RngExt;
use serde::{Deserialize, Serialize};

/// A set of flat vectors, as in Gymnasium; a hybrid action is a `Dict` of a `Box` and discrete parts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Space {
    /// Real numbers between bounds; an infinite bound is written as `null`.
    Box {
        /// Lower bound of each dimension.
        #[serde(with = "lower_bounds")]
        low: Vec<f32>,
        /// Upper bound of each dimension.
        #[serde(with = "upper_bounds")]
        high: Vec<f32>,
    },
    /// One of `n` options, numbered from `start`.
    Discrete {
        /// Number of options.
        n: usize,
        /// Number of the first option.
        #[serde(default)]
        start: i32,
    },
    /// Several independent choices, each from 0.
    MultiDiscrete {
        /// Number of options of each choice.
        nvec: Vec<usize>,
    },
    /// Named parts, in order.
    Dict {
        /// Name and space of each part.
        entries: Vec<(String, Space)>,
    },
}

/// One head that a policy needs for a part of the action.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ActionComponent {
    /// `dim` real numbers at flat indices `offset ..`.
    Continuous {
        /// First flat index.
        offset: usize,
        /// Lower bounds, `[dim]`.
        #[serde(with = "lower_bounds")]
        low: Vec<f32>,
        /// Upper bounds, `[dim]`.
        #[serde(with = "upper_bounds")]
        high: Vec<f32>,
    },
    /// One choice among `n`, written at flat index `offset` as `start + option`.
    Categorical {
        /// Flat index.
        offset: usize,
        /// Number of options.
        n: usize,
        /// Number of the first option.
        start: i32,
    },
}

/// Why a vector is not in a space.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum SpaceError {
    /// Wrong length.
    #[error("the vector has {found} numbers, the space {expected}")]
    Length {
        /// Length of the vector.
        found: usize,
        /// Length the space asks for.
        expected: usize,
    },
    /// A number outside its bounds, not finite, or not an option.
    #[error("index {index} is {found}, expected {expected}")]
    Value {
        /// Flat index.
        index: usize,
        /// The number there.
        found: f32,
        /// What would be legal.
        expected: String,
    },
}

impl Space {
    /// A box with the same bounds in each of `dim` dimensions.
    pub fn uniform_box(dim: usize, low: f32, high: f32) -> Self {
        Self::Box { low: vec![low; dim], high: vec![high; dim] }
    }

    /// A choice among `n`, numbered from 0.
    pub fn discrete(n: usize) -> Self {
        Self::Discrete { n, start: 0 }
    }

    /// Length of the flat vectors.
    pub fn flat_len(&self) -> usize {
        match self {
            Self::Box { low, .. } => low.len(),
            Self::Discrete { .. } => 1,
            Self::MultiDiscrete { nvec } => nvec.len(),
            Self::Dict { entries } => entries.iter().map(|(_, space)| space.flat_len()).sum(),
        }
    }

    /// Bytes of its buffers.
    pub fn buffer_bytes(&self) -> usize {
        match self {
            Self::Box { low, high } => size_of_val(&low[..]) + size_of_val(&high[..]),
            Self::Discrete { .. } => 0,
            Self::MultiDiscrete { nvec } => size_of_val(&nvec[..]),
            Self::Dict { entries } => {
                let inner = entries.iter().map(|(name, space)| name.capacity() + space.buffer_bytes());
                size_of_val(&entries[..]) + inner.sum::<usize>()
            }
        }
    }

    /// Length of an action mask: the options of all discrete parts together.
    pub fn mask_len(&self) -> usize {
        self.components()
            .iter()
            .map(|c| match c {
                ActionComponent::Categorical { n, .. } => *n,
                ActionComponent::Continuous { .. } => 0,
            })
            .sum()
    }

    /// The heads that a policy over this space needs, in flat order.
    pub fn components(&self) -> Vec<ActionComponent> {
        let mut out = Vec::new();
        self.push_components(0, &mut out);
        out
    }

    fn push_components(&self, offset: usize, out: &mut Vec<ActionComponent>) {
        match self {
            Self::Box { low, high } => {
                out.push(ActionComponent::Continuous { offset, low: low.clone(), high: high.clone() });
            }
            Self::Discrete { n, start } => {
                out.push(ActionComponent::Categorical { offset, n: *n, start: *start });
            }
            Self::MultiDiscrete { nvec } => {
                for (i, n) in nvec.iter().enumerate() {
                    out.push(ActionComponent::Categorical { offset: offset + i, n: *n, start: 0 });
                }
            }
            Self::Dict { entries } => {
                let mut at = offset;
                for (_, space) in entries {
                    space.push_components(at, out);
                    at += space.flat_len();
                }
            }
        }
    }

    /// A name for each flat index: the entry's name in a dictionary, else `x0, x1, ..`.
    pub fn flat_names(&self) -> Vec<String> {
        match self {
            Self::Dict { entries } => entries
                .iter()
                .flat_map(|(name, space)| {
                    let inner = space.flat_names();
                    let single = inner.len() == 1;
                    inner.into_iter().map(move |i| if single { name.clone() } else { format!("{name}.{i}") })
                })
                .collect(),
            _ => (0..self.flat_len()).map(|i| format!("x{i}")).collect(),
        }
    }

    /// Whether `x` belongs.
    ///
    /// # Errors
    /// [`SpaceError`] names the first number that does not.
    pub fn contains(&self, x: &[f32]) -> Result<(), SpaceError> {
        if x.len() != self.flat_len() {
            return Err(SpaceError::Length { found: x.len(), expected: self.flat_len() });
        }
        for component in self.components() {
            match component {
                ActionComponent::Continuous { offset, low, high } => {
                    for (i, (l, h)) in low.iter().zip(&high).enumerate() {
                        let found = x[offset + i];
                        if !(found.is_finite() && found >= *l && found <= *h) {
                            let expected = format!("a finite number in [{l}, {h}]");
                            return Err(SpaceError::Value { index: offset + i, found, expected });
                        }
                    }
                }
                ActionComponent::Categorical { offset, n, start } => {
                    let found = x[offset];
                    let last = start + n as i32 - 1;
                    if found.fract() != 0.0 || found < start as f32 || found > last as f32 {
                        let expected = format!("a whole number in {start}..={last}");
                        return Err(SpaceError::Value { index: offset, found, expected });
                    }
                }
            }
        }
        Ok(())
    }

    /// Draws a member: uniform where bounded, standard normal where not; `mask` restricts the discrete options.
    ///
    /// # Panics
    /// If `mask` has not [`Space::mask_len`] entries, or forbids every option of a choice.
    pub fn sample(&self, rng: &mut StreamRng, mask: Option<&[bool]>, out: &mut [f32]) {
        let mut mask_at = 0;
        for component in self.components() {
            match component {
                ActionComponent::Continuous { offset, low, high } => {
                    for (i, (l, h)) in low.iter().zip(&high).enumerate() {
                        out[offset + i] = sample_between(rng, *l, *h);
                    }
                }
                ActionComponent::Categorical { offset, n, start } => {
                    let legal = |k: &usize| mask.is_none_or(|m| m[mask_at + k]);
                    let count = (0..n).filter(legal).count();
                    assert!(count > 0, "the mask must leave at least one option of every choice");
                    let pick = rng.random_range(0..count);
                    let option = (0..n).filter(legal).nth(pick).expect("pick is below the count of legal options");
                    out[offset] = (start + option as i32) as f32;
                    mask_at += n;
                }
            }
        }
    }
}

fn sample_between(rng: &mut StreamRng, low: f32, high: f32) -> f32 {
    match (low.is_finite(), high.is_finite()) {
        (true, true) => low + (high - low) * rng.random::<f32>(),
        (false, false) => rand_distr::Distribution::sample(&rand_distr::StandardNormal, rng),
        (true, false) => low - (1.0 - rng.random::<f32>()).ln(),
        (false, true) => high + (1.0 - rng.random::<f32>()).ln(),
    }
}

/// JSON has no infinity: an unbounded side is `null`.
macro_rules! bounds_module {
    ($name:ident, $unbounded:expr) => {
        mod $name {
            use serde::{Deserialize, Deserializer, Serializer};

            pub(super) fn serialize<S: Serializer>(bounds: &[f32], serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_seq(bounds.iter().map(|b| b.is_finite().then_some(*b)))
            }

            pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<f32>, D::Error> {
                let bounds = Vec::<Option<f32>>::deserialize(deserializer)?;
                Ok(bounds.into_iter().map(|b| b.unwrap_or($unbounded)).collect())
            }
        }
    };
}
bounds_module!(lower_bounds, f32::NEG_INFINITY);
bounds_module!(upper_bounds, f32::INFINITY);

#[cfg(test)]
mod tests {
    use super::super::seeding::SeedTree;
    use super::*;

    fn hybrid() -> Space {
        Space::Dict {
            entries: vec![
                ("battery".into(), Space::Box { low: vec![-1.0], high: vec![f32::INFINITY] }),
                ("start".into(), Space::MultiDiscrete { nvec: vec![3, 2] }),
                ("region".into(), Space::Discrete { n: 4, start: 1 }),
            ],
        }
    }

    #[test]
    fn samples_of_a_hybrid_space_belong_to_it_and_obey_the_mask() {
        let space = hybrid();
        let mut rng = SeedTree::new(1).stream("test");
        let mask = [false, true, false, true, true, true, false, false, true];
        let mut x = vec![0.0; space.flat_len()];
        for _ in 0..200 {
            space.sample(&mut rng, Some(&mask), &mut x);
            assert_eq!(space.contains(&x), Ok(()));
            assert_eq!(x[1], 1.0);
            assert!(x[3] == 1.0 || x[3] == 4.0);
        }
    }

    #[test]
    fn a_space_survives_json_including_infinite_bounds() {
        let text = serde_json::to_string(&hybrid()).expect("spaces serialise");
        let back: Space = serde_json::from_str(&text).expect("and deserialise");
        assert_eq!(back, hybrid());
    }

    #[test]
    fn a_fractional_option_is_refused_by_index() {
        let error = hybrid().contains(&[0.0, 0.5, 0.0, 1.0]).expect_err("0.5 is no option");
        assert_eq!(error.to_string(), "index 1 is 0.5, expected a whole number in 0..=2");
    }

    #[test]
    fn dictionary_parts_name_their_indices() {
        assert_eq!(hybrid().flat_names(), ["battery", "start.x0", "start.x1", "region"]);
    }
}
