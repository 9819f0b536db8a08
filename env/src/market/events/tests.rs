//! Events: settlement by hand, the four sources, and that nothing is known before it is published.

use super::*;
use crate::core::SeedTree;
use crate::grid::real_table::{joined, shared};
use crate::grid::{GridTrace, Signal, SourceKind, TraceSource};
use rand::RngExt;

const DRAWS: usize = 100_000;

fn period(text: &str) -> Period {
    text.parse().expect("a period")
}

fn event(kind: EventKind, price: f64, penalty: f64) -> FlexEvent {
    let start = period("2024-01-15T17:00:00Z");
    FlexEvent {
        published: start - 48,
        start,
        periods: 4,
        kind,
        price_gbp_per_mwh: price,
        penalty_gbp_per_mwh: penalty,
        source: EventSource::Scripted,
    }
}

fn inputs(baseline: f64, metered: f64, fifo: f64) -> EventInputs {
    EventInputs {
        baseline: MegawattHours(baseline),
        metered: MegawattHours(metered),
        fifo_baseline: MegawattHours(fifo),
        fifo_import: MegawattHours(fifo),
        already_claimed: MegawattHours::ZERO,
        import_limit: Megawatts(16.0),
    }
}

const QUARTER: EventKind = EventKind::TurnDown(Depth::Share(0.25));

#[track_caller]
fn assert_close(found: f64, expected: f64) {
    assert!((found - expected).abs() < 1e-9, "{found}, expected {expected}");
}

#[test]
fn a_quarter_of_four_mwh_delivered_in_part_is_paid_in_part_and_fined_for_the_rest() {
    // Asked for 1.0, delivered 0.6: 0.6 x 121 - 0.4 x 50.
    let settled = event(QUARTER, 121.0, 50.0).settle(&inputs(4.0, 3.4, 4.0));
    assert_close(settled.requested_mwh, 1.0);
    assert_close(settled.delivered_mwh, 0.6);
    assert_close(settled.shortfall_mwh, 0.4);
    assert_close(settled.paid_gbp, 72.6);
    assert_close(settled.penalty_gbp, 20.0);
    assert_close(settled.revenue_settled_gbp, 52.6);
    assert_close(settled.revenue_rewarded_gbp, 52.6);
}

#[test]
fn more_than_was_asked_for_is_not_paid_and_more_use_delivers_nothing() {
    let one = event(EventKind::TurnDown(Depth::Power(Megawatts(2.0))), 100.0, 100.0);
    assert_close(one.settle(&inputs(4.0, 1.0, 4.0)).revenue_settled_gbp, 100.0);
    let worse = one.settle(&inputs(4.0, 5.0, 4.0));
    assert_eq!((worse.delivered_mwh, worse.revenue_settled_gbp), (0.0, -100.0));
}

#[test]
fn what_is_claimed_elsewhere_is_not_delivered_again() {
    let mut case = inputs(4.0, 3.0, 4.0);
    case.already_claimed = MegawattHours(0.7);
    assert_close(event(QUARTER, 100.0, 0.0).settle(&case).delivered_mwh, 0.3);
}

#[test]
fn a_constraint_pays_nothing_and_fines_import_above_its_cap() {
    let one = event(EventKind::Constraint { import_cap_share: 0.5 }, 100.0, 200.0);
    assert_eq!(one.import_cap(Megawatts(16.0)), Some(Megawatts(8.0)));
    // 4.5 MWh against a cap of 4.0 MWh.
    let settled = one.settle(&inputs(6.0, 4.5, 6.0));
    assert_eq!((settled.requested_mwh, settled.paid_gbp), (0.0, 0.0));
    assert_close(settled.breach_mwh, 0.5);
    assert_close(settled.revenue_rewarded_gbp, -100.0);
    assert_eq!(one.settle(&inputs(6.0, 3.9, 6.0)), EventSettlement::default());
}

