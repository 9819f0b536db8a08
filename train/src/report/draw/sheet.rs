//! A sheet of SVG whose colours come from CSS, so that one drawing suits a light and a dark page.
//!
//! In: pixels and the names of classes (`figure.css`). Out: SVG to set into a page, or a file that stands alone.
//! Always: whole pixels only, so no drawing can hold a NaN; every text is escaped.
//! Not here: what is drawn where (the other files of this folder).

use crate::figures::scale::{Scale, tick_label};
use std::fmt::Write;

/// Colours of light and dark pages; `:root` is the page, or the SVG that stands alone.
pub(crate) const TOKENS_CSS: &str = include_str!("../tokens.css");
/// The classes of the drawings.
pub(crate) const FIGURE_CSS: &str = include_str!("../figure.css");

/// Room above a drawing that stands alone, for its title.
const TITLE_HEIGHT: i32 = 46;

/// The two shapes of every drawing: for a desktop or paper, and for a phone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    Wide,
    Narrow,
}

/// A rectangle in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) left: i32,
    pub(crate) right: i32,
    pub(crate) top: i32,
    pub(crate) bottom: i32,
}

/// Where text is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hold {
    Left,
    Middle,
    Right,
}

/// What a key of a legend looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mark<'a> {
    Bar(&'a str),
    Line(&'a str),
}

/// A sheet under the pen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sheet {
    pub(crate) width: i32,
    pub(crate) height: i32,
    body: String,
}

impl Form {
    /// Width of the sheet in pixels.
    pub(crate) fn width(self) -> i32 {
        match self {
            Self::Wide => 920,
            Self::Narrow => 360,
        }
    }

    /// The sheet's inside, left of it room for the labels of an axis.
    pub(crate) fn frame(self, top: i32, height: i32) -> Frame {
        let (left, right) = match self {
            Self::Wide => (58, 12),
            Self::Narrow => (44, 6),
        };
        Frame { left, right: self.width() - right, top, bottom: top + height }
    }

    /// One of two numbers.
    pub(crate) fn pick<T>(self, wide: T, narrow: T) -> T {
        match self {
            Self::Wide => wide,
            Self::Narrow => narrow,
        }
    }
}

impl Frame {
    pub(crate) fn width(&self) -> i32 {
        self.right - self.left
    }

    /// Left to right.
    pub(crate) fn across(&self, low: f64, high: f64) -> Scale {
        Scale { low, high, pixel_low: f64::from(self.left), pixel_high: f64::from(self.right) }
    }

    /// Bottom to top.
    pub(crate) fn upwards(&self, low: f64, high: f64) -> Scale {
        Scale { low, high, pixel_low: f64::from(self.bottom), pixel_high: f64::from(self.top) }
    }
}

impl Sheet {
    /// An empty sheet; the height may be set once it is known.
    pub(crate) fn new(form: Form) -> Self {
        Self { width: form.width(), height: 0, body: String::new() }
    }

    /// A rectangle, of no less than one pixel.
    pub(crate) fn rect(&mut self, frame: Frame, class: &str) {
        self.hinted_rect(frame, class, "");
    }

