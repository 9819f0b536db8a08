//! Damaged files of every format: a table or an error in words, never a panic.

use super::super::{PublishError, PublishedTable, Publisher, parse_published};
use super::fixtures::{all, fixture};
use crate::grid::import::{ImportOptions, MissingPeriods, parse_trace};
use crate::grid::real_table::shared;
use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};
use std::io::{Read, Write};

/// Damaged copies of each fixture.
const CASES: u32 = 4000;
/// Damaged copies of the head of each real file.
const REAL_CASES: u32 = 2000;
/// Bytes of a real file's head.
const HEAD: u64 = 4096;

/// One thing that can happen to a file; places are shares of its length.
#[derive(Debug, Clone)]
enum Damage {
    Flip(f64, u8),
    Truncate(f64),
    Insert(f64, Vec<u8>),
    RepeatLine(f64, f64),
    DropLine(f64),
    SwapColumns(usize, usize),
    SwapLines(f64, f64),
    SwapDigits(f64),
    Noise(Vec<u8>),
}

fn damage() -> impl Strategy<Value = Damage> {
    let at = 0.0..1.0_f64;
    let texts = prop::sample::select(vec![
        &b"\0"[..],
        b"\"",
        b"99999999999999999999999",
        b"1e308",
        b"1e999",
        b"-",
        b"NaN",
        b"inf",
        b"\xff\xfe",
        b",",
        b"\n",
        b"[[[[[[[[",
        b"{}",
        b"null",
        b"9999-12-31",
        b"0001-01-01T00:00:00Z",
        b"31/02/2023",
        b"\r\n\r\n",
        b"\xf0\x9f\x98\x80",
        b"49",
        b"51",
        b"-1",
        b"0",
    ]);
    prop_oneof![
        4 => (at.clone(), any::<u8>()).prop_map(|(at, byte)| Damage::Flip(at, byte)),
        1 => at.clone().prop_map(Damage::Truncate),
        4 => (at.clone(), texts).prop_map(|(at, text)| Damage::Insert(at, text.to_vec())),
        1 => (at.clone(), prop::collection::vec(any::<u8>(), 1..20)).prop_map(|(at, noise)| Damage::Insert(at, noise)),
        2 => (at.clone(), at.clone()).prop_map(|(from, to)| Damage::RepeatLine(from, to)),
        1 => at.clone().prop_map(Damage::DropLine),
        2 => (0..9_usize, 0..9_usize).prop_map(|(a, b)| Damage::SwapColumns(a, b)),
        1 => (at.clone(), at.clone()).prop_map(|(a, b)| Damage::SwapLines(a, b)),
        4 => at.prop_map(Damage::SwapDigits),
        1 => prop::collection::vec(any::<u8>(), 0..300).prop_map(Damage::Noise),
    ]
}

fn apply(bytes: Vec<u8>, damage: &Damage) -> Vec<u8> {
    let place = |share: f64| ((bytes.len() as f64 * share) as usize).min(bytes.len().saturating_sub(1));
    let mut lines: Vec<Vec<u8>> = bytes.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
    let count = lines.len();
    let line = |share: f64| ((count as f64 * share) as usize).min(count.saturating_sub(1));
    let mut out = bytes.clone();
    if bytes.is_empty() {
        return out;
    }
    match damage {
        Damage::Flip(at, byte) => out[place(*at)] = *byte,
        Damage::Truncate(at) => out.truncate(place(*at)),
        Damage::Insert(at, text) => _ = out.splice(place(*at)..place(*at), text.iter().copied()),
        Damage::RepeatLine(from, to) => {
            lines.insert(line(*to), lines[line(*from)].clone());
            out = lines.concat();
        }
        Damage::DropLine(at) => {
            lines.remove(line(*at));
            out = lines.concat();
        }
        Damage::SwapLines(a, b) => {
            lines.swap(line(*a), line(*b));
            out = lines.concat();
        }
        Damage::SwapColumns(a, b) => out = swap_columns(&lines, *a, *b),
        Damage::SwapDigits(at) => {
            // The next digit becomes another one: the file stays well-formed, its dates and numbers change.
            let from = place(*at);
            if let Some(digit) = out[from..].iter_mut().find(|byte| byte.is_ascii_digit()) {
                *digit = b'0' + (*digit - b'0' + 1 + (from % 9) as u8) % 10;
            }
        }
        Damage::Noise(noise) => out.clone_from(noise),
    }
    out
}

fn swap_columns(lines: &[Vec<u8>], a: usize, b: usize) -> Vec<u8> {
    let swapped = lines.iter().map(|line| {
        let mut cells: Vec<&[u8]> = line.split(|byte| *byte == b',').collect();
        if a < cells.len() && b < cells.len() {
            cells.swap(a, b);
        }
        cells.join(&b","[..])
    });
    swapped.collect::<Vec<_>>().concat()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).expect("memory can be written");
    encoder.finish().expect("memory can be written")
}

