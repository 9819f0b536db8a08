//! Many environments stepped together, with same-step autoreset.
//!
//! In: one flat action batch. Out: flat batches of observations, rewards and endings.
//! Always: where an episode ended, `final_observation` holds its last observation and `observation` the first of
//! the next one (Gymnasium's `SameStep`); results do not depend on the number of threads.
//! Not here: normalisation (`normalize.rs`).

use super::env::{Env, StateError};
use super::info::EpisodeStatistics;
use super::seeding::SeedTree;
use super::space::Space;
use rayon::prelude::*;

/// From this many environments on, a step is shared between threads.
const PARALLEL_FROM: usize = 16;
/// So many environments are one piece of work: handing out less costs more than a cheap step.
const ROWS_PER_TASK: usize = 8;

/// A batch of environments of one kind.
pub struct VecEnv {
    slots: Vec<Slot>,
    action_len: usize,
    observation_len: usize,
    info_len: usize,
    observation: Vec<f32>,
    final_observation: Vec<f32>,
    /// `[num_envs, privileged_len]`, as is the next; empty unless asked for.
    privileged: Vec<f32>,
    final_privileged: Vec<f32>,
    reward: Vec<f64>,
    /// `[num_envs, parts]`; empty unless asked for.
    reward_parts: Vec<f64>,
    terminated: Vec<bool>,
    truncated: Vec<bool>,
    mask: Vec<bool>,
    info: Vec<f64>,
    episodes: Vec<EpisodeStatistics>,
}

/// One environment with those of its results that its thread cannot write into the batch's rows.
struct Slot {
    env: Box<dyn Env>,
    privileged: Vec<f32>,
    final_privileged: Vec<f32>,
    reward: f64,
    reward_parts: Vec<f64>,
    terminated: bool,
    truncated: bool,
    episode: Option<EpisodeStatistics>,
}

/// Where one environment writes in the batch.
struct RowMut<'a> {
    next: &'a mut [f32],
    last: &'a mut [f32],
    info: &'a mut [f64],
}

/// What one step of the batch brought; row `e` belongs to environment `e`.
#[derive(Debug)]
pub struct VecStep<'a> {
    /// `[num_envs, observation_len]`, already that of the next episode where one ended.
    pub observation: &'a [f32],
    /// `[num_envs, observation_len]`; meaningful only in rows where an episode ended.
    pub final_observation: &'a [f32],
    /// `[num_envs, privileged_len]`, as `observation`; empty unless asked for, as is the next.
    pub privileged: &'a [f32],
    /// `[num_envs, privileged_len]`, as `final_observation`.
    pub final_privileged: &'a [f32],
    /// `[num_envs]`.
    pub reward: &'a [f64],
    /// `[num_envs, parts]`: what each reward consists of; empty unless asked for.
    pub reward_parts: &'a [f64],
    /// `[num_envs]`.
    pub terminated: &'a [bool],
    /// `[num_envs]`.
    pub truncated: &'a [bool],
    /// `[num_envs, mask_len]`: the mask of `observation`; empty if the actions have no discrete part.
    pub mask: &'a [bool],
    /// `[num_envs, info_keys]`: info of the step.
    pub info: &'a [f64],
    /// Episodes that ended in this step, in the order of the environments.
    pub episodes: &'a [EpisodeStatistics],
}