#[test]
fn no_inflation_or_deflation_of_the_baseline_is_ever_rewarded_by_an_event() {
    let mut rng = SeedTree::new(31).stream("events");
    let (mut settled_gains, mut settled_spared) = (0, 0);
    for _ in 0..DRAWS {
        let kind = match rng.random_range(0..3) {
            0 => EventKind::TurnDown(Depth::Share(rng.random_range(0.0..=1.0))),
            1 => EventKind::TurnDown(Depth::Power(Megawatts(rng.random_range(0.0..10.0)))),
            _ => EventKind::Constraint { import_cap_share: rng.random_range(0.0..=1.0) },
        };
        let one = event(kind, rng.random_range(0.0..5000.0), rng.random_range(0.0..5000.0));
        let fifo = rng.random_range(0.0..8.0);
        let mut honest = inputs(fifo, rng.random_range(0.0..8.0), fifo);
        honest.already_claimed = MegawattHours(rng.random_range(0.0..2.0));
        let inflated = EventInputs { baseline: honest.baseline + MegawattHours(rng.random_range(0.0..5.0)), ..honest };
        let deflated = EventInputs { baseline: honest.baseline * rng.random_range(0.0..1.0), ..honest };
        let (fair, gamed) = (one.settle(&honest), one.settle(&inflated));
        assert!(gamed.revenue_rewarded_gbp <= fair.revenue_rewarded_gbp, "{one:?} {honest:?} {inflated:?}");
        let spared = one.settle(&deflated);
        assert!(spared.revenue_rewarded_gbp <= fair.revenue_rewarded_gbp, "{one:?} {honest:?} {deflated:?}");
        settled_spared += usize::from(spared.revenue_settled_gbp > fair.revenue_settled_gbp + 1.0);
        let true_turn_down = (honest.fifo_import - honest.metered).max(MegawattHours::ZERO).0;
        for settled in [gamed, spared] {
            assert!(settled.rewarded_mwh <= true_turn_down && settled.rewarded_mwh <= settled.claimed_mwh);
        }
        assert!(gamed.delivered_mwh <= gamed.requested_mwh && gamed.shortfall_mwh >= 0.0);
        assert_close(gamed.delivered_mwh + gamed.shortfall_mwh, gamed.requested_mwh);
        settled_gains += usize::from(gamed.revenue_settled_gbp > fair.revenue_settled_gbp + 1.0);
    }
    assert!(settled_gains > DRAWS / 10, "the market itself would have paid for it: {settled_gains}");
    assert!(settled_spared > DRAWS / 10, "the market itself would have asked for less: {settled_spared}");
}

/// Forty days from 2024-01-01 with a smooth price and residual, and a peak on 2024-02-05 from 17:00 to 20:00.
fn stressed_trace() -> GridTrace {
    let source = TraceSource { name: "made by hand".into(), kind: SourceKind::Synthetic };
    let start = period("2024-01-01T00:00:00Z");
    let peak = period("2024-02-05T17:00:00Z");
    let column = |base: f64, swing: f64, extra: f64| -> Vec<f64> {
        let value = |t: i64| {
            let hour = (t % 48) as f64 / 2.0;
            let bump = if (0..6).contains(&(start + t - peak)) { extra } else { 0.0 };
            base + swing * (hour * 0.26).sin() + 0.01 * (t % 97) as f64 + bump
        };
        (0..40 * 48).map(value).collect()
    };
    GridTrace::holes(source, start, 40 * 48).with_columns([
        (Signal::DayAheadPrice, column(70.0, 20.0, 200.0)),
        (Signal::DayAheadForecastDemand, column(30_000.0, 5000.0, 20_000.0)),
        (Signal::DayAheadForecastWind, column(8000.0, 0.0, 0.0)),
        (Signal::IntradayPrice, column(70.0, 20.0, 0.0)),
    ])
}

fn stress_only(stress: StressEvents) -> EventsConfig {
    EventsConfig { stress: Some(stress), ..EventsConfig::default() }
}

