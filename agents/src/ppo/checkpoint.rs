//! Checkpoints of a trainer: everything needed to continue as if it had never stopped.
//!
//! In and out: a folder with `model.bpk` and `optimizer.bpk` (burnpack) and `trainer.bin` (postcard: counters, streams,
//! normalisers, environments). Always: each file is checked by its SHA-256 before anything is taken over, so a damaged
//! checkpoint leaves the trainer as it was. Not here: names of folders, renaming into place, which one is kept (`train/`).

use super::actor_critic::ActorCritic;
use super::error::PpoError;
use super::exploration::ExplorationState;
use super::network_config::{CriticKind, CriticObservation, NetworkConfig};
use super::optimizer::Moments;
use super::trainer::Trainer;
use super::value_scale::ValueScale;
use crate::artifact::{HeadStyle, MemoryCell, MemoryState};
use burn::module::Module;
use burn::store::ModuleRecord;
use burn::tensor::Bytes;
use flexai_env::core::{ObservationNormalizer, ReturnNormalizer, StreamRng};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

const MODEL: &str = "model.bpk";
const OPTIMIZER: &str = "optimizer.bpk";
const TRAINER: &str = "trainer.bin";
/// Only where the critic learns normalised returns.
const VALUES: &str = "values.bin";

/// First bytes of `trainer.bin`; the number is the version of what follows.
const MAGIC: &[u8; 8] = b"FLEXPPO3";
/// The same of a file without [`Remembered`]: its networks have no memory.
const MAGIC_SECOND: &[u8; 8] = b"FLEXPPO2";
/// The same of a file without [`Extension`] too: its networks are those of the first version.
const MAGIC_FIRST: &[u8; 8] = b"FLEXPPO1";
const HASH_LEN: usize = 32;

/// What `trainer.bin` holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct TrainerState {
    shape: Shape,
    updates: u64,
    optimizer_steps: u64,
    shuffle: StreamRng,
    streams: Vec<StreamRng>,
    observation: Vec<f32>,
    observation_normalizer: Option<ObservationNormalizer>,
    return_normalizer: Option<ReturnNormalizer>,
    environments: Vec<Vec<u8>>,
    model_hash: [u8; HASH_LEN],
    optimizer_hash: [u8; HASH_LEN],
}

/// What `trainer.bin` holds since its second version, after the state.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Extension {
    kind: Kind,
    exploration: ExplorationState,
}

/// What `trainer.bin` holds since its third version, after that.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
struct Remembered {
    /// Kind and units.
    memory: Option<(MemoryCell, usize)>,
    state: MemoryState,
}

/// Everything that `trainer.bin` holds.
type Saved = (TrainerState, Extension, Remembered);

/// What else must be equal for a checkpoint to fit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Kind {
    style: HeadStyle,
    layer_norm: bool,
    critic: CriticKind,
    critic_observation: CriticObservation,
    critic_hidden: Vec<usize>,
}

/// What must be equal for a checkpoint to fit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Shape {
    num_envs: usize,
    observation_len: usize,
    head_len: usize,
    continuous_len: usize,
    hidden: Vec<usize>,
    normalize_observation: bool,
    normalize_reward: bool,
}

