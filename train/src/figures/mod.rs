//! Pictures of a run as SVG text: learning curves, a day of the site, the trials of a sweep.
//!
//! In: numbers with names. Out: SVG with a white background, for a report or a README.
//! Always: units stand at the axes, the legend never covers data, colours differ for colour-blind eyes; what is no
//! finite number leaves a gap.
//! Not here: which days and runs are shown (the report).

mod canvas;
mod day;
mod learning_curve;
mod parallel;
pub(crate) mod scale;

pub use day::{BatteryStrip, DayFigure, day_figure_svg};
pub use learning_curve::{LearningCurves, Reference, Series, learning_curve_svg};
pub use parallel::{CoordinateAxis, CoordinateLine, ParallelCoordinates, parallel_coordinates_svg};
