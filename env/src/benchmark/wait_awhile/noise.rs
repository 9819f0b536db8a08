//! Forecast errors: one standard normal per half-hour and seed.
//!
//! In: nothing, or the numbers that NumPy drew. Out: a row per seed, to be scaled by error and mean intensity.
//! Always: drawn once per seed, the same for every job and for both error levels, and applied to the present half-hour
//! too, as the authors do. Errors do not grow with lead time, as those of real forecasts would.

use super::carbon::{HALF_HOURS, shortened};
use super::error::WaitAwhileError;
use crate::core::SeedTree;
use rand_distr::{Distribution, StandardNormal};
use std::path::Path;

/// Seeds behind the published rows: NumPy's `default_rng` of 0 to 9.
pub const NUMPY_SEEDS: usize = 10;
const COLUMN: &str = "standard_normal";

/// Where forecast errors come from.
#[derive(Debug, Clone, PartialEq)]
pub enum Noise {
    /// Our own streams, so many seeds.
    Own(usize),
    /// The very numbers behind the published rows, one row per seed.
    Numpy(Vec<Vec<f64>>),
}

impl Noise {
    /// Reads `seed_0.csv` to `seed_9.csv` of a folder written by `tests/wait_awhile/make_inputs.py noise`.
    ///
    /// # Errors
    /// [`WaitAwhileError`] naming file and line.
    pub fn read_numpy(folder: &Path) -> Result<Self, WaitAwhileError> {
        let read = |seed: usize| {
            let path = folder.join(format!("seed_{seed}.csv"));
            let file = path.display().to_string();
            match std::fs::read_to_string(&path) {
                Ok(text) => parse(&text, &file),
                Err(error) => Err(WaitAwhileError::NoiseUnreadable { file, reason: error.to_string() }),
            }
        };
        (0..NUMPY_SEEDS).map(read).collect::<Result<_, _>>().map(Self::Numpy)
    }

    /// Number of seeds.
    pub fn seeds(&self) -> usize {
        match self {
            Self::Own(seeds) => *seeds,
            Self::Numpy(rows) => rows.len(),
        }
    }

    /// The standard normals of a seed, one per half-hour.
    pub fn row(&self, seed: usize) -> Vec<f64> {
        match self {
            Self::Own(_) => {
                let mut rng = SeedTree::new(seed as u64).stream("wait-awhile-forecast-error");
                (0..HALF_HOURS).map(|_| StandardNormal.sample(&mut rng)).collect()
            }
            Self::Numpy(rows) => rows[seed].clone(),
        }
    }
}

fn parse(text: &str, file: &str) -> Result<Vec<f64>, WaitAwhileError> {
    let mut lines = text.lines();
    let header = lines.next().unwrap_or_default();
    if header.trim() != COLUMN {
        let found = shortened(header);
        return Err(WaitAwhileError::WrongColumns { file: file.into(), found, expected: "`standard_normal`" });
    }
    let number = |(index, row): (usize, &str)| match row.trim().parse::<f64>() {
        Ok(value) if value.abs() < 10.0 => Ok(value),
        _ => Err(WaitAwhileError::BadRow {
            file: file.into(),
            line: index + 2,
            found: shortened(row),
            expected: "a standard normal number",
        }),
    };
    let row: Vec<f64> = lines.enumerate().map(number).collect::<Result<_, _>>()?;
    if row.len() == HALF_HOURS {
        return Ok(row);
    }
    Err(WaitAwhileError::TooShort { file: file.into(), what: "numbers", found: row.len(), expected: HALF_HOURS })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_errors_are_standard_normal_and_differ_between_seeds() {
        let noise = Noise::Own(2);
        let (a, b) = (noise.row(0), noise.row(1));
        let mean = a.iter().sum::<f64>() / a.len() as f64;
        let variance = a.iter().map(|x| x * x).sum::<f64>() / a.len() as f64;
        // Standard errors are 0.0075 and 0.0105.
        assert!(mean.abs() < 0.03 && (variance - 1.0).abs() < 0.04, "{mean} {variance}");
        assert_eq!((noise.row(0), a.len()), (a.clone(), HALF_HOURS));
        assert_ne!(a, b);
    }

    #[test]
    fn damaged_files_of_errors_are_refused_with_their_line() {
        let message = |text: &str| parse(text, "seed_0.csv").expect_err("the text is bad").to_string();
        assert!(message("x\n").starts_with("seed_0.csv:1: the columns are `x`, expected `standard_normal`"));
        let bad = message("standard_normal\n0.5\nNaN\n");
        assert!(bad.starts_with("seed_0.csv:3: found `NaN`, expected a standard normal number"), "{bad}");
        let short = message("standard_normal\n0.5\n");
        assert!(short.starts_with("seed_0.csv: found 1 numbers, expected 18000"), "{short}");
        let absent = Noise::read_numpy(Path::new("no/such")).expect_err("it is not there").to_string();
        assert!(absent.contains("seed_0.csv: the forecast errors cannot be read: "), "{absent}");
        assert!(absent.ends_with("make_inputs.py noise --out FOLDER`"), "{absent}");
    }
}
