//! Hyperbolic tangent on the tape, computed by our own host function.
//!
//! In: a tensor in host memory. Out: its hyperbolic tangent, differentiable.
//! Always: the same function as in the policy that collects and ships (`artifact/`), hence the same bits on every machine.
//! Not here: graphics cards, where Burn's own kernel does it.

use crate::artifact::tanh_in_place;
use crate::device;
use burn::tensor::{Tensor, TensorData};

/// `tanh(x)` for a tensor in host memory; Burn's CPU backends call the mathematical library for each number, which took
/// two thirds of an update.
///
/// The value is computed off the tape as `y`. On it goes `y + (x - x') (1 - y^2)`, where `x'` is `x` as a constant: that
/// is `y` exactly, and its derivative `1 - y^2` is that of the hyperbolic tangent.
pub(super) fn tanh_on_host(x: Tensor<2>) -> Tensor<2> {
    let constant = x.clone().inner();
    let (shape, device) = (constant.dims(), constant.device());
    // A tensor of its own can be taken over; a shared one would be copied number by number on `ndarray`.
    let mut values = device::read(constant.clone().mul_scalar(1.0)).expect("host memory can be read");
    tanh_in_place(&mut values);
    let slope = values.iter().map(|y| 1.0 - y * y).collect::<Vec<f32>>();
    let on_device = |values: Vec<f32>| Tensor::<2>::from_data(TensorData::new(values, shape), &device);
    (x - constant) * on_device(slope) + on_device(values)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::{DeviceChoice, open, read};

    #[test]
    fn value_and_derivative_are_those_of_the_hyperbolic_tangent() {
        let points = [-40.0, -3.0, -0.5, -1e-6, 0.0, 0.25, 1.0, 5.0, 1e30];
        for choice in [DeviceChoice::Flex, DeviceChoice::Ndarray] {
            let device = open(choice).unwrap();
            let x = Tensor::<1>::from_data(points, &device).reshape([3, 3]).autodiff().require_grad();
            let y = tanh_on_host(x.clone());
            let gradients = y.clone().sum().backward();
            let (y, slope) = (read(y.inner()).unwrap(), read(x.grad(&gradients).unwrap()).unwrap());
            for (i, x) in points.iter().enumerate() {
                let exact = f64::from(*x as f32).tanh();
                assert!((f64::from(y[i]) - exact).abs() < 2e-7, "tanh({x}) = {}", y[i]);
                assert!((f64::from(slope[i]) - (1.0 - exact * exact)).abs() < 4e-7, "slope at {x} = {}", slope[i]);
            }
        }
    }
}
