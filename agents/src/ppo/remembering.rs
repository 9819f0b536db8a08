//! What the policy remembers while a rollout is collected.
//!
//! In: a policy with memory and observations. Out: what its layers read in their place, and the states that the learner
//! starts from.
//! Always: states go on over rollouts and are zero where an episode begins; a final observation is valued with the memory
//! of its own episode; rows do not depend on each other, so threads change nothing.
//! Not here: the same on the tape (`memory.rs`), the cells (`artifact/memory.rs`).

use super::rollout::RolloutBuffer;
use crate::artifact::{Memory, MemoryScratch, MemoryState, PolicyNetwork};
use rayon::prelude::*;

/// Environments that one thread serves at a time.
const ENVS: usize = 16;

/// States of all environments, `[num_envs, state_len]`, and buffers.
pub(super) struct Remembering {
    num_envs: usize,
    pub(super) state: MemoryState,
    /// `[num_envs, size]`: what the actor's memory shows.
    shown: Vec<f32>,
    scratch: Vec<MemoryScratch>,
}

/// What a critic's memory shows at every place where a value is asked for, each row `size` long.
#[derive(Debug, Default)]
pub(super) struct Shown {
    /// `[num_steps, num_envs]`.
    pub(super) steps: Vec<f32>,
    /// At the final observation of each episode that ended.
    pub(super) ended: Vec<f32>,
    /// `[num_envs]`, at the observations after the last step.
    pub(super) next: Vec<f32>,
}

/// What a memory takes in at those places.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seen<'a> {
    pub(super) steps: &'a [f32],
    pub(super) ended: &'a [f32],
    pub(super) next: &'a [f32],
    /// Flat index of each step that ended an episode, in order of time, then environment.
    pub(super) ends: &'a [usize],
}

impl Remembering {
    /// Nothing yet; `None` for a policy without memory.
    pub(super) fn of(policy: &PolicyNetwork, num_envs: usize) -> Option<Self> {
        let zeros = |memory: &Option<Memory>| vec![0.0; memory.as_ref().map_or(0, |m| num_envs * m.state_len())];
        policy.actor_memory.as_ref().map(|memory| Self {
            num_envs,
            state: MemoryState { actor: zeros(&policy.actor_memory), critic: zeros(&policy.critic_memory) },
            shown: vec![0.0; num_envs * memory.size()],
            scratch: vec![MemoryScratch::default(); num_envs.div_ceil(ENVS)],
        })
    }

    /// Takes in an observation of each environment; returns what the actor reads, `[num_envs, size]`.
    pub(super) fn take_in(&mut self, memory: &Memory, observation: &[f32]) -> &[f32] {
        step(memory, observation, &mut self.state.actor, &mut self.scratch, &mut self.shown);
        &self.shown
    }

    /// What the actor would read after an observation that is not taken in yet.
    pub(super) fn foresee(&self, memory: &Memory, observation: &[f32]) -> Vec<f32> {
        let mut shown = vec![0.0; self.shown.len()];
        step(memory, observation, &mut self.state.actor.clone(), &mut self.scratch.clone(), &mut shown);
        shown
    }

    /// The episode of an environment has ended: the actor forgets it.
    pub(super) fn forget(&mut self, env: usize) {
        let len = self.state.actor.len() / self.num_envs;
        self.state.actor[env * len..(env + 1) * len].fill(0.0);
    }

    /// What the critic reads at every place where a value is asked for: a memory of its own goes on, from before the
    /// rollout to after it; one on the actor's features reads what the actor does.
    pub(super) fn of_critic(&mut self, policy: &PolicyNetwork, rollout: &RolloutBuffer, seen: Seen<'_>) -> Shown {
        if let Some(memory) = &policy.critic_memory {
            let mut state = std::mem::take(&mut self.state.critic);
            let shown = self.replay(memory, rollout, seen, &mut state);
            self.state.critic = state;
            return shown;
        }
        let memory = policy.actor_memory.as_ref().expect("a critic without a memory of its own reads the actor's");
        self.replay(memory, rollout, seen, &mut rollout.memory.actor.clone())
    }

    /// Goes through a rollout with a memory, from the `state` before it to the one after it.
    fn replay(&mut self, memory: &Memory, rollout: &RolloutBuffer, seen: Seen<'_>, state: &mut [f32]) -> Shown {
        let (n, size, inputs, len) = (rollout.num_envs, memory.size(), memory.inputs(), memory.state_len());
        let mut shown = Shown { steps: vec![0.0; rollout.len() * size], ended: Vec::new(), next: vec![0.0; n * size] };
        let mut ends = seen.ends.iter().zip(seen.ended.chunks_exact(inputs)).peekable();
        let mut last = MemoryScratch::default();
        let rows = seen.steps.chunks_exact(n * inputs).zip(shown.steps.chunks_exact_mut(n * size));
        for (t, (input, out)) in rows.enumerate() {
            step(memory, input, state, &mut self.scratch, out);
            while let Some((end, input)) = ends.next_if(|(end, _)| **end < (t + 1) * n) {
                let state = &mut state[(end - t * n) * len..][..len];
                memory.step(input, state, &mut last);
                shown.ended.extend_from_slice(last.shown());
                state.fill(0.0);
            }
        }
        step(memory, seen.next, &mut state.to_vec(), &mut self.scratch, &mut shown.next);
        shown
    }
}

/// One step of every environment.
fn step(memory: &Memory, input: &[f32], state: &mut [f32], scratch: &mut [MemoryScratch], out: &mut [f32]) {
    let input = input.par_chunks(ENVS * memory.inputs());
    let state = state.par_chunks_mut(ENVS * memory.state_len());
    let out = out.par_chunks_mut(ENVS * memory.size());
    input.zip(state).zip(scratch).zip(out).for_each(|(((input, state), scratch), out)| {
        memory.step(input, state, scratch);
        out.copy_from_slice(scratch.shown());
    });
}
