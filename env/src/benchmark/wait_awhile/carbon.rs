//! The carbon intensity of Great Britain that the benchmark was published with.
//!
//! In: `gb_ci.csv` of the authors, or the same with a UTC column. Out: one value per half-hour of the benchmark.
//! Always: 18 000 half-hours from 2020-01-01 00:00 UTC without a hole. From 2020-10-31 the file has quarter-hours: those
//! between half-hours are left out, as the authors do. What comes after the last half-hour is left out too.
//! Not here: carbon intensity to operate by (`grid/`); these are life-cycle factors of another level.

use super::error::WaitAwhileError;
use crate::grid::Period;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use std::path::Path;

/// First half-hour of the benchmark: 2020-01-01 00:00 UTC.
pub const START: Period = Period(876_576);
/// Half-hours of the benchmark: to 2021-01-09 23:30 UTC, where the authors' file ends.
pub const HALF_HOURS: usize = 18_000;
/// Above the dirtiest plant (coal, 1001 g/kWh in the authors' factors) no mix can be.
const PLAUSIBLE: std::ops::RangeInclusive<f64> = 0.0..=1100.0;
/// Columns of the authors' file, and of its copy with times in UTC and a unit.
const COLUMNS: [[&str; 2]; 2] = [["Time", "Carbon Intensity"], ["timestamp_utc", "carbon_intensity_gco2_kwh"]];
const EXPECTED_COLUMNS: &str = "`Time,Carbon Intensity` or `timestamp_utc,carbon_intensity_gco2_kwh`";
const EXPECTED_ROW: &str = "a time such as 2020-01-01 00:00:00 and a carbon intensity of 0 to 1100 g/kWh";

/// Carbon intensity per half-hour, g/kWh.
#[derive(Debug, Clone, PartialEq)]
pub struct CarbonSeries {
    gco2_kwh: Vec<f64>,
    mean: f64,
}

impl CarbonSeries {
    /// Reads the authors' file.
    ///
    /// # Errors
    /// [`WaitAwhileError`] naming file and line.
    pub fn read(path: &Path) -> Result<Self, WaitAwhileError> {
        let file = path.display().to_string();
        match std::fs::read_to_string(path) {
            Ok(text) => Self::parse(&text, &file),
            Err(error) => Err(WaitAwhileError::CarbonUnreadable { file, reason: error.to_string() }),
        }
    }

    /// Reads the text of a file; `file` is how errors call it.
    ///
    /// # Errors
    /// [`WaitAwhileError`] naming file and line.
    pub fn parse(text: &str, file: &str) -> Result<Self, WaitAwhileError> {
        let mut lines = text.lines();
        let header = lines.next().unwrap_or_default();
        let columns: Vec<&str> = header.trim_start_matches('\u{feff}').split(',').map(str::trim).collect();
        if !COLUMNS.iter().any(|known| columns == known) {
            let found = shortened(header);
            return Err(WaitAwhileError::WrongColumns { file: file.into(), found, expected: EXPECTED_COLUMNS });
        }
        let mut values = Vec::with_capacity(HALF_HOURS);
        for (index, row) in lines.enumerate() {
            let line = index + 2;
            let Some((second, value)) = read_row(row) else {
                let found = shortened(row);
                return Err(WaitAwhileError::BadRow { file: file.into(), line, found, expected: EXPECTED_ROW });
            };
            let half_hour = Period(second.div_euclid(1800));
            if second.rem_euclid(1800) != 0 || half_hour < START {
                continue;
            }
            let expected = START + values.len() as i64;
            if half_hour != expected {
                return Err(WaitAwhileError::NotNext { file: file.into(), line, found: half_hour, expected });
            }
            values.push(value);
            if values.len() == HALF_HOURS {
                return Ok(Self::new(values));
            }
        }
        let what = "half-hours from 2020-01-01 on";
        Err(WaitAwhileError::TooShort { file: file.into(), what, found: values.len(), expected: HALF_HOURS })
    }

    fn new(gco2_kwh: Vec<f64>) -> Self {
        let mean = gco2_kwh.iter().sum::<f64>() / gco2_kwh.len() as f64;
        Self { gco2_kwh, mean }
    }

    /// One value per half-hour from [`START`], g/kWh.
    pub fn gco2_kwh(&self) -> &[f64] {
        &self.gco2_kwh
    }

    /// Mean over all half-hours, g/kWh; forecast errors scale with it.
    pub fn mean(&self) -> f64 {
        self.mean
    }
}