impl Trainer {
    /// Writes a checkpoint into `dir`, which is made if absent; every file is flushed to the disk.
    ///
    /// For an all-or-nothing checkpoint write into a temporary folder and rename it.
    ///
    /// # Errors
    /// The trainer's own failure, if it has one; [`PpoError::Checkpoint`] if a file cannot be written.
    pub fn save(&self, dir: &Path) -> Result<(), PpoError> {
        if let Some(failure) = &self.failure {
            return Err(failure.clone());
        }
        fs::create_dir_all(dir).map_err(|error| PpoError::checkpoint(dir, error, "a folder that can be made"))?;
        let record = |file: &str, record: ModuleRecord| {
            let bytes = record.into_bytes();
            bytes
                .map(|b| b.to_vec())
                .map_err(|e| PpoError::checkpoint(&dir.join(file), e, "a record that can be written"))
        };
        let network = &self.learner.network;
        let parameters = network.num_params();
        let model = record(MODEL, network.clone().into_record())?;
        let moments = self.learner.optimizer.moments(parameters, &self.learner.device);
        let optimizer = record(OPTIMIZER, moments.into_record())?;
        let state: Saved = (self.state(hash(&model), hash(&optimizer)), self.extension(), self.remembered());
        let state = postcard::to_stdvec(&state)
            .map_err(|e| PpoError::checkpoint(&dir.join(TRAINER), e, "a state that can be written"))?;
        let trainer = [MAGIC.as_slice(), &state, &hash(&state)].concat();
        write(&dir.join(MODEL), &model)?;
        write(&dir.join(OPTIMIZER), &optimizer)?;
        if let Some(scale) = &self.value_scale {
            scale.save(&dir.join(VALUES))?;
        }
        write(&dir.join(TRAINER), &trainer)
    }

    /// Continues from a checkpoint of a trainer with the same settings and environments.
    ///
    /// # Errors
    /// [`PpoError::Checkpoint`] names the file that is missing, damaged or of another run; the trainer is then unchanged,
    /// except that environments may have taken over a state before another one refused its own.
    pub fn load(&mut self, dir: &Path) -> Result<(), PpoError> {
        let path = dir.join(TRAINER);
        let saved = parse_state(&path)?;
        self.check_shape(&path, &saved)?;
        let (state, extension, remembered) = saved;
        let network = self.read_network(&dir.join(MODEL), &state.model_hash)?;
        let moments = self.read_moments(&dir.join(OPTIMIZER), &state.optimizer_hash)?;
        let steps = usize::try_from(state.optimizer_steps)
            .map_err(|_| PpoError::checkpoint(&path, "too many optimiser steps", "a number this machine can count"))?;
        let mut policy = network.to_policy_network(&self.heads, None)?;
        let scale = if self.value_scale.is_some() { Some(ValueScale::load(&dir.join(VALUES))?) } else { None };
        if let Some(scale) = &scale {
            scale.fold_into(&mut policy);
        }
        self.collector
            .venv
            .load_state(&state.environments)
            .map_err(|error| PpoError::checkpoint(&path, error, "states of the configured environments"))?;
        self.policy = policy;
        self.value_scale = scale;
        self.learner.network = network;
        self.learner.optimizer.restore(&moments, steps);
        self.updates = state.updates;
        self.shuffle = state.shuffle;
        self.collector.streams = state.streams;
        self.collector.observation = state.observation;
        self.collector.observation_normalizer = state.observation_normalizer;
        self.collector.return_normalizer = state.return_normalizer;
        if let Some(exploration) = &mut self.collector.exploration {
            exploration.state = extension.exploration;
        }
        if let Some(memory) = &mut self.collector.memory {
            memory.state = remembered.state;
        }
        self.failure = None;
        Ok(())
    }

    fn state(&self, model_hash: [u8; HASH_LEN], optimizer_hash: [u8; HASH_LEN]) -> TrainerState {
        let collector = &self.collector;
        TrainerState {
            shape: self.shape(),
            updates: self.updates,
            optimizer_steps: self.learner.optimizer.steps() as u64,
            shuffle: self.shuffle.clone(),
            streams: collector.streams.clone(),
            observation: collector.observation.clone(),
            observation_normalizer: collector.observation_normalizer.clone(),
            return_normalizer: collector.return_normalizer.clone(),
            environments: collector.venv.save_state(),
            model_hash,
            optimizer_hash,
        }
    }

    fn extension(&self) -> Extension {
        let exploration = self.collector.exploration.as_ref();
        Extension { kind: self.kind(), exploration: exploration.map(|e| e.state.clone()).unwrap_or_default() }
    }

    fn remembered(&self) -> Remembered {
        let memory = self.collector.memory.as_ref();
        Remembered { memory: self.network.memory(), state: memory.map(|m| m.state.clone()).unwrap_or_default() }
    }

