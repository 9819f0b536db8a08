//! What the regional model keeps whatever its parameters, and what the embedded ones say far from their two days.

use super::*;

fn model_with(log_odds: impl Fn(Region) -> f64) -> RegionalModel {
    let mut parameters = RegionalModel::embedded().parameters().clone();
    parameters.log_odds = Region::all().filter(|r| *r != Region::GreatBritain).map(|r| (r, log_odds(r))).collect();
    RegionalModel::new("test", parameters).expect("sound")
}

fn areas_mean(values: &[f64; Region::COUNT]) -> f64 {
    Region::areas().map(|region| region.weight() * values[region.index()]).sum()
}

#[test]
fn two_kinds_of_region_split_the_national_value_as_computed_by_hand() {
    // Odds 4 in areas of weight w, odds 1 elsewhere. Common odds of 1/2 give shares 2/3 and 1/3.
    let dirty = |region: Region| matches!(region, Region::London | Region::Yorkshire);
    let model = model_with(|region| if dirty(region) { 4.0_f64.ln() } else { 0.0 });
    let w = Region::London.weight() + Region::Yorkshire.weight();
    let national = 394.0 * (w * 2.0 / 3.0 + (1.0 - w) / 3.0);
    assert!((model.region_from_national(Region::London, national) - 394.0 * 2.0 / 3.0).abs() < 1e-9);
    assert!((model.region_from_national(Region::Wales, national) - 394.0 / 3.0).abs() < 1e-9);
    assert!((model.region_from_national(Region::GreatBritain, national) - national).abs() < 1e-9);
}

#[test]
fn a_hole_stays_a_hole_and_the_ends_of_the_scale_are_shared_by_all() {
    for region in Region::all() {
        assert!(region_from_national(region, f64::NAN).is_nan());
        assert_eq!(region_from_national(region, 0.0), 0.0);
        assert_eq!(region_from_national(region, -3.0), 0.0);
        assert_eq!(region_from_national(region, 394.0), 394.0);
        assert_eq!(region_from_national(region, 500.0), 500.0);
        assert!((region_from_national(region, 393.999_999) - 394.0).abs() < 1e-3, "{region}");
    }
    assert!(RegionalModel::embedded().all_regions(f64::NAN).iter().all(|x| x.is_nan()));
}

#[test]
fn on_a_calm_day_scotland_is_still_the_cleanest_end_and_no_region_leaves_reason() {
    let calm = RegionalModel::embedded().all_regions(250.0);
    let of = |region: Region| calm[region.index()];
    let lowest = Region::areas().min_by(|a, b| of(*a).total_cmp(&of(*b)));
    assert_eq!(lowest, Some(Region::NorthScotland));
    assert!((5.0..125.0).contains(&of(Region::NorthScotland)), "{}", of(Region::NorthScotland));
    assert!(Region::all().all(|region| of(region) < 394.0), "{calm:?}");
    // As multiples of the national value, regions draw together on calm days.
    let windy = RegionalModel::embedded().all_regions(60.0);
    let spread = |values: &[f64; Region::COUNT], national: f64| {
        Region::areas().map(|r| (values[r.index()] / national - 1.0).abs()).fold(0.0, f64::max)
    };
    assert!(spread(&calm, 250.0) < spread(&windy, 60.0));
}

#[test]
fn the_embedded_file_is_small_and_says_what_it_was_fitted_to() {
    assert!(include_str!("regional_parameters.toml").len() < 2_000);
    let parameters = RegionalModel::embedded().parameters();
    assert!(parameters.origin.statement.contains("fitted parameters only"));
    assert_eq!((parameters.ceiling_g_per_kwh, parameters.log_odds.len()), (394.0, 17));
    let again = RegionalModel::from_toml("copy", &RegionalModel::embedded().to_toml());
    assert_eq!(again.as_ref(), Ok(RegionalModel::embedded()));
}

#[test]
fn unusable_parameters_are_refused_together_and_by_key() {
    let text = RegionalModel::embedded().to_toml();
    let london = text.lines().find(|line| line.starts_with("london = ")).expect("London is there");
    let bad = text.replace("ceiling_g_per_kwh = 394.0", "ceiling_g_per_kwh = 0.0").replace(london, "");
    assert_eq!(
        RegionalModel::from_toml("mine.toml", &bad).expect_err("two faults").to_string(),
        "mine.toml: unusable parameters: `ceiling_g_per_kwh` is 0, expected a value in 1 ..= 1500; \
         `log_odds.london` is missing, expected a value in -20 ..= 20\n\nhint: fit the model to regional values again"
    );
    let error = RegionalModel::from_toml("mine.toml", &text.replace("london", "londn")).expect_err("typo").to_string();
    assert!(error.starts_with("mine.toml: the text is no regional parameter file: "), "{error}");
    assert!(error.contains("did you mean `london`?"), "{error}");
}

#[test]
fn a_simulated_trace_keeps_its_holes_and_its_label() {
    use crate::grid::{SourceKind, TraceSource};
    let source = TraceSource { name: "made by hand".into(), kind: SourceKind::Synthetic };
    let start = "2024-01-01T00:00:00Z".parse().expect("a period");
    let trace = GridTrace::holes(source, start, 2).with_columns([(Signal::CarbonIntensity, vec![f64::NAN, 150.0])]);
    let carbon = RegionalModel::embedded().simulate(&trace);
    assert_eq!((carbon.source().label(), carbon.len(), carbon.start()), ("simulated", 2, start));
    assert!(Region::all().all(|region| carbon.get(region, 0).is_none()));
    assert_eq!(carbon.get(Region::London, 1), Some(region_from_national(Region::London, 150.0)));
    assert_eq!(carbon.get(Region::GreatBritain, 1), Some(150.0));
}

proptest::proptest! {
    #[test]
    fn regions_are_bounded_rise_with_the_nation_and_have_its_value_as_their_mean(
        national in 0.0..394.0_f64,
        more in 0.001..50.0_f64,
        log_odds in proptest::collection::vec(-8.0..8.0_f64, Region::COUNT),
    ) {
        let model = model_with(|region| log_odds[region.index()]);
        let (values, higher) = (model.all_regions(national), model.all_regions((national + more).min(394.0)));
        proptest::prop_assert!((areas_mean(&values) - national).abs() < 1e-8, "{} {}", areas_mean(&values), national);
        for region in Region::all() {
            let value = values[region.index()];
            proptest::prop_assert!((0.0..=394.0).contains(&value));
            proptest::prop_assert!(higher[region.index()] >= value, "{region} {value}");
            proptest::prop_assert!((model.region_from_national(region, national) - value).abs() < 1e-9);
        }
    }
}
