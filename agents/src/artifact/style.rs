//! What an action head is: its parts, and how their continuous dimensions are distributed.
//!
//! In: the components of an action space and two choices. Out: how long its rows of parameters are and what they mean.
//! Always: the default is what artifacts of format 1 hold: independent normals, clipped when sent.
//! Not here: drawing and densities (`head.rs`, `density.rs`).

use flexai_env::core::ActionComponent;
use serde::{Deserialize, Serialize};

/// How a continuous dimension is distributed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Distribution {
    /// A normal, clipped to the bounds when sent.
    #[default]
    Gaussian,
    /// The hyperbolic tangent of a normal, scaled to the bounds.
    Squashed,
    /// A beta distribution with both parameters above 1, scaled to the bounds.
    Beta,
}

/// Where the spread of a normal comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Spread {
    /// One learnt number per dimension.
    #[default]
    Independent,
    /// A second output of the actor per dimension, clamped to [`LOG_STD_RANGE`].
    State,
    /// Generalised state-dependent exploration: a learnt spread from each feature to each dimension.
    Gsde,
}

/// Range of the logarithm of a spread that is an output of the actor.
pub const LOG_STD_RANGE: (f32, f32) = (-5.0, 2.0);

/// Added to the variance of state-dependent exploration.
pub(crate) const GSDE_EPSILON: f32 = 1e-6;

/// How the continuous dimensions of an action are distributed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HeadStyle {
    /// Family of the distribution.
    pub distribution: Distribution,
    /// Source of its spread; a beta distribution has none of its own, so it is `independent` there.
    pub spread: Spread,
}

/// Parts of an action in flat order, and how the continuous ones are distributed.
///
/// A row of parameters holds, part after part, what the actor says: for a choice a logit per option; for a continuous
/// part of `dim` dimensions `dim` means, then with [`Spread::State`] `dim` logarithms of spreads, or with
/// [`Distribution::Beta`] `dim` numbers for alpha and `dim` for beta, each through `1 + softplus`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ActionHead {
    /// Parts with bounds and options.
    pub components: Vec<ActionComponent>,
    /// Distribution of all continuous dimensions.
    pub style: HeadStyle,
}

impl From<Vec<ActionComponent>> for ActionHead {
    fn from(components: Vec<ActionComponent>) -> Self {
        Self { components, style: HeadStyle::default() }
    }
}

impl HeadStyle {
    /// Parameters of one continuous dimension in a row.
    pub fn parameters_per_dimension(self) -> usize {
        if self.distribution == Distribution::Beta || self.spread == Spread::State { 2 } else { 1 }
    }

    /// Length of `log_std` for so many dimensions of an actor with so many features.
    pub fn log_std_len(self, dimensions: usize, features: usize) -> usize {
        match (self.distribution, self.spread) {
            (Distribution::Beta, _) | (_, Spread::State) => 0,
            (_, Spread::Independent) => dimensions,
            (_, Spread::Gsde) => dimensions * features,
        }
    }

    /// What is wrong with this choice for such an action, as `what is, what was expected`.
    ///
    /// # Errors
    /// The first fault in words.
    pub fn check(self, components: &[ActionComponent]) -> Result<(), String> {
        if self.distribution == Distribution::Beta && self.spread != Spread::Independent {
            return Err("a beta distribution has no spread to choose, expected `independent`".to_string());
        }
        if self != Self::default() && continuous_len(components) == 0 {
            return Err("the action has no continuous part, expected a Gaussian with independent spread".to_string());
        }
        if self.distribution == Distribution::Gaussian {
            return Ok(());
        }
        for component in components {
            if let ActionComponent::Continuous { offset, low, high } = component {
                let wide = |i: &usize| low[*i].is_finite() && high[*i].is_finite() && low[*i] < high[*i];
                if let Some(i) = (0..low.len()).find(|i| !wide(i)) {
                    let (at, low, high) = (offset + i, low[i], high[i]);
                    return Err(format!("action index {at} has the bounds {low} and {high}, expected a finite range"));
                }
            }
        }
        Ok(())
    }
}

impl ActionHead {
    /// Length of one row of parameters.
    pub fn parameter_len(&self) -> usize {
        let per_dimension = self.style.parameters_per_dimension();
        let len = |component: &ActionComponent| match component {
            ActionComponent::Continuous { low, .. } => low.len() * per_dimension,
            ActionComponent::Categorical { n, .. } => *n,
        };
        self.components.iter().map(len).sum()
    }

    /// Number of continuous dimensions.
    pub fn continuous_len(&self) -> usize {
        continuous_len(&self.components)
    }

    /// Length of a mask: the options of all choices together.
    pub fn mask_len(&self) -> usize {
        let len = |component: &ActionComponent| match component {
            ActionComponent::Continuous { .. } => 0,
            ActionComponent::Categorical { n, .. } => *n,
        };
        self.components.iter().map(len).sum()
    }

    /// Length of one flat action.
    pub fn action_len(&self) -> usize {
        let len = |component: &ActionComponent| match component {
            ActionComponent::Continuous { low, .. } => low.len(),
            ActionComponent::Categorical { .. } => 1,
        };
        self.components.iter().map(len).sum()
    }
}

fn continuous_len(components: &[ActionComponent]) -> usize {
    let len = |component: &ActionComponent| match component {
        ActionComponent::Continuous { low, .. } => low.len(),
        ActionComponent::Categorical { .. } => 0,
    };
    components.iter().map(len).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use flexai_env::core::Space;

    fn refused(distribution: Distribution, spread: Spread, space: &Space) -> String {
        HeadStyle { distribution, spread }.check(&space.components()).expect_err("refused")
    }

    #[test]
    fn a_choice_that_does_not_fit_the_action_is_refused_in_words() {
        let open = Space::Box { low: vec![-1.0, 0.0], high: vec![1.0, f32::INFINITY] };
        for distribution in [Distribution::Squashed, Distribution::Beta] {
            assert_eq!(
                refused(distribution, Spread::Independent, &open),
                "action index 1 has the bounds 0 and inf, expected a finite range"
            );
        }
        assert!(refused(Distribution::Beta, Spread::Gsde, &Space::uniform_box(1, 0.0, 1.0)).contains("`independent`"));
        assert!(refused(Distribution::Gaussian, Spread::State, &Space::discrete(2)).contains("no continuous part"));
        assert_eq!(HeadStyle::default().check(&open.components()), Ok(()));
    }

    #[test]
    fn a_row_has_two_numbers_per_dimension_where_the_spread_or_a_beta_needs_them() {
        let entries = vec![("a".into(), Space::uniform_box(3, 0.0, 1.0)), ("b".into(), Space::discrete(4))];
        let components = Space::Dict { entries }.components();
        let len = |distribution, spread| {
            let style = HeadStyle { distribution, spread };
            let head = ActionHead { components: components.clone(), style };
            (head.parameter_len(), style.log_std_len(head.continuous_len(), 16))
        };
        assert_eq!(len(Distribution::Gaussian, Spread::Independent), (7, 3));
        assert_eq!(len(Distribution::Squashed, Spread::State), (10, 0));
        assert_eq!(len(Distribution::Gaussian, Spread::Gsde), (7, 48));
        assert_eq!(len(Distribution::Beta, Spread::Independent), (10, 0));
    }
}
