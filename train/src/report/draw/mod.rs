//! The pictures of a report.
//!
//! In: numbers with names. Out: [`Picture`]s, each in a wide and a narrow form.
//! Always: units stand at the axes; colours come from CSS; what is no finite number leaves a gap.
//! Not here: which policies and days are shown (`report/pictures.rs`).

mod curves;
mod day;
mod heat;
mod lateness;
mod scatter;
mod sheet;
mod waterfall;

pub(crate) use curves::{Curve, Curves, curves_sheet};
pub(crate) use day::{DayPicture, day_sheet};
pub(crate) use heat::{HeatMap, heat_sheet};
pub(crate) use lateness::{LatenessRow, lateness_sheet};
pub(crate) use scatter::{ScatterPoint, scatter_sheet};
pub(crate) use sheet::{FIGURE_CSS, Form, Sheet, TOKENS_CSS, escaped};
pub(crate) use waterfall::{Waterfall, waterfall_sheet};

/// A drawing with its words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Picture {
    /// Name of its file, without ending; also its id on the page.
    pub(crate) file: String,
    /// Head line.
    pub(crate) title: String,
    /// What is to be seen, for those who cannot see it.
    pub(crate) description: String,
    wide: Sheet,
    narrow: Sheet,
}

impl Picture {
    /// Draws both forms.
    pub(crate) fn new(
        file: impl Into<String>,
        title: impl Into<String>,
        description: impl Into<String>,
        draw: impl Fn(Form) -> Sheet,
    ) -> Self {
        let (wide, narrow) = (draw(Form::Wide), draw(Form::Narrow));
        Self { file: file.into(), title: title.into(), description: description.into(), wide, narrow }
    }

    /// For the page, which shows one of the two forms.
    pub(crate) fn inline(&self) -> String {
        let form = |sheet: &Sheet, form: &str| {
            let id = format!("{}-{form}", self.file);
            format!("<div class=\"{form}\">{}</div>\n", sheet.inline(&id, &self.title, &self.description))
        };
        form(&self.wide, "wide") + &form(&self.narrow, "narrow")
    }

    /// As a file of its own.
    pub(crate) fn standalone(&self) -> String {
        self.wide.standalone(&self.title, &self.description)
    }
}
