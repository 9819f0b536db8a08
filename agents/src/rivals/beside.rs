//! Two policies side by side: one moves the batteries, the other decides everything else.
//!
//! Always: both see the same situation, and neither knows of the other.

use crate::policy::{Policy, Situation};
use flexai_env::core::{StateError, decode_state, encode_state};

const OWNER: &str = "two policies side by side";

/// The batteries of one policy beside the jobs of another.
pub struct Beside {
    name: String,
    batteries: Box<dyn Policy>,
    jobs: Box<dyn Policy>,
    flat: Vec<f32>,
}

impl Beside {
    /// Joins two policies under a name.
    pub fn new(name: &str, batteries: Box<dyn Policy>, jobs: Box<dyn Policy>) -> Self {
        Self { name: name.to_string(), batteries, jobs, flat: Vec::new() }
    }
}

impl Policy for Beside {
    fn name(&self) -> &str {
        &self.name
    }

    fn begin_episode(&mut self, seed: u64) {
        self.batteries.begin_episode(seed);
        self.jobs.begin_episode(seed);
    }

    fn save_state(&self) -> Vec<u8> {
        encode_state(OWNER, &(self.batteries.save_state(), self.jobs.save_state()))
    }

    fn load_state(&mut self, bytes: &[u8]) -> Result<(), StateError> {
        let (batteries, jobs): (Vec<u8>, Vec<u8>) = decode_state(OWNER, bytes)?;
        self.batteries.load_state(&batteries)?;
        self.jobs.load_state(&jobs)
    }

    fn decide(&mut self, situation: &Situation<'_>, action: &mut [f32]) {
        let fleet = situation.site.expect("rivals of the site are only offered for site environments");
        self.flat.resize(action.len(), 0.0);
        self.batteries.decide(situation, &mut self.flat);
        self.jobs.decide(situation, action);
        fleet.take_batteries(&self.flat, action);
    }
}
