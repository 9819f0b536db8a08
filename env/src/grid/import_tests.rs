//! What the import accepts, what it refuses and with which words.

use super::*;

const HEADER: &str = "timestamp_utc,price_gbp_mwh,demand_mw\n";

fn read(text: &str) -> Result<(GridTrace, TraceReport), TraceError> {
    parse_trace("north.csv", text.as_bytes(), &ImportOptions::default())
}

fn words(text: &str) -> String {
    read(text).expect_err("the table is wrong").to_string()
}

fn table(rows: &str) -> String {
    format!("{HEADER}{rows}")
}

fn gzip(text: &str) -> Vec<u8> {
    use std::io::Write;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(text.as_bytes()).expect("memory takes bytes");
    encoder.finish().expect("memory takes bytes")
}

#[test]
fn an_empty_cell_is_a_hole_and_an_absent_column_is_all_holes() {
    let (trace, report) =
        read(&table("2024-01-01T00:00:00Z,,30000\n2024-01-01T00:30:00Z,-5.5,\n")).expect("a good table");
    assert_eq!(trace.get(Signal::IntradayPrice, 0), None);
    assert_eq!(trace.get(Signal::IntradayPrice, 1), Some(-5.5));
    assert_eq!(trace.get(Signal::Demand, 1), None);
    assert!(trace.is_absent(Signal::Wind));
    assert_eq!((report.rows, report.inserted_periods), (2, 0));
    assert_eq!(report.holes_of(Signal::Demand).map(|h| (h.count, h.longest_run)), Some((1, 1)));
    assert!(report.holes_of(Signal::Wind).is_none() && report.absent_columns.contains(&"wind_mw".to_string()));
}

#[test]
fn gzip_is_known_by_content_and_byte_order_marks_and_line_ends_do_not_matter() {
    let text = table("2024-01-01T00:00:00Z,1,2\n");
    let options = ImportOptions::default();
    let (plain, _) = read(&text).expect("plain");
    let (zipped, _) = parse_trace("north.csv", &gzip(&text), &options).expect("zipped");
    let (windows, _) = read(&format!("\u{feff}{}", text.replace('\n', "\r\n"))).expect("from a spreadsheet");
    assert_eq!(plain.content_hash(), zipped.content_hash());
    assert_eq!(plain.content_hash(), windows.content_hash());
}

#[test]
fn a_cut_gzip_file_is_refused_in_words() {
    let whole = gzip(&table("2024-01-01T00:00:00Z,1,2\n"));
    let error = parse_trace("north.csv.gz", &whole[..whole.len() - 6], &ImportOptions::default()).expect_err("cut");
    assert_eq!(
        error.to_string(),
        "north.csv.gz: the gzip stream ends after 63 bytes of text without its end mark, expected a whole file\n\n\
         hint: copy or download the file again"
    );
}

#[test]
fn a_damaged_gzip_file_is_refused_in_words() {
    let mut bytes = gzip(&table("2024-01-01T00:00:00Z,1,2\n"));
    let crc = bytes.len() - 8;
    bytes[crc] ^= 0xff;
    let error = parse_trace("north.csv.gz", &bytes, &ImportOptions::default()).expect_err("damaged").to_string();
    assert!(error.starts_with("north.csv.gz: the gzip stream is damaged: "), "{error}");
    assert!(error.ends_with("\n\nhint: copy or download the file again"), "{error}");
}

#[test]
fn a_file_that_is_not_there_is_refused_by_name() {
    let error = read_trace(Path::new("no/such/table.csv"), &ImportOptions::default()).expect_err("absent").to_string();
    assert!(error.starts_with("no/such/table.csv: the table cannot be read: "), "{error}");
}

#[test]
fn an_empty_table_is_refused_in_words() {
    let expected =
        "north.csv: the table has no rows, expected a header and at least one half-hour\n\nhint: export it again";
    assert_eq!(words(""), expected);
    assert_eq!(words(HEADER), expected);
}

#[test]
fn bytes_that_are_no_text_are_refused_by_line() {
    let mut bytes = table("2024-01-01T00:00:00Z,1,2\n").into_bytes();
    bytes.extend([b'2', 0xff, b',', b'1', b',', b'\n']);
    let error = parse_trace("north.csv", &bytes, &ImportOptions::default()).expect_err("no UTF-8").to_string();
    assert_eq!(
        error,
        "north.csv:3: the text is no CSV: it holds bytes that are no UTF-8\n\n\
         hint: save the table as UTF-8 text, comma-separated"
    );
}

