//! From FIFO's cost to the policy's, one step per term.
//!
//! In: a start and signed steps in pounds per week. Out: a sheet.
//! Always: the steps lead exactly to the end; as the totals are large, the axis does not begin at zero.

use super::sheet::{Form, Frame, Hold, Sheet};
use crate::figures::scale::round_axis;
use crate::report::number::{pounds, signed_pounds};

const ROW: i32 = 30;

/// What the picture shows.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Waterfall {
    /// Where it starts.
    pub(crate) from: (String, f64),
    /// Name and change of each term.
    pub(crate) steps: Vec<(String, f64)>,
    /// Name of the end.
    pub(crate) to: String,
}

/// Draws a waterfall with one row per term.
pub(crate) fn waterfall_sheet(waterfall: &Waterfall, form: Form) -> Sheet {
    let mut sheet = Sheet::new(form);
    let mut levels = vec![waterfall.from.1];
    for (_, change) in &waterfall.steps {
        levels.push(levels[levels.len() - 1] + change);
    }
    let rows = waterfall.steps.len() as i32 + 2;
    // On a phone the names stand above their bars.
    let (names, row) = form.pick((210, ROW), (0, ROW + 18));
    let frame = Frame { left: names.max(14), right: form.width() - form.pick(110, 76), top: 8, bottom: 8 + rows * row };
    let (low, high, ticks) = round_axis(levels.iter().copied(), false, form.pick(5, 3));
    let scale = frame.across(low, high);
    sheet.bottom_axis(frame, &scale, &ticks);
    let name_at = |index: i32| match form {
        Form::Wide => (names - 12, frame.top + index * row + row / 2, Hold::Right),
        Form::Narrow => (frame.left, frame.top + index * row + 9, Hold::Left),
    };
    let bar = |index: i32| {
        let bottom = frame.top + (index + 1) * row - 5;
        (bottom - ROW + 10, bottom)
    };
    let total = |sheet: &mut Sheet, index: i32, name: &str, value: f64| {
        let (x, y, hold) = name_at(index);
        let (top, bottom) = bar(index);
        let right = scale.pixel(value);
        sheet.text(name, x, y, hold, "head");
        sheet.rect(Frame { left: frame.left, right, top, bottom }, "total");
        sheet.text(&pounds(value), right + 7, (top + bottom) / 2, Hold::Left, "head value");
    };
    total(&mut sheet, 0, &waterfall.from.0, waterfall.from.1);
    for (index, (name, change)) in waterfall.steps.iter().enumerate() {
        let (before, after) = (scale.pixel(levels[index]), scale.pixel(levels[index + 1]));
        let (top, bottom) = bar(index as i32 + 1);
        let (x, y, hold) = name_at(index as i32 + 1);
        sheet.text(name, x, y, hold, "label");
        sheet.line(&[(before, bar(index as i32).1), (before, top)], "join");
        let class = if *change > 0.0 { "bad" } else { "good" };
        sheet.rect(Frame { left: before.min(after), right: before.max(after), top, bottom }, class);
        sheet.text(&signed_pounds(*change), before.max(after) + 7, (top + bottom) / 2, Hold::Left, "value");
    }
    let end = levels[levels.len() - 1];
    sheet.line(&[(scale.pixel(end), bar(rows - 2).1), (scale.pixel(end), bar(rows - 1).0)], "join");
    total(&mut sheet, rows - 1, &waterfall.to, end);
    sheet.text("£ per week", (frame.left + frame.right) / 2, frame.bottom + 34, Hold::Middle, "small");
    sheet.height = frame.bottom + 46;
    sheet
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_is_the_start_plus_all_steps() {
        let waterfall = Waterfall {
            from: ("FIFO".into(), 1000.0),
            steps: vec![("energy".into(), -300.0), ("wear".into(), 50.0)],
            to: "ppo".into(),
        };
        let text = waterfall_sheet(&waterfall, Form::Wide).standalone("t", "d");
        for expected in ["£1,000", "\u{2212}£300", "+£50.00", "£750"] {
            assert!(text.contains(&format!(">{expected}<")), "{expected} in {text}");
        }
    }

    #[test]
    fn a_policy_that_changes_nothing_is_drawn_too() {
        let waterfall = Waterfall { from: ("FIFO".into(), 0.0), steps: Vec::new(), to: "x".into() };
        assert!(waterfall_sheet(&waterfall, Form::Narrow).height > 60);
    }
}