    fn kind(&self) -> Kind {
        let network = &self.network;
        let critic_hidden = match network.critic {
            CriticKind::Separate => network.critic_widths().to_vec(),
            CriticKind::Shared => Vec::new(),
        };
        Kind {
            style: network.style(),
            layer_norm: network.layer_norm,
            critic: network.critic,
            critic_observation: network.critic_observation,
            critic_hidden,
        }
    }

    fn shape(&self) -> Shape {
        Shape {
            num_envs: self.config.num_envs,
            observation_len: self.policy.observation_len(),
            head_len: self.policy.actor.outputs(),
            continuous_len: self.heads.continuous_len(),
            hidden: self.network.hidden.clone(),
            normalize_observation: self.config.normalize_observation,
            normalize_reward: self.config.normalize_reward,
        }
    }

    fn check_shape(&self, path: &Path, (state, extension, remembered): &Saved) -> Result<(), PpoError> {
        let (expected, kind, memory) = (self.shape(), self.kind(), self.remembered());
        if state.shape != expected {
            let (found, expected) = (format!("a trainer of {:?}", state.shape), format!("{expected:?}"));
            return Err(PpoError::checkpoint(path, found, expected));
        }
        if extension.kind != kind {
            let (found, expected) = (format!("networks of {:?}", extension.kind), format!("{kind:?}"));
            return Err(PpoError::checkpoint(path, found, expected));
        }
        if remembered.memory != memory.memory {
            let words = |memory: Option<(MemoryCell, usize)>| {
                memory.map_or("no memory".to_string(), |(cell, size)| format!("a {} of {size} units", cell.name()))
            };
            let (found, expected) = (words(remembered.memory), words(memory.memory));
            return Err(PpoError::checkpoint(path, format!("a policy with {found}"), expected));
        }
        let states = [(&remembered.state.actor, &memory.state.actor), (&remembered.state.critic, &memory.state.critic)];
        let noise = self.collector.exploration.as_ref().map_or(0, |exploration| exploration.state.noise.len());
        let (envs, len) = (expected.num_envs, expected.num_envs * expected.observation_len);
        let fits = state.streams.len() == envs
            && state.environments.len() == envs
            && extension.exploration.noise.len() == noise
            && extension.exploration.noise.iter().all(|x| x.is_finite())
            && states.iter().all(|(a, b)| a.len() == b.len() && a.iter().all(|x| x.is_finite()))
            && state.observation.len() == len
            && state.observation.iter().all(|x| x.is_finite())
            && state.observation_normalizer.is_some() == expected.normalize_observation
            && state.return_normalizer.is_some() == expected.normalize_reward
            && state
                .observation_normalizer
                .as_ref()
                .is_none_or(|n| n.statistics.mean.len() == expected.observation_len)
            && state.return_normalizer.as_ref().is_none_or(|n| n.discounted_return.len() == envs);
        if fits {
            Ok(())
        } else {
            Err(PpoError::checkpoint(path, "parts of different sizes", "one state per environment"))
        }
    }

    fn read_network(&self, path: &Path, expected: &[u8; HASH_LEN]) -> Result<ActorCritic, PpoError> {
        let record = parse_record(path, expected)?;
        let network = self.learner.network.clone().try_load_record(record);
        network.map_err(|error| PpoError::checkpoint(path, error, "the parameters of the configured network"))
    }

    fn read_moments(&self, path: &Path, expected: &[u8; HASH_LEN]) -> Result<Moments, PpoError> {
        let record = parse_record(path, expected)?;
        let parameters = self.learner.network.num_params();
        let empty = self.learner.optimizer.moments(parameters, &self.learner.device);
        let moments = empty.try_load_record(record);
        moments.map_err(|error| PpoError::checkpoint(path, error, "two moments of each parameter"))
    }
}

