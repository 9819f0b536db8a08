//! `flexai data import`: publishers' files become a table that the other commands read.
//!
//! In: small files written here, and the shared material's `raw` folder where it is there.
//! Not here: the formats one by one (`env/src/grid/publishers/tests`).

use crate::shared_data::shared;
use crate::support::{assert_keys, flexai, temporary, text};
use serde_json::Value;
use std::fs;
use std::path::PathBuf;

const MID: &str = "Record Type,Data Provider,Settlement Date,Settlement Period,Price,Volume\r\n\
MID,APXMIDP,20240101,1,44.90,505.000\r\nMID,N2EXMIDP,20240101,1,0.00,0.000\r\nMID,APXMIDP,20240101,4,47.13,559.150\r\n";
const DEMAND: &str = "\"SETTLEMENT_DATE\",\"SETTLEMENT_PERIOD\",\"ND\",\"TSD\"\n\"2024-01-01\",1,21783,23466\n\"2024-01-01\",2,22521,24103\n";

fn written(folder: &tempfile::TempDir, name: &str, content: &str) -> PathBuf {
    let path = folder.path().join(name);
    fs::write(&path, content).expect("a temporary folder can be written");
    path
}

fn refused(arguments: &[&str], words: &[&str]) {
    let ran = flexai(&[&["data", "import"], arguments].concat());
    assert_eq!(ran.code, Some(2), "{}", ran.stderr);
    assert!(ran.stderr.starts_with("error: ") && ran.stderr.contains("\n\nhint: "), "{}", ran.stderr);
    for word in words {
        assert!(ran.stderr.contains(word), "`{word}` is missing in: {}", ran.stderr);
    }
}

#[test]
fn two_publishers_files_become_one_table_that_check_accepts() {
    let folder = temporary();
    let (mid, demand) = (written(&folder, "mid.csv", MID), written(&folder, "demand.csv", DEMAND));
    for name in ["table.csv", "table.csv.gz"] {
        let out = folder.path().join(name);
        let summary = flexai(&["data", "import", text(&mid), text(&demand), "--out", text(&out), "--json"]).ok().json();
        assert_keys(&summary, &["table", "rows", "first", "last", "columns", "agreed", "settled", "files"]);
        assert_eq!((summary["rows"].as_u64(), summary["first"].as_str()), (Some(4), Some("2024-01-01T00:00:00Z")));
        let columns = summary["columns"].as_array().expect("it lists columns");
        let price = columns.iter().find(|column| column["column"] == "price_gbp_mwh").expect("a price");
        assert_eq!((price["values"].as_u64(), price["holes"].as_u64()), (Some(2), Some(2)));
        let formats: Vec<&str> =
            summary["files"].as_array().expect("files").iter().filter_map(|file| file["format"].as_str()).collect();
        assert_eq!(formats, ["elexon-bmrs-legacy-mid", "neso-demand"]);
        assert_eq!(summary["files"][0]["notes"][0]["count"], 1);
        let check = flexai(&["data", "check", text(&out), "--allow-missing", "--json"]).ok().json();
        assert_eq!(
            (check["report"]["rows"].as_u64(), check["report"]["inserted_periods"].as_u64()),
            (Some(4), Some(0))
        );
    }
    let table = fs::read_to_string(folder.path().join("table.csv")).expect("it was written");
    assert_eq!(table.lines().nth(1), Some("2024-01-01T00:00:00Z,44.9,21783,23466"));
    assert_eq!(table.lines().nth(3), Some("2024-01-01T01:00:00Z,,,"));
    let out = folder.path().join("again.csv");
    let words = flexai(&["data", "import", text(&mid), "--out", text(&out)]).ok().stdout;
    assert!(words.contains("mid.csv: elexon-bmrs-legacy-mid, 3 rows, 2024-01-01T00:00:00Z to "), "{words}");
    assert!(words.contains("  note: 1 rows of another provider than APXMIDP left out"), "{words}");
    assert!(words.ends_with("  price_gbp_mwh: 2 values, 2 holes\n"), "{words}");
}

#[test]
fn the_list_names_every_format_with_what_comes_of_it() {
    let list = flexai(&["data", "import", "--list"]).ok().stdout;
    let json = flexai(&["data", "import", "--list", "--json"]).ok().json();
    let formats = json["formats"].as_array().expect("it lists formats");
    assert_eq!(list.lines().count(), formats.len());
    for (line, format) in list.lines().zip(formats) {
        let (id, description) =
            (format["id"].as_str().expect("an id"), format["description"].as_str().expect("a line"));
        assert!(line.starts_with(id) && line.ends_with(description) && !description.is_empty(), "{line}");
    }
}

#[test]
fn bad_imports_are_refused_in_words_and_leave_no_table() {
    let folder = temporary();
    let mid = written(&folder, "mid.csv", MID);
    let other = written(&folder, "other.csv", &MID.replace("44.90", "45.00"));
    let noise = written(&folder, "noise.csv", "a,b\n1,2\n");
    let out = folder.path().join("table.csv");
    let (mid, other, noise, table) = (text(&mid), text(&other), text(&noise), text(&out));
    refused(&[noise, "--out", table], &["noise.csv: this is no format of a known publisher", "data import --list"]);
    refused(&[mid, "--format", "elexon", "--out", table], &["`elexon` is no known format", "neso-demand"]);
    refused(&[mid, "--format", "neso-demand", "--out", table], &["mid.csv:1: the column `settlement_date` is missing"]);
    refused(&["nowhere.csv", "--out", table], &["nowhere.csv: the table cannot be read"]);
    refused(&[mid, other, "--out", table], &["other.csv:2: `price_gbp_mwh`", "is 45, but 44.9 in", "--prefer first"]);
    refused(&[mid, "--out", mid], &["is one of the files to import, expected another file"]);
    assert!(!out.exists(), "a refused import writes nothing");
    let settled = flexai(&["data", "import", mid, other, "--out", table, "--prefer", "last", "--json"]).ok().json();
    assert_eq!((settled["settled"].as_u64(), settled["agreed"].as_u64()), (Some(1), Some(1)));
    let missing = flexai(&["data", "import", mid]);
    assert_eq!(missing.code, Some(2), "{}", missing.stderr);
    assert!(missing.stderr.contains("--out"), "{}", missing.stderr);
}

#[test]
fn every_publishers_file_of_the_shared_material_imports() {
    let Some(readme) = shared("data/README.md") else { return };
    let raw = readme.with_file_name("raw");
    let folder = temporary();
    let out = folder.path().join("table.csv.gz");
    let mut formats = Vec::new();
    for path in fs::read_dir(raw).expect("the folder can be read").flatten().map(|entry| entry.path()) {
        // Regional carbon has its own reader.
        if text(&path).contains("regional") {
            continue;
        }
        let summary: Value = flexai(&["data", "import", text(&path), "--out", text(&out), "--json"]).ok().json();
        flexai(&["data", "check", text(&out), "--allow-missing", "--json"]).ok();
        formats.push(summary["files"][0]["format"].as_str().expect("a format").to_owned());
    }
    formats.sort();
    formats.dedup();
    assert_eq!(formats.len(), 11, "{formats:?}");
}
