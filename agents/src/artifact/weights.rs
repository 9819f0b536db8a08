//! Weights of a policy as a safetensors file.
//!
//! In: a network. Out: `policy.safetensors`, and back.
//! Always: little-endian `f32`; every tensor that the manifest implies is there with its shape, and no other.
//! Not here: checksums (`import.rs`).

use super::error::ArtifactError;
use super::layers::{Activation, Dense, LayerNorm, Mlp};
use super::memory::{Memory, MemoryCell};
use super::network::PolicyNetwork;
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use std::path::Path;

/// Name, shape and numbers of each tensor, in the order of the layers.
fn tensors(network: &PolicyNetwork) -> Vec<(String, Vec<usize>, &[f32])> {
    let mut out = Vec::new();
    let parts = [("actor", &network.actor_memory, &network.actor), ("critic", &network.critic_memory, &network.critic)];
    for (part, memory, mlp) in parts {
        for (name, layer) in memory.iter().flat_map(|memory| [("input", &memory.input), ("hidden", &memory.hidden)]) {
            let name = format!("{part}.memory.{name}");
            out.push((format!("{name}.weight"), vec![layer.inputs, layer.outputs], layer.weight.as_slice()));
            out.push((format!("{name}.bias"), vec![layer.outputs], layer.bias.as_slice()));
        }
        for (i, layer) in mlp.layers.iter().enumerate() {
            let name = format!("{part}.l{}", i + 1);
            out.push((format!("{name}.weight"), vec![layer.inputs, layer.outputs], layer.weight.as_slice()));
            out.push((format!("{name}.bias"), vec![layer.outputs], layer.bias.as_slice()));
            if let Some(norm) = mlp.norms.get(i) {
                out.push((format!("{name}.norm.gain"), vec![norm.gain.len()], norm.gain.as_slice()));
                out.push((format!("{name}.norm.bias"), vec![norm.bias.len()], norm.bias.as_slice()));
            }
        }
    }
    if !network.log_std.is_empty() {
        out.push(("log_std".to_string(), vec![network.log_std.len()], network.log_std.as_slice()));
    }
    out
}

/// The bytes of the safetensors file.
pub(super) fn to_bytes(network: &PolicyNetwork) -> Result<Vec<u8>, ArtifactError> {
    let encoded: Vec<(String, Vec<usize>, Vec<u8>)> = tensors(network)
        .into_iter()
        .map(|(name, shape, numbers)| (name, shape, numbers.iter().flat_map(|x| x.to_le_bytes()).collect()))
        .collect();
    let failed = |e: safetensors::SafeTensorError| ArtifactError::Inconsistent(e.to_string());
    let views: Result<Vec<_>, ArtifactError> = encoded
        .iter()
        .map(|(name, shape, bytes)| {
            let view = TensorView::new(Dtype::F32, shape.clone(), bytes).map_err(failed)?;
            Ok((name.as_str(), view))
        })
        .collect();
    safetensors::serialize(views?, None).map_err(failed)
}

/// Fills the tensors of `network`, whose layers have their sizes but no numbers yet.
pub(super) fn fill(network: &mut PolicyNetwork, path: &Path, bytes: &[u8]) -> Result<(), ArtifactError> {
    let file = SafeTensors::deserialize(bytes)
        .map_err(|e| ArtifactError::malformed(path, format!("{e}, expected a safetensors file")))?;
    let mut expected = 0;
    let mut read = |name: &str, shape: &[usize]| {
        expected += 1;
        read_tensor(&file, path, name, shape)
    };
    let spreads = network.log_std.len();
    let parts = [
        ("actor", &mut network.actor_memory, &mut network.actor),
        ("critic", &mut network.critic_memory, &mut network.critic),
    ];
    for (part, memory, mlp) in parts {
        if let Some(memory) = memory {
            for (name, layer) in [("input", &mut memory.input), ("hidden", &mut memory.hidden)] {
                layer.weight = read(&format!("{part}.memory.{name}.weight"), &[layer.inputs, layer.outputs])?;
                layer.bias = read(&format!("{part}.memory.{name}.bias"), &[layer.outputs])?;
            }
        }
        for (i, layer) in mlp.layers.iter_mut().enumerate() {
            layer.weight = read(&format!("{part}.l{}.weight", i + 1), &[layer.inputs, layer.outputs])?;
            layer.bias = read(&format!("{part}.l{}.bias", i + 1), &[layer.outputs])?;
            if let Some(norm) = mlp.norms.get_mut(i) {
                norm.gain = read(&format!("{part}.l{}.norm.gain", i + 1), &[layer.outputs])?;
                norm.bias = read(&format!("{part}.l{}.norm.bias", i + 1), &[layer.outputs])?;
            }
        }
    }
    if spreads > 0 {
        network.log_std = read("log_std", &[spreads])?;
    }
    if file.len() != expected {
        let reason = format!("{} tensors, the manifest describes {expected}", file.len());
        return Err(ArtifactError::malformed(path, reason));
    }
    Ok(())
}

/// Layers of the given widths, without numbers.
pub(super) fn unfilled(mlp_widths: &[usize], activation: Activation, layer_norm: bool) -> Mlp {
    let layer = |pair: &[usize]| Dense { inputs: pair[0], outputs: pair[1], weight: Vec::new(), bias: Vec::new() };
    let hidden = if layer_norm { mlp_widths.len().saturating_sub(2) } else { 0 };
    let norms = vec![LayerNorm { gain: Vec::new(), bias: Vec::new() }; hidden];
    Mlp { layers: mlp_widths.windows(2).map(layer).collect(), norms, activation }
}

/// A recurrent layer of the given size, without numbers.
pub(super) fn unfilled_memory(cell: MemoryCell, inputs: usize, size: usize) -> Memory {
    let outputs = cell.gates() * size;
    let layer = |inputs: usize| Dense { inputs, outputs, weight: Vec::new(), bias: Vec::new() };
    Memory { cell, input: layer(inputs), hidden: layer(size) }
}

fn read_tensor(file: &SafeTensors<'_>, path: &Path, name: &str, shape: &[usize]) -> Result<Vec<f32>, ArtifactError> {
    let Ok(tensor) = file.tensor(name) else {
        return Err(ArtifactError::malformed(path, format!("no tensor `{name}`, expected one of shape {shape:?}")));
    };
    if tensor.dtype() != Dtype::F32 || tensor.shape() != shape {
        let (found, dtype) = (tensor.shape(), tensor.dtype());
        let reason = format!("tensor `{name}` is {dtype:?} {found:?}, the manifest describes F32 {shape:?}");
        return Err(ArtifactError::malformed(path, reason));
    }
    let numbers: Vec<f32> =
        tensor.data().chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect();
    match numbers.iter().position(|x| !x.is_finite()) {
        Some(i) => {
            let reason = format!("number {i} of tensor `{name}` is {}, expected a finite number", numbers[i]);
            Err(ArtifactError::malformed(path, reason))
        }
        None => Ok(numbers),
    }
}
