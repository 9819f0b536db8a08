//! What the import of regional carbon accepts, what it refuses and with which words.

use super::*;

const HALF_HOUR: &str = r#"{"data":[{"from":"2026-05-31T01:30Z","to":"2026-05-31T02:00Z","regions":[
 {"regionid":1,"dnoregion":"Scottish Hydro Electric Power Distribution","shortname":"North Scotland",
  "intensity":{"forecast":0,"index":"very low"},"generationmix":[{"fuel":"wind","perc":100}]},
 {"regionid":18,"dnoregion":"GB","shortname":"GB","intensity":{"forecast":null,"index":null},"generationmix":[]}]}]}"#;

const BY_REGION: &str = r#"{"data":{"regionid":7,"dnoregion":"WPD South Wales","shortname":"South Wales","data":[
 {"from":"2024-01-01T00:30Z","to":"2024-01-01T01:00Z","intensity":{"forecast":310,"index":"high"}},
 {"from":"2024-01-01T00:00Z","to":"2024-01-01T00:30Z","intensity":{"forecast":300,"index":"high"}},
 {"from":"2024-01-01T01:30Z","to":"2024-01-01T02:00Z","intensity":{"forecast":290,"index":"high"}}]}}"#;

const TABLE: &str = "timestamp_utc,regionid,dnoregion,intensity_forecast,intensity_index,wind\n\
    2023-12-29T23:30:00Z,1,Scottish Hydro Electric Power Distribution,0,very low,81.1\n\
    2023-12-29T23:30:00Z,2,SP Distribution,9,very low,62.7\n\
    2023-12-30T00:00:00Z,1,Scottish Hydro Electric Power Distribution,,very low,81.1\n";

fn read(text: &str) -> Result<RegionalCarbon, RegionalError> {
    parse_regional("regions", text.as_bytes())
}

fn words(text: &str) -> String {
    read(text).expect_err("the text is wrong").to_string()
}

fn period(text: &str) -> Period {
    text.parse().expect("a period")
}

#[test]
fn a_response_with_all_regions_gives_values_zeros_and_holes() {
    let carbon = read(HALF_HOUR).expect("as published");
    assert_eq!((carbon.start(), carbon.len(), carbon.source().label()), (period("2026-05-31T01:30Z"), 1, "measured"));
    // Zero is a value for a region: nothing but wind runs there.
    assert_eq!(carbon.get(Region::NorthScotland, 0), Some(0.0));
    assert_eq!((carbon.get(Region::GreatBritain, 0), carbon.holes_of(Region::London)), (None, 1));
}

#[test]
fn the_form_of_one_region_is_read_in_any_order_as_object_and_as_list() {
    let listed = BY_REGION.replacen("\"data\":{", "\"data\":[{", 1).replacen("]}}", "]}]}", 1);
    for text in [BY_REGION, &listed] {
        let carbon = read(text).expect("as published");
        let found: Vec<Option<f64>> = (0..4).map(|t| carbon.get(Region::SouthWales, t)).collect();
        assert_eq!(found, [Some(300.0), Some(310.0), None, Some(290.0)]);
        assert_eq!((carbon.len(), carbon.holes_of(Region::SouthWales), carbon.holes_of(Region::Wales)), (4, 1, 4));
        assert_eq!(carbon.at(Region::SouthWales, period("2024-01-01T01:30Z")), Some(290.0));
        assert_eq!(carbon.at(Region::SouthWales, period("2024-01-01T02:00Z")), None);
    }
}

#[test]
fn a_table_is_read_plain_and_gzipped_and_an_empty_cell_is_a_hole() {
    use std::io::Write;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(TABLE.as_bytes()).expect("memory takes bytes");
    let zipped = encoder.finish().expect("memory takes bytes");
    for carbon in [read(TABLE), parse_regional("regions", &zipped)] {
        let carbon = carbon.expect("a good table");
        assert_eq!((carbon.len(), carbon.get(Region::SouthScotland, 0)), (2, Some(9.0)));
        assert_eq!((carbon.get(Region::NorthScotland, 1), carbon.get(Region::SouthScotland, 1)), (None, None));
    }
    let cut = parse_regional("regions", &zipped[..zipped.len() - 6]).expect_err("cut").to_string();
    assert!(cut.contains("the gzip stream ends after"), "{cut}");
}

