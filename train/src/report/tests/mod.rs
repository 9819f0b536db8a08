//! The page as a whole.

mod fixture;
mod markup;

use super::{Report, ReportInput};
use fixture::Fixture;

fn page(input: &ReportInput<'_>) -> Report {
    let report = Report::new(input).expect("a page can be made of it");
    let tags = markup::check(&report.html).unwrap_or_else(|fault| panic!("{fault}"));
    assert!(!tags.iter().any(|tag| tag == "script"), "there is no script");
    for (name, svg) in &report.figures {
        markup::check(svg).unwrap_or_else(|fault| panic!("{name}: {fault}"));
        assert!(svg.starts_with("<svg xmlns=\"http://www.w3.org/2000/svg\""), "{name}");
        assert!(svg.matches("<path").count() + svg.matches("<rect").count() > 3, "{name} is drawn");
    }
    for text in report.figures.iter().map(|(_, svg)| svg).chain([&report.html]) {
        for bad in ["NaN", "inf\"", "d=\"\"", "undefined", ">none<", "-0\""] {
            assert!(!text.contains(bad), "{bad}");
        }
    }
    report
}

#[test]
fn the_page_holds_every_part_and_loads_nothing() {
    let fixture = Fixture::usual();
    let report = page(&fixture.input());
    let names: Vec<&str> = report.figures.iter().map(|(name, _)| name.as_str()).collect();
    for name in
        ["day-1.svg", "shifted.svg", "waterfall.svg", "weeks.svg", "profile.svg", "learning.svg", "lateness.svg"]
    {
        assert!(names.contains(&name), "{name} in {names:?}");
    }
    let html = report.html.replace("http://www.w3.org/2000/svg", "");
    for loaded in ["http://", "https://", "url(", "@import", "src=", "srcset=", "<script", "<link rel=\"style"] {
        assert!(!html.contains(loaded), "{loaded}");
    }
    for part in [
        "ppo is the cheapest: it saves 4.0\u{a0}% of FIFO\u{2019}s cost.",
        "clearly cheaper than day_ahead_quantile",
        "captures 80.0\u{a0}% [75.0, 85.0]",
        "beyond the bound",
        "perfect foresight",
        "shares of the gap are at least",
        "flexai evaluate ppo --report out",
        "no price",
        "gap captured,\u{a0}%",
        "counterfactual",
    ] {
        assert!(html.contains(part), "{part}");
    }
    assert_eq!(report, page(&fixture.input()), "the same numbers give the same page");
}

#[test]
fn names_from_outside_are_escaped_everywhere() {
    let evil = "<img src=x onerror='alert(1)'> & \"co\"";
    let mut fixture = Fixture::new(&[(evil, "network", 4.0)]);
    fixture.evaluation.scenario = evil.into();
    fixture.evaluation.labels = vec![evil.into()];
    fixture.reproduce = vec![(evil.into(), evil.into())];
    fixture.learning[0].name = evil.into();
    let report = page(&fixture.input());
    assert!(!report.html.contains("<img"));
    assert!(report.figures.iter().all(|(_, svg)| !svg.contains("<img")));
}

#[test]
fn what_is_missing_leaves_a_page_that_says_so() {
    let mut bare = Fixture::usual();
    bare.evaluation.oracle = None;
    bare.learning.clear();
    bare.grid.clear();
    bare.traces.clear();
    for policy in &mut bare.evaluation.policies {
        policy.gap_captured = None;
        policy.classes.clear();
        policy.deadlines_met_pct = None;
        policy.carbon_marginal_saving_pct = None;
        policy.per_week.iter_mut().for_each(|week| week.gap_captured = None);
    }
    let report = page(&bare.input());
    for part in
        ["No perfect-foresight bound was computed", "Half-hours were not stored", "No jobs were counted by class"]
    {
        assert!(report.html.contains(part), "{part}");
    }
    assert!(!report.html.contains("gap captured,\u{a0}%"));
    assert!(report.html.contains("Performance profile"), "of savings, as there is no gap");
}