impl VecEnv {
    /// Takes environments of the same kind.
    ///
    /// # Panics
    /// If there is none, or their spaces differ.
    pub fn new(envs: Vec<Box<dyn Env>>) -> Self {
        let first = envs.first().expect("a batch needs at least one environment");
        let observation_len = first.observation_space().flat_len();
        let action_len = first.action_space().flat_len();
        let mask_len = first.action_space().mask_len();
        let info_len = first.info_keys().len();
        let same = |e: &dyn Env| {
            e.action_space() == first.action_space() && e.observation_space().flat_len() == observation_len
        };
        assert!(envs.iter().all(|e| same(e.as_ref())), "all environments of a batch must have the same spaces");
        let n = envs.len();
        let slot = |env| Slot {
            env,
            privileged: Vec::new(),
            final_privileged: Vec::new(),
            reward: 0.0,
            reward_parts: Vec::new(),
            terminated: false,
            truncated: false,
            episode: None,
        };
        Self {
            slots: envs.into_iter().map(slot).collect(),
            action_len,
            observation_len,
            info_len,
            observation: vec![0.0; n * observation_len],
            final_observation: vec![0.0; n * observation_len],
            privileged: Vec::new(),
            final_privileged: Vec::new(),
            reward: vec![0.0; n],
            reward_parts: Vec::new(),
            terminated: vec![false; n],
            truncated: vec![false; n],
            mask: vec![true; n * mask_len],
            // A row of nothing has a place too, so that rows can be told apart.
            info: vec![0.0; n * info_len.max(1)],
            episodes: Vec::new(),
        }
    }

    /// Number of environments.
    pub fn num_envs(&self) -> usize {
        self.slots.len()
    }

    /// Space of one environment's observations.
    pub fn observation_space(&self) -> &Space {
        self.first().observation_space()
    }

    /// Space of one environment's actions.
    pub fn action_space(&self) -> &Space {
        self.first().action_space()
    }

