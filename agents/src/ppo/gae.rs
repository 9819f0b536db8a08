//! Generalised advantage estimation.
//!
//! In: rewards, values and endings of a rollout. Out: advantages and returns, in the rollout's order.
//! Always: a truncated episode bootstraps from the value of its final observation, a terminated one from zero; the
//! recursion crosses neither. Not here: normalisation of advantages (`learner.rs`, per minibatch).

/// What the estimate is made of; every slice is time-major, endings `[num_steps, num_envs]`, numbers `[num_steps,
/// num_envs, parts]`.
#[derive(Debug, Clone, Copy)]
pub(super) struct GaeInput<'a> {
    /// Number of environments.
    pub(super) num_envs: usize,
    /// Parts of a reward, each with a value of its own.
    pub(super) parts: usize,
    /// Rewards, scaled as the critic is to see them.
    pub(super) rewards: &'a [f64],
    /// `V(s)` of the observation the action was taken on.
    pub(super) values: &'a [f32],
    /// `V(s')` of the true successor, never of a reset.
    pub(super) next_values: &'a [f32],
    /// The process ended.
    pub(super) terminated: &'a [bool],
    /// We stopped watching.
    pub(super) truncated: &'a [bool],
}

/// Advantages and returns; from [`advantages`] each `[num_steps, num_envs, parts]`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Advantages {
    /// How much better an action was than the critic expected.
    pub(super) advantages: Vec<f64>,
    /// What the critic should have said.
    pub(super) returns: Vec<f64>,
}

/// Estimates advantages backwards in time.
///
/// ```text
/// delta_t = r_t + gamma V(s'_t) (1 - terminated_t) - V(s_t)
/// A_t     = delta_t + gamma lambda (1 - (terminated_t or truncated_t)) A_{t+1}
/// ```
///
/// Source: Schulman et al. 2016 (arXiv:1506.02438); truncation as in Pardo et al. 2018 (arXiv:1712.00378).
pub(super) fn advantages(input: GaeInput<'_>, gamma: f64, lambda: f64) -> Advantages {
    let len = input.rewards.len();
    let parts = input.parts;
    let endings = [input.terminated.len() * parts, input.truncated.len() * parts];
    let same = [[input.values.len(), input.next_values.len()], endings].concat();
    assert!(same.iter().all(|l| *l == len), "all parts of a rollout have the same length");
    let n = input.num_envs * parts;
    let mut advantages = vec![0.0; len];
    for i in (0..len).rev() {
        let value = f64::from(input.values[i]);
        let (terminated, truncated) = (input.terminated[i / parts], input.truncated[i / parts]);
        let bootstrap = if terminated { 0.0 } else { f64::from(input.next_values[i]) };
        let goes_on = i + n < len && !terminated && !truncated;
        let tail = if goes_on { advantages[i + n] } else { 0.0 };
        advantages[i] = input.rewards[i] + gamma * bootstrap - value + gamma * lambda * tail;
    }
    let returns = advantages.iter().zip(input.values).map(|(a, v)| a + f64::from(*v)).collect();
    Advantages { advantages, returns }
}

/// Share of the variance of the returns that the values explain, over a rollout; 0 if the returns do not vary.
pub(super) fn explained_variance(values: &[f32], returns: &[f64]) -> f64 {
    let errors: Vec<f64> = returns.iter().zip(values).map(|(r, v)| r - f64::from(*v)).collect();
    let spread = variance(returns);
    if spread > 0.0 { 1.0 - variance(&errors) / spread } else { 0.0 }
}

fn variance(x: &[f64]) -> f64 {
    let n = x.len().max(1) as f64;
    let mean = x.iter().sum::<f64>() / n;
    x.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n
}

#[cfg(test)]
mod tests {
    use super::*;

    fn two_steps(terminated: bool, truncated: bool) -> Advantages {
        let input = GaeInput {
            num_envs: 1,
            parts: 1,
            rewards: &[1.0, 2.0],
            values: &[0.5, 0.25],
            next_values: &[4.0, 8.0],
            terminated: &[terminated, false],
            truncated: &[truncated, false],
        };
        advantages(input, 0.5, 0.5)
    }

    // Second step: 2 + 0.5 x 8 - 0.25 = 5.75. First step alone: 1 + 0.5 x 4 - 0.5 = 2.5.
    #[test]
    fn within_an_episode_the_recursion_adds_the_discounted_tail() {
        assert_eq!(two_steps(false, false).advantages, [2.5 + 0.25 * 5.75, 5.75]);
    }

    #[test]
    fn a_truncated_step_bootstraps_from_its_final_observation_and_cuts_the_recursion() {
        assert_eq!(two_steps(false, true).advantages, [2.5, 5.75]);
        assert_eq!(two_steps(false, true).returns, [3.0, 6.0]);
    }

    #[test]
    fn a_terminated_step_has_no_tail_even_if_it_is_truncated_too() {
        assert_eq!(two_steps(true, false).advantages, [0.5, 5.75]);
        assert_eq!(two_steps(true, true).advantages, [0.5, 5.75]);
    }

    #[test]
    fn explained_variance_is_one_for_a_perfect_critic_and_zero_for_a_constant_one() {
        assert_eq!(explained_variance(&[1.0, 2.0, 3.0], &[1.0, 2.0, 3.0]), 1.0);
        assert_eq!(explained_variance(&[7.0, 7.0, 7.0], &[1.0, 2.0, 3.0]), 0.0);
        assert_eq!(explained_variance(&[1.0, 2.0], &[5.0, 5.0]), 0.0);
    }
}