#[test]
fn one_policy_one_week_and_no_battery_are_no_reason_to_panic() {
    let alone = Fixture::new(&[]);
    let html = page(&alone.input()).html;
    assert!(html.contains("Only fifo was played"), "{html}");

    let mut single = Fixture::usual();
    single.evaluation.weeks = 1;
    single.grid.truncate(1);
    assert!(page(&single.input()).html.contains("One week allows no interval"));

    let mut flat = Fixture::usual();
    for step in flat.traces.iter_mut().flat_map(|trace| &mut trace.steps) {
        (step.stored_mwh, step.charged_mwh, step.discharged_mwh, step.it_mwh) = (0.0, 0.0, 0.0, 4.0);
    }
    flat.evaluation.battery_mwh = None;
    let report = page(&flat.input());
    assert!(report.html.contains("Nothing was moved in time") && !report.html.contains("Battery charge"));

    let mut none = Fixture::usual();
    none.evaluation.policies.clear();
    assert!(page(&none.input()).html.contains("No policy was played"));
}

#[test]
fn values_that_are_no_numbers_and_traces_cut_short_leave_gaps() {
    let mut odd = Fixture::usual();
    for (i, step) in odd.grid.iter_mut().flat_map(|week| &mut week.steps).enumerate() {
        step.price_gbp_per_mwh = if i % 5 == 0 { f64::NAN } else { step.price_gbp_per_mwh };
        step.carbon_gco2_kwh = f64::NAN;
    }
    odd.traces[3].steps.truncate(100);
    odd.traces[2].steps[7].import_mwh = f64::INFINITY;
    odd.evaluation.policies[1].cost_saving_pct = f64::NAN;
    odd.grid[0].steps[3].period = "no time at all".into();
    page(&odd.input());
}

#[test]
fn the_first_day_is_the_one_asked_for_or_the_one_that_saves_most() {
    let fixture = Fixture::usual();
    let first = |html: &str| {
        let at = html.find("<div class=\"choices\"").expect("there are days");
        html[at..].split("<figcaption>").nth(1).expect("a caption")[..60].to_string()
    };
    let most = first(&page(&fixture.input()).html);
    // Savings grow within a week; the Sunday after is two half-hours shorter, because clocks change.
    assert!(most.starts_with("Sunday 24 March 2024 (largest saving)"), "the last day of 48 half-hours, not {most}");
    let asked = ReportInput { day: Some("2024-03-31".parse().expect("a date")), ..fixture.input() };
    let report = page(&asked);
    assert!(first(&report.html).starts_with("Sunday 31 March 2024 (chosen day)"), "{}", first(&report.html));
    let svg = &report.figures.iter().find(|(name, _)| name == "day-1.svg").expect("the chosen day").1;
    assert_eq!(svg.matches("class=\"hit\"").count(), 46, "the clocks go forward");
    let never = ReportInput { day: Some("2023-01-01".parse().expect("a date")), ..fixture.input() };
    let text = Report::new(&never).expect_err("it was not played").to_string();
    assert!(text.starts_with("--day: 2023-01-01 was not played, expected one of the evaluated days"), "{text}");
    assert!(text.contains("\n\nhint: "), "{text}");
}

#[test]
fn a_policy_that_is_dearer_is_not_called_a_saving() {
    let html = page(&Fixture::new(&[("ppo", "network", -2.0)]).input()).html;
    assert!(html.contains("No policy was cheaper than FIFO"), "{html}");
    assert!(html.contains("ppo costs £2,000 more a week than FIFO"));
    assert!(html.contains("clearly dearer than fifo"));
}

/// The status of the claim whose title holds some words.
fn status(html: &str, title: &str) -> String {
    let at = html.find(title).expect("the claim stands there");
    let after = html[at..].split("<span class=\"status\">").nth(1).expect("it has a status");
    after.split("</span>").next().unwrap_or_default().to_string()
}

#[test]
fn policies_that_were_not_compared_are_not_spoken_of() {
    let mut apart = Fixture::new(&[("one", "network", 3.0), ("two", "network", 4.0)]);
    let html = page(&apart.input()).html;
    assert!(html.contains("two is clearly cheaper than fifo."), "{html}");
    assert!(!html.contains("not clearly different"), "{html}");
    let versus = &mut apart.evaluation.policies[2].versus;
    let mut other = versus[0].clone();
    other.rival = "one".into();
    (other.saving_gbp_per_week.lo, other.saving_gbp_per_week.hi) = (-1.0, 2.0);
    versus.push(other);
    assert!(page(&apart.input()).html.contains("two is clearly cheaper than fifo; not clearly different from one."));
}

