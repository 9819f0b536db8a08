//! A day of the site: power before and after, price, carbon, battery, one above the other on one time axis.
//!
//! In: a [`DayFigure`]. Out: SVG.
//! Always: every series holds one value per half-hour, 46 or 50 of them on a clock-change day.
//! Not here: which day is worth a picture (the report).

use super::canvas::{self, BAR, Canvas, Frame, Hold, INK, PALETTE, SOFT_INK, finite_runs, text_width};
use super::scale::{Scale, round_axis};
use crate::fault::Fault;
use plotters::style::RGBColor;

const WIDTH: i32 = 960;
const LEFT: i32 = 64;
const RIGHT: i32 = WIDTH - 24;
const POWER_HEIGHT: i32 = 240;
const STRIP_HEIGHT: i32 = 78;
/// Room above a panel for its name.
const NAME_HEIGHT: i32 = 34;

/// The battery's part of the picture.
#[derive(Debug, Clone, PartialEq)]
pub struct BatteryStrip {
    /// Charge at the end of each half-hour.
    pub charge_mwh: Vec<f64>,
    /// Full charge.
    pub capacity_mwh: f64,
}

/// What a day's picture shows; a strip that is absent takes no room.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct DayFigure {
    /// Head line.
    pub title: String,
    /// Local start of each half-hour, e.g. `00:30`.
    pub half_hour_labels: Vec<String>,
    /// Name of the policy drawn as bars.
    pub baseline_name: String,
    /// Its grid import, MW.
    pub baseline_mw: Vec<f64>,
    /// Name of the policy drawn as a line.
    pub optimised_name: String,
    /// Its grid import, MW.
    pub optimised_mw: Vec<f64>,
    /// Price paid, £/MWh.
    pub price_gbp_per_mwh: Option<Vec<f64>>,
    /// Carbon intensity of the grid, g/kWh.
    pub carbon_g_per_kwh: Option<Vec<f64>>,
    /// Battery of the optimised policy.
    pub battery: Option<BatteryStrip>,
}

struct Strip<'a> {
    name: String,
    values: &'a [f64],
    full: Option<f64>,
    color: RGBColor,
}

/// Draws a day.
///
/// # Errors
/// A [`Fault`] if the series differ in length or there is no half-hour.
pub fn day_figure_svg(day: &DayFigure) -> Result<String, Fault> {
    let strips = strips(day);
    check_lengths(day, &strips)?;
    let count = day.half_hour_labels.len();
    let power_top = 40 + NAME_HEIGHT;
    let power = Frame { left: LEFT, right: RIGHT, top: power_top, bottom: power_top + POWER_HEIGHT };
    let height = power.bottom + strips.len() as i32 * (NAME_HEIGHT + STRIP_HEIGHT) + 56;
    let time = Scale { low: 0.0, high: count as f64, pixel_low: f64::from(LEFT), pixel_high: f64::from(RIGHT) };
    Ok(canvas::draw(WIDTH as u32, height as u32, |canvas| {
        canvas.bold(&day.title, LEFT, 24, 18, INK, Hold::Left);
        draw_power(canvas, day, power, &time);
        let mut bottom = power.bottom;
        for strip in &strips {
            let top = bottom + NAME_HEIGHT;
            bottom = top + STRIP_HEIGHT;
            draw_strip(canvas, strip, Frame { left: LEFT, right: RIGHT, top, bottom }, &time);
        }
        draw_time_axis(canvas, &day.half_hour_labels, bottom, &time);
    }))
}

fn strips(day: &DayFigure) -> Vec<Strip<'_>> {
    let mut strips = Vec::new();
    if let Some(values) = &day.price_gbp_per_mwh {
        strips.push(Strip { name: "Price paid, £/MWh".to_owned(), values, full: None, color: PALETTE[1] });
    }
    if let Some(values) = &day.carbon_g_per_kwh {
        strips.push(Strip { name: "Carbon intensity, g/kWh".to_owned(), values, full: None, color: PALETTE[3] });
    }
    if let Some(battery) = &day.battery {
        let name = format!("Battery charge, MWh of {}", battery.capacity_mwh);
        strips.push(Strip { name, values: &battery.charge_mwh, full: Some(battery.capacity_mwh), color: PALETTE[2] });
    }
    strips
}

