//! A week as a map: one row per weekday, one cell per half-hour of the local clock.
//!
//! In: mean differences in MW. Out: a sheet.
//! Always: the colours are symmetric about zero, and cells without a value stay empty.

use super::sheet::{Form, Frame, Hold, Sheet};
use crate::figures::scale::{round_axis, tick_label};

const CELLS: usize = 48;
const CLASSES: [&str; 9] = ["less4", "less3", "less2", "less1", "even", "more1", "more2", "more3", "more4"];

/// One map.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct HeatMap {
    /// Head line with the unit.
    pub(crate) name: String,
    /// Rows of 48 values; NaN leaves a hole.
    pub(crate) rows: Vec<(String, Vec<f64>)>,
}

/// Draws maps below each other.
pub(crate) fn heat_sheet(maps: &[HeatMap], form: Form) -> Sheet {
    let mut sheet = Sheet::new(form);
    let mut top = 0;
    for map in maps {
        top = draw_map(&mut sheet, map, top, form) + 14;
    }
    sheet.height = top;
    sheet
}

fn draw_map(sheet: &mut Sheet, map: &HeatMap, top: i32, form: Form) -> i32 {
    let row_height = form.pick(24, 20);
    let frame = form.frame(top + 26, row_height * map.rows.len() as i32);
    let time = frame.across(0.0, CELLS as f64);
    let limit = limit(map);
    sheet.text(&map.name, form.pick(frame.left, 6), top + 10, Hold::Left, "head");
    for (row, (name, values)) in map.rows.iter().enumerate() {
        let (top, bottom) = (frame.top + row as i32 * row_height, frame.top + (row as i32 + 1) * row_height - 1);
        let short: String = name.chars().take(3).collect();
        sheet.text(&short, frame.left - 7, (top + bottom) / 2, Hold::Right, "small");
        for (index, value) in values.iter().enumerate().take(CELLS).filter(|(_, value)| value.is_finite()) {
            let (left, right) = (time.pixel(index as f64), time.pixel(index as f64 + 1.0));
            let right = if right - left > 8 { right - 1 } else { right };
            let hint = format!("{name} {}: {}", super::super::days::clock(index as u8), signed(*value));
            sheet.hinted_rect(Frame { left, right, top, bottom }, class(*value, limit), &hint);
        }
    }
    for index in (0..=CELLS).step_by(form.pick(4, 12)) {
        let x = time.pixel(index as f64);
        let hold = if index == CELLS { Hold::Right } else { Hold::Middle };
        sheet.text(&format!("{:02}:00", index / 2), x, frame.bottom + 13, hold, "small");
    }
    draw_key(sheet, frame, limit);
    frame.bottom + 52
}

/// The colours with the values at their ends.
fn draw_key(sheet: &mut Sheet, frame: Frame, limit: f64) {
    let (y, width) = (frame.bottom + 38, 16);
    let start = (frame.left + frame.right - width * CLASSES.len() as i32) / 2;
    for (index, class) in CLASSES.iter().enumerate() {
        let left = start + index as i32 * width;
        sheet.rect(Frame { left, right: left + width - 1, top: y - 6, bottom: y + 6 }, class);
    }
    let end = tick_label(limit, limit);
    sheet.text(&format!("less \u{2212}{end}"), start - 8, y, Hold::Right, "small");
    sheet.text(&format!("+{end} more"), start + width * CLASSES.len() as i32 + 8, y, Hold::Left, "small");
}

/// A round end of the colours.
fn limit(map: &HeatMap) -> f64 {
    let sizes = map.rows.iter().flat_map(|(_, values)| values).map(|value| value.abs());
    round_axis(sizes, true, 4).1
}

fn class(value: f64, limit: f64) -> &'static str {
    let level = (value / limit * 4.5).round().clamp(-4.0, 4.0);
    CLASSES[(level + 4.0) as usize]
}

fn signed(value: f64) -> String {
    let sign = if value < 0.0 { "\u{2212}" } else { "+" };
    format!("{sign}{:.2} MW", value.abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_symmetric_about_zero() {
        assert_eq!(class(0.0, 2.0), "even");
        assert_eq!((class(-2.0, 2.0), class(2.0, 2.0)), ("less4", "more4"));
        assert_eq!((class(-0.5, 2.0), class(0.5, 2.0)), ("less1", "more1"));
        assert_eq!(class(9.0, 2.0), "more4");
    }

    #[test]
    fn a_map_of_zeros_or_of_nothing_is_drawn() {
        for values in [vec![0.0; 48], vec![f64::NAN; 48], Vec::new()] {
            let map = HeatMap { name: "moved".into(), rows: vec![("Monday".into(), values)] };
            assert!(heat_sheet(&[map], Form::Narrow).height > 40);
        }
    }
}