fn build(config: &EventsConfig, trace: &GridTrace) -> EventSchedule {
    assert_eq!(config.validate(), []);
    EventSchedule::build(config, trace, &SeedTree::new(1)).expect("builds")
}

#[test]
fn stress_makes_an_event_of_the_peak_and_announces_it_at_eleven_the_day_before() {
    let schedule = build(&stress_only(StressEvents { threshold: 0.99, ..StressEvents::default() }), &stressed_trace());
    let [one] = schedule.events() else { panic!("one event, found {:?}", schedule.events()) };
    assert_eq!((one.start, one.periods), (period("2024-02-05T17:00:00Z"), 6));
    assert_eq!(one.published, period("2024-02-04T11:00:00Z"));
    // 40 days: the first 30 lack history, as does the last day, which would be judged for the day after the table.
    let counts = schedule.counts();
    assert_eq!((counts.stress, counts.days_judged, counts.days_without_signals), (1, 10, 29));
}

#[test]
fn no_value_unknown_at_publication_changes_a_stress_event() {
    let trace = stressed_trace();
    let config = stress_only(StressEvents { threshold: 0.8, ..StressEvents::default() });
    let before = build(&config, &trace);
    assert!(before.events().len() > 3, "{:?}", before.counts());
    let mut rng = SeedTree::new(5).stream("perturbation");
    for one in before.events() {
        let now = trace.index_of(one.published).expect("inside the trace");
        // At 11:00 of a winter day everything before the end of the next day is auctioned and forecast: 13 + 24 hours.
        let unknown = now + 2 * 37;
        let mut changed = trace.clone();
        for t in now..trace.len() {
            for signal in Signal::all() {
                let day_ahead = matches!(
                    signal,
                    Signal::DayAheadPrice
                        | Signal::DayAheadForecastDemand
                        | Signal::DayAheadForecastWind
                        | Signal::DayAheadForecastEmbeddedWind
                        | Signal::DayAheadForecastEmbeddedSolar
                );
                if t >= unknown || !day_ahead {
                    changed.set(signal, t, Some(rng.random_range(0.0..50_000.0)));
                }
            }
        }
        let after = build(&config, &changed);
        let known = |schedule: &EventSchedule| -> Vec<FlexEvent> {
            schedule.events().iter().filter(|event| event.published <= one.published).copied().collect()
        };
        assert_eq!(known(&after), known(&before));
    }
    // The test has teeth: the values it leaves alone do decide.
    let mut changed = trace.clone();
    let first = &before.events()[0];
    (0..6).for_each(|k| changed.set(Signal::DayAheadPrice, trace.index_of(first.start + k).unwrap(), Some(-500.0)));
    assert_ne!(build(&config, &changed).events()[0], *first);
}

#[test]
fn a_day_without_its_signals_is_counted_and_has_no_event() {
    let mut trace = stressed_trace();
    let peak = trace.index_of(period("2024-02-05T03:00:00Z")).expect("inside");
    trace.set(Signal::DayAheadForecastWind, peak, None);
    let schedule = build(&stress_only(StressEvents { threshold: 0.99, ..StressEvents::default() }), &trace);
    assert_eq!(schedule.events(), []);
    assert_eq!(schedule.counts().days_without_signals, 30);
}

const LIST: &str = "event_id,type,first_halfhour_start_utc,last_halfhour_start_utc\n\
                    2,live,2024-01-24T16:30:00Z,2024-01-24T17:30:00Z\n1,test,2024-01-23T17:00:00Z,2024-01-23T17:30:00Z\n";

fn parse(text: &str) -> Result<Vec<FlexEvent>, EventError> {
    list::parse(&ListedEvents { path: "sessions.csv".into(), ..ListedEvents::default() }, text.as_bytes())
}

