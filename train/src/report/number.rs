//! Numbers as a report writes them.
//!
//! In: numbers. Out: text with thousands separated, a true minus sign, and units that do not break off.
//! Always: what is no finite number is a dash; no minus stands before a zero.

use crate::evaluation::Interval;

/// What stands where there is no number.
pub(crate) const DASH: &str = "\u{2013}";

/// `1,234.5` with so many decimals.
pub(crate) fn number(value: f64, decimals: usize) -> String {
    if !value.is_finite() {
        return DASH.to_string();
    }
    let plain = format!("{:.decimals$}", value.abs());
    let (whole, part) = plain.split_once('.').map_or((plain.as_str(), ""), |(whole, part)| (whole, part));
    let mut grouped = String::new();
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    let is_zero = plain.chars().all(|c| c == '0' || c == '.');
    let sign = if value < 0.0 && !is_zero { "\u{2212}" } else { "" };
    if part.is_empty() { format!("{sign}{grouped}") } else { format!("{sign}{grouped}.{part}") }
}

/// `£1,235`; below £100 with pence.
pub(crate) fn pounds(value: f64) -> String {
    if !value.is_finite() {
        return DASH.to_string();
    }
    let decimals = if value.abs() < 99.995 && value.abs() >= 0.005 { 2 } else { 0 };
    let text = number(value.abs(), decimals);
    let sign = if value < 0.0 && text.chars().any(|c| c.is_ascii_digit() && c != '0') { "\u{2212}" } else { "" };
    format!("{sign}£{text}")
}

/// `£2.3M`, `£45k`, `£120`.
pub(crate) fn short_pounds(value: f64) -> String {
    let sign = if value < 0.0 { "\u{2212}" } else { "" };
    match value.abs() {
        size if !size.is_finite() => DASH.to_string(),
        size if size >= 999_500.0 => {
            let millions = number(size / 1e6, 2);
            format!("{sign}£{}M", millions.strip_suffix('0').unwrap_or(&millions))
        }
        size if size >= 9_950.0 => format!("{sign}£{}k", number(size / 1e3, 0)),
        _ => pounds(value),
    }
}

/// `+£12`, `−£1,234`.
pub(crate) fn signed_pounds(value: f64) -> String {
    let text = pounds(value);
    if value > 0.0 { format!("+{text}") } else { text }
}

/// `4.2 %`.
pub(crate) fn percent(value: f64, decimals: usize) -> String {
    if value.is_finite() { format!("{}\u{a0}%", number(value, decimals)) } else { DASH.to_string() }
}

/// `[3.1, 4.9]`.
pub(crate) fn ends(interval: &Interval, decimals: usize) -> String {
    format!("[{}, {}]", number(interval.lo, decimals), number(interval.hi, decimals))
}

/// `1 week`, `13 weeks`.
pub(crate) fn counted(count: usize, one: &str, many: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{} {many}", number(count as f64, 0)) }
}

/// `a`, `a and b`, `a, b and c`.
pub(crate) fn listed(names: &[String]) -> String {
    match names {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_separated_and_the_minus_is_a_minus() {
        assert_eq!(number(1_234_567.891, 1), "1,234,567.9");
        assert_eq!(number(-1234.0, 0), "\u{2212}1,234");
        assert_eq!((number(-0.004, 2), number(-0.0, 0), number(999.0, 0)), ("0.00".into(), "0".into(), "999".into()));
        assert_eq!(number(f64::NAN, 2), DASH);
    }

    #[test]
    fn money_is_written_as_people_write_it() {
        assert_eq!((pounds(1234.6), pounds(-12.345)), ("£1,235".into(), "\u{2212}£12.35".into()));
        assert_eq!((pounds(0.0), pounds(-0.001)), ("£0".into(), "£0".into()));
        assert_eq!((short_pounds(2_300_000.0), short_pounds(-45_400.0)), ("£2.3M".into(), "\u{2212}£45k".into()));
        assert_eq!((signed_pounds(50.0), signed_pounds(-300.0)), ("+£50.00".into(), "\u{2212}£300".into()));
        assert_eq!(pounds(f64::INFINITY), DASH);
    }

    #[test]
    fn names_are_listed_as_a_sentence_lists_them() {
        let names = |n: usize| ["a", "b", "c"][..n].iter().map(|s| (*s).to_string()).collect::<Vec<_>>();
        assert_eq!((listed(&names(0)), listed(&names(1))), (String::new(), "a".into()));
        assert_eq!((listed(&names(2)), listed(&names(3))), ("a and b".into(), "a, b and c".into()));
        assert_eq!((counted(1, "week", "weeks"), counted(13, "week", "weeks")), ("1 week".into(), "13 weeks".into()));
    }
}
