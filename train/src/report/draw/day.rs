//! A day of the site: FIFO as bars, a policy as a line, price, carbon and battery below, on one time axis.
//!
//! In: a [`DayPicture`]. Out: a sheet.
//! Always: series that are shorter than the day end early; strips that are absent take no room.

use super::sheet::{Form, Frame, Hold, Mark, Sheet, stairs};
use crate::figures::scale::{Scale, round_axis};
use std::ops::Range;

const POWER_HEIGHT: i32 = 230;
const STRIP_HEIGHT: i32 = 64;
const NAME_HEIGHT: i32 = 30;

/// What the picture shows: one value per half-hour.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct DayPicture {
    /// Local start of each half-hour.
    pub(crate) labels: Vec<String>,
    /// The bars.
    pub(crate) baseline_name: String,
    /// Grid import, MW; export is negative.
    pub(crate) baseline_mw: Vec<f64>,
    /// The line.
    pub(crate) policy_name: String,
    /// Grid import, MW; export is negative.
    pub(crate) policy_mw: Vec<f64>,
    /// Price paid, GBP/MWh.
    pub(crate) price: Vec<f64>,
    /// Carbon intensity, g/kWh.
    pub(crate) carbon: Vec<f64>,
    /// On-site solar, MW; empty without panels.
    pub(crate) solar_mw: Vec<f64>,
    /// Charge and capacity; `None` without a battery.
    pub(crate) battery: Option<(Vec<f64>, f64)>,
    /// Half-hours of a grid event.
    pub(crate) events: Vec<bool>,
    /// Turn-down delivered, MW.
    pub(crate) flex_mw: Vec<f64>,
}

struct Strip<'a> {
    name: String,
    values: &'a [f64],
    full: Option<f64>,
    class: usize,
}

/// Draws a day.
pub(crate) fn day_sheet(day: &DayPicture, form: Form) -> Sheet {
    let mut sheet = Sheet::new(form);
    let events = runs(&day.events, |event| *event);
    let mut keys =
        vec![(Mark::Bar("base"), day.baseline_name.as_str()), (Mark::Line("s0 solid"), day.policy_name.as_str())];
    if !events.is_empty() {
        keys.push((Mark::Bar("event"), "grid event"));
    }
    let top = sheet.legend(form, 0, &keys) + NAME_HEIGHT;
    let power = form.frame(top, POWER_HEIGHT);
    let time = power.across(0.0, day.labels.len().max(1) as f64);
    let strips = strips(day);
    let bottom = power.bottom + strips.len() as i32 * (NAME_HEIGHT + STRIP_HEIGHT);
    for run in &events {
        let (left, right) = (time.pixel(run.start as f64), time.pixel(run.end as f64));
        sheet.rect(Frame { left, right, top: power.top, bottom }, "event");
    }
    draw_power(&mut sheet, day, power, &time);
    for (index, strip) in strips.iter().enumerate() {
        let top = power.bottom + (index as i32 + 1) * NAME_HEIGHT + index as i32 * STRIP_HEIGHT;
        draw_strip(&mut sheet, strip, form.frame(top, STRIP_HEIGHT), &time);
    }
    let frame = Frame { bottom, ..power };
    time_axis(&mut sheet, &day.labels, frame, &time, form);
    for (index, label) in day.labels.iter().enumerate() {
        let (left, right) = (time.pixel(index as f64), time.pixel(index as f64 + 1.0));
        sheet.hinted_rect(Frame { left, right, ..frame }, "hit", &hint(day, index, label));
    }
    sheet.height = bottom + 28;
    sheet
}

fn strips(day: &DayPicture) -> Vec<Strip<'_>> {
    let mut strips = Vec::new();
    let mut add = |name: &str, values, full, class| strips.push(Strip { name: name.to_string(), values, full, class });
    add("Price paid, £/MWh", &day.price[..], None, 1);
    add("Carbon intensity, g/kWh", &day.carbon[..], None, 3);
    if let Some((charge, capacity)) = &day.battery {
        add("Battery charge, MWh", &charge[..], Some(*capacity), 2);
    }
    if !day.solar_mw.is_empty() {
        add("On-site solar, MW", &day.solar_mw[..], None, 4);
    }
    if day.flex_mw.iter().any(|mw| *mw > 0.0) {
        add("Turn-down delivered, MW", &day.flex_mw[..], None, 5);
    }
    strips
}

