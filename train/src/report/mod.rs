//! An evaluation as a page: one HTML file that opens offline, its pictures beside it as SVG files.
//!
//! In: an evaluation with what was played. Out: `index.html` and `figures/*.svg`.
//! Always: no part of the page comes from elsewhere; every name is escaped; what is not at hand is said to be missing;
//! all numbers come from the evaluation.
//! Not here: playing (`evaluation/`), where the numbers of a run lie (the commands).

mod ceiling;
mod claims;
mod days;
mod draw;
mod forecast;
mod number;
mod page;
mod pictures;
mod tables;
#[cfg(test)]
mod tests;
mod verdict;
mod view;

pub use forecast::write_forecast_page;

use crate::evaluation::{Evaluation, GridWeek, WeekTrace};
use crate::fault::Fault;
use crate::run_dir::replace_file;
use flexai_env::grid::Date;
use std::path::{Path, PathBuf};

/// File of the page.
pub const PAGE_FILE: &str = "index.html";
/// Folder of the pictures.
pub const FIGURES_FOLDER: &str = "figures";

/// The course of a training run.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct LearningRun {
    /// Name of the policy.
    pub name: String,
    /// What is on the vertical axis, with its unit.
    pub y_name: String,
    /// (environment steps, value).
    pub points: Vec<(f64, f64)>,
    /// Rivals on the same weeks.
    pub levels: Vec<(String, f64)>,
}

/// What a page is made from.
#[derive(Debug, Clone, Copy)]
pub struct ReportInput<'a> {
    /// The numbers.
    pub evaluation: &'a Evaluation,
    /// The grid of the weeks; may be empty.
    pub grid: &'a [GridWeek],
    /// What was played; may be empty.
    pub traces: &'a [WeekTrace],
    /// Day of the first picture; without it the one with the largest saving.
    pub day: Option<Date>,
    /// Training runs among the policies; may be empty.
    pub learning: &'a [LearningRun],
    /// How the page can be made again: names and values.
    pub reproduce: &'a [(String, String)],
}

/// A page and its pictures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The page.
    pub html: String,
    /// File names with SVG.
    pub figures: Vec<(String, String)>,
}

impl Report {
    /// Makes the page.
    ///
    /// # Errors
    /// A [`Fault`] if the day asked for was not played.
    pub fn new(input: &ReportInput<'_>) -> Result<Self, Fault> {
        page::page(input)
    }

    /// Writes page and pictures into a folder, which is made if need be; returns the page's path.
    ///
    /// # Errors
    /// A [`Fault`] naming the file that cannot be written.
    pub fn write(&self, folder: &Path) -> Result<PathBuf, Fault> {
        let figures = folder.join(FIGURES_FOLDER);
        std::fs::create_dir_all(&figures).map_err(|error| Fault::of_io(&figures, "make the folder", &error))?;
        for (name, svg) in &self.figures {
            replace_file(&figures.join(name), svg.as_bytes())?;
        }
        let page = folder.join(PAGE_FILE);
        replace_file(&page, self.html.as_bytes())?;
        Ok(page)
    }
}
