//! A rival as it is named on the command line: `NAME`, or `NAME:key=value,key=value`.
//!
//! In: text. Out: a [`ChosenRival`], or a [`RivalError`] with all that a message needs.
//! Always: the name in reports is the text as given; inside another text, e.g. as the value of an option, brackets take
//! the place of the colon: `NAME(key=value,key=value)`. Not here: the wording of hints (the command line).

use super::rival::Rival;
use super::{RIVALS, find_rival};
use crate::policy::{Policy, PolicySource, Situation};
use flexai_env::core::StateError;
use flexai_env::site::SiteConfig;
use serde_json::{Map, Value};
use std::fmt;

/// The value of an option that is nothing by default.
pub(super) const NOTHING: &str = "none";

/// A rival with its options.
#[derive(Clone)]
pub struct ChosenRival {
    text: String,
    rival: &'static Rival,
    options: Map<String, Value>,
}

impl fmt::Debug for ChosenRival {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChosenRival").field("text", &self.text).field("options", &self.options).finish()
    }
}

/// Why a text names no rival.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RivalError {
    /// There is no such rival.
    Unknown {
        /// The name found.
        found: String,
    },
    /// A piece is no `key=value`.
    Syntax {
        /// The piece.
        found: String,
    },
    /// The rival has no such option.
    UnknownOption {
        /// The rival.
        rival: &'static str,
        /// The key found.
        key: String,
        /// Its options.
        known: Vec<&'static str>,
    },
    /// An option is given twice.
    Twice {
        /// The key.
        key: String,
    },
    /// An option cannot have this value.
    BadValue {
        /// The key.
        key: String,
        /// The value found.
        found: String,
        /// What was expected.
        expected: String,
        /// The default.
        default: String,
    },
    /// The options do not fit together, or one is out of range.
    Fault {
        /// Which, and what was expected.
        message: String,
    },
}

impl fmt::Display for RivalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown { found } => {
                let all: Vec<&str> = RIVALS.iter().map(|rival| rival.name).collect();
                write!(f, "`{found}` is no rival, expected one of {}", all.join(", "))
            }
            Self::Syntax { found } => write!(f, "`{found}` is no option, expected key=value"),
            Self::UnknownOption { rival, key, known } if known.is_empty() => {
                write!(f, "`{key}` is no option of {rival}, which has none")
            }
            Self::UnknownOption { rival, key, known } => {
                write!(f, "`{key}` is no option of {rival}, expected one of {}", known.join(", "))
            }
            Self::Twice { key } => write!(f, "`{key}` is given twice, expected each option once"),
            Self::BadValue { key, found, expected, .. } => write!(f, "`{key}` is `{found}`, expected {expected}"),
            Self::Fault { message } => f.write_str(message),
        }
    }
}

impl std::error::Error for RivalError {}

impl ChosenRival {
    /// Reads `NAME`, `NAME:key=value,..` or `NAME(key=value,..)`.
    ///
    /// # Errors
    /// [`RivalError`].
    pub fn parse(text: &str) -> Result<Self, RivalError> {
        let (name, pairs) = parts(text).ok_or_else(|| RivalError::Syntax { found: text.to_string() })?;
        let rival = find_rival(name).ok_or_else(|| RivalError::Unknown { found: name.to_string() })?;
        let mut chosen = Self { text: text.to_string(), rival, options: rival.defaults() };
        let mut seen = Vec::new();
        for pair in pairs.map(split_commas).unwrap_or_default() {
            let (key, value) = pair
                .split_once('=')
                .map(|(key, value)| (key.trim(), value.trim()))
                .filter(|(key, value)| !key.is_empty() && !value.is_empty())
                .ok_or_else(|| RivalError::Syntax { found: pair.to_string() })?;
            if seen.contains(&key) {
                return Err(RivalError::Twice { key: key.to_string() });
            }
            seen.push(key);
            chosen.set(key, value)?;
        }
        chosen.check()?;
        Ok(chosen)
    }

    /// Changes one option; whether all fit together is for [`ChosenRival::check`] to say.
    ///
    /// # Errors
    /// [`RivalError::UnknownOption`] or [`RivalError::BadValue`].
    pub fn set(&mut self, key: &str, value: &str) -> Result<(), RivalError> {
        let known: Vec<&str> = self.rival.options.iter().map(|option| option.key).collect();
        if !known.contains(&key) {
            return Err(RivalError::UnknownOption { rival: self.rival.name, key: key.to_string(), known });
        }
        let mut options = self.options.clone();
        if value == NOTHING && !self.rival.defaults().contains_key(key) {
            options.remove(key);
        } else {
            options.insert(key.to_string(), scalar(value));
        }
        self.options = (self.rival.resolve)(Value::Object(options)).map_err(|error| RivalError::BadValue {
            key: key.to_string(),
            found: value.to_string(),
            expected: expected(&error.to_string()),
            default: self.rival.default_of(key),
        })?;
        Ok(())
    }