#[test]
fn faults_of_a_table_name_line_finding_and_expectation() {
    assert_eq!(
        words(""),
        "regions: the table has no rows, expected a header and at least one half-hour\n\nhint: export it again"
    );
    assert_eq!(
        words("timestamp_utc,region,intensity_forecast\n2024-01-01T00:00:00Z,1,5\n"),
        "regions:1: the column `regionid` is missing; the nearest is `region`\n\n\
         hint: if `region` holds it, rename it to `regionid`"
    );
    assert_eq!(
        words("timestamp_utc,regionid,intensity_forecast\n2024-01-01T00:00:00Z,19,5\n"),
        "regions:2: `19` is no region of Great Britain, expected a key or a number in 1 ..= 18\n\n\
         hint: did you mean `great_britain`?"
    );
    let row = "2024-01-01T00:00:00Z,London,5\n";
    assert_eq!(
        words(&format!("timestamp_utc,regionid,intensity_forecast\n{row}{row}")),
        "regions:3: 2024-01-01T00:00:00Z of `london` appears a second time\n\n\
         hint: keep one value per half-hour and region"
    );
    assert_eq!(
        words("timestamp_utc,regionid,intensity_forecast\n2024-01-01T00:00:00Z,13,-5\n"),
        "regions:2: the carbon intensity is -5, expected a value in 0 ..= 1500 g/kWh\n\n\
         hint: check the unit, or leave the value out"
    );
    let error = words("timestamp_utc,regionid,intensity_forecast\n2024-01-01T00:00:00Z,13,low\n");
    assert!(error.starts_with("regions:2: `intensity_forecast` is `low`, expected a number"), "{error}");
    let error = words("timestamp_utc,regionid,intensity_forecast\n2024-01-01T00:00:00Z,13\n");
    assert!(error.starts_with("regions:2: the row has 2 cells, but the header has 3"), "{error}");
    let error = words("timestamp_utc,regionid,intensity_forecast\n2024-01-01T00:10:00Z,13,5\n");
    assert!(error.starts_with("regions:2: `timestamp_utc`: `2024-01-01T00:10:00Z` is no period start"), "{error}");
    let far = "timestamp_utc,regionid,intensity_forecast\n2024-01-01T00:00:00Z,13,5\n9024-01-01T00:00:00Z,13,5\n";
    let error = words(far);
    assert!(error.contains("half-hours are missing between 2024-01-01T00:00:00Z and 9024-01-01T00:00:00Z"), "{error}");
    let yearly: String = (1..=60).map(|y| format!("20{y:02}-01-01T00:00:00Z,13,5\n")).collect();
    assert_eq!(
        words(&format!("timestamp_utc,regionid,intensity_forecast\n{yearly}")),
        "regions: the values reach from 2001-01-01T00:00:00Z to 2060-01-01T00:00:00Z, expected 50 years at most\n\n\
         hint: check the dates"
    );
}

#[test]
fn faults_of_a_response_name_their_place() {
    let cases = [
        ("{\"data\":7}", "regions: `data` is the number 7, expected a list of half-hours or of regions"),
        ("[1]", "regions: `data` is absent, expected a list of half-hours or of regions"),
        ("{\"data\":[]}", "regions: the document holds no half-hour, expected at least one"),
        ("{\"data\":[", "regions:1: the text is no JSON: "),
        (
            "{\"error\":{\"code\":\"400 Bad Request\",\"message\":\"Please enter a valid date\"}}",
            "regions: the API refused the request: Please enter a valid date",
        ),
        ("{\"data\":[{\"regions\":[]}]}", "regions: `data[0].from` is absent, expected a time such as"),
    ];
    for (text, start) in cases {
        let error = words(text);
        assert!(error.starts_with(start) && error.contains("\n\nhint: "), "{error}");
    }
    let changed = [
        ("\"regionid\":18", "\"regionid\":19", "regions: `data[0].regions[1].regionid`: `19` is no region"),
        (
            "\"regionid\":18",
            "\"regionid\":1",
            "regions: `data[0].regions[1]`: 2026-05-31T01:30:00Z of `north_scotland` appears",
        ),
        (
            "\"forecast\":0",
            "\"forecast\":1501",
            "regions: `data[0].regions[0]`: the carbon intensity is 1501, expected",
        ),
        (
            "\"forecast\":0",
            "\"forecast\":\"0\"",
            "regions: `data[0].regions[0].intensity.forecast` is a text, expected",
        ),
        ("\"forecast\":0", "\"actual\":0", "regions: `data[0].regions[0].intensity.forecast` is absent, expected"),
        ("02:00Z", "02:30Z", "regions: `data[0]` lasts from 2026-05-31T01:30:00Z to 2026-05-31T02:30:00Z"),
        ("02:00Z", "02:10Z", "regions: `data[0].to`: `2026-05-31T02:10Z` is no period start"),
        ("\"regions\":[", "\"areas\":[", "regions: `data[0]` is an object of another form, expected an object with"),
    ];
    for (from, to, start) in changed {
        let error = words(&HALF_HOUR.replacen(from, to, 1));
        assert!(error.starts_with(start) && error.contains("\n\nhint: "), "{error}");
    }
}