fn parse_state(path: &Path) -> Result<Saved, PpoError> {
    let bytes = read(path)?;
    let expected = "a trainer state of this version";
    let versions = [MAGIC_FIRST, MAGIC_SECOND, MAGIC].into_iter().enumerate();
    let mut bodies = versions.filter_map(|(version, magic)| Some((version, bytes.strip_prefix(magic.as_slice())?)));
    let Some((version, body)) = bodies.next() else {
        return Err(PpoError::checkpoint(path, "another kind of file", expected));
    };
    let damaged = || PpoError::checkpoint(path, "a damaged or cut-short file", expected);
    let (state, sum) = body.split_last_chunk::<HASH_LEN>().ok_or_else(damaged)?;
    if hash(state) != *sum {
        return Err(damaged());
    }
    let unreadable = |error| PpoError::checkpoint(path, error, expected);
    if version == 2 {
        return postcard::from_bytes(state).map_err(unreadable);
    }
    if version == 1 {
        let (state, extension) = postcard::from_bytes(state).map_err(unreadable)?;
        return Ok((state, extension, Remembered::default()));
    }
    let state: TrainerState = postcard::from_bytes(state).map_err(unreadable)?;
    let plain = NetworkConfig::default();
    let kind = Kind {
        style: plain.style(),
        layer_norm: plain.layer_norm,
        critic: plain.critic,
        critic_observation: plain.critic_observation,
        critic_hidden: state.shape.hidden.clone(),
    };
    Ok((state, Extension { kind, exploration: ExplorationState::default() }, Remembered::default()))
}

fn parse_record(path: &Path, expected: &[u8; HASH_LEN]) -> Result<ModuleRecord, PpoError> {
    let bytes = read(path)?;
    if hash(&bytes) != *expected {
        return Err(PpoError::checkpoint(
            path,
            "a damaged or cut-short file",
            format!("the file that {TRAINER} was saved with"),
        ));
    }
    ModuleRecord::from_bytes(Bytes::from_bytes_vec(bytes))
        .map_err(|error| PpoError::checkpoint(path, error, "a burnpack record"))
}

fn read(path: &Path) -> Result<Vec<u8>, PpoError> {
    fs::read(path).map_err(|error| PpoError::checkpoint(path, error, "a file of a checkpoint"))
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), PpoError> {
    let written = File::create(path).and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()));
    written.map_err(|error| PpoError::checkpoint(path, error, "a file that can be written"))
}

fn hash(bytes: &[u8]) -> [u8; HASH_LEN] {
    Sha256::digest(bytes).into()
}

#[cfg(test)]
mod tests {
    use super::super::config::PpoConfig;
    use super::*;
    use crate::device::DeviceChoice;
    use flexai_env::core::{EnvContext, VecEnv, make};

    fn trainer() -> Trainer {
        let config = PpoConfig { num_envs: 4, num_steps: 8, num_minibatches: 2, ..PpoConfig::default() };
        let envs = (0..4).map(|_| make("Pendulum-v1", &EnvContext::default()).unwrap()).collect();
        let network = NetworkConfig { hidden: vec![8, 8], ..NetworkConfig::default() };
        Trainer::new(&config, &network, 5, VecEnv::new(envs), DeviceChoice::Flex).unwrap()
    }

    #[test]
    fn a_checkpoint_of_an_older_version_is_continued() {
        let dir = tempfile::tempdir().unwrap();
        let mut whole = trainer();
        whole.update().unwrap();
        whole.save(dir.path()).unwrap();
        let path = dir.path().join(TRAINER);
        let (state, extension, _) = parse_state(&path).unwrap();
        let report = |trainer: &mut Trainer| serde_json::to_string(&trainer.update().unwrap()).unwrap();
        let expected = report(&mut whole);
        let first = (MAGIC_FIRST, postcard::to_stdvec(&state).unwrap());
        for (magic, state) in [first, (MAGIC_SECOND, postcard::to_stdvec(&(state, extension)).unwrap())] {
            std::fs::write(&path, [magic.as_slice(), &state, &hash(&state)].concat()).unwrap();
            let mut other = trainer();
            other.load(dir.path()).unwrap();
            assert_eq!(report(&mut other), expected);
        }
    }
}
