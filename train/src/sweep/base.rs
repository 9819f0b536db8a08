//! The training configuration a sweep begins with, and what the space may change of it.
//!
//! In: a sweep and its base. Out: the resolved base, the base's own point, or every fault with its place in the sweep file.
//! Always: keys and kinds of values are judged by the configuration itself, hints included; whether values go together is
//! found out by the trial. Not here: the sweep's own keys (`config.rs`).

use super::config::{SweepConfig, check_metric};
use super::space::{Dimension, Point};
use crate::config::{Config, Faults, parse_located, resolved_toml};
use crate::fault::Fault;
use crate::setting::TrainConfig;
use serde::{Deserialize, Serialize};

/// Keys and types of a training configuration without the checks of what goes together.
#[derive(Default, Serialize, Deserialize)]
#[serde(transparent)]
struct Shape(TrainConfig);

impl Config for Shape {}

/// Faults of a sweep against its base.
///
/// # Errors
/// A [`Fault`] if the base cannot be kept as TOML.
pub fn check_base(sweep: &SweepConfig, dimensions: &[Dimension], base: &TrainConfig) -> Result<Faults, Fault> {
    let text = resolved_toml(base)?;
    let mut faults = Faults::default();
    for dimension in dimensions {
        let key = &dimension.key;
        let change = |value: &toml::Value| format!("{key}={value}");
        let refused = dimension.domain.corners().iter().find_map(|value| {
            let error = parse_located::<Shape>("base", &text, &[change(value)]).err()?;
            error.faults().first().cloned()
        });
        if let Some(fault) = refused {
            let place = format!("space.{key}");
            match fault.hint {
                Some(hint) => faults.push_with_hint(&place, fault.message, hint),
                None => faults.push(&place, fault.message),
            }
        }
    }
    if let Err((found, hint)) = check_metric(&sweep.objective.metric, base.is_site()) {
        faults.push_with_hint("objective.metric", format!("`objective.metric` is {found}"), hint);
    }
    if sweep.include_base && faults.is_empty() {
        for dimension in dimensions.iter().filter(|dimension| value_of(&text, &dimension.key).is_none()) {
            let key = &dimension.key;
            faults.push_with_hint(
                &format!("space.{key}"),
                format!("`{key}` has no value in the base, but with `include_base` the base is the first trial"),
                format!(
                    "give it a value, e.g., overrides = [\"{key}={}\"], or set include_base = false",
                    dimension.domain.corners()[0]
                ),
            );
        }
    }
    Ok(faults)
}

/// The base's own values of the dimensions; none if it lacks one.
///
/// # Errors
/// A [`Fault`] if the base cannot be kept as TOML.
pub fn base_point(dimensions: &[Dimension], base: &TrainConfig) -> Result<Option<Point>, Fault> {
    let text = resolved_toml(base)?;
    Ok(dimensions.iter().map(|dimension| value_of(&text, &dimension.key)).collect())
}

/// The value of a dotted key in a resolved configuration.
pub fn value_of(resolved: &str, key: &str) -> Option<toml::Value> {
    let table = resolved.parse::<toml::Table>().ok()?;
    key.split('.').try_fold(toml::Value::Table(table), |value, step| value.get(step).cloned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sweep::space::dimensions;

    fn faults(space: &str, base: &TrainConfig) -> Vec<String> {
        let (dimensions, faults) = dimensions(&space.parse().unwrap());
        assert!(faults.is_empty());
        let faults = check_base(&SweepConfig::default(), &dimensions, base).unwrap();
        faults.iter().map(|(key, message)| format!("{key}: {message}")).collect()
    }

    #[test]
    fn an_unknown_key_and_a_wrong_kind_are_refused_by_the_configuration_itself() {
        let base = TrainConfig::default();
        let space = "\"ppo.learning_rte\" = { uniform = [0, 1] }\n\"ppo.num_steps\" = { uniform = [8, 16] }\n\
                     \"network.activation\" = { choice = [\"tanh\", \"tonh\"] }";
        let found = faults(space, &base);
        assert!(
            found[0].starts_with("space.network.activation: `network.activation` is \"tonh\", but one of"),
            "{found:?}"
        );
        assert_eq!(found[1], "space.ppo.learning_rte: `ppo.learning_rte` is not a key of `[ppo]`");
        assert!(found[2].contains("`ppo.num_steps` is 8.0, but a whole number of at least 0 is expected"), "{found:?}");
        // Two values that do not go together may each go with others: a trial finds out.
        assert!(faults("\"ppo.num_minibatches\" = { choice = [3, 4] }", &base).is_empty());
    }

    #[test]
    fn the_base_needs_a_value_of_each_key_to_be_a_trial() {
        let base = TrainConfig::default();
        let found = faults("\"ppo.target_kl\" = { uniform = [0.01, 0.1] }", &base);
        assert_eq!(found.len(), 1);
        assert!(found[0].contains("`ppo.target_kl` has no value in the base"), "{found:?}");
        let (dimensions, _) = dimensions(&"\"ppo.gamma\" = { uniform = [0.9, 1] }".parse().unwrap());
        assert_eq!(base_point(&dimensions, &base).unwrap(), Some(vec![toml::Value::Float(0.99)]));
    }
}
