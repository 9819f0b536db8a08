//! Who is credited with a reward: the whole action, or each number of it with what it earned by itself.
//!
//! In: parts of rewards and their advantages. Out: one advantage for each number of the action.
//! Always: a number with a part of its own is judged by that part and by what no number earns alone, any other by all
//! parts; so the gradient is the same in the mean where parts do not depend on each other's actions, and has the noise of
//! one part instead of all. Not here: what the parts are (`RewardParts` of the environment), the surrogate (`loss.rs`).
//!
//! The idea is that of factored policy gradients: Wu et al. 2018 (arXiv:1803.07246) take from each factor's return what
//! that factor cannot influence; Spooner et al. 2021 (arXiv:2102.10362) name it for rewards that are sums.

use super::continuous::HALF_LN_TAU;
use super::error::PpoError;
use crate::artifact::{ActionHead, HeadStyle};
use flexai_env::core::{ActionComponent, RewardParts, VecEnv};
use serde::{Deserialize, Serialize};

/// Who is credited with a reward.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Credit {
    /// The whole action with the whole reward.
    #[default]
    Whole,
    /// Each number of the action with the part that it earned, where the environment can tell.
    ByAction,
}

impl Credit {
    /// How rewards divide in these environments; `None` if they are not to.
    ///
    /// # Errors
    /// [`PpoError::Environment`] if nobody can tell.
    pub(super) fn parts(self, venv: &VecEnv, heads: &ActionHead) -> Result<Option<RewardParts>, PpoError> {
        let fault = |found: &str, expected: &str| {
            Err(PpoError::Environment {
                found: found.into(),
                expected: expected.into(),
                hint: "use `ppo.credit = \"whole\"`".into(),
            })
        };
        if self == Self::Whole {
            return Ok(None);
        }
        let continuous = heads.components.iter().all(|part| matches!(part, ActionComponent::Continuous { .. }));
        if !continuous || heads.style != HeadStyle::default() {
            let expected = "normals of independent spread (`ppo.credit` is `by_action`)";
            return fault("an action of another kind", expected);
        }
        match venv.first().reward_parts() {
            Some(parts) => Ok(Some(parts)),
            None => fault("rewards that nobody can divide", "parts (`ppo.credit` is `by_action`)"),
        }
    }
}

/// Advantages of the numbers of the action, `[rows, numbers]`, from those of the parts, `[rows, parts]`; what other numbers
/// earn counts with the weight `others`.
pub(super) fn of_actions(parts: &RewardParts, advantages: &[f64], others: f64) -> Vec<f64> {
    let rows = advantages.chunks_exact(parts.count);
    let judged = rows.flat_map(|row| {
        let (rest, whole) = (row[parts.count - 1], row.iter().sum::<f64>());
        let own = move |part: usize| row[part] + rest;
        parts.of_action.iter().map(move |part| part.map_or(whole, |part| own(part) + others * (whole - own(part))))
    });
    judged.collect()
}

/// Log-probability of each number by itself, from actions beside the means of their normals, into rows of numbers.
pub(super) fn own_log_probs<'a>(
    log_std: &[f32],
    mut numbers: impl Iterator<Item = (&'a f32, &'a f32)>,
    rows: impl Iterator<Item = &'a mut [f32]>,
) {
    let spreads: Vec<(f64, f64)> = log_std.iter().map(|x| (f64::from(*x), (-f64::from(*x)).exp())).collect();
    for row in rows {
        for (out, (log_std, inverse)) in row.iter_mut().zip(&spreads) {
            let (action, mean) = numbers.next().expect("every number of an action has a mean");
            let z = (f64::from(*action) - f64::from(*mean)) * inverse;
            *out = (-0.5 * z * z - log_std - HALF_LN_TAU) as f32;
        }
    }
}

/// The sum of each row of so many numbers.
pub(super) fn row_sums(numbers: &[f64], columns: usize) -> Vec<f64> {
    numbers.chunks_exact(columns).map(|row| row.iter().sum()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_judged_by_its_own_part_and_the_rest_and_one_without_by_all() {
        let parts = RewardParts { count: 3, of_action: vec![Some(1), None, Some(0)] };
        let numbers = [1.0, 10.0, 100.0, -1.0, 2.0, 0.5];
        assert_eq!(of_actions(&parts, &numbers, 0.0), [110.0, 111.0, 101.0, 2.5, 1.5, -0.5]);
        assert_eq!(of_actions(&parts, &numbers, 0.5), [110.5, 111.0, 106.0, 2.0, 1.5, 0.5]);
        assert_eq!(of_actions(&parts, &numbers, 1.0), [111.0, 111.0, 111.0, 1.5, 1.5, 1.5]);
        assert_eq!(row_sums(&[1.0, 10.0, 100.0, -1.0, 2.0, 0.5], 3), [111.0, 1.5]);
    }
}