#[test]
fn a_missing_column_is_named_with_the_nearest() {
    assert_eq!(
        words("timestamp,price_gbp_mwh\n2024-01-01T00:00:00Z,1\n"),
        "north.csv:1: the column `timestamp_utc` is missing; the nearest is `timestamp`\n\n\
         hint: if `timestamp` holds it, rename it to `timestamp_utc`"
    );
    let options = ImportOptions { required: vec![Signal::CarbonIntensity], ..Default::default() };
    let error = parse_trace("north.csv", table("").as_bytes(), &options).expect_err("no carbon").to_string();
    assert_eq!(
        error,
        "north.csv:1: the column `carbon_mix_gco2_kwh` is missing\n\nhint: add the column `carbon_mix_gco2_kwh`"
    );
}

#[test]
fn a_wrong_unit_is_recognised_as_such() {
    assert_eq!(
        words("timestamp_utc,price_gbp_kwh\n2024-01-01T00:00:00Z,0.1\n"),
        "north.csv:1: the column `price_gbp_kwh` has the wrong unit, expected `price_gbp_mwh`\n\n\
         hint: convert its values and rename it to `price_gbp_mwh`"
    );
    for (found, expected) in [
        ("carbon_mix_kg_mwh", "carbon_mix_gco2_kwh"),
        ("demand_gw", "demand_mw"),
        ("price_da_p_kwh", "price_da_gbp_mwh"),
    ] {
        let error = words(&format!("timestamp_utc,wind_mw,{found}\n2024-01-01T00:00:00Z,0,1\n"));
        assert!(error.contains(&format!("`{found}` has the wrong unit, expected `{expected}`")), "{error}");
    }
}

#[test]
fn unknown_columns_are_ignored_and_listed() {
    let text = "timestamp_utc,price_gbp_mwh,temperature_c,price_zone\n2024-01-01T00:00:00Z,1,x,y\n";
    let (_, report) = read(text).expect("unknown columns do no harm");
    assert_eq!(report.unknown_columns, ["temperature_c", "price_zone"]);
}

#[test]
fn a_table_without_any_signal_is_refused_in_words() {
    assert_eq!(
        words("timestamp_utc,temperature_c\n2024-01-01T00:00:00Z,1\n"),
        "north.csv:1: none of the columns is a known signal (timestamp_utc, temperature_c), expected, e.g., \
         `price_gbp_mwh`\n\nhint: name the columns as in the joined table, unit included"
    );
}

#[test]
fn a_repeated_column_is_refused_in_words() {
    assert_eq!(
        words("timestamp_utc,wind_mw,wind_mw\n2024-01-01T00:00:00Z,1,2\n"),
        "north.csv:1: the column `wind_mw` appears twice, expected it once\n\nhint: delete or rename one of them"
    );
}

#[test]
fn a_row_of_another_length_is_refused_by_line() {
    assert_eq!(
        words(&table("2024-01-01T00:00:00Z,1,2\n2024-01-01T00:30:00Z,1\n")),
        "north.csv:3: the row has 2 cells, but the header has 3\n\nhint: leave a missing value empty and keep its comma"
    );
}

#[test]
fn lines_are_counted_alike_with_any_line_end_and_with_blank_lines() {
    let text = "timestamp_utc,price_gbp_mwh\n2024-01-01T00:00:00Z,1\n2024-01-01T00:30:00Z,x\n";
    assert!(words(text).starts_with("north.csv:3: `price_gbp_mwh` is `x`"), "{}", words(text));
    assert_eq!(words(&text.replace('\n', "\r\n")), words(text));
    let blank = text.replace("00Z,1\n", "00Z,1\r\n\r\n\n");
    assert!(words(&blank).starts_with("north.csv:5: `price_gbp_mwh` is `x`"), "{}", words(&blank));
}

#[test]
fn a_local_time_is_refused_by_line() {
    let error = words(&table("2024-07-01T00:00:00+01:00,1,2\n"));
    assert!(
        error.starts_with("north.csv:2: `timestamp_utc`: `2024-07-01T00:00:00+01:00` is no period start"),
        "{error}"
    );
}

#[test]
fn a_repeated_half_hour_is_refused_by_line() {
    assert_eq!(
        words(&table("2024-01-01T00:00:00Z,1,2\n2024-01-01T00:00:00Z,1,2\n")),
        "north.csv:3: 2024-01-01T00:00:00Z appears a second time, expected 2024-01-01T00:30:00Z\n\n\
         hint: keep one row per half-hour"
    );
}

#[test]
fn unsorted_rows_are_refused_by_line() {
    assert_eq!(
        words(&table("2024-01-01T00:00:00Z,1,2\n2024-01-01T00:30:00Z,1,2\n2023-12-31T00:00:00Z,1,2\n")),
        "north.csv:4: 2023-12-31T00:00:00Z comes after a later time, expected 2024-01-01T01:00:00Z\n\n\
         hint: sort the rows by time"
    );
}