    /// Whether all options can be, alone and together.
    ///
    /// # Errors
    /// [`RivalError::Fault`].
    pub fn check(&self) -> Result<(), RivalError> {
        let found = (self.rival.fault)(Value::Object(self.options.clone()));
        match found.expect("each option was read when it was set") {
            Some(message) => Err(RivalError::Fault { message }),
            None => Ok(()),
        }
    }

    /// The rival.
    pub fn rival(&self) -> &'static Rival {
        self.rival
    }

    /// All options, those left out with their defaults.
    pub fn options(&self) -> &Map<String, Value> {
        &self.options
    }

    /// Why it cannot play a scenario, as the end of a sentence that begins with its name.
    pub fn unfit(&self, scenario: &SiteConfig) -> Option<String> {
        (self.rival.unfit)(Value::Object(self.options.clone()), scenario)
    }

    /// The same rival with every option in its name.
    pub fn spelled_out(&self) -> String {
        let pairs: Vec<String> = self.options.iter().map(|(key, value)| format!("{key}={}", shown(value))).collect();
        if pairs.is_empty() { self.rival.name.to_string() } else { format!("{}:{}", self.rival.name, pairs.join(",")) }
    }

    /// The same rival called by the name that spells it out.
    pub fn renamed(self) -> Self {
        Self { text: self.spelled_out(), ..self }
    }
}

impl PolicySource for ChosenRival {
    fn name(&self) -> &str {
        &self.text
    }

    fn make(&self) -> Box<dyn Policy> {
        let policy = (self.rival.make)(Value::Object(self.options.clone()));
        Box::new(Named {
            name: self.text.clone(),
            policy: policy.expect("the options were checked when it was chosen"),
        })
    }

    fn sees_the_future(&self) -> bool {
        (self.rival.sees_the_future)(Value::Object(self.options.clone()))
    }
}

/// A rival that goes by the name that it was given.
struct Named {
    name: String,
    policy: Box<dyn Policy>,
}

impl Policy for Named {
    fn name(&self) -> &str {
        &self.name
    }

    fn begin_episode(&mut self, seed: u64) {
        self.policy.begin_episode(seed);
    }

    fn save_state(&self) -> Vec<u8> {
        self.policy.save_state()
    }

    fn load_state(&mut self, bytes: &[u8]) -> Result<(), StateError> {
        self.policy.load_state(bytes)
    }

    fn decide(&mut self, situation: &Situation<'_>, action: &mut [f32]) {
        self.policy.decide(situation, action);
    }
}

/// Whether a text begins like a rival's name: its options may still be wrong.
pub fn names_a_rival(text: &str) -> bool {
    parts(text).is_some_and(|(name, _)| find_rival(name).is_some())
}

/// The rivals of a list with commas; a piece that is an option belongs to the rival before it.
pub fn split_rivals(list: &str) -> Vec<String> {
    let mut rivals: Vec<String> = Vec::new();
    for piece in split_commas(list) {
        let head = piece.find([':', '(']).map_or(piece, |at| &piece[..at]);
        match rivals.last_mut() {
            Some(last) if head.contains('=') => {
                last.push(',');
                last.push_str(piece);
            }
            _ => rivals.push(piece.to_string()),
        }
    }
    rivals
}

/// Name and options of a text; `None` if brackets do not match.
fn parts(text: &str) -> Option<(&str, Option<&str>)> {
    match text.find([':', '(']) {
        None => Some((text, None)),
        Some(at) if text[at..].starts_with(':') => Some((&text[..at], Some(&text[at + 1..]))),
        Some(at) => text.strip_suffix(')').map(|inner| (&text[..at], inner.get(at + 1..))),
    }
}

/// Pieces between the commas that no brackets enclose.
fn split_commas(text: &str) -> Vec<&str> {
    let mut depth = 0_i32;
    text.split(|c: char| {
        depth += i32::from(c == '(') - i32::from(c == ')');
        c == ',' && depth == 0
    })
    .map(str::trim)
    .collect()
}

/// A number, true or false as such, everything else as a word.
fn scalar(text: &str) -> Value {
    match serde_json::from_str(text) {
        Ok(value @ (Value::Number(_) | Value::Bool(_))) => value,
        _ => Value::String(text.to_string()),
    }
}

/// A value as it is written on the command line.
pub fn shown(value: &Value) -> String {
    match value {
        Value::String(word) => word.clone(),
        other => other.to_string(),
    }
}

