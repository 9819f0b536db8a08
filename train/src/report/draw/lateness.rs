//! Late jobs by class: the share of each class's jobs that was late, one bar per policy.
//!
//! In: rows of shares. Out: a sheet.
//! Always: every bar has its number beside it, so that small shares can be read.

use super::sheet::{Form, Frame, Hold, Mark, Sheet};
use crate::figures::scale::round_axis;
use crate::report::number::number;

/// One class.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct LatenessRow {
    /// Name of the class.
    pub(crate) class: String,
    /// For each policy the jobs late and the jobs ended.
    pub(crate) jobs: Vec<(f64, f64)>,
}

/// Draws bars of late jobs in per cent.
pub(crate) fn lateness_sheet(rows: &[LatenessRow], policies: &[String], form: Form) -> Sheet {
    let mut sheet = Sheet::new(form);
    // The first policy is what the others are measured by.
    let bar = |index: usize| if index == 0 { "base".to_string() } else { format!("f{}", (index - 1) % 8) };
    let bars: Vec<String> = (0..policies.len()).map(bar).collect();
    let keys: Vec<(Mark<'_>, &str)> =
        policies.iter().zip(&bars).map(|(name, class)| (Mark::Bar(class), name.as_str())).collect();
    let legend = sheet.legend(form, 0, &keys);
    let share = |(late, all): &(f64, f64)| if *all > 0.0 { 100.0 * late / all } else { 0.0 };
    let (_, high, ticks) = round_axis(rows.iter().flat_map(|row| &row.jobs).map(share), true, form.pick(5, 3));
    let (names, head) = form.pick((170, 0), (0, 20));
    let row_height = head + 12 + 15 * policies.len().max(1) as i32;
    let (top, height) = (legend + 10, rows.len() as i32 * row_height);
    let frame = Frame { left: names.max(14), right: form.width() - 118, top, bottom: top + height };
    let scale = frame.across(0.0, high);
    sheet.bottom_axis(frame, &scale, &ticks);
    for (index, row) in rows.iter().enumerate() {
        let top = frame.top + index as i32 * row_height;
        match form {
            Form::Wide => sheet.text(&row.class, names - 12, top + row_height / 2, Hold::Right, "label"),
            Form::Narrow => sheet.text(&row.class, frame.left, top + 12, Hold::Left, "label"),
        }
        for (policy, jobs) in row.jobs.iter().enumerate() {
            let y = top + head + 5 + policy as i32 * 15;
            let right = scale.pixel(share(jobs));
            sheet.rect(Frame { left: frame.left, right, top: y, bottom: y + 11 }, &bars[policy % bars.len()]);
            let text = format!("{} of {}", number(jobs.0, 0), number(jobs.1, 0));
            sheet.text(&text, right + 6, y + 5, Hold::Left, "small value");
        }
    }
    sheet.text(
        "late, % of the jobs that ended",
        (frame.left + frame.right) / 2,
        frame.bottom + 34,
        Hold::Middle,
        "small",
    );
    sheet.height = frame.bottom + 46;
    sheet
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_class_without_jobs_is_a_bar_of_zero() {
        let rows = [LatenessRow { class: "strict".into(), jobs: vec![(0.0, 0.0), (3.0, 12.0)] }];
        let svg = lateness_sheet(&rows, &["a".into(), "b".into()], Form::Wide).standalone("t", "d");
        assert!(svg.contains(">0 of 0<") && svg.contains(">3 of 12<") && !svg.contains("NaN"), "{svg}");
    }
}
