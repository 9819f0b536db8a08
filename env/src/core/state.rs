//! Saved states as bytes: what `save_state` writes and `load_state` reads.
//!
//! In: a serialisable state and whose it is. Out: compact bytes with a checksum, and the state again.
//! Always: bytes of another owner, damaged or cut bytes and bytes with something left over are refused, never guessed at.
//! Not here: whether the numbers of a state make sense (the environment that loads it).

use super::env::StateError;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// The bytes of `state`, marked with the name of its `owner`.
pub fn encode_state<T: Serialize>(owner: &str, state: &T) -> Vec<u8> {
    let mut bytes =
        postcard::to_stdvec(&(owner, state)).expect("writing to memory cannot fail, and states are plain data");
    let sum = checksum(&bytes);
    bytes.extend(sum);
    bytes
}

/// The state in `bytes`, which `owner` must have written.
///
/// # Errors
/// [`StateError`] if another owner wrote them, if they are damaged or cut short, or if something is left over.
pub fn decode_state<T: DeserializeOwned>(owner: &str, bytes: &[u8]) -> Result<T, StateError> {
    let refuse = |reason: String| StateError { environment: owner.to_string(), reason };
    let (found, rest): (String, _) =
        postcard::take_from_bytes(bytes).map_err(|e| refuse(format!("the owner's name is unreadable ({e})")))?;
    if found != owner {
        return Err(refuse(format!("it was saved by `{found}`")));
    }
    let (state, rest) = postcard::take_from_bytes(rest)
        .map_err(|e| refuse(format!("{} bytes after the name are unreadable ({e})", rest.len())))?;
    if rest.len() > CHECKSUM_LEN {
        return Err(refuse(format!("{} bytes are left over at the end", rest.len() - CHECKSUM_LEN)));
    }
    if *rest != checksum(&bytes[..bytes.len() - rest.len()]) {
        return Err(refuse("its checksum differs from that of its content: the bytes are damaged or cut short".into()));
    }
    Ok(state)
}

const CHECKSUM_LEN: usize = 8;

/// 64-bit FNV-1a (Fowler, Noll, Vo; constants as published by the authors): any change of a single byte changes it.
fn checksum(bytes: &[u8]) -> [u8; CHECKSUM_LEN] {
    let fold = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, fold).to_le_bytes()
}

/// Gives bytes that were changed on purpose a checksum that fits again.
#[cfg(test)]
pub(crate) fn seal_again(bytes: &mut [u8]) {
    let (content, sum) = bytes.split_at_mut(bytes.len() - CHECKSUM_LEN);
    sum.copy_from_slice(&checksum(content));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_comes_back_and_a_foreign_damaged_cut_or_overlong_one_is_refused() {
        let bytes = encode_state("Pendulum-v1", &(1.5_f64, 7_u32));
        assert_eq!(decode_state::<(f64, u32)>("Pendulum-v1", &bytes), Ok((1.5, 7)));
        let foreign = decode_state::<(f64, u32)>("CartPole-v1", &bytes).expect_err("another owner");
        assert_eq!(foreign.to_string(), "this is not a saved state of `CartPole-v1`: it was saved by `Pendulum-v1`");
        for cut in 0..bytes.len() {
            assert!(decode_state::<(f64, u32)>("Pendulum-v1", &bytes[..cut]).is_err(), "{cut} bytes are too few");
        }
        for bit in 0..8 * bytes.len() {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(decode_state::<(f64, u32)>("Pendulum-v1", &flipped).is_err(), "bit {bit} is another");
        }
        let long = [&bytes[..], &[0]].concat();
        let error = decode_state::<(f64, u32)>("Pendulum-v1", &long).expect_err("one byte too many");
        assert!(error.reason.contains("1 bytes are left over"), "{error}");
    }
}
