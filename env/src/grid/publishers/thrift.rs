//! Thrift's compact protocol, as far as Parquet's headers use it.
//!
//! In: bytes. Out: a tree of values by field number.
//! Always: damaged bytes give nothing, never a panic; a list is never longer than the bytes that are left.
//! Source: Apache Thrift, compact protocol specification, read 2026-11-22.

/// Deepest nesting of lists and structures; Parquet's headers need 8.
const MAX_DEPTH: usize = 24;

/// One value of a structure.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value<'a> {
    Bool(bool),
    Int(i64),
    Binary(&'a [u8]),
    List(Vec<Value<'a>>),
    Struct(Struct<'a>),
    /// A number with a point or a map: nothing that is read here.
    Other,
}

/// A structure: values by field number.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Struct<'a>(Vec<(i64, Value<'a>)>);

impl<'a> Struct<'a> {
    /// Reads a structure from the front of `bytes`; returns it with the number of bytes it took.
    pub(super) fn read(bytes: &'a [u8]) -> Option<(Self, usize)> {
        let mut reader = Reader { bytes, at: 0 };
        let found = reader.structure(0)?;
        Some((found, reader.at))
    }

    pub(super) fn get(&self, field: i64) -> Option<&Value<'a>> {
        self.0.iter().find(|(number, _)| *number == field).map(|(_, value)| value)
    }

    pub(super) fn int(&self, field: i64) -> Option<i64> {
        if let Value::Int(value) = self.get(field)? { Some(*value) } else { None }
    }

    pub(super) fn bool(&self, field: i64) -> Option<bool> {
        if let Value::Bool(value) = self.get(field)? { Some(*value) } else { None }
    }

    pub(super) fn text(&self, field: i64) -> Option<&'a str> {
        if let Value::Binary(bytes) = self.get(field)? { std::str::from_utf8(bytes).ok() } else { None }
    }

    pub(super) fn structure(&self, field: i64) -> Option<&Struct<'a>> {
        if let Value::Struct(value) = self.get(field)? { Some(value) } else { None }
    }

    /// The structures of a list; nothing if one element is something else.
    pub(super) fn structures(&self, field: i64) -> Option<Vec<&Struct<'a>>> {
        let Value::List(values) = self.get(field)? else { return None };
        values.iter().map(|value| if let Value::Struct(inner) = value { Some(inner) } else { None }).collect()
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn byte(&mut self) -> Option<u8> {
        let byte = *self.bytes.get(self.at)?;
        self.at += 1;
        Some(byte)
    }

    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let taken = self.bytes.get(self.at..self.at.checked_add(count)?)?;
        self.at += count;
        Some(taken)
    }

    fn varint(&mut self) -> Option<u64> {
        let (value, length) = read_varint(self.bytes.get(self.at..)?)?;
        self.at += length;
        Some(value)
    }

    fn zigzag(&mut self) -> Option<i64> {
        let value = self.varint()?;
        Some((value >> 1) as i64 ^ -((value & 1) as i64))
    }

    fn structure(&mut self, depth: usize) -> Option<Struct<'a>> {
        let mut fields = Vec::new();
        let mut number = 0_i64;
        loop {
            let head = self.byte()?;
            if head == 0 {
                return Some(Struct(fields));
            }
            let delta = i64::from(head >> 4);
            number = if delta == 0 { self.zigzag()? } else { number.checked_add(delta)? };
            let value = match head & 0x0f {
                1 => Value::Bool(true),
                2 => Value::Bool(false),
                kind => self.value(kind, depth)?,
            };
            fields.push((number, value));
        }
    }

    fn value(&mut self, kind: u8, depth: usize) -> Option<Value<'a>> {
        if depth >= MAX_DEPTH {
            return None;
        }
        match kind {
            1 | 2 => Some(Value::Bool(self.byte()? == 1)),
            3 => Some(Value::Int(i64::from(self.byte()? as i8))),
            4..=6 => self.zigzag().map(Value::Int),
            7 => self.take(8).map(|_| Value::Other),
            8 => {
                let length = usize::try_from(self.varint()?).ok()?;
                self.take(length).map(Value::Binary)
            }
            9 | 10 => self.list(depth),
            11 => self.map(depth),
            12 => self.structure(depth + 1).map(Value::Struct),
            _ => None,
        }
    }

    fn list(&mut self, depth: usize) -> Option<Value<'a>> {
        let head = self.byte()?;
        let length = if head >> 4 == 15 { self.varint()? } else { u64::from(head >> 4) };
        // Every element takes a byte at least.
        let length = usize::try_from(length).ok().filter(|length| *length <= self.bytes.len() - self.at)?;
        let values: Option<Vec<Value<'a>>> = (0..length).map(|_| self.value(head & 0x0f, depth + 1)).collect();
        values.map(Value::List)
    }

    fn map(&mut self, depth: usize) -> Option<Value<'a>> {
        let length = self.varint()?;
        if length > 0 {
            let kinds = self.byte()?;
            for _ in 0..length {
                self.value(kinds >> 4, depth + 1)?;
                self.value(kinds & 0x0f, depth + 1)?;
            }
        }
        Some(Value::Other)
    }
}

/// A variable-length number at the front of `bytes`, with the number of bytes it took.
pub(super) fn read_varint(bytes: &[u8]) -> Option<(u64, usize)> {
    let mut value = 0_u64;
    for (i, byte) in bytes.iter().take(10).enumerate() {
        value |= u64::from(byte & 0x7f).checked_shl(7 * i as u32)?;
        if byte & 0x80 == 0 {
            return Some((value, i + 1));
        }
    }
    None
}
