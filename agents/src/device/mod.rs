//! Devices: the only place that names a Burn backend.
//!
//! In: a [`DeviceChoice`]. Out: a Burn [`Device`] that is known to work, or a [`DeviceError`] that says what to do.
//! Always: a missing graphics adapter is an error, never a panic; the choice is explicit (Burn's own default device
//! depends on how it was compiled). Not here: what is computed on it (`ppo/`).

use burn::tensor::{Device, Tensor};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// Where tensors live and are computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DeviceChoice {
    /// Burn's own pure-Rust CPU backend: reproducible bit for bit.
    #[default]
    Flex,
    /// The older CPU backend on the `ndarray` crate.
    Ndarray,
    /// A graphics card (or its software stand-in) through wgpu.
    Wgpu,
}

impl DeviceChoice {
    /// All choices, in the order in which they are listed to people.
    pub const ALL: [Self; 3] = [Self::Flex, Self::Ndarray, Self::Wgpu];

    /// The name used on the command line and in configuration files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Flex => "flex",
            Self::Ndarray => "ndarray",
            Self::Wgpu => "wgpu",
        }
    }

    /// Whether it is a graphics card.
    pub fn is_gpu(self) -> bool {
        self == Self::Wgpu
    }
}

impl fmt::Display for DeviceChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for DeviceChoice {
    type Err = DeviceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|choice| choice.name() == text)
            .ok_or_else(|| DeviceError::Unknown { found: text.to_string() })
    }
}

/// Why there is no such device.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DeviceError {
    /// No device has this name.
    #[error("unknown device `{found}`, expected one of flex, ndarray, wgpu\n\nhint: `flex` works everywhere")]
    Unknown {
        /// What was asked for.
        found: String,
    },
    /// The device exists, but not in this build.
    #[error(
        "device `{device}` is not part of this build, expected one of flex, ndarray\n\n\
         hint: build with `--features {device}`, or use `--device flex`"
    )]
    NotBuilt {
        /// What was asked for.
        device: DeviceChoice,
    },
    /// The machine does not offer it.
    #[error(
        "device `{device}` cannot be opened: {reason}; expected a Vulkan, Metal, DirectX or OpenGL adapter\n\n\
         hint: install a graphics driver (on Debian without a card: mesa-vulkan-drivers), or use `--device flex`"
    )]
    Unavailable {
        /// What was asked for.
        device: DeviceChoice,
        /// What the driver said.
        reason: String,
    },
    /// It stopped computing.
    #[error(
        "the device failed while computing: {reason}; expected a result\n\n\
         hint: continue from the last checkpoint, with `--device flex` if it fails again"
    )]
    Failed {
        /// What the driver said.
        reason: String,
    },
}

/// Copies a tensor to the host, in row-major order.
///
/// # Errors
/// [`DeviceError::Failed`]: a graphics card reports here what went wrong in any computation since the last reading.
pub fn read<const D: usize>(tensor: Tensor<D>) -> Result<Vec<f32>, DeviceError> {
    let failed = |reason: String| DeviceError::Failed { reason };
    let data = tensor.try_into_data().map_err(|error| failed(error.to_string()))?;
    data.try_into_vec().map_err(|error| failed(format!("{error:?}")))
}

/// Opens a device and proves that it computes.
///
/// # Errors
/// [`DeviceError`] if the device is not in this build, or this machine has none.
pub fn open(choice: DeviceChoice) -> Result<Device, DeviceError> {
    match choice {
        DeviceChoice::Flex => Ok(Device::flex()),
        DeviceChoice::Ndarray => Ok(open_ndarray()),
        DeviceChoice::Wgpu => open_wgpu(),
    }
}

/// Whether tensors lie in the memory of this process, so that reading them costs no more than a copy.
pub fn is_host(device: &Device) -> bool {
    let plain = device.clone().inner();
    plain == Device::flex() || plain == open_ndarray()
}

/// Burn marks this backend as deprecated; it stays selectable because the two CPU backends check each other.
#[allow(deprecated)]
fn open_ndarray() -> Device {
    Device::ndarray()
}

