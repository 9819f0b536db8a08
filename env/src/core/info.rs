//! What an environment reports beside observation and reward.

use serde::{Deserialize, Serialize};

/// Named numbers of one step; the names are fixed per environment, so nothing is allocated.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Info {
    keys: &'static [&'static str],
    values: Vec<f64>,
    /// Set by `RecordEpisodeStatistics` on the last step of an episode.
    pub episode: Option<EpisodeStatistics>,
}

/// Return, length and summed info of one finished episode.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct EpisodeStatistics {
    /// Undiscounted sum of rewards (unit: the reward's).
    pub episode_return: f64,
    /// Steps taken.
    pub length: u64,
    /// Sum over the episode of each info entry, in the order of the environment's `info_keys`.
    pub sums: Vec<f64>,
}

impl Info {
    /// All entries zero.
    pub fn new(keys: &'static [&'static str]) -> Self {
        Self { keys, values: vec![0.0; keys.len()], episode: None }
    }

    /// The names, in order.
    pub fn keys(&self) -> &'static [&'static str] {
        self.keys
    }

    /// The numbers, in the order of [`Info::keys`].
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    /// The numbers, to be written by the environment.
    pub fn values_mut(&mut self) -> &mut [f64] {
        &mut self.values
    }

    /// One number by name; `None` if the environment reports no such name.
    pub fn get(&self, key: &str) -> Option<f64> {
        self.keys.iter().position(|k| *k == key).map(|i| self.values[i])
    }
}
