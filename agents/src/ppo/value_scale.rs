//! Normalised targets of the critic: it learns returns as deviations from their running mean.
//!
//! In: returns. Out: targets around 0 with deviation about 1, and a last layer that means the same before and after.
//! Always: when the statistics move, the critic's last layer moves against them, so that what it says in the units of the
//! returns stays (van Hasselt et al. 2016, arXiv:1602.07714: Pop-Art); the policy that acts, is exported and shown carries
//! a critic in those units. Not here: scaling of rewards (the collector), the value loss (`loss.rs`).

use super::error::PpoError;
use crate::artifact::PolicyNetwork;
use flexai_env::core::RunningMeanStd;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::ops::Range;
use std::path::Path;

/// First bytes of the file; the number is the version of what follows.
const MAGIC: &[u8; 8] = b"FLEXVAL1";
const HASH_LEN: usize = 32;

/// Running statistics of the returns.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct ValueScale {
    statistics: RunningMeanStd,
}

impl ValueScale {
    /// Nothing seen yet: mean 0, deviation 1.
    pub(super) fn new() -> Self {
        Self { statistics: RunningMeanStd::new(1) }
    }

    /// Merges returns; the critic's last layer, of a flat vector of parameters, goes on saying what it said.
    pub(super) fn update(&mut self, returns: &[f64], parameters: &mut [f32], head: &[Range<usize>; 2]) {
        let (mean, scale) = (self.mean(), self.scale());
        self.statistics.update(returns.iter().copied());
        let factor = scale / self.scale();
        for x in &mut parameters[head[0].clone()] {
            *x = (f64::from(*x) * factor) as f32;
        }
        for x in &mut parameters[head[1].clone()] {
            *x = ((f64::from(*x) * scale + mean - self.mean()) / self.scale()) as f32;
        }
    }

    /// A return as the critic is to say it.
    pub(super) fn normalized(&self, value: f64) -> f64 {
        (value - self.mean()) / self.scale()
    }

    /// Makes the critic of a policy speak in the units of the returns.
    pub(super) fn fold_into(&self, policy: &mut PolicyNetwork) {
        let last = policy.critic.layers.last_mut().expect("a network has at least one layer");
        last.weight.iter_mut().for_each(|x| *x = (f64::from(*x) * self.scale()) as f32);
        last.bias.iter_mut().for_each(|x| *x = (f64::from(*x) * self.scale() + self.mean()) as f32);
    }

    /// Writes the statistics, flushed to the disk.
    ///
    /// # Errors
    /// [`PpoError::Checkpoint`].
    pub(super) fn save(&self, path: &Path) -> Result<(), PpoError> {
        let fault = |error: &dyn ToString| PpoError::checkpoint(path, error.to_string(), "a file that can be written");
        let state = postcard::to_stdvec(self).map_err(|error| fault(&error))?;
        let bytes = [MAGIC.as_slice(), &state, &Sha256::digest(&state)].concat();
        let written = std::fs::File::create(path)
            .and_then(|mut file| std::io::Write::write_all(&mut file, &bytes).and_then(|()| file.sync_all()));
        written.map_err(|error| fault(&error))
    }

    /// Reads what [`ValueScale::save`] wrote.
    ///
    /// # Errors
    /// [`PpoError::Checkpoint`] if the file is missing or damaged.
    pub(super) fn load(path: &Path) -> Result<Self, PpoError> {
        let expected = "statistics of the returns (`ppo.normalize_value`)";
        let bytes = std::fs::read(path).map_err(|error| PpoError::checkpoint(path, error, expected))?;
        let damaged = || PpoError::checkpoint(path, "a damaged or cut-short file", expected);
        let (state, sum) =
            bytes.strip_prefix(MAGIC.as_slice()).and_then(|b| b.split_last_chunk::<HASH_LEN>()).ok_or_else(damaged)?;
        if <[u8; HASH_LEN]>::from(Sha256::digest(state)) != *sum {
            return Err(damaged());
        }
        let scale: Self = postcard::from_bytes(state).map_err(|error| PpoError::checkpoint(path, error, expected))?;
        if scale.statistics.mean.len() == 1 && scale.statistics.var.len() == 1 { Ok(scale) } else { Err(damaged()) }
    }

    fn mean(&self) -> f64 {
        self.statistics.mean[0]
    }

    fn scale(&self) -> f64 {
        self.statistics.scale(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_critic_says_the_same_after_the_statistics_moved() {
        let mut scale = ValueScale::new();
        let said =
            |scale: &ValueScale, x: &[f32]| f64::from(x[1] * 0.5 + x[2] * -2.0 + x[3]) * scale.scale() + scale.mean();
        let mut parameters = [9.0, 0.3, -0.7, 0.1];
        let before = said(&scale, &parameters);
        for returns in [[100.0, 140.0, 90.0], [-5.0, 3.0, 700.0]] {
            scale.update(&returns, &mut parameters, &[1..3, 3..4]);
            assert!((said(&scale, &parameters) - before).abs() < 1e-4, "{} and {before}", said(&scale, &parameters));
        }
        assert_eq!(parameters[0], 9.0, "nothing but the last layer moved");
        let all = [100.0, 140.0, 90.0, -5.0, 3.0, 700.0];
        let mean = all.iter().sum::<f64>() / 6.0;
        assert!((scale.normalized(mean)).abs() < 1e-3);
        assert!(all.map(|x| scale.normalized(x).powi(2)).iter().sum::<f64>() / 6.0 - 1.0 < 1e-3);
    }

    #[test]
    fn a_damaged_file_is_refused_and_a_good_one_comes_back_bit_for_bit() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("values.bin");
        let mut scale = ValueScale::new();
        scale.update(&[0.1, 0.7, 1e9], &mut [1.0, 1.0], &[0..1, 1..2]);
        scale.save(&path).unwrap();
        assert_eq!(ValueScale::load(&path), Ok(scale));
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[12] ^= 1;
        std::fs::write(&path, bytes).unwrap();
        assert!(ValueScale::load(&path).unwrap_err().to_string().contains("damaged"));
    }
}
