//! Activations on the tape, in host memory computed by our own functions.
//!
//! In: a tensor. Out: its activation, differentiable.
//! Always: in host memory the same functions as in the policy that collects and ships (`artifact/`), hence the same bits on
//! every machine. Not here: those functions (`artifact/math.rs`).

use crate::artifact::Activation;
use crate::device;
use burn::tensor::activation::{gelu_approximate, leaky_relu, relu, silu};
use burn::tensor::{Tensor, TensorData};

/// `activation(x)`, differentiable.
pub(super) fn activate(activation: Activation, x: Tensor<2>, on_host: bool) -> Tensor<2> {
    match activation {
        // Exact everywhere: there is nothing to agree on.
        Activation::Relu => relu(x),
        _ if on_host => activate_on_host(activation, x),
        Activation::Tanh => x.tanh(),
        // The exponential of a large number, though not taken, would make the gradient not-a-number.
        Activation::Elu => relu(x.clone()) + x.clamp_max(0.0).exp().sub_scalar(1.0),
        Activation::Gelu => gelu_approximate(x),
        Activation::Silu => silu(x),
        Activation::LeakyRelu => leaky_relu(x, 0.01),
    }
}

/// The same for a tensor in host memory; Burn's CPU backends call the mathematical library for each number, which took
/// two thirds of an update.
///
/// The value is computed off the tape as `y`. On it goes `y + (x - x') s`, where `x'` is `x` as a constant and `s` the
/// slope: that is `y` exactly, and its derivative is `s`.
fn activate_on_host(activation: Activation, x: Tensor<2>) -> Tensor<2> {
    let constant = x.clone().inner();
    let (shape, device) = (constant.dims(), constant.device());
    // A tensor of its own can be taken over; a shared one would be copied number by number on `ndarray`.
    let mut values = device::read(constant.clone().mul_scalar(1.0)).expect("host memory can be read");
    let slope = activation.apply_with_slope(&mut values);
    let on_device = |values: Vec<f32>| Tensor::<2>::from_data(TensorData::new(values, shape), &device);
    (x - constant) * on_device(slope) + on_device(values)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::{DeviceChoice, open, read};

    fn exact(activation: Activation, x: f64) -> f64 {
        let gelu = 0.5 * x * (1.0 + ((2.0 / std::f64::consts::PI).sqrt() * (x + 0.044_715 * x.powi(3))).tanh());
        match activation {
            Activation::Tanh => x.tanh(),
            Activation::Relu => x.max(0.0),
            Activation::Elu if x < 0.0 => x.exp_m1(),
            Activation::LeakyRelu if x < 0.0 => 0.01 * x,
            Activation::Elu | Activation::LeakyRelu => x,
            Activation::Gelu => gelu,
            Activation::Silu => x / (1.0 + (-x).exp()),
        }
    }

    /// Value and slope, on our own path and on Burn's.
    #[test]
    fn value_and_derivative_of_every_activation_are_those_of_its_definition() {
        let points = [-40.0, -3.0, -0.5, -1e-3, 0.3, 0.25, 1.0, 5.0, 60.0];
        let kinds = [(DeviceChoice::Flex, true), (DeviceChoice::Ndarray, true), (DeviceChoice::Flex, false)];
        for (activation, (choice, on_host)) in Activation::ALL.into_iter().flat_map(|a| kinds.map(|k| (a, k))) {
            let device = open(choice).unwrap();
            let x = Tensor::<1>::from_data(points, &device).reshape([3, 3]).autodiff().require_grad();
            let y = activate(activation, x.clone(), on_host);
            let gradients = y.clone().sum().backward();
            let (y, slope) = (read(y.inner()).unwrap(), read(x.grad(&gradients).unwrap()).unwrap());
            for (i, x) in points.iter().map(|x| f64::from(*x as f32)).enumerate() {
                let step = 1e-6;
                let expected = (exact(activation, x + step) - exact(activation, x - step)) / (2.0 * step);
                let value = exact(activation, x);
                let near = |found: f32, expected: f64| (f64::from(found) - expected).abs() < 1e-6 * (1.0 + x.abs());
                assert!(near(y[i], value), "{activation:?}({x}) = {}, expected {value}", y[i]);
                assert!(near(slope[i], expected), "{activation:?} at {x}: slope {}, expected {expected}", slope[i]);
            }
        }
    }

    #[test]
    fn huge_numbers_have_finite_slopes() {
        for activation in Activation::ALL {
            let device = open(DeviceChoice::Flex).unwrap();
            let x = Tensor::<2>::from_data([[-1e30, 1e30]], &device).autodiff().require_grad();
            let gradients = activate(activation, x.clone(), true).sum().backward();
            let slope = read(x.grad(&gradients).unwrap()).unwrap();
            assert!(slope.iter().all(|s| s.is_finite()), "{activation:?}: {slope:?}");
        }
    }
}
