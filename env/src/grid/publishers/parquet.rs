//! Flat numeric columns of a Parquet file.
//!
//! In: bytes. Out: columns by name: numbers, or moments in seconds since 1970-01-01T00:00Z.
//! Always: flat columns only; pages of version 1 and 2, plain or by dictionary; uncompressed, Snappy or gzip. Damaged bytes
//! and everything else are refused; claimed sizes are never trusted.
//! Not here: nesting, texts, statistics. The crate `parquet` is no choice: it would switch on random hash seeds in the
//! `ahash` that Burn uses (10 of 20,000 damaged copies of the sample also made it panic; version 60.1, 2026-11-22).
//! Source: Apache Parquet format 2.10, read 2026-11-22.

use super::error::PublishError;
use super::snappy;
use super::thrift::{Struct, read_varint};
use std::io::Read;

const MAGIC: &[u8; 4] = b"PAR1";
/// Most rows of a file: half-hours of two centuries.
const MAX_ROWS: usize = 4_000_000;
/// Largest unpacked page in bytes.
const MAX_PAGE: usize = 64 << 20;

// Numbers of parquet.thrift.
const INT32: i64 = 1;
const INT64: i64 = 2;
const FLOAT: i64 = 4;
const DOUBLE: i64 = 5;
const OPTIONAL: i64 = 1;
const PLAIN: i64 = 0;
const PLAIN_DICTIONARY: i64 = 2;
const RLE_DICTIONARY: i64 = 8;
const DATA_PAGE: i64 = 0;
const DICTIONARY_PAGE: i64 = 2;
const DATA_PAGE_V2: i64 = 3;
const UNCOMPRESSED: i64 = 0;
const SNAPPY: i64 = 1;
const GZIP: i64 = 2;
const TIMESTAMP_MILLIS: i64 = 9;
const TIMESTAMP_MICROS: i64 = 10;

/// An open file.
pub(super) struct ParquetFile<'a> {
    table: &'a str,
    bytes: &'a [u8],
    footer: Struct<'a>,
}

/// A value as it is stored.
#[derive(Clone, Copy)]
enum Stored {
    Int(i64),
    Float(f64),
}

/// What the schema says of a column.
struct Column {
    index: usize,
    kind: i64,
    optional: bool,
    /// Units per second, if it holds moments.
    per_second: Option<i64>,
}

impl<'a> ParquetFile<'a> {
    pub(super) fn open(table: &'a str, bytes: &'a [u8]) -> Result<Self, PublishError> {
        let refuse = |reason: &str| refusal(table, reason.to_string());
        let body = bytes.strip_suffix(MAGIC).filter(|_| bytes.starts_with(MAGIC) && bytes.len() >= 12);
        let body = body.ok_or_else(|| refuse("it does not begin and end with the mark PAR1"))?;
        let (body, length) = body.split_last_chunk::<4>().ok_or_else(|| refuse("it has no footer"))?;
        let start = body.len().checked_sub(u32::from_le_bytes(*length) as usize);
        let footer = start.and_then(|start| Struct::read(&body[start..]));
        let (footer, _) = footer.ok_or_else(|| refuse("its footer is damaged"))?;
        Ok(Self { table, bytes, footer })
    }

    /// The numbers of a column; nothing where it is null.
    pub(super) fn numbers(&self, name: &str) -> Result<Vec<Option<f64>>, PublishError> {
        let as_number = |stored: Stored| match stored {
            Stored::Int(value) => value as f64,
            Stored::Float(value) => value,
        };
        Ok(self.values(&self.column(name)?, name)?.into_iter().map(|value| value.map(as_number)).collect())
    }

