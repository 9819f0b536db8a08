//! Saved states as bytes: what `save_state` writes and `load_state` reads.
//!
//! In: a serialisable state and whose it is. Out: compact bytes, and the state again.
//! Always: bytes of another owner, cut bytes and bytes with something left over are refused, never guessed at.
//! Not here: whether the numbers of a state make sense (the environment that loads it).

use super::env::StateError;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// The bytes of `state`, marked with the name of its `owner`.
pub(crate) fn encode_state<T: Serialize>(owner: &str, state: &T) -> Vec<u8> {
    postcard::to_stdvec(&(owner, state)).expect("writing to memory cannot fail, and states are plain data")
}

/// The state in `bytes`, which `owner` must have written.
///
/// # Errors
/// [`StateError`] if another owner wrote them, if they are cut short, or if something is left over.
pub(crate) fn decode_state<T: DeserializeOwned>(owner: &str, bytes: &[u8]) -> Result<T, StateError> {
    let refuse = |reason: String| StateError { environment: owner.to_string(), reason };
    let (found, rest): (String, _) =
        postcard::take_from_bytes(bytes).map_err(|e| refuse(format!("the owner's name is unreadable ({e})")))?;
    if found != owner {
        return Err(refuse(format!("it was saved by `{found}`")));
    }
    let (state, rest) = postcard::take_from_bytes(rest)
        .map_err(|e| refuse(format!("{} bytes after the name are unreadable ({e})", rest.len())))?;
    if !rest.is_empty() {
        return Err(refuse(format!("{} bytes are left over at the end", rest.len())));
    }
    Ok(state)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_comes_back_and_a_foreign_cut_or_overlong_one_is_refused() {
        let bytes = encode_state("Pendulum-v1", &(1.5_f64, 7_u32));
        assert_eq!(decode_state::<(f64, u32)>("Pendulum-v1", &bytes), Ok((1.5, 7)));
        let foreign = decode_state::<(f64, u32)>("CartPole-v1", &bytes).expect_err("another owner");
        assert_eq!(foreign.to_string(), "this is not a saved state of `CartPole-v1`: it was saved by `Pendulum-v1`");
        for cut in 0..bytes.len() {
            assert!(decode_state::<(f64, u32)>("Pendulum-v1", &bytes[..cut]).is_err(), "{cut} bytes are too few");
        }
        let long = [&bytes[..], &[0]].concat();
        let error = decode_state::<(f64, u32)>("Pendulum-v1", &long).expect_err("one byte too many");
        assert!(error.reason.contains("1 bytes are left over"), "{error}");
    }
}
