//! Adam behind a clip of the global gradient norm, on a flat vector in one pass.
//!
//! In: a gradient, the parameters. Out: the parameters one step further.
//! Always: the formula and the order of roundings of `ppo/optimizer.rs` on Burn, whose memory it takes over and gives
//! back. Not here: the learning rate's schedule.

use super::simd::{Kernel, dispatch};
use crate::device::DeviceError;
use crate::ppo::muon::HiddenMatrices;
use crate::ppo::optimizer::{AdamMemory, BETA_1, BETA_2, ClippedAdam, NORM_EPSILON};
use burn::tensor::Device;
use std::ops::Range;

/// Memory and settings.
#[derive(Clone, Default)]
pub(super) struct FlatAdam {
    memory: AdamMemory,
    epsilon: f32,
    max_grad_norm: f64,
    weight_decay: f64,
    /// Whose steps are not Adam's, and where they are computed.
    muon: Option<(HiddenMatrices, Device)>,
}

impl std::fmt::Debug for FlatAdam {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FlatAdam").field("steps", &self.memory.steps).finish_non_exhaustive()
    }
}

impl FlatAdam {
    /// Takes over the memory of Burn's.
    ///
    /// # Errors
    /// [`DeviceError::Failed`].
    pub(super) fn take_over(optimizer: &ClippedAdam, parameters: usize, device: &Device) -> Result<Self, DeviceError> {
        let memory = optimizer.memory(parameters, device)?;
        let muon = optimizer.muon.clone().map(|muon| (muon, device.clone()));
        let ClippedAdam { epsilon, max_grad_norm, weight_decay, .. } = *optimizer;
        Ok(Self { memory, epsilon, max_grad_norm, weight_decay, muon })
    }

    /// Gives the memory to Burn's.
    pub(super) fn hand_over(&self, optimizer: &mut ClippedAdam, device: &Device) {
        optimizer.set_memory(&self.memory, device);
    }

    /// Clips and steps; returns the norm before clipping.
    pub(super) fn step(&mut self, parameters: &mut [f32], gradient: &[f32], learning_rate: f64) -> f64 {
        let norm = squared_norm(gradient).sqrt();
        let scale = (self.max_grad_norm / (norm + NORM_EPSILON)).min(1.0) as f32;
        let kept = self.kept(learning_rate);
        let matrices = self.matrices(parameters, gradient, scale, learning_rate);
        self.memory.steps += 1;
        let time = i32::try_from(self.memory.steps).unwrap_or(i32::MAX);
        let correction = (1.0 - BETA_2.powi(time)).sqrt();
        dispatch(Step {
            parameters,
            gradient,
            moment_1: &mut self.memory.moment_1,
            moment_2: &mut self.memory.moment_2,
            scale,
            factor: correction / (1.0 - BETA_1.powi(time)),
            epsilon: self.epsilon * correction,
            learning_rate: learning_rate as f32,
            kept,
        });
        for (range, weight, velocity) in matrices {
            parameters[range.clone()].copy_from_slice(&weight);
            self.memory.moment_1[range].copy_from_slice(&velocity);
        }
        norm
    }

    /// What Muon makes of its matrices, from the same parameters and the same clipped gradient as Adam.
    fn matrices(
        &self,
        parameters: &[f32],
        gradient: &[f32],
        scale: f32,
        learning_rate: f64,
    ) -> Vec<(Range<usize>, Vec<f32>, Vec<f32>)> {
        let Some((muon, device)) = &self.muon else { return Vec::new() };
        let kept = self.kept(learning_rate);
        let shrunk: Vec<f32> = parameters.iter().map(|x| x * kept).collect();
        let clipped: Vec<f32> = gradient.iter().map(|x| x * scale).collect();
        muon.steps_on_host(learning_rate, [&shrunk, &clipped, &self.memory.moment_1], device)
    }

    fn kept(&self, learning_rate: f64) -> f32 {
        (1.0 - learning_rate * self.weight_decay) as f32
    }
}

/// Sum of squares, of the same bits on every machine.
pub(super) fn squared_norm(gradient: &[f32]) -> f64 {
    let mut sum = 0.0;
    dispatch(SquaredNorm { gradient, sum: &mut sum });
    sum
}

struct SquaredNorm<'a> {
    gradient: &'a [f32],
    sum: &'a mut f64,
}

impl Kernel for SquaredNorm<'_> {
    #[inline(always)]
    fn run<const R: usize, const N: usize>(self) {
        const LANES: usize = 16;
        let mut sums = [0.0; LANES];
        let chunks = self.gradient.chunks_exact(LANES);
        let rest = chunks.remainder();
        for chunk in chunks {
            for l in 0..LANES {
                sums[l] += f64::from(chunk[l]) * f64::from(chunk[l]);
            }
        }
        let rest: f64 = rest.iter().map(|x| f64::from(*x) * f64::from(*x)).sum();
        *self.sum = sums.iter().sum::<f64>() + rest;
    }
}

struct Step<'a> {
    parameters: &'a mut [f32],
    gradient: &'a [f32],
    moment_1: &'a mut [f32],
    moment_2: &'a mut [f32],
    scale: f32,
    factor: f32,
    epsilon: f32,
    learning_rate: f32,
    /// What decay leaves of a parameter; exactly 1 without it.
    kept: f32,
}

impl Kernel for Step<'_> {
    #[inline(always)]
    fn run<const R: usize, const N: usize>(self) {
        let (fresh_1, fresh_2) = (1.0 - BETA_1, 1.0 - BETA_2);
        let moments = self.moment_1.iter_mut().zip(self.moment_2.iter_mut());
        for ((parameter, gradient), (m, v)) in self.parameters.iter_mut().zip(self.gradient).zip(moments) {
            let gradient = gradient * self.scale;
            *m = *m * BETA_1 + gradient * fresh_1;
            *v = *v * BETA_2 + gradient * gradient * fresh_2;
            let step = *m * self.factor / (v.sqrt() + self.epsilon) * self.learning_rate;
            *parameter = *parameter * self.kept - step;
        }
    }
}
