//! How PPO learns.
//!
//! In: a TOML table. Out: settings, or all their faults at once.
//! Always: every default is written here and nowhere else; derived values are methods.
//! Not here: the networks (`network_config.rs`), which environment (`train/`), the schedule of evaluations and checkpoints.

use super::credit::Credit;
use super::learner_choice::LearnerChoice;
use super::schedule::{OptimizerChoice, Schedule, TargetKlRule};
use serde::{Deserialize, Serialize};

/// How PPO learns: table `[ppo]` of `configs/train/*.toml`. Names as in CleanRL.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PpoConfig {
    /// What computes gradients; the results of the choices differ by rounding only.
    pub learner: LearnerChoice,
    /// Environments stepped together; at least 1.
    pub num_envs: usize,
    /// Steps collected per environment between two updates; at least 1.
    pub num_steps: usize,
    /// Environment steps of the whole run; the last rollout is completed even if it passes this.
    pub total_steps: u64,
    /// Adam's learning rate at the start; positive.
    pub learning_rate: f64,
    /// Lower the learning rate linearly to zero over the run.
    pub anneal_lr: bool,
    /// How the learning rate goes to zero: `constant`, `linear` or `cosine`; given, it overrules `anneal_lr`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lr_schedule: Option<Schedule>,
    /// Discount per step (not per day); in `(0, 1]`.
    pub gamma: f64,
    /// Lambda of generalised advantage estimation; in `[0, 1]`.
    pub gae_lambda: f64,
    /// Minibatches per epoch; a divisor of `num_envs * num_steps`.
    pub num_minibatches: usize,
    /// Passes over each rollout; at least 1.
    pub update_epochs: usize,
    /// How far the probability ratio may move before the surrogate is clipped, at the start; positive.
    pub clip_coef: f64,
    /// Lower `clip_coef` linearly to zero over the run.
    pub anneal_clip: bool,
    /// How `clip_coef` goes to zero; given, it overrules `anneal_clip`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clip_schedule: Option<Schedule>,
    /// Let the present critic value the rollout anew before each epoch but the first, and estimate advantages from that
    /// (Andrychowicz et al. 2020, arXiv:2006.05990).
    pub recompute_advantages: bool,
    /// Clip the value function as well (the pessimistic `max` form of openai/baselines).
    pub clip_value_loss: bool,
    /// How far a value may move before its loss is clipped; positive, used with `clip_value_loss`; in deviations of the
    /// returns with `normalize_value`.
    pub value_clip: f64,
    /// Centre and scale advantages within each minibatch.
    pub normalize_advantage: bool,
    /// Who is credited with a reward: the `whole` action, or each number of it with what it earned (`by_action`), where
    /// the environment can tell.
    pub credit: Credit,
    /// With `by_action`, the weight at the start of what other numbers of the action earn: 0 leaves them out, with the
    /// least noise; 1 counts them in full, without bias where numbers get in each other's way. In `[0, 1]`.
    pub credit_others: f64,
    /// The same at the end of the run, reached linearly.
    pub credit_others_final: f64,
    /// Weight of the entropy bonus, at the start; not negative.
    pub ent_coef: f64,
    /// How `ent_coef` goes to `ent_coef_final`.
    pub entropy_schedule: Schedule,
    /// Weight of the entropy bonus at the end; not negative, used unless the schedule is constant.
    pub ent_coef_final: f64,
    /// Let the critic learn returns centred and scaled by their running statistics; exported, it speaks in their units.
    pub normalize_value: bool,
    /// Weight of the value loss; not negative.
    pub vf_coef: f64,
    /// Limit of the global L2 norm of the gradient; positive.
    pub max_grad_norm: f64,
    /// Stop the update once the approximate KL is above this, by `target_kl_rule`; `None` never stops.
    pub target_kl: Option<f64>,
    /// `epoch` looks at the last minibatch after each epoch, `minibatch` at each before its step, with 1.5 times the
    /// target.
    pub target_kl_rule: TargetKlRule,
    /// What turns gradients into steps.
    pub optimizer: OptimizerChoice,
    /// Share of every parameter that a step of `adamw` or `muon` takes away, times the learning rate; not negative.
    pub weight_decay: f64,
    /// Adam's epsilon; positive.
    pub adam_eps: f64,
    /// Normalise observations by running statistics.
    pub normalize_observation: bool,
    /// Normalised observations are clipped to plus or minus this; positive.
    pub observation_clip: f64,
    /// Scale rewards by the running deviation of the discounted return.
    pub normalize_reward: bool,
    /// Scaled rewards are clipped to plus or minus this; positive.
    pub reward_clip: f64,
    /// Steps after which the noise of state-dependent exploration is drawn anew; -1 draws it once per rollout. Counted on
    /// over rollouts.
    pub sde_sample_freq: i64,
}