    /// The moments of a column in seconds since 1970-01-01T00:00Z; nothing where it is null or between two seconds.
    pub(super) fn moments(&self, name: &str) -> Result<Vec<Option<i64>>, PublishError> {
        let column = self.column(name)?;
        let per_second = column.per_second;
        let per_second = per_second.ok_or_else(|| self.refuse(format!("the column `{name}` holds no UTC times")))?;
        let as_second = |stored: Stored| match stored {
            Stored::Int(value) if value % per_second == 0 => Some(value / per_second),
            _ => None,
        };
        Ok(self.values(&column, name)?.into_iter().map(|value| value.and_then(as_second)).collect())
    }

    fn refuse(&self, reason: String) -> PublishError {
        refusal(self.table, reason)
    }

    /// Finds a column of the flat schema.
    fn column(&self, name: &str) -> Result<Column, PublishError> {
        let schema = self.footer.structures(2).ok_or_else(|| self.refuse("its schema is damaged".into()))?;
        let leaves = schema.get(1..).unwrap_or_default();
        if leaves.iter().any(|leaf| leaf.int(5).unwrap_or(0) > 0) {
            return Err(self.refuse("its columns are nested, expected flat ones".into()));
        }
        let Some(index) = leaves.iter().position(|leaf| leaf.text(4) == Some(name)) else {
            let names: Vec<&str> = leaves.iter().filter_map(|leaf| leaf.text(4)).take(40).collect();
            return Err(self.refuse(format!("the column `{name}` is missing; it has {}", names.join(", "))));
        };
        let leaf = leaves[index];
        let kind = leaf.int(1).unwrap_or(-1);
        if ![INT32, INT64, FLOAT, DOUBLE].contains(&kind) {
            return Err(self.refuse(format!("the column `{name}` holds no numbers of 4 or 8 bytes")));
        }
        let repetition = leaf.int(3).unwrap_or(0);
        if repetition > OPTIONAL {
            return Err(self.refuse(format!("the column `{name}` holds lists, expected single values")));
        }
        Ok(Column { index, kind, optional: repetition == OPTIONAL, per_second: units_per_second(leaf) })
    }

    /// All values of a column.
    fn values(&self, column: &Column, name: &str) -> Result<Vec<Option<Stored>>, PublishError> {
        let damaged = || self.refuse(format!("the column `{name}` is damaged or cut off"));
        let groups = self.footer.structures(4).ok_or_else(damaged)?;
        let mut values = Vec::new();
        for group in groups {
            let chunks = group.structures(1).ok_or_else(damaged)?;
            let chunk = chunks.get(column.index).and_then(|chunk| chunk.structure(3)).ok_or_else(damaged)?;
            let codec = chunk.int(4).unwrap_or(-1);
            if ![UNCOMPRESSED, SNAPPY, GZIP].contains(&codec) {
                return Err(self.refuse(format!("the column `{name}` is packed by method {codec}")));
            }
            self.read_chunk(column, chunk, codec, &mut values).ok_or_else(damaged)?;
        }
        Ok(values)
    }

