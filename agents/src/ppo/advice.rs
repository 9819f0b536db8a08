//! How long an update would take on the processor: what advice about a slow device is made of.
//!
//! In: a trainer with a rollout. Out: seconds, measured on that rollout.
//! Always: the trainer is left as it is; what is learnt on the way is thrown away.
//! Not here: the words (`train/`).

use super::actor_critic::ActorCritic;
use super::distribution::HeadLayout;
use super::error::PpoError;
use super::host::HostLearner;
use super::learner::{LearnSettings, Learner};
use super::learner_choice::LearnerChoice;
use super::parameters::{ParameterMap, StepWatch};
use super::trainer::{Trainer, optimizer};
use crate::device::{self, DeviceChoice};
use flexai_env::core::SeedTree;
use std::time::Instant;

impl Trainer {
    /// Seconds that learning from the last rollout takes on the processor, with the learner that it would choose there.
    ///
    /// # Errors
    /// [`PpoError`] if the processor cannot learn this policy.
    pub fn cpu_update_seconds(&self) -> Result<f64, PpoError> {
        let device = device::open(DeviceChoice::Flex)?;
        let on_host = LearnerChoice::Auto.on_host(&device, &self.network, &self.heads)?;
        let mut learner = Learner {
            host: on_host.then(|| HostLearner::new(&self.policy)),
            network: ActorCritic::from_policy(&self.policy, &device),
            optimizer: optimizer(&self.config, &self.policy),
            watch: StepWatch::new(ParameterMap::of(&self.policy)),
            layout: HeadLayout::new(&self.heads),
            device,
        };
        let rollout = self.collector.rollout();
        let advantages = rollout.advantages(self.config.gamma, self.config.gae_lambda, 1.0);
        let settings = LearnSettings { epochs: self.config.update_epochs, ..LearnSettings::at(&self.config, 0) };
        let mut shuffle = SeedTree::new(0).stream("advice");
        let mut update = || -> Result<f64, PpoError> {
            let begin = Instant::now();
            learner.update(rollout, &advantages, settings, &mut shuffle)?;
            Ok(begin.elapsed().as_secs_f64())
        };
        // The first one meets cold caches and unmade buffers.
        update()?;
        update()
    }
}
