//! Semantic faults of a configuration, collected by `validate()`.
//!
//! In: dotted keys with a sentence. Out: located faults once the document is at hand.
//! Always: the order of collection is kept until positions are known.
//! Not here: syntax and types (`repair.rs`).

use super::document::Document;
use super::explain::default_hint;
use crate::fault::Fault;

/// Faults by dotted key, e.g. `ppo.minibatch_size`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Faults {
    items: Vec<Item>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Item {
    key: String,
    message: String,
    hint: Option<String>,
}

impl Faults {
    /// Notes a fault: the message is a whole sentence that names the key, what was found and what was expected.
    pub fn push(&mut self, key: &str, message: impl Into<String>) {
        self.items.push(Item { key: key.to_owned(), message: message.into(), hint: None });
    }

    /// Notes a fault and the action that mends it.
    pub fn push_with_hint(&mut self, key: &str, message: impl Into<String>, hint: impl Into<String>) {
        self.items.push(Item { key: key.to_owned(), message: message.into(), hint: Some(hint.into()) });
    }

    /// Notes a fault unless the condition holds.
    pub fn require(&mut self, holds: bool, key: &str, message: impl FnOnce() -> String) {
        if !holds {
            self.push(key, message());
        }
    }

    /// Takes over the faults of a part whose keys start at the table `prefix`.
    pub fn extend_under(&mut self, prefix: &str, part: Faults) {
        self.items.extend(part.items.into_iter().map(|item| Item { key: format!("{prefix}.{}", item.key), ..item }));
    }

    /// Whether nothing is wrong.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// The faults as keys and sentences, for a caller without a file.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.items.iter().map(|item| (item.key.as_str(), item.message.as_str()))
    }

    /// Faults with their places; one without a hint of its own gets the key's default as hint.
    pub(super) fn located(&self, document: &Document, defaults: &toml::Table) -> Vec<Fault> {
        let mut located: Vec<_> = self
            .items
            .iter()
            .map(|item| {
                let position = document.position_of_value(&item.key);
                let hint = item.hint.clone().unwrap_or_else(|| default_hint(&item.key, defaults));
                let fault = Fault::new(position.text, item.message.clone()).hint(hint);
                (position.order, fault)
            })
            .collect();
        located.sort_by_key(|(order, _)| *order);
        located.into_iter().map(|(_, fault)| fault).collect()
    }
}