    /// Appends the values of one chunk: a dictionary page, perhaps, then data pages.
    fn read_chunk(
        &self,
        column: &Column,
        chunk: &Struct<'_>,
        codec: i64,
        values: &mut Vec<Option<Stored>>,
    ) -> Option<()> {
        let count = usize::try_from(chunk.int(5)?).ok()?;
        let wanted = values.len().checked_add(count).filter(|rows| *rows <= MAX_ROWS)?;
        let data = usize::try_from(chunk.int(9)?).ok()?;
        let mut at = match chunk.int(11).and_then(|offset| usize::try_from(offset).ok()) {
            Some(dictionary) if dictionary > 0 => dictionary.min(data),
            _ => data,
        };
        let mut dictionary = Vec::new();
        while values.len() < wanted {
            let (header, length) = Struct::read(self.bytes.get(at..)?)?;
            at = at.checked_add(length)?;
            let packed = usize::try_from(header.int(3)?).ok()?;
            let size = usize::try_from(header.int(2)?).ok().filter(|size| *size <= MAX_PAGE)?;
            let page = self.bytes.get(at..at.checked_add(packed)?)?;
            at += packed;
            match header.int(1)? {
                DICTIONARY_PAGE => {
                    let count = usize::try_from(header.structure(7)?.int(1)?).ok()?;
                    dictionary = plain(&unpack(codec, page, size)?, column.kind, count)?;
                }
                DATA_PAGE => {
                    let of_page = header.structure(5)?;
                    let count = page_count(of_page, wanted - values.len())?;
                    let page = unpack(codec, page, size)?;
                    let (levels, rest) = if column.optional { levels_v1(&page)? } else { (&[][..], &page[..]) };
                    let present = presence(levels, column.optional, count)?;
                    append(column, of_page.int(2)?, rest, &dictionary, &present, values)?;
                }
                DATA_PAGE_V2 => {
                    let of_page = header.structure(8)?;
                    let count = page_count(of_page, wanted - values.len())?;
                    let repetition = usize::try_from(of_page.int(6)?).ok()?;
                    let definition = usize::try_from(of_page.int(5)?).ok()?;
                    let (levels, rest) = page.split_at_checked(repetition.checked_add(definition)?)?;
                    let codec = if of_page.bool(7).unwrap_or(true) { codec } else { UNCOMPRESSED };
                    let rest = unpack(codec, rest, size.checked_sub(levels.len())?)?;
                    let present = presence(&levels[repetition..], column.optional, count)?;
                    append(column, of_page.int(4)?, &rest, &dictionary, &present, values)?;
                }
                // An index page, or one of a later version: it holds no values.
                _ => {}
            }
        }
        Some(())
    }
}

fn refusal(table: &str, reason: String) -> PublishError {
    let hint = "copy the file again, or write it anew with flat columns, uncompressed or packed by Snappy";
    PublishError::BadParquet { table: table.to_string(), reason, hint }
}

/// Units per second of a timestamp column, by its logical type or the older converted type.
fn units_per_second(leaf: &Struct<'_>) -> Option<i64> {
    if let Some(unit) = leaf.structure(10).and_then(|kind| kind.structure(8)).and_then(|stamp| stamp.structure(2)) {
        return [(1, 1_000), (2, 1_000_000), (3, 1_000_000_000)]
            .into_iter()
            .find_map(|(field, units)| unit.structure(field).map(|_| units));
    }
    match leaf.int(6)? {
        TIMESTAMP_MILLIS => Some(1_000),
        TIMESTAMP_MICROS => Some(1_000_000),
        _ => None,
    }
}

/// Values of a page; none that its chunk has no room for, and never an empty page, which could come without end.
fn page_count(of_page: &Struct<'_>, room: usize) -> Option<usize> {
    usize::try_from(of_page.int(1)?).ok().filter(|count| (1..=room).contains(count))
}

fn unpack(codec: i64, packed: &[u8], size: usize) -> Option<Vec<u8>> {
    match codec {
        UNCOMPRESSED => Some(packed.to_vec()),
        SNAPPY => snappy::unpack(packed, size),
        _ => {
            let mut out = Vec::new();
            flate2::read::MultiGzDecoder::new(packed).take(size as u64).read_to_end(&mut out).ok()?;
            (out.len() == size).then_some(out)
        }
    }
}

/// The definition levels of a page of version 1, and what follows them.
fn levels_v1(page: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = page.split_first_chunk::<4>()?;
    rest.split_at_checked(u32::from_le_bytes(*length) as usize)
}

/// Which rows of a page have a value.
fn presence(levels: &[u8], optional: bool, count: usize) -> Option<Vec<bool>> {
    if !optional {
        return Some(vec![true; count]);
    }
    Some(hybrid(levels, 1, count)?.into_iter().map(|level| level == 1).collect())
}