    /// Names of the info columns.
    pub fn info_keys(&self) -> &'static [&'static str] {
        self.first().info_keys()
    }

    /// The first environment, for its schema and names.
    pub fn first(&self) -> &dyn Env {
        self.slots[0].env.as_ref()
    }

    /// Present observations, `[num_envs, observation_len]`.
    pub fn observation(&self) -> &[f32] {
        &self.observation
    }

    /// Present masks, `[num_envs, mask_len]`; empty if the actions have no discrete part.
    pub fn mask(&self) -> &[bool] {
        &self.mask
    }

    /// What a critic may know beyond the present observations, `[num_envs, privileged_len]`; empty unless asked for.
    pub fn privileged(&self) -> &[f32] {
        &self.privileged
    }

    /// Asks for what the environments offer a critic, from the next reset, step or load on.
    pub fn carry_privileged(&mut self) {
        let (n, len) = (self.slots.len(), self.first().privileged_len());
        (self.privileged, self.final_privileged) = (vec![0.0; n * len], vec![0.0; n * len]);
        for slot in &mut self.slots {
            (slot.privileged, slot.final_privileged) = (vec![0.0; len], vec![0.0; len]);
        }
    }

    /// Asks for the parts of the rewards, from the next step on; does nothing where nobody can tell them.
    pub fn carry_reward_parts(&mut self) {
        let (n, len) = (self.slots.len(), self.first().reward_parts().map_or(0, |parts| parts.count));
        self.reward_parts = vec![0.0; n * len];
        self.slots.iter_mut().for_each(|slot| slot.reward_parts = vec![0.0; len]);
    }

    /// Starts an episode everywhere; environment `e` gets the seed of child `("env", e)`.
    pub fn reset(&mut self, seed: u64) {
        let tree = SeedTree::new(seed);
        for (e, (slot, row)) in self.slots.iter_mut().zip(self.observation.chunks_mut(self.observation_len)).enumerate()
        {
            let first = slot.env.reset(Some(tree.child("env", e as u64).seed()));
            row.copy_from_slice(first.observation);
            slot.look_ahead();
        }
        self.gather();
    }

    /// Plays one step everywhere; `actions` is `[num_envs, action_len]`.
    ///
    /// # Panics
    /// If `actions` has another length.
    pub fn step(&mut self, actions: &[f32]) -> VecStep<'_> {
        assert_eq!(actions.len(), self.slots.len() * self.action_len, "one action per environment");
        let (len, width, keys) = (self.action_len, self.observation_len, self.info_len.max(1));
        let Self { slots, observation, final_observation, info, .. } = self;
        if slots.len() >= PARALLEL_FROM {
            let seen = observation.par_chunks_mut(width).zip(final_observation.par_chunks_mut(width));
            let rows = seen.zip(info.par_chunks_mut(keys)).map(|((next, last), info)| RowMut { next, last, info });
            let rows = slots.par_iter_mut().zip(actions.par_chunks(len)).zip(rows);
            rows.with_min_len(ROWS_PER_TASK).for_each(|((slot, action), row)| slot.step(action, row));
        } else {
            let seen = observation.chunks_mut(width).zip(final_observation.chunks_mut(width));
            let rows = seen.zip(info.chunks_mut(keys)).map(|((next, last), info)| RowMut { next, last, info });
            slots
                .iter_mut()
                .zip(actions.chunks(len))
                .zip(rows)
                .for_each(|((slot, action), row)| slot.step(action, row));
        }
        self.gather();
        VecStep {
            observation: &self.observation,
            final_observation: &self.final_observation,
            privileged: &self.privileged,
            final_privileged: &self.final_privileged,
            reward: &self.reward,
            reward_parts: &self.reward_parts,
            terminated: &self.terminated,
            truncated: &self.truncated,
            mask: &self.mask,
            info: &self.info[..self.slots.len() * self.info_len],
            episodes: &self.episodes,
        }
    }

    /// Writes what each environment's teacher would do now, `[num_envs, action_len]`; false if one has none.
    ///
    /// # Panics
    /// If `actions` has another length.
    pub fn teacher_actions(&mut self, actions: &mut [f32]) -> bool {
        assert_eq!(actions.len(), self.slots.len() * self.action_len, "one action per environment");
        let len = self.action_len;
        // A teacher is often dearer than a step, so a few of them are shared between threads already.
        let rows = self.slots.par_iter_mut().zip(actions.par_chunks_mut(len));
        rows.map(|(slot, action)| slot.env.teacher_action(action)).reduce(|| true, |a, b| a && b)
    }

    /// The state of every environment, to continue exactly from here.
    pub fn save_state(&self) -> Vec<Vec<u8>> {
        self.slots.iter().map(|slot| slot.env.save_state()).collect()
    }

    /// Continues from [`VecEnv::save_state`] of a batch of the same size and configuration.
    ///
    /// # Errors
    /// [`StateError`] if the number of environments differs, or one state does not fit.
    pub fn load_state(&mut self, states: &[Vec<u8>]) -> Result<(), StateError> {
        if states.len() != self.slots.len() {
            return Err(StateError {
                environment: format!("batch of {} environments", self.slots.len()),
                reason: format!("it holds {} environments", states.len()),
            });
        }
        let rows = self.observation.chunks_mut(self.observation_len);
        for ((slot, row), bytes) in self.slots.iter_mut().zip(rows).zip(states) {
            slot.env.load_state(bytes)?;
            row.copy_from_slice(slot.env.observation());
            slot.look_ahead();
        }
        self.gather();
        Ok(())
    }

    fn gather(&mut self) {
        self.episodes.clear();
        let mask_len = self.mask.len() / self.slots.len();
        let (privileged_len, parts) = (self.slots[0].privileged.len(), self.slots[0].reward_parts.len());
        for (e, slot) in self.slots.iter_mut().enumerate() {
            let row = e * privileged_len..(e + 1) * privileged_len;
            self.privileged[row.clone()].copy_from_slice(&slot.privileged);
            self.final_privileged[row].copy_from_slice(&slot.final_privileged);
            self.reward[e] = slot.reward;
            self.reward_parts[e * parts..(e + 1) * parts].copy_from_slice(&slot.reward_parts);
            self.terminated[e] = slot.terminated;
            self.truncated[e] = slot.truncated;
            let mask = &mut self.mask[e * mask_len..(e + 1) * mask_len];
            match slot.env.action_mask() {
                Some(legal) => mask.copy_from_slice(legal),
                None => mask.fill(true),
            }
            self.episodes.extend(slot.episode.take());
        }
    }
}

