//! The baseline against hand-computed means, day by day.

use super::*;
use crate::grid::Period;

fn period(text: &str) -> Period {
    text.parse().expect("a period")
}

fn day(text: &str) -> i32 {
    text.parse::<crate::grid::Date>().expect("a date").to_days()
}

/// Readings of whole UTC days from `start` up to `end`, each its local day of the month plus a hundredth of its half-hour.
fn history(config: BaselineConfig, start: &str, end: &str) -> MeterHistory {
    let mut history = MeterHistory::new(config);
    fill(&mut history, start, end);
    history
}

fn fill(history: &mut MeterHistory, start: &str, end: &str) {
    let mut at = period(start);
    while at < period(end) {
        let local = at.local();
        history.push(local, MegawattHours(reading(local)));
        at += 1;
    }
}

fn reading(local: LocalStamp) -> f64 {
    let date = crate::grid::Date::from_days(local.day);
    f64::from(date.day) + f64::from(local.half_hour) / 100.0
}

fn baseline(history: &MeterHistory, text: &str) -> Option<f64> {
    history.baseline(period(text).local()).map(|mwh| mwh.0)
}

fn assert_close(found: Option<f64>, expected: f64) {
    assert!(found.is_some_and(|x| (x - expected).abs() < 1e-12), "{found:?}, expected {expected}");
}

#[test]
fn a_working_day_takes_the_mean_of_the_ten_working_days_before_it() {
    let history = history(BaselineConfig::default(), "2024-01-01T00:00:00Z", "2024-01-22T00:00:00Z");
    // Before Monday 22 January: 8 to 12 and 15 to 19; their mean is 13.5; 17:00 is half-hour 34.
    assert_close(baseline(&history, "2024-01-22T17:00:00Z"), 13.5 + 0.34);
    assert_close(baseline(&history, "2024-01-22T00:00:00Z"), 13.5);
}

#[test]
fn a_weekend_and_a_bank_holiday_take_the_four_non_working_days_before_them() {
    let history = history(BaselineConfig::default(), "2023-12-11T00:00:00Z", "2024-01-20T00:00:00Z");
    // Before Saturday 20 January: 6, 7, 13, 14.
    assert_close(baseline(&history, "2024-01-20T17:00:00Z"), 10.0 + 0.34);
    // Before New Year's Day: 31, 30 December, boxing day, Christmas.
    assert_close(baseline(&history, "2024-01-01T17:00:00Z"), (31.0 + 30.0 + 26.0 + 25.0) / 4.0 + 0.34);
    // Tuesday 2 January skips all of them: 29, 28, 27, 22, 21, 20, 19, 18, 15, 14 December.
    let ten = 29.0 + 28.0 + 27.0 + 22.0 + 21.0 + 20.0 + 19.0 + 18.0 + 15.0 + 14.0;
    assert_close(baseline(&history, "2024-01-02T17:00:00Z"), ten / 10.0 + 0.34);
}

#[test]
fn event_days_are_left_out_and_earlier_ones_step_in() {
    let mut history = history(BaselineConfig::default(), "2024-01-02T00:00:00Z", "2024-01-22T00:00:00Z");
    assert!(history.mark_event_day(day("2024-01-18")) && history.mark_event_day(day("2024-01-10")));
    // 8, 9, 11, 12, 15, 16, 17, 19 and, before them, 5 and 4.
    let ten = 8.0 + 9.0 + 11.0 + 12.0 + 15.0 + 16.0 + 17.0 + 19.0 + 5.0 + 4.0;
    assert_close(baseline(&history, "2024-01-22T17:00:00Z"), ten / 10.0 + 0.34);
}

#[test]
fn a_day_marked_before_it_begins_stays_an_event_day_after_its_readings_came() {
    let mut history = history(BaselineConfig::default(), "2024-01-02T00:00:00Z", "2024-01-19T00:00:00Z");
    assert!(history.mark_event_day(day("2024-01-19")), "tomorrow");
    assert!(!history.mark_event_day(day("2024-01-21")), "three days after the newest reading is too far ahead");
    assert!(!history.mark_event_day(day("2023-11-01")), "and this has left the window");
    fill(&mut history, "2024-01-19T00:00:00Z", "2024-01-22T00:00:00Z");
    // 18, 17, 16, 15, 12, 11, 10, 9, 8, 5.
    assert_close(baseline(&history, "2024-01-22T17:00:00Z"), 121.0 / 10.0 + 0.34);
}