#[test]
fn a_list_gives_its_sessions_in_order_published_at_half_past_two_the_day_before() {
    let events = parse(LIST).expect("reads");
    let short: Vec<(String, String, u32)> =
        events.iter().map(|e| (e.published.to_string(), e.start.to_string(), e.periods)).collect();
    let expected = [
        ("2024-01-22T14:30:00Z".to_string(), "2024-01-23T17:00:00Z".to_string(), 2),
        ("2024-01-23T14:30:00Z".to_string(), "2024-01-24T16:30:00Z".to_string(), 3),
    ];
    assert_eq!(short, expected);
    assert_eq!((events[0].price_gbp_per_mwh, events[0].kind), (3000.0, QUARTER));
    // A summer session is announced by the local clock, too, and so is one after the clocks went back that Sunday.
    let summer = parse(&LIST.replace("2024-01-2", "2024-07-2")).expect("reads");
    assert_eq!(summer[0].published, period("2024-07-22T13:30:00Z"));
    let monday = LIST.replace("2024-01-23", "2024-10-28");
    assert_eq!(parse(&monday).expect("reads")[1].published, period("2024-10-27T14:30:00Z"));
}

#[test]
fn a_damaged_list_is_refused_in_words() {
    let error = |text: &str| parse(text).expect_err("is refused").to_string();
    assert_eq!(
        error(&LIST.replace("2024-01-24T17:30:00Z", "2024-01-24T16:00:00Z")),
        "sessions.csv:2: the session runs from 2024-01-24T16:30:00Z to 2024-01-24T16:00:00Z, expected a last half-hour \
         0 to 19 half-hours after the first\n\nhint: correct the two times; each is the start of a half-hour in UTC"
    );
    assert!(error(&LIST.replace("17:00:00Z", "17:10:00Z")).starts_with("sessions.csv:3: `first_halfhour_start_utc`: "));
    assert!(error(&LIST.replace("last_", "final_")).contains("the column `last_halfhour_start_utc` is missing"));
    assert!(error("").contains("is missing"));
    assert!(error(&LIST.replace("2,live,", "2,")).starts_with("sessions.csv:2: the text is no CSV: "));
    let twice = LIST.replace("2024-01-24T16:30:00Z", "2024-01-23T17:30:00Z").replace("24T17:30", "23T18:00");
    assert!(error(&twice).starts_with("sessions.csv:2: the session from 2024-01-23T17:30:00Z overlaps another one"));
    let missing = EventsConfig {
        list: Some(ListedEvents { path: "no such list.csv".into(), ..ListedEvents::default() }),
        ..EventsConfig::default()
    };
    let error = EventSchedule::build(&missing, &stressed_trace(), &SeedTree::new(1)).expect_err("is refused");
    assert!(error.to_string().starts_with("no such list.csv: the list of events cannot be read: "));
}

#[test]
fn damaged_bytes_of_a_list_give_errors_and_never_a_panic() {
    let mut rng = SeedTree::new(6).stream("damage");
    let mut refused = 0;
    for _ in 0..20_000 {
        let mut bytes = LIST.as_bytes().to_vec();
        for _ in 0..rng.random_range(1..4) {
            let at = rng.random_range(0..bytes.len());
            match rng.random_range(0..3) {
                0 => bytes[at] = rng.random(),
                1 => bytes.truncate(at.max(1)),
                _ => bytes.insert(at, rng.random()),
            }
        }
        refused += usize::from(list::parse(&ListedEvents::default(), &bytes).is_err());
    }
    assert!(refused > 5000, "{refused}");
}

const SCRIPT: &str = "[[scripted]]\nstart = \"2024-01-10T17:00:00Z\"\nperiods = 6\nnotice_periods = 48\ndepth_share = 0.25\n\
                      price_gbp_per_mwh = 121.0\n[[scripted]]\nstart = \"2024-01-11T09:00:00Z\"\nperiods = 2\n\
                      notice_periods = 0\nimport_cap_share = 0.7\npenalty_gbp_per_mwh = 500.0\n";

