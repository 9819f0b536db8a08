//! Who decides: PPO on Burn, the rivals, and the policy artifact with its Burn-free runtime.
//!
//! In: environments of `flexai-env`. Out: actions, trained networks, exported artifacts.
//! Always: without the feature `training` nothing here knows Burn.
//! Not here: commands, run directories, progress (`flexai`).

pub mod artifact;
#[cfg(feature = "training")]
pub mod device;
pub mod forecast;
pub mod hybrid;
pub mod imitation;
pub mod oracle;
pub mod planning;
pub mod policy;
#[cfg(feature = "training")]
pub mod ppo;
pub mod rivals;