impl Default for PpoConfig {
    fn default() -> Self {
        Self {
            learner: LearnerChoice::Auto,
            num_envs: 16,
            num_steps: 128,
            total_steps: 1_000_000,
            learning_rate: 3e-4,
            anneal_lr: true,
            lr_schedule: None,
            gamma: 0.99,
            gae_lambda: 0.95,
            num_minibatches: 4,
            update_epochs: 4,
            clip_coef: 0.2,
            anneal_clip: false,
            clip_schedule: None,
            recompute_advantages: false,
            clip_value_loss: false,
            value_clip: 0.2,
            normalize_advantage: true,
            credit: Credit::Whole,
            credit_others: 0.0,
            credit_others_final: 1.0,
            ent_coef: 0.0,
            entropy_schedule: Schedule::Constant,
            ent_coef_final: 0.0,
            normalize_value: false,
            vf_coef: 0.5,
            max_grad_norm: 0.5,
            target_kl: None,
            target_kl_rule: TargetKlRule::Epoch,
            optimizer: OptimizerChoice::Adam,
            weight_decay: 0.0,
            adam_eps: 1e-5,
            normalize_observation: true,
            observation_clip: 10.0,
            normalize_reward: true,
            reward_clip: 10.0,
            sde_sample_freq: -1,
        }
    }
}

/// More transitions per rollout than any machine of this decade holds are a typing mistake.
const TRANSITIONS_MAX: usize = 1 << 28;

impl PpoConfig {
    /// Transitions per rollout.
    pub fn batch_size(&self) -> usize {
        self.num_envs.saturating_mul(self.num_steps)
    }

    /// Transitions per optimiser step.
    pub fn minibatch_size(&self) -> usize {
        self.batch_size() / self.num_minibatches.max(1)
    }

    /// Updates of the whole run: as many as it takes to reach `total_steps`.
    pub fn num_updates(&self) -> u64 {
        self.total_steps.div_ceil(self.batch_size().max(1) as u64)
    }

    /// What is left of the run when `update` (from 0) begins: 1 at first, never 0 during the run.
    pub fn remaining(&self, update: u64) -> f64 {
        (1.0 - update as f64 / self.num_updates().max(1) as f64).max(0.0)
    }

    /// Learning rate of an update, counted from 0.
    pub fn learning_rate_at(&self, update: u64) -> f64 {
        let annealed = if self.anneal_lr { Schedule::Linear } else { Schedule::Constant };
        self.lr_schedule.unwrap_or(annealed).value(self.learning_rate, 0.0, self.remaining(update))
    }

    /// Clip coefficient of an update, counted from 0.
    pub fn clip_coef_at(&self, update: u64) -> f64 {
        let annealed = if self.anneal_clip { Schedule::Linear } else { Schedule::Constant };
        self.clip_schedule.unwrap_or(annealed).value(self.clip_coef, 0.0, self.remaining(update))
    }

    /// Weight of what other numbers of the action earn in an update, counted from 0.
    pub fn credit_others_at(&self, update: u64) -> f64 {
        Schedule::Linear.value(self.credit_others, self.credit_others_final, self.remaining(update))
    }

    /// Weight of the entropy bonus of an update, counted from 0.
    pub fn ent_coef_at(&self, update: u64) -> f64 {
        self.entropy_schedule.value(self.ent_coef, self.ent_coef_final, self.remaining(update))
    }