#[test]
fn an_event_is_seen_from_its_publication_on_and_runs_for_its_length() {
    let config: EventsConfig = toml::from_str(SCRIPT).expect("reads");
    let schedule = build(&config, &stressed_trace());
    let (start, second) = (period("2024-01-10T17:00:00Z"), period("2024-01-11T09:00:00Z"));
    let first_seen = start - 48;
    assert_eq!(schedule.next_visible(first_seen - 1, first_seen - 1), None);
    assert_eq!(schedule.next_visible(first_seen, first_seen).map(|event| event.start), Some(start));
    let active: Vec<i64> =
        (0..96).filter(|t| schedule.active_at(start - 40 + *t).is_some_and(|e| e.start == start)).collect();
    assert_eq!(active, (40..46).collect::<Vec<i64>>());
    assert_eq!(schedule.next_visible(start + 5, start + 5).map(|event| event.start), Some(start), "still running");
    assert_eq!(schedule.next_visible(start + 6, start + 6), None, "the next one comes without notice");
    assert_eq!(schedule.next_visible(second, second).map(|event| event.start), Some(second));
    assert_eq!(schedule.active_at(second + 1).and_then(|e| e.import_cap(Megawatts(10.0))), Some(Megawatts(7.0)));
    assert_eq!(schedule.labels(), [EventSource::Scripted.label()]);
}

#[test]
fn an_event_announced_late_does_not_hide_a_later_one_announced_early() {
    let text = SCRIPT.replace("notice_periods = 48", "notice_periods = 0").replacen("0\ndepth", "1\ndepth", 1);
    let text = text.replace("notice_periods = 0\nimport", "notice_periods = 96\nimport");
    let schedule = build(&toml::from_str(&text).expect("reads"), &stressed_trace());
    let noon = period("2024-01-10T12:00:00Z");
    let seen = schedule.next_visible(noon, noon).expect("the second is known");
    assert_eq!(seen.start, period("2024-01-11T09:00:00Z"));
}

#[test]
fn scripted_events_must_ask_for_one_thing_and_not_overlap() {
    let config: EventsConfig = toml::from_str(
        &SCRIPT.replace("import_cap_share", "depth_mw = 2.0\nimport_cap_share").replace("11T09:00", "10T19:30"),
    )
    .expect("reads");
    let faults = config.validate();
    let keys: Vec<&str> = faults.iter().map(|(key, _)| key.as_str()).collect();
    assert_eq!(keys, ["events.scripted[1]", "events.scripted[1].start"]);
    assert_eq!(faults[1].1, "overlaps events.scripted[0], expected one event at a time");
    assert!(toml::from_str::<EventsConfig>(&SCRIPT.replace("depth_share", "dept_share")).is_err(), "unknown key");
}

fn long_trace() -> GridTrace {
    let source = TraceSource { name: "made by hand".into(), kind: SourceKind::Synthetic };
    GridTrace::holes(source, period("2022-01-01T00:00:00Z"), 104 * 336)
}

#[test]
fn random_events_follow_their_seed_their_rate_and_their_shapes() {
    let random = RandomEvents { per_week: 3.0, ..RandomEvents::default() };
    let config = EventsConfig { random: Some(random), ..EventsConfig::default() };
    let trace = long_trace();
    let make = |seed| EventSchedule::build(&config, &trace, &SeedTree::new(seed)).expect("builds");
    let schedule = make(7);
    assert_eq!(schedule, make(7));
    assert_ne!(schedule.events(), make(8).events());
    let counts = schedule.counts();
    // 312 expected; the standard deviation of their number is 18.
    let drawn = counts.random + counts.overlapping + counts.outside_trace;
    assert!((312 - 72..=312 + 72).contains(&drawn), "{counts:?}");
    let mut at_once = 0;
    for event in schedule.events() {
        let notice = event.start - event.published;
        match (event.kind, event.periods) {
            (EventKind::TurnDown(Depth::Share(0.25)), 6) => assert!((4..=48).contains(&notice)),
            (EventKind::TurnDown(Depth::Share(0.30)), 2) => assert!((0..=1).contains(&notice)),
            (EventKind::TurnDown(Depth::Share(0.10)), 20) => assert!((24..=48).contains(&notice)),
            other => panic!("no shape of the scenario: {other:?}"),
        }
        at_once += usize::from(event.periods == 2);
    }
    // 30 % of the weight; a standard deviation is 2.6 points.
    let share = at_once as f64 / schedule.events().len() as f64;
    assert!((share - 0.3).abs() < 0.12, "{share}");
}