#[test]
fn revenue_from_flexibility_is_judged_by_what_flexibility_earned() {
    let revenue = "a year per 10";
    let mut fixture = Fixture::usual();
    // J saved is beyond all measure, but nothing was sold.
    for versus in fixture.evaluation.policies.iter_mut().flat_map(|policy| &mut policy.versus) {
        let saving = &mut versus.saving_gbp_per_week;
        (saving.value, saving.lo, saving.hi) = (1e6, 0.9e6, 1.1e6);
    }
    assert_eq!(status(&page(&fixture.input()).html, revenue), "not tested");
    fixture.evaluation.policies[2].flex_revenue_gbp = 10.0;
    assert_eq!(status(&page(&fixture.input()).html, revenue), "not reached");
    fixture.evaluation.policies[2].flex_revenue_gbp = 1e6;
    assert_eq!(status(&page(&fixture.input()).html, revenue), "reached");
    fixture.evaluation.weeks = 1;
    assert_eq!(status(&page(&fixture.input()).html, revenue), "one week: not judged");
}

#[test]
fn the_price_of_turn_down_is_revenue_over_what_was_delivered() {
    let mut fixture = Fixture::usual();
    let policy = &mut fixture.evaluation.policies[2];
    (policy.flex_revenue_gbp, policy.flex_delivered_mwh) = (500.0, Some(4.0));
    assert!(page(&fixture.input()).html.contains("£125 per MWh of turn-down delivered"));
    fixture.evaluation.policies[2].flex_delivered_mwh = None;
    let html = page(&fixture.input()).html;
    assert!(!html.contains("no turn-down was sold") && !html.contains("per MWh of turn-down delivered"), "{html}");
}

#[test]
fn the_claim_of_a_fleet_counts_sites_and_export_and_judges_nothing_where_they_are_unknown() {
    let fleet = "MW of flexibility over";
    let mut fixture = Fixture::usual();
    let html = page(&fixture.input()).html.replace('\u{a0}', " ");
    assert_eq!(status(&html, fleet), "beyond the bound");
    assert!(html.contains("without export nobody turns down more"), "{html}");
    fixture.evaluation.export_limit_mw = Some(30.0);
    let html = page(&fixture.input()).html.replace('\u{a0}', " ");
    assert_eq!(status(&html, fleet), "not reached");
    assert!(html.contains("and 30.0 MW may be exported"), "{html}");
    fixture.evaluation.sites = Some(10);
    let html = page(&fixture.input()).html.replace('\u{a0}', " ");
    assert!(html.contains("and 3.0 MW per site may be exported"), "{html}");
    fixture.evaluation.sites = None;
    assert_eq!(status(&page(&fixture.input()).html.replace('\u{a0}', " "), fleet), "not tested");
}

#[test]
fn service_is_called_worse_only_where_it_cost_more() {
    let mut fixture = Fixture::usual();
    for step in fixture.traces.iter_mut().flat_map(|trace| &mut trace.steps) {
        step.interactive_mwh = 1.0;
    }
    for step in fixture.traces.iter_mut().filter(|trace| trace.policy == "ppo").flat_map(|trace| &mut trace.steps) {
        step.interactive_mwh = 0.9;
    }
    let html = page(&fixture.input()).html;
    assert!(html.contains("than FIFO at the same service, by fewer replicas under a cap."), "{html}");
    fixture.evaluation.policies[2].cost_parts.inference_gbp = 10.0;
    let html = page(&fixture.input()).html;
    assert!(html.contains("than FIFO: part of the saving is slower or missing service."), "{html}");
}

#[test]
fn page_and_figures_are_written_into_a_folder_that_is_made() {
    let folder = tempfile::tempdir().expect("a folder");
    let target = folder.path().join("deep/report");
    let report = page(&Fixture::usual().input());
    let index = report.write(&target).expect("written");
    assert_eq!(std::fs::read_to_string(index).expect("the page"), report.html);
    assert!(target.join("figures/waterfall.svg").is_file());
    let blocked = folder.path().join("file");
    std::fs::write(&blocked, "x").expect("written");
    let text = report.write(&blocked).expect_err("a file is in the way").to_string();
    assert!(text.contains("hint: "), "{text}");
}
