//! What computes the gradients of PPO.
//!
//! In: a name in a configuration or on the command line, a device. Out: whether the host does it.
//! Not here: how (`host/`, `learner.rs`).

use super::error::PpoError;
use super::host;
use super::network_config::NetworkConfig;
use crate::artifact::ActionHead;
use crate::device;
use burn::tensor::Device;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// What computes the gradients: an execution choice like the device; results differ by rounding only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LearnerChoice {
    /// The host on a CPU device where it knows the network, else Burn.
    #[default]
    Auto,
    /// Analytic gradients on the processor: several times faster there.
    Host,
    /// Burn's automatic differentiation, on every device.
    Autodiff,
}

impl LearnerChoice {
    /// All choices, in the order in which they are listed to people.
    pub const ALL: [Self; 3] = [Self::Auto, Self::Host, Self::Autodiff];

    /// The name used on the command line and in configuration files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Host => "host",
            Self::Autodiff => "autodiff",
        }
    }

    /// Whether the host learns.
    ///
    /// # Errors
    /// [`PpoError::Learner`] if it is asked to, but cannot.
    pub(super) fn on_host(
        self,
        device: &Device,
        network: &NetworkConfig,
        heads: &ActionHead,
    ) -> Result<bool, PpoError> {
        let (in_memory, known) = (device::is_host(device), host::supports(network, heads));
        match self {
            Self::Autodiff => Ok(false),
            Self::Auto => Ok(in_memory && known),
            Self::Host if !in_memory => Err(PpoError::Learner { found: "a graphics card holds the network" }),
            Self::Host if !known => Err(PpoError::Learner { found: "the network or the action is of another kind" }),
            Self::Host => Ok(true),
        }
    }
}

impl fmt::Display for LearnerChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for LearnerChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|choice| choice.name() == text)
            .ok_or_else(|| format!("unknown learner `{text}`, expected one of auto, host, autodiff"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::{DeviceChoice, open};
    use flexai_env::core::Space;

    #[test]
    fn a_learner_is_found_by_its_name_and_serialises_as_it() {
        for choice in LearnerChoice::ALL {
            assert_eq!(choice.name().parse(), Ok(choice));
            assert_eq!(serde_json::to_string(&choice).unwrap(), format!("\"{choice}\""));
        }
        let error = "tape".parse::<LearnerChoice>().unwrap_err();
        assert_eq!(error, "unknown learner `tape`, expected one of auto, host, autodiff");
    }

    #[test]
    fn auto_learns_on_the_host_and_leaves_huge_actions_to_burn() {
        let device = open(DeviceChoice::Flex).unwrap().autodiff();
        let network = NetworkConfig::default();
        let on_host = |choice: LearnerChoice, n: usize| {
            choice.on_host(&device, &network, &Space::discrete(n).components().into())
        };
        assert_eq!(on_host(LearnerChoice::Auto, 5), Ok(true));
        assert_eq!(on_host(LearnerChoice::Autodiff, 5), Ok(false));
        assert_eq!(on_host(LearnerChoice::Auto, 5000), Ok(false));
        let error = on_host(LearnerChoice::Host, 5000).unwrap_err().to_string();
        assert!(error.contains("hint: use `--learner auto`"), "{error}");
    }
}
