//! TOML configuration: one file, overrides on top, every fault reported in one go.
//!
//! In: a path (or a text) and `KEY=VALUE` overrides. Out: a checked value of the caller's type, or a [`ConfigError`].
//! Always: an unknown key is refused with the nearest known one; a fault names file, line, column and dotted key.
//! Not here: which keys exist (the configured structs), where the resolved file is saved (`run_dir`).

mod document;
mod explain;
mod faults;
mod nearest;
mod overrides;
mod repair;

use crate::fault::Fault;
use document::Document;
pub use faults::Faults;
pub(crate) use nearest::nearest;
use serde::{Serialize, de::DeserializeOwned};
use std::fmt;
use std::path::Path;

/// What a configuration struct must be able to do; one line for a struct without semantic checks.
///
/// Structs carry `#[serde(default, deny_unknown_fields)]`: serde is the only judge of keys and types.
pub trait Config: DeserializeOwned + Default + Serialize {
    /// Faults that types cannot express, all together; keys are dotted from the root of the file.
    fn validate(&self) -> Faults {
        Faults::default()
    }
}

/// A configuration and the memory of where each key stood.
#[derive(Debug, Clone)]
pub struct Loaded<T> {
    /// The resolved configuration.
    pub value: T,
    document: Document,
}

impl<T: Config> Loaded<T> {
    /// Turns faults found after loading (against a table, a device, another file) into an error with positions.
    ///
    /// # Errors
    /// [`ConfigError`] if there is any fault.
    pub fn check(&self, faults: &Faults) -> Result<(), ConfigError> {
        if faults.is_empty() {
            return Ok(());
        }
        let defaults = toml::Table::try_from(T::default()).unwrap_or_default();
        Err(ConfigError { faults: faults.located(&self.document, &defaults) })
    }
}

/// Everything wrong with a configuration: at least one fault, in the order of the file, overrides last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    faults: Vec<Fault>,
}

impl ConfigError {
    /// Exit code of the program: 2 for wrong input, 1 if the file could not be read.
    pub fn exit_code(&self) -> u8 {
        self.faults.iter().map(|fault| fault.exit_code).min().unwrap_or(2)
    }

    /// The single faults.
    pub fn faults(&self) -> &[Fault] {
        &self.faults
    }

    fn one(fault: Fault) -> Self {
        Self { faults: vec![fault] }
    }
}

impl fmt::Display for ConfigError {
    /// Faults after the first bring their own `error: `, as the binary prints the first one.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, fault) in self.faults.iter().enumerate() {
            let lead = if index == 0 { "" } else { "\n\nerror: " };
            write!(f, "{lead}{fault}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigError {}

/// Reads, overrides, deserialises and validates a configuration file.
///
/// # Errors
/// [`ConfigError`] with every fault that could be found.
pub fn load_config<T: Config>(path: &Path, overrides: &[String]) -> Result<T, ConfigError> {
    load_located(path, overrides).map(|loaded| loaded.value)
}

/// As [`load_config`], keeping the positions for checks that come later.
///
/// # Errors
/// [`ConfigError`] with every fault that could be found.
pub fn load_located<T: Config>(path: &Path, overrides: &[String]) -> Result<Loaded<T>, ConfigError> {
    let text = document::read_text(path).map_err(ConfigError::one)?;
    parse_located(&path.display().to_string(), &text, overrides)
}

/// As [`load_located`] for a text already in memory, e.g. a configuration the binary brings along.
///
/// # Errors
/// [`ConfigError`] with every fault that could be found.
pub fn parse_located<T: Config>(name: &str, text: &str, overrides: &[String]) -> Result<Loaded<T>, ConfigError> {
    let mut document = Document::parse(name, text).map_err(|faults| ConfigError { faults })?;
    let mut faults = overrides::apply(&mut document, overrides);
    match repair::deserialise::<T>(&document) {
        Ok(value) if faults.is_empty() => {
            let loaded = Loaded { value, document };
            loaded.check(&loaded.value.validate())?;
            Ok(loaded)
        }
        Ok(_) => Err(ConfigError { faults }),
        Err(found) => {
            faults.splice(0..0, found);
            Err(ConfigError { faults })
        }
    }
}

/// The resolved configuration as the run directory keeps it: every key, also those left at their default.
///
/// # Errors
/// A [`Fault`] if a number does not fit TOML's 64-bit signed integers.
pub fn resolved_toml<T: Serialize>(config: &T) -> Result<String, Fault> {
    let refuse = |error: String| {
        Fault::new("configuration", format!("cannot be kept as TOML: {}", error.trim()))
            .hint("use numbers below 9223372036854775808, e.g., for the seed")
    };
    let text = toml::to_string_pretty(config).map_err(|error| refuse(error.to_string()))?;
    // The writer takes larger numbers than the reader.
    text.parse::<toml::Table>().map_err(|error| refuse(error.message().to_owned()))?;
    Ok(text)
}

#[cfg(test)]
mod tests;