fn check_lengths(day: &DayFigure, strips: &[Strip<'_>]) -> Result<(), Fault> {
    let place = format!("day figure \"{}\"", day.title);
    let count = day.half_hour_labels.len();
    if count == 0 {
        return Err(
            Fault::new(place, "there is no half-hour, but at least one is expected").hint("choose a day with data")
        );
    }
    let power = [("baseline power", &day.baseline_mw[..]), ("optimised power", &day.optimised_mw[..])];
    let all = power.into_iter().chain(strips.iter().map(|strip| (strip.name.as_str(), strip.values)));
    for (name, values) in all {
        if values.len() != count {
            let message = format!("{name}: {} values, but {count} half-hours are expected", values.len());
            return Err(Fault::new(place, message).hint("give one value per half-hour; NaN leaves a gap"));
        }
    }
    Ok(())
}

fn draw_power(canvas: &Canvas<'_>, day: &DayFigure, frame: Frame, time: &Scale) {
    let values = day.baseline_mw.iter().chain(&day.optimised_mw).copied();
    let (low, high, ticks) = round_axis(values, true, 4);
    let scale = Scale { low, high, pixel_low: f64::from(frame.bottom), pixel_high: f64::from(frame.top) };
    canvas.bold("Grid import, MW", LEFT, frame.top - 16, 13, INK, Hold::Left);
    draw_legend(canvas, day, frame.top - 16);
    canvas.value_axis(frame, &scale, &ticks);
    let zero = scale.pixel(0.0);
    for (index, value) in day.baseline_mw.iter().enumerate().filter(|(_, value)| value.is_finite()) {
        let (left, right) = (time.pixel(index as f64) + 1, time.pixel(index as f64 + 1.0) - 1);
        let y = scale.pixel(*value);
        canvas.bar(Frame { left, right: right.max(left + 1), top: y.min(zero), bottom: y.max(zero) }, BAR);
    }
    for run in finite_runs(&day.optimised_mw) {
        canvas.line(&steps(&day.optimised_mw, run, time, &scale), PALETTE[0], 3);
    }
}

/// Key of bars and line, to the right of the panel's name.
fn draw_legend(canvas: &Canvas<'_>, day: &DayFigure, y: i32) {
    let line_text = RIGHT - text_width(&day.optimised_name, 13);
    let line_key = line_text - 34;
    let bar_text = line_key - 24 - text_width(&day.baseline_name, 13);
    let bar_key = bar_text - 22;
    canvas.bar(Frame { left: bar_key, right: bar_key + 14, top: y - 7, bottom: y + 7 }, BAR);
    canvas.text(&day.baseline_name, bar_text, y, 13, INK, Hold::Left);
    canvas.line(&[(line_key, y), (line_key + 26, y)], PALETTE[0], 3);
    canvas.text(&day.optimised_name, line_text, y, 13, INK, Hold::Left);
}

fn draw_strip(canvas: &Canvas<'_>, strip: &Strip<'_>, frame: Frame, time: &Scale) {
    let (low, high, ticks) = match strip.full {
        Some(full) if full > 0.0 => (0.0, full, vec![0.0, full / 2.0, full]),
        _ => round_axis(strip.values.iter().copied(), true, 3),
    };
    let scale = Scale { low, high, pixel_low: f64::from(frame.bottom), pixel_high: f64::from(frame.top) };
    canvas.bold(&strip.name, LEFT, frame.top - 15, 13, strip.color, Hold::Left);
    canvas.value_axis(frame, &scale, &ticks);
    let zero = scale.pixel(0.0);
    for run in finite_runs(strip.values) {
        let line = steps(strip.values, run, time, &scale);
        let ends = (line.first().map_or(LEFT, |point| point.0), line.last().map_or(LEFT, |point| point.0));
        let shape = [(ends.0, zero)].into_iter().chain(line.iter().copied()).chain([(ends.1, zero)]).collect();
        canvas.shape(shape, strip.color, 0.18);
        canvas.line(&line, strip.color, 2);
    }
}

/// A value holds for its whole half-hour: stairs, not slopes.
fn steps(values: &[f64], run: std::ops::Range<usize>, time: &Scale, scale: &Scale) -> Vec<(i32, i32)> {
    run.flat_map(|index| {
        let y = scale.pixel(values[index]);
        [(time.pixel(index as f64), y), (time.pixel(index as f64 + 1.0), y)]
    })
    .collect()
}

fn draw_time_axis(canvas: &Canvas<'_>, labels: &[String], y: i32, time: &Scale) {
    canvas.line(&[(LEFT, y), (RIGHT, y)], SOFT_INK, 1);
    let rough = labels.len().div_ceil(9);
    let every = [1, 2, 4, 6, 8, 12, 24, 48].into_iter().find(|every| *every >= rough).unwrap_or(rough);
    for (index, label) in labels.iter().enumerate().step_by(every) {
        let x = time.pixel(index as f64);
        canvas.line(&[(x, y), (x, y + 5)], SOFT_INK, 1);
        canvas.text(label, x, y + 16, 12, SOFT_INK, Hold::Middle);
    }
    canvas.text("Start of the half-hour", (LEFT + RIGHT) / 2, y + 38, 12, SOFT_INK, Hold::Middle);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(count: usize) -> DayFigure {
        let wave = |t: usize| (t as f64 / count as f64 * std::f64::consts::TAU).sin();
        DayFigure {
            title: "Tuesday 14 May 2024, standard scenario".into(),
            half_hour_labels: (0..count).map(|t| format!("{:02}:{:02}", t / 2, t % 2 * 30)).collect(),
            baseline_name: "FIFO".into(),
            baseline_mw: (0..count).map(|t| 9.6 + 1.5 * wave(t)).collect(),
            optimised_name: "PPO (seed 3)".into(),
            optimised_mw: (0..count).map(|t| 9.4 - 3.0 * wave(t) + if t % 7 == 0 { 2.0 } else { 0.0 }).collect(),
            price_gbp_per_mwh: Some((0..count).map(|t| 60.0 + 85.0 * wave(t)).collect()),
            carbon_g_per_kwh: Some(
                (0..count).map(|t| if t == 20 { f64::NAN } else { 150.0 + 60.0 * wave(t) }).collect(),
            ),
            battery: Some(BatteryStrip {
                charge_mwh: (0..count).map(|t| 8.0 - 7.0 * wave(t)).collect(),
                capacity_mwh: 16.0,
            }),
        }
    }

    #[test]
    fn a_day_has_a_bar_per_half_hour_and_its_units_at_the_axes() {
        for count in [46, 48, 50] {
            let svg = day_figure_svg(&day(count)).unwrap();
            assert_eq!(svg.matches("#BEC5CD").count(), count + 1, "one bar each and one key");
            for text in ["Grid import, MW", "£/MWh", "g/kWh", "MWh of 16", "FIFO", "PPO (seed 3)", "00:00"] {
                assert!(svg.contains(text), "{text}");
            }
        }
    }

    #[test]
    fn a_missing_value_parts_its_strip_and_equal_days_give_equal_bytes() {
        let svg = day_figure_svg(&day(48)).unwrap();
        // Price 1 shape, carbon 2 around the gap, battery 1.
        assert_eq!(svg.matches("<polygon").count(), 4);
        assert!(!svg.contains("NaN"));
        assert_eq!(svg, day_figure_svg(&day(48)).unwrap());
    }

    #[test]
    fn absent_strips_take_no_room_and_lengths_must_agree() {
        let bare = DayFigure { price_gbp_per_mwh: None, carbon_g_per_kwh: None, battery: None, ..day(48) };
        assert!(!day_figure_svg(&bare).unwrap().contains("<polygon"));
        let short = DayFigure { optimised_mw: vec![1.0; 47], ..day(48) };
        let text = day_figure_svg(&short).unwrap_err().to_string();
        assert!(text.contains("optimised power: 47 values, but 48 half-hours are expected\n\nhint: "), "{text}");
        assert!(day_figure_svg(&DayFigure::default()).unwrap_err().to_string().contains("there is no half-hour"));
    }
}
