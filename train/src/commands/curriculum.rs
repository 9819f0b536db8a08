//! The sites of a run with lessons, and which one an update is played on.
//!
//! In: a configuration and the site it ends with. Out: prepared sites, from the first lesson to the run's own.
//! Always: everything that can be refused is refused when this is made, before a run begins.
//! Not here: the tables and their faults (`setting/curriculum.rs`).

use super::Failure;
use crate::fault::Fault;
use crate::setting::{TrainConfig, site_setup_with};
use flexai_env::site::SiteSetup;
use std::sync::Arc;

/// Sites in the order in which they are played.
pub(super) struct Curriculum {
    /// First update, counted from 0, that is no longer played there; none for the last.
    ends: Vec<u64>,
    setups: Vec<Option<Arc<SiteSetup>>>,
    /// The one that the environments have now.
    pub(super) present: usize,
}

impl Curriculum {
    /// `own` is the site of the run itself; none for classic tasks.
    pub(super) fn new(config: &TrainConfig, own: Option<&Arc<SiteSetup>>) -> Result<Self, Failure> {
        let (mut ends, mut setups) = (Vec::new(), Vec::new());
        for (i, lesson) in config.curriculum.iter().enumerate() {
            let place = format!("curriculum.{i}");
            let scenario = lesson.scenario(&config.site());
            let scenario = scenario.map_err(|message| {
                Fault::new(place.clone(), message).hint("the keys are those of the table `[scenario]`")
            })?;
            let setup = site_setup_with(scenario, &config.env.grid, &config.env.forecast)?;
            if let Some(own) = own {
                same_shape(own, &setup).map_err(|message| {
                    Fault::new(place, message)
                        .hint("a lesson may change sizes, prices and loads, not what is observed or decided")
                })?;
            }
            ends.push((lesson.until * config.ppo.num_updates() as f64).round() as u64);
            setups.push(Some(setup));
        }
        setups.push(own.cloned());
        Ok(Self { ends, setups, present: 0 })
    }

    /// Number of the site that an update, counted from 0, is played on.
    pub(super) fn site_of(&self, update: u64) -> usize {
        self.ends.iter().take_while(|end| update >= **end).count()
    }

    /// A site by its number.
    pub(super) fn setup(&self, number: usize) -> Option<&Arc<SiteSetup>> {
        self.setups[number].as_ref()
    }

    /// Whether there is more than one.
    pub(super) fn has_lessons(&self) -> bool {
        !self.ends.is_empty()
    }
}

fn same_shape(own: &Arc<SiteSetup>, lesson: &Arc<SiteSetup>) -> Result<(), String> {
    use flexai_env::core::Env;
    let [own, lesson] = [own, lesson].map(|setup| flexai_env::site::FlexFleet::new(Arc::clone(setup)));
    if own.observation_space() != lesson.observation_space() {
        let (found, expected) = (lesson.observation_space().flat_len(), own.observation_space().flat_len());
        return Err(format!(
            "the lesson's observation has {found} numbers or other bounds, expected the run's {expected}"
        ));
    }
    if own.action_space() != lesson.action_space() {
        return Err("the lesson's action is not that of the run, expected the same parts and bounds".into());
    }
    Ok(())
}