/// What must hold of whatever came of a file.
fn judge(outcome: Result<PublishedTable, PublishError>) -> Result<bool, TestCaseError> {
    match outcome {
        Ok(table) => {
            prop_assert!(table.signals().count() > 0 && table.first() <= table.last());
            for signal in table.signals() {
                let spec = signal.spec();
                for (_, value) in table.values(signal) {
                    prop_assert!(value >= spec.plausible_min && value <= spec.plausible_max);
                }
            }
            Ok(true)
        }
        Err(error) => {
            let text = error.to_string();
            let (fault, hint) = text.split_once("\n\nhint: ").unwrap_or_default();
            prop_assert!(fault.starts_with("north.dat") && hint.len() > 10, "{text}");
            prop_assert!(text.len() < 2000, "a message stays readable: {} characters", text.len());
            Ok(false)
        }
    }
}

/// Damages a file many times over; returns how many copies were still read.
fn survivors(publisher: &'static Publisher, whole: &[u8], cases: u32) -> u32 {
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let read = std::cell::Cell::new(0);
    let outcome = runner.run(
        &(prop::collection::vec(damage(), 1..4), any::<bool>(), prop::option::weighted(0.1, 0.0..1.0_f64)),
        |(damages, told, zipped)| {
            let mut bytes = damages.iter().fold(whole.to_vec(), apply);
            if let Some(at) = zipped {
                let zip = gzip(&bytes);
                bytes = apply(zip, &Damage::Flip(at, 0x5a));
            }
            read.set(read.get() + u32::from(judge(parse_published("north.dat", &bytes, told.then_some(publisher)))?));
            Ok(())
        },
    );
    outcome.unwrap_or_else(|error| panic!("{}: {error}", publisher.id));
    read.get()
}

#[test]
fn thousands_of_damaged_files_of_every_format_give_a_table_or_an_error_in_words() {
    for (publisher, whole) in all() {
        let read = survivors(publisher, &whole, CASES);
        // Both outcomes happen: the damage is neither always fatal nor always harmless.
        assert!((CASES / 100..CASES - CASES / 100).contains(&read), "{}: {read} of {CASES} read", publisher.id);
    }
}

#[test]
fn damaged_parquet_bytes_of_the_real_sample_are_refused_or_read_within_plausible_limits() {
    let Some(path) = shared("data/raw/mg298_DETSYSPRICES_2023-01-01.parquet") else { return };
    let whole = std::fs::read(path).expect("the sample can be read");
    let publisher = Publisher::by_id("mg298-detsysprices").expect("the format is known");
    let read = survivors(publisher, &whole, 4 * CASES);
    assert!(read > 0, "some damage is harmless");
}

#[test]
fn damaged_heads_of_the_real_files_give_a_table_or_an_error_in_words() {
    let Some(readme) = shared("data/README.md") else { return };
    let raw = readme.parent().expect("the file lies in a folder").join("raw");
    let files = std::fs::read_dir(raw).expect("the folder can be read").flatten();
    for path in files.map(|entry| entry.path()) {
        let bytes = std::fs::read(&path).expect("the file can be read");
        let mut head = Vec::new();
        if bytes.starts_with(&[0x1f, 0x8b]) {
            flate2::read::GzDecoder::new(&bytes[..]).take(HEAD).read_to_end(&mut head).expect("the file is good");
        } else {
            head.extend(&bytes[..bytes.len().min(HEAD as usize)]);
        }
        let format = parse_published("north.dat", &bytes, None).ok().map(|table| table.format());
        // Regional carbon is another reader's: here it is damaged as a file of any format.
        let publisher = Publisher::by_id(format.unwrap_or("carbon-intensity-api")).expect("the format is known");
        survivors(publisher, &head, REAL_CASES);
    }
}

#[test]
fn thousands_of_damaged_joined_tables_give_a_trace_or_an_error_in_words() {
    let whole = fixture("joined");
    let config = Config { cases: CASES, failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let outcome = runner.run(&(prop::collection::vec(damage(), 1..4), any::<bool>()), |(damages, as_holes)| {
        let bytes = damages.iter().fold(whole.clone(), apply);
        let missing_periods = if as_holes { MissingPeriods::AsHoles } else { MissingPeriods::Refuse };
        match parse_trace("north.dat", &bytes, &ImportOptions { missing_periods, ..ImportOptions::default() }) {
            Ok((trace, report)) => prop_assert_eq!(trace.len(), report.rows + report.inserted_periods),
            Err(error) => {
                let text = error.to_string();
                prop_assert!(text.starts_with("north.dat") && text.contains("\n\nhint: "), "{}", text);
            }
        }
        Ok(())
    });
    outcome.expect("no damage makes the import panic or speak without a hint");
}