/// Seconds since 1970 and intensity of a row.
fn read_row(row: &str) -> Option<(i64, f64)> {
    let (time, value) = row.split_once(',')?;
    let time = time.trim();
    let time = time.strip_suffix('Z').or_else(|| time.strip_suffix("+00:00")).unwrap_or(time);
    let time: DateTime = time.parse().ok()?;
    let second = time.to_zoned(TimeZone::UTC).ok()?.timestamp().as_second();
    let value: f64 = value.trim().parse().ok()?;
    PLAUSIBLE.contains(&value).then_some((second, value))
}

/// A line as an error shows it.
pub(super) fn shortened(line: &str) -> String {
    line.chars().take(60).collect()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use std::fmt::Write;

    /// A daily cycle with a slow drift, on no round numbers.
    pub(in super::super) fn made_up() -> CarbonSeries {
        let value = |t: usize| {
            let t = t as f64;
            200.0 + 60.0 * (t * 0.1309).sin() + 40.0 * (t * 0.00731).cos() + 15.0 * (t * 1.7).sin()
        };
        CarbonSeries::new((0..HALF_HOURS).map(value).collect())
    }

    /// The first rows of a file whose `line`, if it names one, is replaced.
    fn text(rows: usize, replaced: Option<(usize, &str)>) -> String {
        let mut text = "Time,Carbon Intensity\n".to_owned();
        for t in 0..rows {
            match replaced {
                Some((line, row)) if line == t + 2 => writeln!(text, "{row}"),
                _ => writeln!(text, "{},{}", START + t as i64, 100 + t % 7),
            }
            .expect("a string can be written");
        }
        text
    }

    fn message(text: &str) -> String {
        CarbonSeries::parse(text, "gb_ci.csv").expect_err("the text is bad").to_string()
    }

    #[test]
    fn the_benchmark_begins_with_the_year_2020() {
        assert_eq!(START, "2020-01-01T00:00:00Z".parse().expect("a period"));
    }

    #[test]
    fn both_forms_of_time_give_the_same_series_and_quarter_hours_are_left_out() {
        let ours = text(HALF_HOURS, None);
        let theirs = ours.replace('T', " ").replace(" ime", "Time").replace('Z', "");
        let quarters: String = ours
            .lines()
            .flat_map(|line| [line.to_owned(), line.replace(":00:00Z,", ":15:00Z,").replace(":30:00Z,", ":45:00Z,")])
            .skip(1)
            .fold(String::new(), |text, line| text + &line + "\n");
        let series = CarbonSeries::parse(&ours, "a").expect("good");
        assert_eq!(series.gco2_kwh().len(), HALF_HOURS);
        assert!(theirs.contains("2020-01-01 00:30:00,101"));
        assert_eq!(CarbonSeries::parse(&theirs, "b"), Ok(series.clone()));
        assert!(quarters.contains("2020-01-01T00:15:00Z,100"));
        assert_eq!(CarbonSeries::parse(&quarters, "c"), Ok(series));
    }

    #[test]
    fn a_hole_is_refused_with_its_line() {
        let found = message(&text(40, Some((12, "2020-01-01T05:15:00Z,100"))));
        assert_eq!(
            found,
            "gb_ci.csv:13: found the half-hour 2020-01-01T05:30:00Z, expected 2020-01-01T05:00:00Z\n\n\
             hint: the series needs every half-hour from 2020-01-01 on, in order"
        );
    }

    #[test]
    fn a_row_that_is_no_time_and_number_is_refused_with_its_line() {
        for row in ["", "2020-01-01T05:00:00Z", "noon,100", "2020-01-01T05:00:00Z,NaN", "2020-01-01T05:00:00Z,-3"] {
            let found = message(&text(40, Some((12, row))));
            assert!(found.starts_with(&format!("gb_ci.csv:12: found `{row}`, expected a time such as")), "{found}");
        }
    }

    #[test]
    fn another_table_and_half_a_table_are_refused() {
        assert!(message("a,b\n1,2\n").starts_with("gb_ci.csv:1: the columns are `a,b`, expected `Time,Carbon"));
        assert!(message("").starts_with("gb_ci.csv:1: the columns are ``"));
        let short = message(&text(HALF_HOURS - 1, None));
        assert!(short.starts_with("gb_ci.csv: found 17999 half-hours from 2020-01-01 on, expected 18000"), "{short}");
    }

    #[test]
    fn a_missing_file_is_refused_with_where_to_get_it() {
        let error = CarbonSeries::read(Path::new("no/such.csv")).expect_err("it is not there").to_string();
        assert!(error.starts_with("no/such.csv: the carbon intensity cannot be read: "), "{error}");
        assert!(error.contains("data/gb_ci.csv of the repository dos-group/lets-wait-awhile"), "{error}");
        assert!(error.contains("\n\nhint: name the file with --data, or set FLEXAI_SHARED"), "{error}");
    }
}