/// What serde expected, in plain words.
fn expected(message: &str) -> String {
    let after = message.rsplit_once(", expected ").map_or(message, |(_, words)| words);
    match after {
        "f64" | "f32" => "a number".into(),
        "usize" | "u64" | "u32" | "u16" | "u8" => "a whole number, 0 or more".into(),
        "a boolean" => "true or false".into(),
        words => words.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fails(text: &str) -> String {
        ChosenRival::parse(text).expect_err("it names no rival").to_string()
    }

    #[test]
    fn a_rival_goes_by_the_text_that_named_it_and_keeps_the_defaults_of_what_was_left_out() {
        let chosen = ChosenRival::parse("day_ahead_quantile:charge=0.1,periods_back=12").unwrap();
        assert_eq!(chosen.name(), "day_ahead_quantile:charge=0.1,periods_back=12");
        assert_eq!(chosen.make().name(), chosen.name());
        assert_eq!((&chosen.options()["charge"], &chosen.options()["periods_back"]), (&0.1.into(), &12.into()));
        assert_eq!(chosen.options()["discharge"], chosen.rival().defaults()["discharge"]);
    }

    #[test]
    fn brackets_stand_for_the_colon() {
        let [colon, brackets] = ["day_ahead_quantile:charge=0.1", "day_ahead_quantile(charge=0.1)"]
            .map(|text| ChosenRival::parse(text).unwrap());
        assert_eq!(colon.options(), brackets.options());
    }

    #[test]
    fn unknown_names_keys_and_values_are_told_with_what_was_expected() {
        assert!(fails("fivo").starts_with("`fivo` is no rival, expected one of random, fifo"), "{}", fails("fivo"));
        assert_eq!(fails("fifo:x=1"), "`x` is no option of fifo, which has none");
        let text = fails("day_ahead_quantile:charg=1");
        assert!(text.starts_with("`charg` is no option of day_ahead_quantile, expected one of run_short"), "{text}");
        assert_eq!(fails("day_ahead_quantile:charge=low"), "`charge` is `low`, expected a number");
        assert_eq!(
            fails("day_ahead_quantile:periods_back=-1"),
            "`periods_back` is `-1`, expected a whole number, 0 or more"
        );
        assert_eq!(fails("ctss:clamp=2"), "`clamp` is `2`, expected true or false");
        assert_eq!(
            fails("day_ahead_quantile:charge=0.1,charge=0.2"),
            "`charge` is given twice, expected each option once"
        );
        assert_eq!(fails("day_ahead_quantile:charge=2"), "`charge` is 2, expected 0 to 1");
        for text in ["fifo:", "ctss:clamp", "ctss:clamp=", "ctss:=1"] {
            assert!(fails(text).ends_with("expected key=value"), "{text}: {}", fails(text));
        }
        assert_eq!(fails("ctss(clamp=true"), "`ctss(clamp=true` is no option, expected key=value");
    }

    #[test]
    fn a_list_keeps_options_with_their_rival() {
        let list = "fifo, ctss:clamp=false,charges=true,arbitrage:jobs=ctss(clamp=false,charges=true),random";
        let expected =
            ["fifo", "ctss:clamp=false,charges=true", "arbitrage:jobs=ctss(clamp=false,charges=true)", "random"];
        assert_eq!(split_rivals(list), expected);
    }

    #[test]
    fn a_name_with_every_option_names_the_same_rival() {
        let chosen = ChosenRival::parse("arbitrage:periods_back=7,jobs=ctss(clamp=false,charges=true)").unwrap();
        let again = ChosenRival::parse(&chosen.spelled_out()).unwrap();
        assert_eq!(again.options(), chosen.options());
        assert_eq!(again.name(), chosen.renamed().name());
        assert_eq!(ChosenRival::parse("fifo").unwrap().spelled_out(), "fifo");
        let [whole, real] = ["8", "8.0"].map(|hours| format!("day_ahead_quantile:long_hours={hours}"));
        let [whole, real] = [whole, real].map(|text| ChosenRival::parse(&text).unwrap().spelled_out());
        assert_eq!(whole, real);
    }

    #[test]
    fn a_rival_with_a_perfect_forecast_sees_the_future_wherever_it_stands() {
        let sees = |text: &str| ChosenRival::parse(text).unwrap().sees_the_future();
        for rival in ["planner", "mpc", "genetic"] {
            assert!(sees(&format!("{rival}:forecast=perfect")), "{rival}");
            assert!(sees(&format!("arbitrage:jobs={rival}(forecast=perfect)")), "{rival} beside a battery");
        }
        assert!(sees("arbitrage:method=lp,forecast=perfect"));
        assert!(sees("arbitrage:jobs=arbitrage(jobs=mpc(forecast=perfect))"));
        assert!(!sees("arbitrage:forecast=perfect"), "quantiles of known prices ask no forecast");
        assert!(RIVALS.iter().all(|rival| !sees(rival.name)), "none does so by its defaults");
    }

    #[test]
    fn every_rival_can_be_made_by_its_defaults_and_says_what_each_option_means() {
        for rival in RIVALS {
            let chosen = ChosenRival::parse(rival.name).unwrap();
            assert_eq!(chosen.make().name(), rival.name);
            // An option that is nothing by default is not among them.
            let keys: Vec<&str> = rival.options.iter().map(|option| option.key).collect();
            assert!(rival.defaults().keys().all(|key| keys.contains(&key.as_str())), "{}", rival.name);
            for option in rival.options {
                assert!(!option.meaning.is_empty(), "{}: {}", rival.name, option.key);
                for value in option.tries {
                    let mut chosen = chosen.clone();
                    chosen.set(option.key, value).unwrap();
                    assert_eq!(chosen.check(), Ok(()), "{} {}={value}", rival.name, option.key);
                }
            }
        }
    }
}