    /// All faults, each with its key, what was found and what was expected; empty if there is none.
    pub fn validate(&self) -> Vec<String> {
        let mut faults = Faults::new("ppo");
        faults.at_least_one("num_envs", self.num_envs);
        faults.at_least_one("num_steps", self.num_steps);
        if self.total_steps == 0 {
            faults.add("total_steps", 0, "at least 1");
        }
        faults.positive("learning_rate", self.learning_rate);
        faults.within("gamma", self.gamma, self.gamma > 0.0 && self.gamma <= 1.0, "a number in (0, 1]");
        faults.within("gae_lambda", self.gae_lambda, (0.0..=1.0).contains(&self.gae_lambda), "a number in [0, 1]");
        faults.at_least_one("update_epochs", self.update_epochs);
        faults.positive("clip_coef", self.clip_coef);
        faults.positive("value_clip", self.value_clip);
        faults.not_negative("ent_coef", self.ent_coef);
        faults.not_negative("ent_coef_final", self.ent_coef_final);
        if self.entropy_schedule == Schedule::Constant && self.ent_coef_final > 0.0 {
            let expected = "0, because `entropy_schedule` is `constant`; `linear` or `cosine` go there";
            faults.add("ent_coef_final", self.ent_coef_final, expected);
        }
        faults.not_negative("weight_decay", self.weight_decay);
        if self.optimizer == OptimizerChoice::Adam && self.weight_decay > 0.0 {
            faults.add(
                "weight_decay",
                self.weight_decay,
                "0, because `optimizer` is `adam`; `adamw` and `muon` decay weights",
            );
        }
        faults.not_negative("vf_coef", self.vf_coef);
        faults.positive("max_grad_norm", self.max_grad_norm);
        if let Some(target_kl) = self.target_kl {
            faults.positive("target_kl", target_kl);
        }
        faults.positive("adam_eps", self.adam_eps);
        faults.positive("observation_clip", self.observation_clip);
        faults.positive("reward_clip", self.reward_clip);
        if self.sde_sample_freq != -1 && self.sde_sample_freq < 1 {
            faults.add("sde_sample_freq", self.sde_sample_freq, "a number of steps, or -1 for once per rollout");
        }
        for (key, weight) in [("credit_others", self.credit_others), ("credit_others_final", self.credit_others_final)]
        {
            faults.within(key, weight, (0.0..=1.0).contains(&weight), "a number in [0, 1]");
        }
        if self.credit == Credit::ByAction && (self.normalize_value || self.clip_value_loss) {
            let expected = "`whole`, because `normalize_value` and `clip_value_loss` know one value alone";
            faults.add("credit", "`by_action`", expected);
        }
        self.validate_batch(&mut faults);
        faults.list
    }

    fn validate_batch(&self, faults: &mut Faults) {
        let (envs, steps, batch) = (self.num_envs, self.num_steps, self.batch_size());
        if batch > TRANSITIONS_MAX {
            faults.add("num_steps", steps, &format!("at most {TRANSITIONS_MAX} transitions with {envs} envs"));
            return;
        }
        let minibatches = self.num_minibatches;
        if minibatches == 0 || (batch > 0 && !batch.is_multiple_of(minibatches)) {
            let near = nearest_divisors(batch, minibatches);
            let expected =
                format!("a divisor of the {batch} transitions of a rollout ({envs} envs x {steps} steps); {near}");
            faults.add("num_minibatches", minibatches, &expected);
        } else if self.normalize_advantage && batch > 0 && batch / minibatches < 2 {
            let expected = "at least 2 transitions per minibatch, because `normalize_advantage` needs a deviation";
            faults.add("num_minibatches", minibatches, expected);
        }
    }
}

pub(super) fn nearest_divisors(batch: usize, wanted: usize) -> String {
    let below = (1..=wanted.min(batch)).rev().find(|d| batch.is_multiple_of(*d));
    let above = (wanted.max(1)..=batch).find(|d| batch.is_multiple_of(*d));
    match (below, above) {
        (Some(a), Some(b)) if a != b => format!("the nearest are {a} and {b}"),
        (Some(a), _) | (None, Some(a)) => format!("the nearest is {a}"),
        (None, None) => "such as 1".to_string(),
    }
}

/// Collects faults of one table in one form of words.
pub(super) struct Faults {
    table: &'static str,
    pub(super) list: Vec<String>,
}

impl Faults {
    pub(super) fn new(table: &'static str) -> Self {
        Self { table, list: Vec::new() }
    }

    pub(super) fn add(&mut self, key: &str, found: impl std::fmt::Display, expected: &str) {
        self.list.push(format!("`{}.{key}` is {found}, expected {expected}", self.table));
    }

    fn at_least_one(&mut self, key: &str, found: usize) {
        if found == 0 {
            self.add(key, found, "at least 1");
        }
    }

    pub(super) fn within(&mut self, key: &str, found: f64, holds: bool, expected: &str) {
        if !holds {
            self.add(key, found, expected);
        }
    }

    pub(super) fn positive(&mut self, key: &str, found: f64) {
        self.within(key, found, found.is_finite() && found > 0.0, "a positive number");
    }

