//! Policies: whatever turns what is known now into an action.
//!
//! In: a [`Situation`]. Out: a flat action. `episode` plays whole episodes, `network` wraps a trained network.
//! Always: trainer, evaluator, artifact and decision loop use the same network code.

mod episode;
mod network;

pub use episode::{WeekOutcome, play_episode, play_week, play_week_seen};
pub use network::NetworkPolicy;

use flexai_env::core::StateError;
use flexai_env::site::FleetView;

/// Everything a policy may look at when it decides.
#[derive(Clone, Copy)]
pub struct Situation<'a> {
    /// Flat observation.
    pub observation: &'a [f32],
    /// Legal options of the discrete parts; empty if all are.
    pub mask: &'a [bool],
    /// The same moment in natural units, for rules; `None` outside site environments.
    pub site: Option<FleetView<'a>>,
}

/// A decision maker.
pub trait Policy: Send {
    /// Name in tables and reports.
    fn name(&self) -> &str;

    /// Forgets the last episode; `seed` feeds policies that draw.
    fn begin_episode(&mut self, _seed: u64) {}

    /// Writes the action for a situation.
    fn decide(&mut self, situation: &Situation<'_>, action: &mut [f32]);

    /// What it must remember to go on from here exactly; nothing for a policy that looks at the situation alone.
    fn save_state(&self) -> Vec<u8> {
        Vec::new()
    }

    /// Goes on from a saved state of a policy with the same settings.
    ///
    /// # Errors
    /// [`StateError`] if the bytes are not such a state.
    fn load_state(&mut self, bytes: &[u8]) -> Result<(), StateError> {
        let reason = || format!("{} bytes, expected none: it remembers nothing", bytes.len());
        if bytes.is_empty() {
            Ok(())
        } else {
            Err(StateError { environment: self.name().to_string(), reason: reason() })
        }
    }
}

/// Makes fresh copies of a policy, one per thread.
pub trait PolicySource: Sync {
    /// Name in tables and reports.
    fn name(&self) -> &str;

    /// A policy of its own.
    fn make(&self) -> Box<dyn Policy>;

    /// Whether it looks up what nobody could know yet, as a measure of what knowing is worth.
    fn sees_the_future(&self) -> bool {
        false
    }
}