#[test]
fn a_day_with_a_missing_reading_and_a_clock_change_day_are_left_out() {
    let mut history = MeterHistory::new(BaselineConfig::default());
    fill(&mut history, "2024-03-10T00:00:00Z", "2024-03-27T12:00:00Z");
    history.push(period("2024-03-27T12:00:00Z").local(), MegawattHours(f64::NAN));
    fill(&mut history, "2024-03-27T12:30:00Z", "2024-04-06T23:00:00Z");
    // Sunday 7 April: 6 April, then 1 April and 29 March (Easter), 30 March; 31 March has 46 half-hours.
    assert_close(baseline(&history, "2024-04-07T10:00:00Z"), (6.0 + 1.0 + 30.0 + 29.0) / 4.0 + 0.22);
    // Thursday 28 March without the 27th: 26, 25, 22, 21, 20, 19, 18, 15, 14, 13.
    let ten = 26.0 + 25.0 + 22.0 + 21.0 + 20.0 + 19.0 + 18.0 + 15.0 + 14.0 + 13.0;
    assert_close(baseline(&history, "2024-03-28T10:00:00Z"), ten / 10.0 + 0.20);
}

#[test]
fn an_autumn_day_of_50_half_hours_serves_no_other_day_but_has_a_baseline() {
    let history = history(BaselineConfig::default(), "2024-09-30T23:00:00Z", "2024-11-03T00:00:00Z");
    // Sunday 3 November: 2 November, 26, 20, 19 October, not the 27th.
    assert_close(baseline(&history, "2024-11-03T10:00:00Z"), (2.0 + 26.0 + 20.0 + 19.0) / 4.0 + 0.20);
    // On the 27th itself, 00:30 and 01:30 UTC are both 01:30 in London.
    let four = (26.0 + 20.0 + 19.0 + 13.0) / 4.0 + 0.03;
    assert_close(baseline(&history, "2024-10-27T00:30:00Z"), four);
    assert_close(baseline(&history, "2024-10-27T01:30:00Z"), four);
}

#[test]
fn without_enough_eligible_days_there_is_no_baseline() {
    let mut history = history(BaselineConfig::default(), "2024-01-08T00:00:00Z", "2024-01-22T00:00:00Z");
    assert!(baseline(&history, "2024-01-22T17:00:00Z").is_some());
    history.mark_event_day(day("2024-01-09"));
    assert_eq!(baseline(&history, "2024-01-22T17:00:00Z"), None);
    assert_eq!(history.eligible_days(day("2024-01-22")), 9);
    assert!(baseline(&history, "2024-01-27T17:00:00Z").is_some(), "the weekends are still there");
}

#[test]
fn days_older_than_the_look_back_are_not_seen() {
    let config = BaselineConfig { look_back_days: 14, ..BaselineConfig::default() };
    let mut history = history(config, "2024-01-02T00:00:00Z", "2024-01-22T00:00:00Z");
    assert!(baseline(&history, "2024-01-22T17:00:00Z").is_some());
    history.mark_event_day(day("2024-01-18"));
    assert_eq!(baseline(&history, "2024-01-22T17:00:00Z"), None, "5 January lies 17 days back");
}

#[test]
fn ten_of_28_working_days_cannot_be_events_for_ever_but_three_quarters_can() {
    // Market notes 3.2: with N = 10 in 60 days, events on more than about 77 % of working days leave no baseline.
    let start = period("2024-06-01T00:00:00Z");
    let run = |eventful: &dyn Fn(usize) -> bool| {
        let mut history = MeterHistory::new(BaselineConfig::default());
        let (mut working, mut last_day, mut missing) = (0, 0, 0);
        for local in (0..200 * 48).map(|t| (start + t).local()) {
            if local.day != last_day && is_working_day(local.day) {
                working += 1;
                missing += usize::from(working > 60 && history.baseline(local).is_none());
            }
            history.push(local, MegawattHours(1.0));
            if local.day != last_day && is_working_day(local.day) && working > 10 && eventful(working) {
                assert!(history.mark_event_day(local.day));
            }
            last_day = local.day;
        }
        missing
    };
    assert_eq!(run(&|day| day % 4 != 0), 0, "events on 75 % of working days leave a baseline");
    assert!(run(&|day| day % 6 != 0) > 20, "events on 83 % of them do not");
}