    fn not_negative(&mut self, key: &str, found: f64) {
        self.within(key, found, found.is_finite() && found >= 0.0, "a number that is not negative");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_have_no_fault() {
        assert_eq!(PpoConfig::default().validate(), Vec::<String>::new());
    }

    #[test]
    fn all_faults_are_reported_together_with_key_found_and_expected() {
        let config = PpoConfig { gamma: 1.5, clip_coef: f64::NAN, num_minibatches: 6, ..PpoConfig::default() };
        assert_eq!(
            config.validate(),
            [
                "`ppo.gamma` is 1.5, expected a number in (0, 1]",
                "`ppo.clip_coef` is NaN, expected a positive number",
                "`ppo.num_minibatches` is 6, expected a divisor of the 2048 transitions of a rollout \
                 (16 envs x 128 steps); the nearest are 4 and 8",
            ]
        );
    }

    #[test]
    fn noise_is_never_drawn_every_zero_steps() {
        let zero = PpoConfig { sde_sample_freq: 0, ..PpoConfig::default() };
        assert_eq!(
            zero.validate(),
            ["`ppo.sde_sample_freq` is 0, expected a number of steps, or -1 for once per rollout"]
        );
    }

    #[test]
    fn the_smallest_and_the_absurd_batches_are_told_apart() {
        let one = PpoConfig { num_envs: 1, num_steps: 1, num_minibatches: 1, ..PpoConfig::default() };
        assert_eq!(one.validate().len(), 1, "one transition has no deviation");
        let absurd = PpoConfig { num_envs: usize::MAX, num_steps: 3, ..PpoConfig::default() };
        assert!(absurd.validate()[0].contains("`ppo.num_steps` is 3"));
        let none = PpoConfig { num_envs: 0, num_steps: 0, num_minibatches: 0, ..PpoConfig::default() };
        assert_eq!(none.validate().len(), 3);
    }

    #[test]
    fn schedules_start_full_and_end_one_update_above_zero() {
        let config = PpoConfig { total_steps: 2048 * 10, anneal_clip: true, ..PpoConfig::default() };
        assert_eq!(config.num_updates(), 10);
        assert_eq!(config.learning_rate_at(0), 3e-4);
        assert!((config.learning_rate_at(9) - 3e-5).abs() < 1e-18);
        assert!((config.clip_coef_at(5) - 0.1).abs() < 1e-12);
        let fixed = PpoConfig { anneal_lr: false, ..config };
        assert_eq!(fixed.learning_rate_at(9), 3e-4);
    }

    #[test]
    fn a_named_schedule_overrules_the_switches_and_the_entropy_has_one_of_its_own() {
        let config = PpoConfig {
            total_steps: 2048 * 10,
            lr_schedule: Some(Schedule::Constant),
            clip_schedule: Some(Schedule::Cosine),
            ent_coef: 0.03,
            entropy_schedule: Schedule::Linear,
            ent_coef_final: 0.01,
            ..PpoConfig::default()
        };
        assert_eq!(config.validate(), Vec::<String>::new());
        assert_eq!(config.learning_rate_at(9), 3e-4);
        assert_eq!(config.clip_coef_at(0), 0.2);
        assert!((config.clip_coef_at(5) - 0.1).abs() < 1e-12);
        assert!((config.ent_coef_at(5) - 0.02).abs() < 1e-12);
        assert_eq!(config.ent_coef_at(0), 0.03);
    }

    #[test]
    fn an_ending_without_a_schedule_and_a_decay_without_its_optimiser_are_refused() {
        let config = PpoConfig { ent_coef_final: 0.1, weight_decay: 0.01, ..PpoConfig::default() };
        let faults = config.validate();
        assert!(faults[0].starts_with("`ppo.ent_coef_final` is 0.1, expected 0"), "{faults:?}");
        assert!(faults[1].starts_with("`ppo.weight_decay` is 0.01, expected 0"), "{faults:?}");
        let with = PpoConfig { optimizer: OptimizerChoice::AdamW, ent_coef_final: 0.0, ..config };
        assert_eq!(with.validate(), Vec::<String>::new());
    }

    #[test]
    fn a_run_that_is_no_whole_number_of_rollouts_is_rounded_up() {
        let config = PpoConfig { num_envs: 8, num_steps: 32, total_steps: 100_000, ..PpoConfig::default() };
        assert_eq!(config.num_updates(), 391);
    }

    #[test]
    fn an_unknown_key_is_refused() {
        let error = serde_json::from_str::<PpoConfig>(r#"{"lr": 1.0}"#).unwrap_err().to_string();
        assert!(error.contains("unknown field `lr`"), "{error}");
    }
}