#[test]
fn left_out_half_hours_are_refused_or_counted_as_holes() {
    let text = table("2024-01-01T00:00:00Z,1,2\n2024-01-01T02:00:00Z,3,4\n");
    assert_eq!(
        words(&text),
        "north.csv:3: found 2024-01-01T02:00:00Z, expected 2024-01-01T00:30:00Z: 3 half-hour(s) are missing before \
         it\n\nhint: add rows with empty cells, or read the table with missing half-hours as holes (up to a year at a time)"
    );
    let options = ImportOptions { missing_periods: MissingPeriods::AsHoles, ..Default::default() };
    let (trace, report) = parse_trace("north.csv", text.as_bytes(), &options).expect("holes are allowed");
    assert_eq!((trace.len(), report.rows, report.inserted_periods), (5, 2, 3));
    assert_eq!((trace.get(Signal::Demand, 3), trace.get(Signal::Demand, 4)), (None, Some(4.0)));
    let hole = report.holes_of(Signal::Demand).expect("the column is there");
    assert_eq!((hole.count, hole.first_run_start), (3, "2024-01-01T00:30:00Z".parse().ok()));
    let far = table("2024-01-01T00:00:00Z,1,2\n9024-01-01T02:00:00Z,3,4\n");
    let error = parse_trace("north.csv", far.as_bytes(), &options).expect_err("a mistyped century");
    assert!(matches!(error, TraceError::MissingPeriods { line: 3, .. }), "{error}");
}

#[test]
fn a_cell_that_is_no_number_is_refused_by_line_and_column() {
    assert_eq!(
        words(&table("2024-01-01T00:00:00Z,1,n/a\n")),
        "north.csv:2: `demand_mw` is `n/a`, expected a number or an empty cell\n\n\
         hint: leave the cell empty where no value was published"
    );
    for text in ["NaN", "inf", "1e999", "\"1,5\""] {
        let error = read(&table(&format!("2024-01-01T00:00:00Z,{text},2\n"))).expect_err(text);
        assert!(matches!(error, TraceError::BadNumber { line: 2, .. }), "{text}: {error}");
    }
}

#[test]
fn an_implausible_magnitude_is_refused_by_line_and_column() {
    assert_eq!(
        words(&table("2024-01-01T00:00:00Z,1,2\n2024-01-01T00:30:00Z,10000.5,2\n")),
        "north.csv:3: `price_gbp_mwh` is 10000.5, expected a value in -10000 ..= 10000\n\n\
         hint: check the unit of the column, or leave the cell empty"
    );
    let negative = words("timestamp_utc,carbon_mix_gco2_kwh\n2024-01-01T00:00:00Z,-1\n");
    assert!(negative.contains("`carbon_mix_gco2_kwh` is -1, expected a value in 0 ..= 1500"), "{negative}");
}

/// Two days of a good table.
fn two_days() -> String {
    let start: Period = "2024-03-31T00:00:00Z".parse().expect("a period");
    let rows = (0..96).map(|t| format!("{},{}.25,{}\n", start + t, 40 + t % 48, 20_000 + 100 * t));
    table(&rows.collect::<String>())
}

/// Overwrites bytes (each at a share of the length), then cuts the end off.
fn damage(mut bytes: Vec<u8>, edits: &[(f64, u8)], keep: f64) -> Vec<u8> {
    let len = bytes.len();
    for (at, byte) in edits {
        bytes[((len - 1) as f64 * at) as usize] = *byte;
    }
    bytes.truncate((len as f64 * keep) as usize);
    bytes
}

proptest::proptest! {
    #[test]
    fn a_damaged_table_gives_a_trace_or_an_error_in_words_never_a_panic(
        edits in proptest::collection::vec((0.0..=1.0_f64, proptest::prelude::any::<u8>()), 0..6),
        keep in 0.2..=1.0_f64,
        zipped in proptest::prelude::any::<bool>(),
        as_holes in proptest::prelude::any::<bool>(),
    ) {
        let whole = if zipped { gzip(&two_days()) } else { two_days().into_bytes() };
        let bytes = damage(whole, &edits, keep);
        let missing_periods = if as_holes { MissingPeriods::AsHoles } else { MissingPeriods::Refuse };
        match parse_trace("north.csv", &bytes, &ImportOptions { missing_periods, ..ImportOptions::default() }) {
            Ok((trace, report)) => proptest::prop_assert_eq!(trace.len(), report.rows + report.inserted_periods),
            Err(error) => {
                let text = error.to_string();
                let worded = text.contains("north.csv") && text.contains("\n\nhint: ");
                proptest::prop_assert!(worded, "{}", text);
            }
        }
    }
}