#[test]
fn five_of_ten_takes_the_days_of_largest_use() {
    let config = BaselineConfig { best_of: Some(5), ..BaselineConfig::default() };
    let history = history(config, "2024-01-01T00:00:00Z", "2024-01-22T00:00:00Z");
    // Readings grow with the date: 15 to 19 January.
    assert_close(baseline(&history, "2024-01-22T17:00:00Z"), 17.0 + 0.34);
    // Only four non-working days exist, and four are taken.
    assert_close(baseline(&history, "2024-01-27T17:00:00Z"), (21.0 + 20.0 + 14.0 + 13.0) / 4.0 + 0.34);
}

#[test]
fn the_in_day_adjustment_is_the_mean_deviation_of_the_three_hours_that_end_an_hour_before() {
    let mut history = history(BaselineConfig::default(), "2024-01-01T00:00:00Z", "2024-01-22T00:00:00Z");
    // Event from 17:00. Window 13:00 to 16:00; deviations 1 to 6; the hour before the event must not count.
    let start = period("2024-01-22T00:00:00Z");
    let deviation = |half_hour: i64| match half_hour {
        26..=31 => (half_hour - 25) as f64,
        _ => 100.0,
    };
    for half_hour in 0..34 {
        let local = (start + half_hour).local();
        let unadjusted = history.baseline(local).expect("ten days are there");
        history.push(local, unadjusted + MegawattHours(deviation(half_hour)));
    }
    assert_close(history.in_day_adjustment(0).map(|mwh| mwh.0), 3.5);
    // Two periods into the event it is still the same.
    for half_hour in 34..36 {
        history.push((start + half_hour).local(), MegawattHours(0.0));
    }
    assert_close(history.in_day_adjustment(2).map(|mwh| mwh.0), 3.5);
    assert_eq!(history.in_day_adjustment(25), None, "too long ago");
}

#[test]
fn a_hole_in_the_window_leaves_no_adjustment() {
    let mut history = history(BaselineConfig::default(), "2024-01-01T00:00:00Z", "2024-01-22T14:00:00Z");
    history.push(period("2024-01-22T14:00:00Z").local(), MegawattHours(f64::NAN));
    fill(&mut history, "2024-01-22T14:30:00Z", "2024-01-22T17:00:00Z");
    assert_eq!(history.in_day_adjustment(0), None);
    let empty = MeterHistory::new(BaselineConfig::default());
    assert_eq!(empty.in_day_adjustment(0), None);
}

#[test]
fn a_history_survives_serialisation_in_mid_day() {
    let mut one = history(BaselineConfig::default(), "2024-01-01T00:00:00Z", "2024-01-22T09:00:00Z");
    let bytes = postcard::to_stdvec(&one).expect("serialises");
    let mut two: MeterHistory = postcard::from_bytes(&bytes).expect("deserialises");
    fill(&mut one, "2024-01-22T09:00:00Z", "2024-01-23T00:00:00Z");
    fill(&mut two, "2024-01-22T09:00:00Z", "2024-01-23T00:00:00Z");
    assert_eq!(baseline(&one, "2024-01-23T09:00:00Z"), baseline(&two, "2024-01-23T09:00:00Z"));
}

#[test]
fn faults_name_their_key() {
    let config = BaselineConfig { working_days: 0, look_back_days: 3, best_of: Some(11), ..BaselineConfig::default() };
    let keys: Vec<String> = config.validate().into_iter().map(|(key, _)| key).collect();
    let expected =
        ["baseline.look_back_days", "baseline.working_days", "baseline.non_working_days", "baseline.best_of"];
    assert_eq!(keys, expected);
    let standard = BaselineConfig::default();
    let text = toml::to_string(&standard).expect("writes");
    assert_eq!(toml::from_str::<BaselineConfig>(&text).expect("reads"), standard);
}
