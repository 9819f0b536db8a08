//! Lessons: an easier site in the first part of a training run.
//!
//! In: the tables `[[curriculum]]` and the scenario of the run. Out: the scenario of each lesson.
//! Always: what is judged, exported and named in records is the run's own scenario; a lesson changes keys of it and nothing
//! else. Not here: when environments are exchanged (`commands/train_loop.rs`).

use crate::config::{Config, Faults};
use flexai_env::site::SiteConfig;
use serde::{Deserialize, Serialize};

/// One lesson: table `[[curriculum]]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LessonConfig {
    /// Share of all updates at which it is over; in (0, 1), rising from lesson to lesson.
    pub until: f64,
    /// What differs from the scenario of the run: tables and keys as there. A list replaces the whole list.
    pub scenario: toml::Table,
}

impl LessonConfig {
    /// The scenario of this lesson.
    ///
    /// # Errors
    /// The key that is unknown or of the wrong type, in words.
    pub fn scenario(&self, of_the_run: &SiteConfig) -> Result<SiteConfig, String> {
        let mut whole = toml::Table::try_from(of_the_run).map_err(|error| error.to_string())?;
        merge(&mut whole, &self.scenario);
        let text = toml::Value::Table(whole);
        serde_path_to_error::deserialize(text).map_err(|error| {
            let path = error.path().to_string();
            format!("`{path}`: {}", error.into_inner().message())
        })
    }
}

/// Writes the values of `changes` over those of `whole`, table by table.
fn merge(whole: &mut toml::Table, changes: &toml::Table) {
    for (key, change) in changes {
        match (whole.get_mut(key), change) {
            (Some(toml::Value::Table(below)), toml::Value::Table(change)) => merge(below, change),
            // A whole number where the scenario has a fraction means the same fraction.
            (Some(toml::Value::Float(x)), toml::Value::Integer(n)) => *x = *n as f64,
            _ => {
                whole.insert(key.clone(), change.clone());
            }
        }
    }
}

/// Faults of all lessons of a run with this scenario; that of a classic task has none.
pub(super) fn validate(lessons: &[LessonConfig], scenario: Option<&SiteConfig>, faults: &mut Faults) {
    let mut before = 0.0;
    for (i, lesson) in lessons.iter().enumerate() {
        let key = format!("curriculum.{i}");
        faults.require(lesson.until > before && lesson.until < 1.0, &format!("{key}.until"), || {
            format!("`{key}.until` is {}, expected more than {before} and less than 1", lesson.until)
        });
        before = lesson.until.max(before);
        let Some(scenario) = scenario else { continue };
        match lesson.scenario(scenario) {
            Ok(changed) => {
                let found = Config::validate(&changed);
                found.iter().for_each(|(at, message)| {
                    faults.push(&format!("{key}.scenario.{at}"), format!("lesson {}: {message}", i + 1));
                });
            }
            Err(message) => faults.push(&format!("{key}.scenario"), message),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lesson(text: &str) -> LessonConfig {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn a_lesson_changes_its_keys_and_leaves_the_rest() {
        let run = SiteConfig::default();
        let changed = lesson("until = 0.5\n[scenario]\nit_capacity_mw = 20\n[scenario.workload]\nmean_it_mw = 5.5");
        let scenario = changed.scenario(&run).unwrap();
        assert_eq!((scenario.it_capacity_mw, scenario.workload.mean_it_mw), (20.0, 5.5));
        let mut back = scenario;
        (back.it_capacity_mw, back.workload.mean_it_mw) = (run.it_capacity_mw, run.workload.mean_it_mw);
        assert_eq!(back, run);
    }

    #[test]
    fn faults_name_the_lesson_and_the_key() {
        let found = |text: &str| {
            let mut faults = Faults::default();
            let lessons = [lesson("until = 0.3\n[scenario]"), lesson(text)];
            validate(&lessons, Some(&SiteConfig::default()), &mut faults);
            format!("{faults:?}")
        };
        assert!(found("until = 0.2\n[scenario]").contains("`curriculum.1.until` is 0.2, expected more than 0.3"));
        assert!(found("until = 0.6\n[scenario]\ncapacity = 2").contains("unknown field `capacity`"));
        assert!(found("until = 0.6\n[scenario.workload]\nmean_it_mw = \"many\"").contains("`workload.mean_it_mw`"));
        assert!(found("until = 0.6\n[scenario]\nit_capacity_mw = -1.0").contains("lesson 2: `it_capacity_mw`"));
        let mut none = Faults::default();
        let one = [lesson("until = 0.3\n[scenario]\nit_capacity_mw = 20")];
        validate(&one, Some(&SiteConfig::default()), &mut none);
        assert_eq!(format!("{none:?}"), format!("{:?}", Faults::default()));
    }
}