#[test]
fn events_are_sorted_do_not_overlap_and_are_published_no_later_than_they_start() {
    let random = RandomEvents { per_week: 40.0, ..RandomEvents::default() };
    let mut config: EventsConfig = toml::from_str(SCRIPT).expect("reads");
    config.random = Some(random);
    config.stress = Some(StressEvents { threshold: 0.8, ..StressEvents::default() });
    let schedule = build(&config, &stressed_trace());
    let counts = schedule.counts();
    assert!(counts.scripted == 2 && counts.stress > 3 && counts.random > 20 && counts.overlapping > 20, "{counts:?}");
    assert_eq!(schedule.events().len(), counts.scripted + counts.stress + counts.random);
    assert!(schedule.events().windows(2).all(|pair| pair[0].end() <= pair[1].start));
    assert!(schedule.events().iter().all(|event| event.published <= event.start));
    assert_eq!(schedule.labels().len(), 3);
    // By brute force: what is visible is the first published one that has not ended.
    let start = stressed_trace().start();
    for now in (0..40 * 48).map(|t| start + t) {
        for from in [now, now + 10, now + 100] {
            let expected = schedule.events().iter().find(|event| event.end() > from && event.published <= now);
            assert_eq!(schedule.next_visible(now, from), expected);
        }
        let active = schedule.events().iter().find(|event| event.covers(now));
        assert_eq!(schedule.active_at(now), active);
    }
}

#[test]
fn faults_of_all_sources_are_named_together() {
    let config = EventsConfig {
        list: Some(ListedEvents::default()),
        stress: Some(StressEvents { periods: 21, threshold: f64::NAN, ..StressEvents::default() }),
        random: Some(RandomEvents { per_week: -1.0, shapes: Vec::new(), ..RandomEvents::default() }),
        ..EventsConfig::default()
    };
    let keys: Vec<String> = config.validate().into_iter().map(|(key, _)| key).collect();
    let expected = [
        "events.list.path",
        "events.stress.threshold",
        "events.stress.periods",
        "events.random.per_week",
        "events.random.shapes",
    ];
    assert_eq!(keys, expected);
    assert!(EventsConfig::default().is_empty() && EventsConfig::default().validate().is_empty());
}

#[test]
fn the_shared_list_has_13_sessions_of_an_hour_but_one() {
    let Some(path) = shared("data/grid/flex_dfs_sessions_winter_2022_23.csv") else { return };
    let list = ListedEvents { path: path.display().to_string(), ..ListedEvents::default() };
    let events = list::read(&list).expect("reads");
    assert_eq!(events.iter().map(|event| event.periods).collect::<Vec<_>>(), [2, 2, 2, 2, 2, 2, 2, 3, 2, 2, 2, 2, 2]);
    assert_eq!(events[7].start, period("2023-01-24T16:30:00Z"));
    assert_eq!(events[7].published, period("2023-01-23T14:30:00Z"));
}

#[test]
fn stress_of_the_shared_table_lies_in_the_evening_of_days_that_have_forecasts() {
    let Some((trace, _)) = joined() else { return };
    let schedule = build(&stress_only(StressEvents::default()), trace);
    let counts = schedule.counts();
    // 1,643 days but the first; forecasts begin in 2021 and have a hole of four months in 2023.
    assert_eq!((counts.days_judged, counts.days_without_signals), (1094, 548));
    assert_eq!(counts.stress, 195);
    assert!(schedule.events().iter().all(|event| event.start > period("2021-01-20T00:00:00Z")));
    // 16:00 to 18:00 local.
    let evening = schedule.events().iter().filter(|event| (32..=36).contains(&event.start.local().half_hour)).count();
    assert_eq!(evening, 181);
}