    /// A rectangle that tells something when pointed at.
    pub(crate) fn hinted_rect(&mut self, frame: Frame, class: &str, hint: &str) {
        let (x, y) = (frame.left, frame.top);
        let (width, height) = (frame.width().max(1), (frame.bottom - frame.top).max(1));
        self.shape(&format!(r#"rect class="{class}" x="{x}" y="{y}" width="{width}" height="{height}""#), "rect", hint);
    }

    /// A dot that tells something when pointed at.
    pub(crate) fn dot(&mut self, x: i32, y: i32, radius: i32, class: &str, hint: &str) {
        self.shape(&format!(r#"circle class="{class}" cx="{x}" cy="{y}" r="{radius}""#), "circle", hint);
    }

    fn shape(&mut self, open: &str, name: &str, hint: &str) {
        let end =
            if hint.is_empty() { "/>".to_string() } else { format!("><title>{}</title></{name}>", escaped(hint)) };
        let _ = writeln!(self.body, "<{open}{end}");
    }

    /// A line through points; fewer than two draw nothing.
    pub(crate) fn line(&mut self, points: &[(i32, i32)], class: &str) {
        if points.len() > 1 {
            let _ = writeln!(self.body, r#"<path class="{class}" d="{}"/>"#, path(points));
        }
    }

    /// A closed shape; fewer than three points draw nothing.
    pub(crate) fn area(&mut self, points: &[(i32, i32)], class: &str) {
        if points.len() > 2 {
            let _ = writeln!(self.body, r#"<path class="{class}" d="{}Z"/>"#, path(points));
        }
    }

    /// One line of text, vertically centred on `y`.
    pub(crate) fn text(&mut self, text: &str, x: i32, y: i32, hold: Hold, class: &str) {
        let anchor = match hold {
            Hold::Left => "",
            Hold::Middle => r#" text-anchor="middle""#,
            Hold::Right => r#" text-anchor="end""#,
        };
        let text = escaped(text);
        let _ = writeln!(self.body, r#"<text class="{class}" x="{x}" y="{}"{anchor}>{text}</text>"#, y + 4);
    }

    /// Horizontal grid lines with labels left of the frame.
    pub(crate) fn value_axis(&mut self, frame: Frame, scale: &Scale, ticks: &[f64]) {
        let step = tick_distance(ticks);
        for tick in ticks {
            let y = scale.pixel(*tick);
            let class = if *tick == 0.0 { "zero" } else { "grid" };
            self.line(&[(frame.left, y), (frame.right, y)], class);
            self.text(&tick_label(*tick, step), frame.left - 7, y, Hold::Right, "small");
        }
    }

    /// Vertical grid lines with labels below the frame.
    pub(crate) fn bottom_axis(&mut self, frame: Frame, scale: &Scale, ticks: &[f64]) {
        let step = tick_distance(ticks);
        for tick in ticks {
            let x = scale.pixel(*tick);
            let class = if *tick == 0.0 { "zero" } else { "grid" };
            self.line(&[(x, frame.top), (x, frame.bottom)], class);
            let hold = if x > frame.right - 18 { Hold::Right } else { Hold::Middle };
            let x = if hold == Hold::Right { frame.right } else { x };
            self.text(&tick_label(*tick, step), x, frame.bottom + 15, hold, "small");
        }
    }

    /// Keys in as many rows as they need, from `top`; returns the height.
    pub(crate) fn legend(&mut self, form: Form, top: i32, keys: &[(Mark<'_>, &str)]) -> i32 {
        let frame = form.frame(top, 0);
        let (start, mut x, mut y) = (form.pick(frame.left, 6), form.pick(frame.left, 6), top + 10);
        for (mark, name) in keys {
            let name = shortened(name, (frame.right - start - 34) / 7);
            let width = 30 + text_width(&name) + 18;
            if x > start && x + width - 18 > frame.right {
                (x, y) = (start, y + 20);
            }
            self.mark(*mark, x, y);
            self.text(&name, x + 30, y, Hold::Left, "label");
            x += width;
        }
        if keys.is_empty() { 0 } else { y + 14 - top }
    }

    fn mark(&mut self, mark: Mark<'_>, x: i32, y: i32) {
        match mark {
            Mark::Bar(class) => self.rect(Frame { left: x + 4, right: x + 20, top: y - 6, bottom: y + 6 }, class),
            Mark::Line(class) => self.line(&[(x, y), (x + 24, y)], class),
        }
    }

    /// The drawing inside a page; `id` is unique there.
    pub(crate) fn inline(&self, id: &str, title: &str, description: &str) -> String {
        let Self { width, height, body } = self;
        let (title, description) = (escaped(title), escaped(description));
        format!(
            "<svg viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" role=\"img\" \
             aria-labelledby=\"{id}-t {id}-d\">\n<title id=\"{id}-t\">{title}</title>\n\
             <desc id=\"{id}-d\">{description}</desc>\n{body}</svg>\n"
        )
    }

    /// The drawing as a file of its own, with title and colours.
    pub(crate) fn standalone(&self, title: &str, description: &str) -> String {
        let Self { width, height, body } = self;
        let (full, top) = (height + TITLE_HEIGHT, -TITLE_HEIGHT);
        let (title, description) = (escaped(title), escaped(description));
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 {top} {width} {full}\" width=\"{width}\" \
             height=\"{full}\" role=\"img\" aria-labelledby=\"t d\">\n<title id=\"t\">{title}</title>\n\
             <desc id=\"d\">{description}</desc>\n<style>\n{TOKENS_CSS}{FIGURE_CSS}</style>\n\
             <rect class=\"sheet\" x=\"0\" y=\"{top}\" width=\"{width}\" height=\"{full}\"/>\n\
             <text class=\"title\" x=\"14\" y=\"-18\">{title}</text>\n{body}</svg>\n"
        )
    }
}

/// Distance of neighbouring ticks.
fn tick_distance(ticks: &[f64]) -> f64 {
    ticks.windows(2).next().map_or(1.0, |pair| pair[1] - pair[0])
}

fn path(points: &[(i32, i32)]) -> String {
    let mut text = String::new();
    for (index, (x, y)) in points.iter().enumerate() {
        let _ = write!(text, "{}{x} {y}", if index == 0 { 'M' } else { 'L' });
    }
    text
}

/// Text between tags or quotes of XML.
pub(crate) fn escaped(text: &str) -> String {
    let printable = text.chars().filter(|c| !c.is_control());
    printable.fold(String::with_capacity(text.len()), |mut out, c| {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
        out
    })
}

/// Width of a label in pixels, a little generous, as the viewer's font is not known.
pub(crate) fn text_width(text: &str) -> i32 {
    text.chars().count() as i32 * 15 / 2
}

/// A name that fits: its end gives way to an ellipsis.
pub(crate) fn shortened(name: &str, letters: i32) -> String {
    let letters = letters.max(4) as usize;
    if name.chars().count() <= letters {
        return name.to_string();
    }
    name.chars().take(letters - 1).chain(['\u{2026}']).collect()
}

/// A value holds for its whole half-hour: stairs, not slopes.
pub(crate) fn stairs(values: &[f64], run: std::ops::Range<usize>, time: &Scale, scale: &Scale) -> Vec<(i32, i32)> {
    run.flat_map(|index| {
        let y = scale.pixel(values[index]);
        [(time.pixel(index as f64), y), (time.pixel(index as f64 + 1.0), y)]
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_break_out_of_the_drawing() {
        let mut sheet = Sheet::new(Form::Wide);
        sheet.text("<script>\"a\" & 'b'\u{0}</script>", 1, 1, Hold::Left, "label");
        let svg = sheet.standalone("</title><b>", "&");
        assert!(!svg.contains("<script") && !svg.contains("</title><b>") && !svg.contains('\u{0}'), "{svg}");
        assert!(svg.contains("&lt;script&gt;&quot;a&quot; &amp; &#39;b&#39;"), "{svg}");
    }

    #[test]
    fn a_legend_wraps_and_no_name_runs_over_the_edge_of_a_phone() {
        let mut sheet = Sheet::new(Form::Narrow);
        let long = "a policy with a name that nobody would call short, not even its mother";
        let height = sheet.legend(Form::Narrow, 0, &[(Mark::Line("s0"), long), (Mark::Bar("base"), "FIFO")]);
        assert_eq!(height, 44, "two rows");
        assert!(!sheet.body.contains("mother") && sheet.body.contains('\u{2026}'));
        assert_eq!(sheet.legend(Form::Narrow, 0, &[]), 0);
    }

    #[test]
    fn lines_without_length_are_left_out() {
        let mut sheet = Sheet::new(Form::Wide);
        sheet.line(&[(1, 1)], "grid");
        sheet.area(&[(1, 1), (2, 2)], "grid");
        assert!(sheet.body.is_empty());
    }
}