#[cfg(not(feature = "wgpu"))]
fn open_wgpu() -> Result<Device, DeviceError> {
    Err(DeviceError::NotBuilt { device: DeviceChoice::Wgpu })
}

/// The runtime can be initialised once per process, so the outcome is kept.
#[cfg(feature = "wgpu")]
fn open_wgpu() -> Result<Device, DeviceError> {
    use std::sync::OnceLock;
    static OPENED: OnceLock<Result<Device, DeviceError>> = OnceLock::new();
    OPENED.get_or_init(|| quietly(try_open_wgpu)).clone()
}

#[cfg(feature = "wgpu")]
fn try_open_wgpu() -> Result<Device, DeviceError> {
    let unavailable = |reason: String| DeviceError::Unavailable { device: DeviceChoice::Wgpu, reason };
    let device = Device::wgpu_options().init().map_err(|error| unavailable(error.to_string()))?;
    match read(Tensor::<1>::ones([2], &device).sum()) {
        Ok(sum) if sum == [2.0] => Ok(device),
        other => Err(unavailable(format!("1 + 1 gave {other:?}"))),
    }
}

/// Runs `open` and turns a panic of a driver into an error, without the panic's own message on stderr.
#[cfg(feature = "wgpu")]
fn quietly(open: fn() -> Result<Device, DeviceError>) -> Result<Device, DeviceError> {
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let outcome = std::panic::catch_unwind(open);
    std::panic::set_hook(hook);
    outcome.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
        let reason = text.unwrap_or("the driver gave up without a word").to_string();
        Err(DeviceError::Unavailable { device: DeviceChoice::Wgpu, reason })
    })
}

/// Whether a test that needs an adapter can run; says so where it cannot, and fails there in CI.
#[cfg(all(test, feature = "wgpu"))]
pub(crate) fn adapter_or_skip() -> bool {
    match open(DeviceChoice::Wgpu) {
        Ok(_) => true,
        Err(error) => {
            assert!(std::env::var("CI").as_deref() != Ok("true"), "CI needs an adapter: {error}");
            eprintln!("skipped, no adapter: {error}");
            false
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_is_found_by_its_name_and_serialises_as_it() {
        for choice in DeviceChoice::ALL {
            assert_eq!(choice.name().parse(), Ok(choice));
            assert_eq!(serde_json::to_string(&choice).unwrap(), format!("\"{choice}\""));
        }
    }

    #[test]
    fn an_unknown_device_is_refused_with_the_choices() {
        let error = "cuda".parse::<DeviceChoice>().unwrap_err().to_string();
        assert_eq!(
            error,
            "unknown device `cuda`, expected one of flex, ndarray, wgpu\n\nhint: `flex` works everywhere"
        );
    }

    #[cfg(not(feature = "wgpu"))]
    #[test]
    fn wgpu_without_its_feature_names_the_feature() {
        let error = open(DeviceChoice::Wgpu).unwrap_err().to_string();
        assert!(error.contains("hint: build with `--features wgpu`"), "{error}");
    }

    /// With an adapter it opens, without one it says so; it never panics, and the second answer is the first.
    #[cfg(feature = "wgpu")]
    #[test]
    fn wgpu_opens_or_explains_itself_the_same_way_twice() {
        let first = open(DeviceChoice::Wgpu).map(|_| ());
        assert_eq!(open(DeviceChoice::Wgpu).map(|_| ()), first);
        if let Err(error) = first {
            assert!(error.to_string().contains("hint:"), "{error}");
        }
    }

    #[test]
    fn both_cpu_devices_open() {
        for choice in [DeviceChoice::Flex, DeviceChoice::Ndarray] {
            let device = open(choice).unwrap();
            assert!(is_host(&device) && is_host(&device.clone().autodiff()));
            let sum = Tensor::<1>::ones([3], &device).sum().into_data().try_to_vec::<f32>().unwrap();
            assert_eq!(sum, [3.0]);
        }
    }
}