impl Slot {
    fn step(&mut self, action: &[f32], row: RowMut<'_>) {
        let result = self.env.step(action);
        self.reward = result.reward;
        self.terminated = result.terminated;
        self.truncated = result.truncated;
        row.info[..result.info.values().len()].copy_from_slice(result.info.values());
        self.episode.clone_from(&result.info.episode);
        let ended = self.terminated || self.truncated;
        if ended { row.last } else { &mut *row.next }.copy_from_slice(result.observation);
        if !self.reward_parts.is_empty() {
            self.env.write_reward_parts(&mut self.reward_parts);
        }
        if ended {
            if !self.final_privileged.is_empty() {
                self.env.privileged(&mut self.final_privileged);
            }
            let first = self.env.reset(None);
            row.next.copy_from_slice(first.observation);
        }
        self.look_ahead();
    }

    /// Takes in what the environment offers a critic, if that was asked for.
    fn look_ahead(&mut self) {
        if !self.privileged.is_empty() {
            self.env.privileged(&mut self.privileged);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{EnvContext, make};
    use super::*;
    use crate::classic::{ClassicEnv, ProbeMaskedBandit};

    fn batch(id: &str, n: usize) -> VecEnv {
        VecEnv::new((0..n).map(|_| make(id, &EnvContext::default()).expect("registered")).collect())
    }

    /// Actions that depend on time and environment, so that the environments part ways.
    fn actions(space: &Space, t: u64, n: usize, mask: &[bool]) -> Vec<f32> {
        let (len, mask_len) = (space.flat_len(), space.mask_len());
        let mut out = vec![0.0; n * len];
        for (e, action) in out.chunks_mut(len).enumerate() {
            let mut rng = SeedTree::new(t).child("action", e as u64).stream("vec_env");
            space.sample(&mut rng, Some(&mask[e * mask_len..(e + 1) * mask_len]), action);
        }
        out
    }

    /// One step of a batch, owned and as bits.
    #[derive(Debug, PartialEq)]
    struct Row {
        observation: Vec<u32>,
        final_observation: Option<Vec<u32>>,
        reward: u64,
        ending: (bool, bool),
        mask: Vec<bool>,
        info: Vec<u64>,
    }

    fn bits(x: &[f32]) -> Vec<u32> {
        x.iter().map(|x| x.to_bits()).collect()
    }

    /// Plays `steps` and keeps all rows, `[steps][num_envs]`, and the finished episodes.
    fn play(envs: &mut VecEnv, from: u64, steps: u64) -> (Vec<Vec<Row>>, Vec<EpisodeStatistics>) {
        let (n, space) = (envs.num_envs(), envs.action_space().clone());
        let len = envs.observation_space().flat_len();
        let (mut log, mut episodes) = (vec![], vec![]);
        for t in from..from + steps {
            let action = actions(&space, t, n, envs.mask());
            let info_len = envs.info_keys().len();
            let step = envs.step(&action);
            let mask_len = step.mask.len() / n;
            let row = |e: usize| {
                let ending = (step.terminated[e], step.truncated[e]);
                let ended = ending.0 || ending.1;
                Row {
                    observation: bits(&step.observation[e * len..(e + 1) * len]),
                    final_observation: ended.then(|| bits(&step.final_observation[e * len..(e + 1) * len])),
                    reward: step.reward[e].to_bits(),
                    ending,
                    mask: step.mask[e * mask_len..(e + 1) * mask_len].to_vec(),
                    info: step.info[e * info_len..(e + 1) * info_len].iter().map(|x| x.to_bits()).collect(),
                }
            };
            log.push((0..n).map(row).collect());
            episodes.extend(step.episodes.to_vec());
        }
        (log, episodes)
    }

    /// The same play, one environment at a time and by hand.
    fn play_alone(id: &str, n: usize, seed: u64, steps: u64) -> Vec<Vec<Row>> {
        let mut log: Vec<Vec<Row>> = (0..steps).map(|_| vec![]).collect();
        for e in 0..n {
            let mut env = make(id, &EnvContext::default()).expect("registered");
            env.reset(Some(SeedTree::new(seed).child("env", e as u64).seed()));
            let space = env.action_space().clone();
            for t in 0..steps {
                let legal = env.action_mask().map_or(vec![true; space.mask_len()], <[bool]>::to_vec);
                let mut action = vec![0.0; space.flat_len()];
                let mut rng = SeedTree::new(t).child("action", e as u64).stream("vec_env");
                space.sample(&mut rng, Some(&legal), &mut action);
                let result = env.step(&action);
                let (reward, ending) = (result.reward.to_bits(), (result.terminated, result.truncated));
                let info = result.info.values().iter().map(|x| x.to_bits()).collect();
                let mut observation = bits(result.observation);
                let mut final_observation = None;
                if ending.0 || ending.1 {
                    final_observation = Some(observation);
                    observation = bits(env.reset(None).observation);
                }
                let mask = env.action_mask().map_or(vec![true; space.mask_len()], <[bool]>::to_vec);
                log[t as usize].push(Row { observation, final_observation, reward, ending, mask, info });
            }
        }
        log
    }

    #[test]
    fn an_ended_row_hands_out_the_final_observation_and_the_first_of_the_next_episode() {
        let mut envs = batch("CartPole-v1", 3);
        envs.reset(7);
        let mut ends = 0;
        for t in 0..200 {
            let action = actions(&envs.action_space().clone(), t, 3, envs.mask());
            let step = envs.step(&action);
            for e in 0..3 {
                if step.terminated[e] {
                    ends += 1;
                    let last = &step.final_observation[4 * e..4 * e + 4];
                    let first = &step.observation[4 * e..4 * e + 4];
                    assert!(last[0].abs() > 2.4 || last[2].abs() > 0.2094, "{last:?} is where an episode ends");
                    assert!(first.iter().all(|x| x.abs() <= 0.05), "{first:?} is where one starts");
                }
            }
            let present = step.observation.to_vec();
            assert_eq!(envs.observation(), present, "the batch goes on from what it handed out");
        }
        assert!(ends >= 6, "{ends} episodes ended");
    }

    #[test]
    fn what_only_a_critic_knows_belongs_to_the_same_state_as_the_observation_and_is_absent_unless_asked_for() {
        let mut envs = batch("ProbeHiddenReward-v0", 5);
        envs.reset(3);
        assert!(envs.privileged().is_empty());
        envs.carry_privileged();
        envs.reset(3);
        let mut seen = [false; 2];
        for _ in 0..20 {
            let present = envs.privileged().to_vec();
            let step = envs.step(&[0.0; 5]);
            for e in 0..5 {
                assert_eq!(step.reward[e], f64::from(present[e]), "the sign is that of the state acted in");
                assert_eq!(step.final_privileged[e], present[e], "and of the state that ended");
                seen[usize::from(present[e] > 0.0)] = true;
            }
        }
        assert_eq!(seen, [true; 2]);
        let (states, present) = (envs.save_state(), envs.privileged().to_vec());
        envs.step(&[0.0; 5]);
        envs.load_state(&states).expect("its own states");
        assert_eq!(envs.privileged(), present);
    }

    #[test]
    fn a_truncated_row_is_not_terminated_and_reports_its_episode() {
        let mut envs = batch("ProbeTruncatedConstant-v0", 2);
        envs.reset(1);
        for t in 1..=32 {
            let step = envs.step(&[0.0, 1.0]);
            let last = t % 16 == 0;
            assert_eq!((step.terminated, step.truncated), (&[false, false][..], &[last, last][..]));
            let returns: Vec<f64> = step.episodes.iter().map(|e| e.episode_return).collect();
            assert_eq!(returns, if last { vec![16.0, 16.0] } else { vec![] }, "each episode is reported once");
        }
    }

    #[test]
    fn the_mask_of_a_step_belongs_to_the_observation_of_the_next_episode() {
        let mut envs = batch("ProbeMaskedBandit-v0", 4);
        envs.reset(3);
        let mut seen = [false; 2];
        for _ in 0..30 {
            let step = envs.step(&[0.0; 4]);
            for e in 0..4 {
                let sign = step.observation[e];
                seen[usize::from(sign > 0.0)] = true;
                assert_eq!(step.mask[4 * e..4 * e + 4], [true, sign < 0.0, sign > 0.0, false]);
            }
        }
        assert_eq!(seen, [true, true]);
    }

    #[test]
    fn a_parallel_batch_equals_its_environments_played_alone_at_any_number_of_threads() {
        for id in ["CartPole-v1", "Pendulum-v1", "ProbeMaskedBandit-v0"] {
            let n = PARALLEL_FROM + 7;
            let alone = play_alone(id, n, 11, 250);
            for threads in [1, 2, 5] {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads start");
                let together = pool.install(|| {
                    let mut envs = batch(id, n);
                    envs.reset(11);
                    play(&mut envs, 0, 250).0
                });
                assert!(together == alone, "{id} at {threads} threads");
            }
            let few = 3;
            let mut envs = batch(id, few);
            envs.reset(11);
            let serial = play(&mut envs, 0, 250).0;
            for (row, all) in serial.iter().zip(&alone) {
                assert_eq!(row[..], all[..few], "{id}: an environment does not feel the size of its batch");
            }
        }
    }

    #[test]
    fn a_loaded_batch_continues_exactly() {
        for (id, n) in [("CartPole-v1", 5), ("Pendulum-v1", 20), ("ProbeMaskedBandit-v0", 2)] {
            let mut envs = batch(id, n);
            envs.reset(5);
            play(&mut envs, 0, 33);
            let saved = envs.save_state();
            let (observation, mask) = (envs.observation().to_vec(), envs.mask().to_vec());
            let uninterrupted = play(&mut envs, 33, 220);
            assert!(!uninterrupted.1.is_empty(), "{id}: episodes end on the way");
            let mut fresh = batch(id, n);
            fresh.load_state(&saved).expect("a batch of the same kind");
            assert_eq!((fresh.observation(), fresh.mask()), (&observation[..], &mask[..]));
            assert!(play(&mut fresh, 33, 220) == uninterrupted, "{id}");
        }
    }

    #[test]
    fn a_state_of_another_number_of_environments_is_refused() {
        let (two, mut three) = (batch("CartPole-v1", 2), batch("CartPole-v1", 3));
        let error = three.load_state(&two.save_state()).expect_err("two are not three");
        assert_eq!(
            error.to_string(),
            "this is not a saved state of `batch of 3 environments`: it holds 2 environments"
        );
    }

    #[test]
    fn environments_of_a_batch_start_differently_and_a_seed_starts_them_again() {
        let mut envs = batch("CartPole-v1", 4);
        envs.reset(9);
        let first = envs.observation().to_vec();
        assert_ne!(first[..4], first[4..8]);
        play(&mut envs, 0, 10);
        envs.reset(9);
        assert_eq!(envs.observation(), first);
        envs.reset(10);
        assert_ne!(envs.observation(), first);
    }

    #[test]
    #[should_panic(expected = "all environments of a batch must have the same spaces")]
    fn a_batch_of_two_kinds_is_the_callers_mistake() {
        let bandit: Box<dyn Env> = Box::new(ClassicEnv::<ProbeMaskedBandit>::new());
        VecEnv::new(vec![make("CartPole-v1", &EnvContext::default()).expect("registered"), bandit]);
    }
}
