//! Snappy's raw format, unpacked.
//!
//! In: packed bytes and the size they must unpack to. Out: the bytes, or nothing where the packed ones are damaged.
//! Source: google/snappy, format_description.txt, read 2026-11-22.

use super::thrift::read_varint;

/// Unpacks `packed` into exactly `size` bytes.
pub(super) fn unpack(packed: &[u8], size: usize) -> Option<Vec<u8>> {
    let (length, mut at) = read_varint(packed)?;
    if usize::try_from(length).ok()? != size {
        return None;
    }
    // The claimed size may be a lie: room is made as bytes come.
    let mut out = Vec::new();
    while at < packed.len() {
        let tag = packed[at];
        at += 1;
        let upper = usize::from(tag >> 2);
        // How many bytes of the element follow its tag, and what they and the tag say.
        let extra = match tag & 3 {
            0 => upper.saturating_sub(59),
            1 => 1,
            2 => 2,
            _ => 4,
        };
        let number = little_endian(packed, at, extra)?;
        at += extra;
        let (length, offset) = match tag & 3 {
            0 if extra == 0 => (upper + 1, None),
            0 => (number.checked_add(1)?, None),
            1 => (4 + (upper & 7), Some((usize::from(tag >> 5) << 8) | number)),
            _ => (upper + 1, Some(number)),
        };
        if length > size - out.len() {
            return None;
        }
        match offset {
            None => {
                out.extend_from_slice(packed.get(at..at.checked_add(length)?)?);
                at += length;
            }
            Some(offset) => {
                let from = out.len().checked_sub(offset).filter(|_| offset > 0)?;
                // What is copied may overlap what it is copied to: byte by byte.
                (from..from + length).for_each(|i| out.push(out[i]));
            }
        }
    }
    (out.len() == size).then_some(out)
}

fn little_endian(bytes: &[u8], at: usize, count: usize) -> Option<usize> {
    let taken = bytes.get(at..at.checked_add(count)?)?;
    Some(taken.iter().rev().fold(0, |value, byte| (value << 8) | usize::from(*byte)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_and_overlapping_copies_unpack() {
        // 12 bytes: the literal `abcd`, then 8 bytes from 4 back, which overlap themselves.
        assert_eq!(unpack(&[12, 0x0c, b'a', b'b', b'c', b'd', 0x11, 4], 12).as_deref(), Some(&b"abcdabcdabcd"[..]));
        // The same with a copy of two offset bytes and one of four.
        assert_eq!(unpack(&[6, 0x04, b'x', b'y', 0x06, 2, 0, 0x07, 1, 0, 0, 0], 6).as_deref(), Some(&b"xyxyyy"[..]));
        // A literal whose length stands in a byte of its own.
        let long = [&[70, 60 << 2, 69][..], &[7; 70]].concat();
        assert_eq!(unpack(&long, 70), Some(vec![7; 70]));
    }

    #[test]
    fn copies_from_before_the_beginning_and_wrong_sizes_are_damage() {
        assert_eq!(unpack(&[8, 0x0c, b'a', b'b', b'c', b'd', 0x01, 5], 8), None);
        assert_eq!(unpack(&[8, 0x0c, b'a', b'b', b'c', b'd', 0x01, 0], 8), None);
        assert_eq!(unpack(&[5, 0x0c, b'a', b'b', b'c', b'd'], 5), None);
        assert_eq!(unpack(&[4, 0x0c, b'a', b'b', b'c', b'd'], 5), None);
        assert_eq!(unpack(&[3, 0x0c, b'a', b'b', b'c', b'd'], 3), None);
    }
}
