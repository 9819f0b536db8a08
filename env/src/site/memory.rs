//! What an environment weighs.
//!
//! In: an environment. Out: bytes of it and of its buffers. Always: what is shared, setup and trace, is not counted.
//! Not here: the setup's own tables, which all environments of a scenario share.

use super::action::{ActionLayout, SiteAction};
use super::env::FlexFleet;
use super::state::SiteState;
use crate::core::Space;

impl FlexFleet {
    /// Bytes that one more environment on the same setup takes.
    pub fn memory_bytes(&self) -> usize {
        let sites = &self.episode().sites;
        let states: usize = sites.iter().map(SiteState::buffer_bytes).sum::<usize>() + size_of_val(&sites[..]);
        let spaces = self.spaces().map(Space::buffer_bytes);
        size_of::<Self>()
            + states
            + sites.len() * size_of::<SiteAction>()
            + self.row_bytes()
            + self.layout().buffer_bytes()
            + spaces.iter().sum::<usize>()
    }
}

impl ActionLayout {
    /// Bytes of its buffers, its controls taken as 16 bytes each.
    fn buffer_bytes(&self) -> usize {
        let text: usize = self.names().iter().map(String::capacity).sum();
        16 * self.width() + size_of_val(self.names()) + text
    }
}
