//! What makes a policy a rival: a name, options with defaults and meanings, and the scenarios it can play.
//!
//! In: a type that is [`RivalPolicy`]. Out: a [`Rival`], the type's line in the registry.
//! Always: every option has a default; a rival without options given is the rival by its defaults.
//! Not here: reading options from text (`choice.rs`).

use super::choice::{NOTHING, shown};
use crate::policy::{Policy, PolicySource};
use flexai_env::site::SiteConfig;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A policy with a name and options: one file, and one line in the registry.
pub trait RivalPolicy: Policy + Sized + 'static {
    /// All options; `#[serde(default, deny_unknown_fields)]`, numbers, words, true or false.
    type Options: Default + Serialize + DeserializeOwned;
    /// Name on the command line.
    const NAME: &'static str;
    /// One sentence.
    const SUMMARY: &'static str;
    /// What each option means, in the order of the struct.
    const OPTIONS: &'static [OptionSpec] = &[];
    /// Whether a decision takes milliseconds, so that the short table at the end of a training run leaves it out.
    const SLOW: bool = false;

    /// The policy with these options, which have no faults.
    fn new(options: Self::Options) -> Self;

    /// The first option that cannot be, with what was expected: "... `key` is 2, expected 0 to 1".
    fn fault(_options: &Self::Options) -> Option<String> {
        None
    }

    /// Why it cannot play a scenario, as the end of a sentence that begins with its name.
    fn unfit(_options: &Self::Options, _scenario: &SiteConfig) -> Option<String> {
        None
    }

    /// Whether it looks up what nobody could know yet, as a measure of what knowing is worth.
    fn sees_the_future(_options: &Self::Options) -> bool {
        false
    }
}

/// What an option means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct OptionSpec {
    /// Name.
    pub key: &'static str,
    /// One sentence.
    pub meaning: &'static str,
    /// Values that tuning tries; empty if it is not tuned.
    pub tries: &'static [&'static str],
}

impl OptionSpec {
    /// An option that is never tuned.
    pub(super) const fn fixed(key: &'static str, meaning: &'static str) -> Self {
        Self { key, meaning, tries: &[] }
    }

    /// An option with the values that tuning tries.
    pub(super) const fn tuned(key: &'static str, meaning: &'static str, tries: &'static [&'static str]) -> Self {
        Self { key, meaning, tries }
    }
}

/// No options at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoOptions {}

/// A line of the registry.
#[derive(Clone, Copy)]
pub struct Rival {
    /// Name on the command line and in reports.
    pub name: &'static str,
    /// One sentence.
    pub summary: &'static str,
    /// Its options.
    pub options: &'static [OptionSpec],
    /// Whether a decision takes milliseconds.
    pub slow: bool,
    pub(super) defaults: fn() -> Map<String, Value>,
    pub(super) make: fn(Value) -> serde_json::Result<Box<dyn Policy>>,
    /// Options as their own type writes them.
    pub(super) resolve: fn(Value) -> serde_json::Result<Map<String, Value>>,
    pub(super) fault: fn(Value) -> serde_json::Result<Option<String>>,
    pub(super) unfit: fn(Value, &SiteConfig) -> Option<String>,
    pub(super) sees_the_future: fn(Value) -> bool,
}

impl Rival {
    /// The line of a type.
    pub(super) const fn of<T: RivalPolicy>() -> Self {
        Self {
            name: T::NAME,
            summary: T::SUMMARY,
            options: T::OPTIONS,
            slow: T::SLOW,
            defaults: defaults::<T>,
            make: make::<T>,
            resolve: resolve::<T>,
            fault: fault::<T>,
            unfit: unfit::<T>,
            sees_the_future: sees_the_future::<T>,
        }
    }

    /// Its options with their defaults.
    pub fn defaults(&self) -> Map<String, Value> {
        (self.defaults)()
    }

    /// The default of an option as it is written on the command line; `none` if it is nothing by default.
    pub fn default_of(&self, key: &str) -> String {
        self.defaults().get(key).map_or(NOTHING.into(), shown)
    }

    /// Why it cannot play a scenario by its defaults, as the end of a sentence that begins with its name.
    pub fn unfit(&self, scenario: &SiteConfig) -> Option<String> {
        (self.unfit)(Value::Object(self.defaults()), scenario)
    }
}

impl PolicySource for Rival {
    fn name(&self) -> &str {
        self.name
    }

    fn make(&self) -> Box<dyn Policy> {
        (self.make)(Value::Object(self.defaults())).expect("the defaults of a rival are options of it")
    }
}

/// Why a rival that only schedules jobs cannot play a scenario: it has none.
pub(super) fn without_jobs(scenario: &SiteConfig) -> Option<String> {
    let none = scenario.workload.classes.is_empty();
    none.then(|| format!("needs jobs that can wait, but scenario `{}` has none", scenario.name))
}

/// The first of some faults `(key, message)`.
pub(super) fn first_fault(faults: Vec<(String, String)>) -> Option<String> {
    faults.into_iter().next().map(|(key, message)| format!("`{key}` {message}"))
}

fn defaults<T: RivalPolicy>() -> Map<String, Value> {
    written(&T::Options::default())
}

fn resolve<T: RivalPolicy>(options: Value) -> serde_json::Result<Map<String, Value>> {
    serde_json::from_value(options).map(|options: T::Options| written(&options))
}

fn written(options: &impl Serialize) -> Map<String, Value> {
    match serde_json::to_value(options) {
        Ok(Value::Object(map)) => map,
        _ => unreachable!("options are structs of numbers and words"),
    }
}

fn make<T: RivalPolicy>(options: Value) -> serde_json::Result<Box<dyn Policy>> {
    Ok(Box::new(T::new(serde_json::from_value(options)?)))
}

fn fault<T: RivalPolicy>(options: Value) -> serde_json::Result<Option<String>> {
    Ok(T::fault(&serde_json::from_value(options)?))
}

fn unfit<T: RivalPolicy>(options: Value, scenario: &SiteConfig) -> Option<String> {
    serde_json::from_value(options).ok().and_then(|options| T::unfit(&options, scenario))
}

fn sees_the_future<T: RivalPolicy>(options: Value) -> bool {
    serde_json::from_value(options).is_ok_and(|options| T::sees_the_future(&options))
}
