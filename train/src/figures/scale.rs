//! Axes: round ticks, and the way from a value to a pixel.
//!
//! In: a range of values and of pixels. Out: ticks with labels, pixel positions.
//! Always: a range without width is widened, so that nothing divides by zero.
//! Not here: drawing (`canvas.rs`).

/// A linear axis.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Scale {
    pub(crate) low: f64,
    pub(crate) high: f64,
    pub(crate) pixel_low: f64,
    pub(crate) pixel_high: f64,
}

impl Scale {
    /// Pixel of a value.
    pub(crate) fn pixel(&self, value: f64) -> i32 {
        let share = (value - self.low) / (self.high - self.low);
        (self.pixel_low + share * (self.pixel_high - self.pixel_low)).round() as i32
    }
}

/// Lowest and highest finite value, as round ends with round ticks between: (low, high, ticks).
pub(crate) fn round_axis(values: impl Iterator<Item = f64>, with_zero: bool, wanted: usize) -> (f64, f64, Vec<f64>) {
    let start = if with_zero { (0.0, 0.0) } else { (f64::INFINITY, f64::NEG_INFINITY) };
    let (low, high) = values
        .filter(|value| value.is_finite())
        .fold(start, |(low, high): (f64, f64), value| (low.min(value), high.max(value)));
    let (low, high) = if low > high { (0.0, 1.0) } else { (low, high) };
    let widened = if high - low > high.abs().max(low.abs()) * 1e-9 { high } else { low + low.abs().max(1.0) * 0.1 };
    let step = round_step((widened - low) / wanted.max(1) as f64);
    let (first, last) = ((low / step).floor(), (widened / step).ceil());
    let ticks: Vec<f64> = (0..=(last - first) as usize).map(|index| (first + index as f64) * step).collect();
    (first * step, last * step, ticks)
}

/// The smallest of 1, 2, 5 times a power of ten that is not below the step.
fn round_step(step: f64) -> f64 {
    let power = 10_f64.powf(step.log10().floor());
    let factor = [1.0, 2.0, 5.0, 10.0].into_iter().find(|factor| factor * power >= step * 0.999_999).unwrap_or(10.0);
    factor * power
}

/// A tick as text: `1.5M`, `200k`, `12`, `0.25`; decimals follow the distance of ticks.
pub(crate) fn tick_label(value: f64, step: f64) -> String {
    let (divisor, suffix) = match value.abs().max(step) {
        size if size >= 1e6 => (1e6, "M"),
        size if size >= 1e4 => (1e3, "k"),
        _ => (1.0, ""),
    };
    let scaled = value / divisor;
    if scaled == 0.0 {
        return "0".to_owned();
    }
    let whole = |number: f64| (number - number.round()).abs() < 1e-6 * number.abs();
    let decimals = (0..6).find(|decimals| whole(step / divisor * 10_f64.powi(*decimals))).unwrap_or(6) as usize;
    let text = format!("{scaled:.decimals$}{suffix}");
    text.replace('-', "\u{2212}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_enclose_the_values() {
        let (low, high, ticks) = round_axis([3.2, 17.9].into_iter(), false, 4);
        assert_eq!((low, high, ticks), (0.0, 20.0, vec![0.0, 5.0, 10.0, 15.0, 20.0]));
        let (low, high, _) = round_axis([-40.0, 130.0].into_iter(), true, 3);
        assert_eq!((low, high), (-100.0, 200.0));
        let (low, high, ticks) = round_axis([7.0, 7.0].into_iter(), false, 4);
        assert!(low <= 7.0 && high > 7.0 && ticks.len() > 1);
        assert_eq!(round_axis(std::iter::empty(), false, 2).2, [0.0, 0.5, 1.0]);
    }

    #[test]
    fn labels_are_short() {
        assert_eq!(tick_label(1_500_000.0, 500_000.0), "1.5M");
        assert_eq!(tick_label(200_000.0, 200_000.0), "200k");
        assert_eq!(tick_label(0.25, 0.25), "0.25");
        assert_eq!(tick_label(-5.0, 5.0), "\u{2212}5");
        assert_eq!(tick_label(0.0, 5.0), "0");
        assert_eq!(tick_label(250.0, 250.0), "250");
    }

    #[test]
    fn a_value_maps_linearly_to_pixels() {
        let scale = Scale { low: 0.0, high: 10.0, pixel_low: 200.0, pixel_high: 100.0 };
        assert_eq!((scale.pixel(0.0), scale.pixel(2.5), scale.pixel(10.0)), (200, 175, 100));
    }
}