/// Appends the values of a page, nothing where a row has none.
fn append(
    column: &Column,
    encoding: i64,
    bytes: &[u8],
    dictionary: &[Stored],
    present: &[bool],
    values: &mut Vec<Option<Stored>>,
) -> Option<()> {
    let count = present.iter().filter(|there| **there).count();
    let stored: Vec<Stored> = match encoding {
        PLAIN => plain(bytes, column.kind, count)?,
        PLAIN_DICTIONARY | RLE_DICTIONARY if count == 0 => Vec::new(),
        PLAIN_DICTIONARY | RLE_DICTIONARY => {
            let (width, rest) = bytes.split_first()?;
            let indices = hybrid(rest, u32::from(*width), count)?;
            indices.into_iter().map(|i| dictionary.get(i as usize).copied()).collect::<Option<_>>()?
        }
        _ => return None,
    };
    let mut stored = stored.into_iter();
    values.extend(present.iter().map(|there| if *there { stored.next() } else { None }));
    Some(())
}

/// `count` numbers one after the other, little-endian.
fn plain(bytes: &[u8], kind: i64, count: usize) -> Option<Vec<Stored>> {
    let width = if kind == INT64 || kind == DOUBLE { 8 } else { 4 };
    let bytes = bytes.get(..count.checked_mul(width)?)?;
    let one = |cell: &[u8]| {
        let raw = cell.iter().rev().fold(0_u64, |value, byte| (value << 8) | u64::from(*byte));
        match kind {
            INT64 => Stored::Int(raw as i64),
            DOUBLE => Stored::Float(f64::from_bits(raw)),
            INT32 => Stored::Int(i64::from(raw as u32 as i32)),
            _ => Stored::Float(f64::from(f32::from_bits(raw as u32))),
        }
    };
    Some(bytes.chunks_exact(width).map(one).collect())
}

/// `count` small numbers in Parquet's mix of runs and packed bits.
fn hybrid(bytes: &[u8], width: u32, count: usize) -> Option<Vec<u32>> {
    if width > 32 {
        return None;
    }
    let mut out = Vec::with_capacity(count);
    let mut at = 0;
    while out.len() < count {
        let (header, length) = read_varint(bytes.get(at..)?)?;
        at += length;
        let room = count - out.len();
        let times = usize::try_from(header >> 1).ok()?;
        if header & 1 == 0 {
            let size = width.div_ceil(8) as usize;
            let cell = bytes.get(at..at.checked_add(size)?)?;
            at += size;
            let value = cell.iter().rev().fold(0_u32, |value, byte| (value << 8) | u32::from(*byte));
            out.extend(std::iter::repeat_n(value, times.min(room)));
        } else {
            let size = times.checked_mul(width as usize)?;
            let packed = bytes.get(at..at.checked_add(size)?)?;
            at += size;
            let values = times.checked_mul(8)?.min(room);
            out.extend((0..values).map(|i| bits(packed, i * width as usize, width)));
        }
    }
    Some(out)
}

/// `width` bits from bit `from` on, least significant first.
fn bits(packed: &[u8], from: usize, width: u32) -> u32 {
    let bit = |i: usize| u32::from(packed[i / 8] >> (i % 8) & 1);
    (0..width as usize).fold(0, |value, i| value | bit(from + i) << i)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_and_packed_bits_mix() {
        // The format's own example: 0 to 7 in three bits each.
        assert_eq!(hybrid(&[3, 0x88, 0xc6, 0xfa], 3, 8), Some((0..8).collect()));
        // A run of five nines of four bits, then the packed example cut short.
        assert_eq!(hybrid(&[10, 9, 3, 0x10, 0x32, 0x54, 0x76], 4, 8), Some(vec![9, 9, 9, 9, 9, 0, 1, 2]));
        assert_eq!(hybrid(&[10, 9], 4, 6), None);
    }

    #[test]
    fn pages_unpack_by_gzip_to_the_size_that_was_said_and_no_other() {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        std::io::Write::write_all(&mut encoder, b"abcdef").expect("memory can be written");
        let packed = encoder.finish().expect("memory can be written");
        assert_eq!(unpack(GZIP, &packed, 6).as_deref(), Some(&b"abcdef"[..]));
        assert_eq!(unpack(GZIP, &packed, 7), None);
    }
}