#[test]
fn two_downloads_join_where_they_agree_and_leave_holes_between() {
    let first = read(BY_REGION).expect("as published");
    let later = read(&BY_REGION.replace("2024-01-01", "2024-01-02")).expect("as published");
    let both = later.joined_with(&first).expect("they do not meet");
    assert_eq!((both.start(), both.len()), (first.start(), 52));
    assert_eq!((both.get(Region::SouthWales, 1), both.get(Region::SouthWales, 49)), (Some(310.0), Some(310.0)));
    assert_eq!(both.holes_of(Region::SouthWales), 52 - 6);
    assert_eq!(first.joined_with(&first).expect("the same").holes_of(Region::SouthWales), 1);
    let other = read(&BY_REGION.replace("310", "311")).expect("as published");
    let error = first.joined_with(&other).expect_err("310 is not 311").to_string();
    assert_eq!(
        error,
        "regions: 2024-01-01T00:30:00Z of `south_wales` is 311 g/kWh, but 310 in the other table\n\n\
         hint: keep one of the two, the later download is the better"
    );
    let simulated = RegionalCarbon::holes("made up", RegionalSource::Simulated, first.start(), 1);
    assert!(matches!(first.joined_with(&simulated), Err(RegionalError::MixedSources { .. })));
    let far = read(&BY_REGION.replace("2024-01-01", "2034-01-01")).expect("as published");
    assert!(matches!(far.joined_with(&first), Err(RegionalError::Gap { .. })));
}

proptest::proptest! {
    #[test]
    fn damaged_bytes_give_a_table_or_an_error_in_words_never_a_panic(
        form in 0_usize..3,
        edits in proptest::collection::vec((0.0..=1.0_f64, proptest::prelude::any::<u8>()), 0..6),
        keep in 0.2..=1.0_f64,
    ) {
        let mut bytes = [HALF_HOUR, BY_REGION, TABLE][form].as_bytes().to_vec();
        let len = bytes.len();
        for (at, byte) in &edits {
            bytes[((len - 1) as f64 * at) as usize] = *byte;
        }
        bytes.truncate((len as f64 * keep) as usize);
        match parse_regional("regions", &bytes) {
            Ok(carbon) => proptest::prop_assert!(!carbon.is_empty()),
            Err(error) => {
                let text = error.to_string();
                proptest::prop_assert!(text.starts_with("regions") && text.contains("\n\nhint: "), "{}", text);
            }
        }
    }

    #[test]
    fn moved_words_of_a_response_give_a_table_or_an_error_in_words_never_a_panic(
        form in 0_usize..3,
        swaps in proptest::collection::vec((0_usize..12, 0_usize..12), 1..4),
    ) {
        // Words whose exchange keeps the text well-formed, so that the faults behind the syntax are met.
        let words = ["\"data\"", "\"from\"", "\"to\"", "\"regionid\"", "\"regions\"", "\"intensity\"", "\"forecast\"",
            "null", "310", "\"2024-01-01T00:30Z\"", "[]", "\"high\""];
        let mut text = [HALF_HOUR, BY_REGION, TABLE][form].to_string();
        for (from, to) in swaps {
            text = text.replacen(words[from], words[to], 1);
        }
        if let Err(error) = parse_regional("regions", text.as_bytes()) {
            let words = error.to_string();
            proptest::prop_assert!(words.starts_with("regions") && words.contains("\n\nhint: "), "{}", words);
        }
    }
}