fn hint(day: &DayPicture, index: usize, label: &str) -> String {
    let part = |name: &str, values: &[f64], decimals: usize, unit: &str| match values.get(index) {
        Some(value) if value.is_finite() => format!("; {name} {value:.decimals$} {unit}"),
        _ => String::new(),
    };
    let mut text = label.to_string();
    text += &part(&day.baseline_name, &day.baseline_mw, 2, "MW");
    text += &part(&day.policy_name, &day.policy_mw, 2, "MW");
    text += &part("price", &day.price, 1, "£/MWh");
    text += &part("carbon", &day.carbon, 0, "g/kWh");
    if let Some((charge, _)) = &day.battery {
        text += &part("battery", charge, 1, "MWh");
    }
    text
}

fn draw_power(sheet: &mut Sheet, day: &DayPicture, frame: Frame, time: &Scale) {
    let values = day.baseline_mw.iter().chain(&day.policy_mw).copied();
    let (low, high, ticks) = round_axis(values, true, 4);
    let scale = frame.upwards(low, high);
    sheet.text("Grid import, MW", frame.left, frame.top - 15, Hold::Left, "head");
    sheet.value_axis(frame, &scale, &ticks);
    let zero = scale.pixel(0.0);
    for (index, value) in day.baseline_mw.iter().enumerate().filter(|(_, value)| value.is_finite()) {
        let (left, right) = (time.pixel(index as f64), time.pixel(index as f64 + 1.0) - 1);
        let y = scale.pixel(*value);
        sheet.rect(Frame { left, right, top: y.min(zero), bottom: y.max(zero) }, "base");
    }
    for run in runs(&day.policy_mw, |value| value.is_finite()) {
        sheet.line(&stairs(&day.policy_mw, run, time, &scale), "s0");
    }
}

fn draw_strip(sheet: &mut Sheet, strip: &Strip<'_>, frame: Frame, time: &Scale) {
    let (low, high, ticks) = match strip.full {
        Some(full) if full > 0.0 => (0.0, full, vec![0.0, full / 2.0, full]),
        _ => round_axis(strip.values.iter().copied(), true, 2),
    };
    let scale = frame.upwards(low, high);
    sheet.text(&strip.name, frame.left, frame.top - 14, Hold::Left, "head");
    sheet.value_axis(frame, &scale, &ticks);
    let zero = scale.pixel(0.0);
    for run in runs(strip.values, |value| value.is_finite()) {
        let line = stairs(strip.values, run, time, &scale);
        let ends = (line.first().map_or(0, |point| point.0), line.last().map_or(0, |point| point.0));
        let shape: Vec<_> = [(ends.0, zero)].into_iter().chain(line.iter().copied()).chain([(ends.1, zero)]).collect();
        sheet.area(&shape, &format!("under f{}", strip.class));
        sheet.line(&line, &format!("s{} solid", strip.class));
    }
}

fn time_axis(sheet: &mut Sheet, labels: &[String], frame: Frame, time: &Scale, form: Form) {
    let y = frame.bottom;
    sheet.line(&[(frame.left, y), (frame.right, y)], "zero");
    let every = form.pick(4, 12);
    for (index, label) in labels.iter().enumerate().step_by(every) {
        let x = time.pixel(index as f64);
        sheet.line(&[(x, y), (x, y + 5)], "tick");
        sheet.text(label, x, y + 16, Hold::Middle, "small");
    }
}

/// The runs of neighbours that have a property.
pub(super) fn runs<T>(values: &[T], has: impl Fn(&T) -> bool) -> Vec<Range<usize>> {
    let mut runs: Vec<Range<usize>> = Vec::new();
    for (index, value) in values.iter().enumerate().filter(|(_, value)| has(value)) {
        let _ = value;
        match runs.last_mut().filter(|run| run.end == index) {
            Some(run) => run.end = index + 1,
            None => runs.push(index..index + 1),
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_that_is_no_number_parts_the_line() {
        let finite = |values: &[f64]| runs(values, |v| v.is_finite());
        assert_eq!(finite(&[1.0, 2.0, f64::NAN, 3.0]), [0..2, 3..4]);
        assert!(finite(&[f64::NAN, f64::INFINITY]).is_empty());
    }

    #[test]
    fn a_day_without_anything_is_an_empty_picture_and_no_panic() {
        for form in [Form::Wide, Form::Narrow] {
            assert!(day_sheet(&DayPicture::default(), form).height > 0);
        }
    }
}
