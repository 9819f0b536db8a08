//! P415 by hand-computed cases, conservation, and the property that a baseline cannot be gamed for reward.

use super::*;
use crate::core::SeedTree;
use rand::RngExt;

const DRAWS: usize = 100_000;

fn inputs(baseline: f64, metered: f64, fifo: f64, sold: f64, sell: f64, imbalance: f64) -> P415Inputs {
    P415Inputs {
        baseline: MegawattHours(baseline),
        metered: MegawattHours(metered),
        fifo_baseline: MegawattHours(fifo),
        fifo_import: MegawattHours(fifo),
        sold: Some(MegawattHours(sold)),
        sell_price: PoundsPerMegawattHour(sell),
        imbalance_price: PoundsPerMegawattHour(imbalance),
        already_claimed: MegawattHours::ZERO,
    }
}

fn direct() -> P415Config {
    P415Config { supplier_compensation: SupplierCompensation::Direct, ..P415Config::default() }
}

#[track_caller]
fn assert_close(found: f64, expected: f64) {
    assert!((found - expected).abs() < 1e-9, "{found}, expected {expected}");
}

#[test]
fn exact_delivery_earns_the_sale_and_no_imbalance() {
    // 5.0 - 3.5 = 1.5 MWh as sold, at 120: 180 pounds.
    let settled = P415Config::default().settle(&inputs(5.0, 3.5, 5.0, 1.5, 120.0, 90.0));
    assert_close(settled.wholesale_gbp, 180.0);
    assert_eq!(settled.imbalance_gbp, 0.0);
    assert_eq!((settled.compensation_gbp, settled.levied_gbp), (0.0, 147.0));
    assert_close(settled.revenue_settled_gbp, 180.0);
    assert_close(settled.revenue_rewarded_gbp, 180.0);
    assert_eq!((settled.baseline_error_mwh, settled.baseline_error_gbp), (0.0, 0.0));
}

#[test]
fn under_delivery_is_bought_back_at_the_system_price() {
    // Sold 1.5, delivered 0.5: 180 - 1.0 x 200 = -20.
    let settled = P415Config::default().settle(&inputs(5.0, 4.5, 5.0, 1.5, 120.0, 200.0));
    assert_close(settled.imbalance_gbp, -200.0);
    assert_close(settled.revenue_settled_gbp, -20.0);
    assert_close(settled.revenue_rewarded_gbp, -20.0);
}

#[test]
fn surplus_delivery_is_sold_at_the_system_price() {
    // Sold 1.0 at 120, delivered 1.5: 120 + 0.5 x 60 = 150.
    let settled = P415Config::default().settle(&inputs(5.0, 3.5, 5.0, 1.0, 120.0, 60.0));
    assert_close(settled.revenue_settled_gbp, 150.0);
    assert_close(settled.revenue_rewarded_gbp, 150.0);
}

#[test]
fn using_more_than_the_baseline_in_a_notified_half_hour_costs_the_system_price() {
    // Sold 1.0, used 0.5 more than the baseline: 120 - 1.5 x 100 = -30.
    let settled = P415Config::default().settle(&inputs(5.0, 5.5, 5.0, 1.0, 120.0, 100.0));
    assert_close(settled.deviation_mwh, -0.5);
    assert_close(settled.revenue_settled_gbp, -30.0);
    // The market lets the trade of 1.5 MWh from 120 to 100 stand; the reward does not: -0.5 x 120 = -60.
    assert_close(settled.revenue_rewarded_gbp, -60.0);
}

#[test]
fn selling_what_is_never_delivered_is_not_rewarded_but_its_loss_is_felt() {
    let config = P415Config::default();
    let idle = |imbalance| config.settle(&inputs(5.0, 5.0, 5.0, 2.0, 120.0, imbalance));
    assert_close(idle(50.0).revenue_settled_gbp, 140.0);
    assert_close(idle(50.0).revenue_rewarded_gbp, 0.0);
    assert_close(idle(150.0).revenue_rewarded_gbp, -60.0);
}

#[test]
fn direct_compensation_is_paid_by_the_vtp_and_mutualised_by_all_suppliers() {
    let case = inputs(5.0, 3.5, 5.0, 1.5, 120.0, 90.0);
    let (vtp, all) = (direct().settle(&case), P415Config::default().settle(&case));
    // 1.5 x 98 = 147.
    assert_close(vtp.compensation_gbp, -147.0);
    assert_close(vtp.revenue_settled_gbp, 33.0);
    assert_close(vtp.levied_gbp, 0.0);
    assert_close(all.levied_gbp, 147.0);
    assert_eq!(vtp.supplier_compensation_gbp, all.supplier_compensation_gbp);
}

#[test]
fn losses_fees_and_the_sites_share_enter_once() {
    let config = P415Config { loss_multiplier: 1.1, fees_gbp_per_mwh: 2.0, site_share: 0.8, ..P415Config::default() };
    // (5 - 3) x 1.1 = 2.2 MWh; sold 2.0 at 100, 0.2 at 50, fees 4: 0.8 x (200 + 10 - 4) = 164.8.
    let settled = config.settle(&inputs(5.0, 3.0, 5.0, 2.0, 100.0, 50.0));
    assert_close(settled.eligible_mwh, 2.2);
    assert_close(settled.revenue_settled_gbp, 164.8);
    assert_close(settled.supplier_deemed_mwh, 3.3 + 2.2);
}

#[test]
fn an_inflated_baseline_is_settled_but_not_rewarded() {
    // FIFO and meter both take 5.0; the baseline says 6.5. Settled: 1.5 x 120. True turn-down: none.
    let settled = P415Config::default().settle(&inputs(6.5, 5.0, 5.0, 1.5, 120.0, 90.0));
    assert_close(settled.revenue_settled_gbp, 180.0);
    assert_close(settled.revenue_rewarded_gbp, 0.0);
    assert_close(settled.baseline_error_mwh, 1.5);
    assert_close(settled.baseline_error_gbp, 180.0);
}

#[test]
fn what_an_event_has_paid_for_is_taken_off_before_anything_is_settled() {
    let mut case = inputs(5.0, 3.0, 5.0, 0.5, 120.0, 90.0);
    case.already_claimed = MegawattHours(1.5);
    let settled = P415Config::default().settle(&case);
    // 2.0 turned down, 1.5 of it paid for by the event: 0.5 is left, and sold.
    assert_close(settled.eligible_mwh, 0.5);
    assert_close(settled.revenue_settled_gbp, 60.0);
    case.already_claimed = MegawattHours(9.0);
    let settled = P415Config::default().settle(&case);
    assert_close(settled.eligible_mwh, 0.0);
    assert_close(settled.revenue_settled_gbp, 60.0 - 45.0);
}

#[test]
fn without_a_notification_there_is_nothing() {
    let case = P415Inputs { sold: None, ..inputs(9.0, 1.0, 9.0, 0.0, 500.0, 900.0) };
    assert_eq!(P415Config::default().settle(&case), P415Settlement::default());
}

fn random_case(rng: &mut impl RngExt) -> (P415Config, P415Inputs) {
    let config = P415Config {
        loss_multiplier: rng.random_range(0.9..1.2),
        fees_gbp_per_mwh: rng.random_range(0.0..10.0),
        site_share: rng.random_range(0.0..=1.0),
        scrp_gbp_per_mwh: rng.random_range(0.0..200.0),
        supplier_compensation: if rng.random_bool(0.5) {
            SupplierCompensation::Direct
        } else {
            SupplierCompensation::Mutualised
        },
        ..P415Config::default()
    };
    let fifo = rng.random_range(0.0..8.0);
    let mut case = inputs(
        fifo,
        rng.random_range(0.0..8.0),
        fifo,
        rng.random_range(0.0..3.0),
        rng.random_range(-200.0..800.0),
        rng.random_range(-300.0..2000.0),
    );
    if rng.random_bool(0.5) {
        case.already_claimed = MegawattHours(rng.random_range(0.0..4.0));
    }
    (config, case)
}

#[test]
fn no_inflation_of_the_baseline_is_ever_rewarded() {
    let mut rng = SeedTree::new(21).stream("p415");
    let mut settled_gains = 0;
    for _ in 0..DRAWS {
        let (config, honest) = random_case(&mut rng);
        let inflation = MegawattHours(rng.random_range(0.0..5.0));
        let inflated = P415Inputs { baseline: honest.baseline + inflation, ..honest };
        let (fair, gamed) = (config.settle(&honest), config.settle(&inflated));
        assert!(gamed.revenue_rewarded_gbp <= fair.revenue_rewarded_gbp, "{config:?} {honest:?} {inflation:?}");
        settled_gains += usize::from(gamed.revenue_settled_gbp > fair.revenue_settled_gbp + 1.0);
    }
    assert!(settled_gains > DRAWS / 4, "the market itself would have paid for it: {settled_gains}");
}

#[test]
fn whatever_the_baseline_no_reward_exceeds_that_of_a_settlement_on_fifo() {
    let mut rng = SeedTree::new(24).stream("p415");
    let mut deflation_pays = 0;
    for _ in 0..DRAWS {
        let (config, honest) = random_case(&mut rng);
        let moved = P415Inputs { baseline: MegawattHours(rng.random_range(0.0..8.0)), ..honest };
        let (fair, gamed) = (config.settle(&honest), config.settle(&moved));
        assert!(gamed.revenue_rewarded_gbp <= fair.revenue_rewarded_gbp, "{config:?} {honest:?} {moved:?}");
        assert!(gamed.revenue_rewarded_gbp <= gamed.revenue_settled_gbp + 1e-9);
        let deflated = moved.baseline.0 < honest.baseline.0;
        deflation_pays += usize::from(deflated && gamed.revenue_settled_gbp > fair.revenue_settled_gbp + 1.0);
    }
    assert!(deflation_pays > DRAWS / 20, "the market itself would have paid for it: {deflation_pays}");
}

#[test]
fn taking_as_much_as_fifo_or_more_is_never_rewarded() {
    let mut rng = SeedTree::new(25).stream("p415");
    for _ in 0..DRAWS {
        let (config, mut case) = random_case(&mut rng);
        case.baseline = MegawattHours(rng.random_range(0.0..8.0));
        case.metered = case.fifo_import + MegawattHours(rng.random_range(0.0..4.0));
        let earned = config.settle(&case).revenue_rewarded_gbp;
        assert!(earned <= 1e-9, "{config:?} {case:?} earns {earned}");
    }
}

#[test]
fn burning_energy_in_a_notified_half_hour_earns_no_compensation() {
    // Two MWh more than baseline and FIFO at 40 GBP/MWh: the supplier's 98 would turn 58 into a gain for each.
    let settled = direct().settle(&inputs(4.0, 6.0, 4.0, 1.0, 40.0, 40.0));
    assert_close(settled.revenue_settled_gbp, 40.0 - 3.0 * 40.0 + 2.0 * 98.0);
    assert_close(settled.revenue_rewarded_gbp, 0.0);
    // Where the system price is above the compensation, the more is charged as ever.
    let settled = direct().settle(&inputs(4.0, 6.0, 4.0, 1.0, 140.0, 140.0));
    assert_close(settled.revenue_rewarded_gbp, 140.0 - 3.0 * 140.0 + 2.0 * 98.0);
}

#[test]
fn money_and_energy_are_conserved_in_every_settlement() {
    let mut rng = SeedTree::new(22).stream("p415");
    for _ in 0..DRAWS {
        let (config, mut case) = random_case(&mut rng);
        case.baseline = MegawattHours(rng.random_range(0.0..8.0));
        let s = config.settle(&case);
        // What the VTP is credited with, the supplier is deemed to have delivered.
        assert_close(s.supplier_deemed_mwh - s.eligible_mwh, case.metered.0 * config.loss_multiplier);
        // What the supplier receives comes from the VTP or from all suppliers.
        assert_close(s.supplier_compensation_gbp, s.levied_gbp - s.compensation_gbp);
        let net = s.wholesale_gbp + s.imbalance_gbp + s.compensation_gbp + s.fees_gbp;
        assert_close(s.revenue_settled_gbp, config.site_share * net);
        assert_close(s.deviation_mwh, s.true_turn_down_mwh + s.baseline_error_mwh);
        assert_close(s.baseline_error_gbp, s.revenue_settled_gbp - s.revenue_rewarded_gbp);
        // Delivery as sold leaves no imbalance, whatever the prices.
        case.sold = Some(MegawattHours(s.eligible_mwh));
        assert_eq!(config.settle(&case).imbalance_gbp, 0.0);
    }
}

#[test]
fn claimed_and_settled_turn_down_together_never_exceed_the_deviation() {
    let mut rng = SeedTree::new(23).stream("p415");
    for _ in 0..DRAWS {
        let (config, case) = random_case(&mut rng);
        let s = config.settle(&case);
        // A claim can be no larger than the turn-down it was paid for.
        let claimed = (case.already_claimed.0 * config.loss_multiplier).min(s.deviation_mwh.max(0.0));
        assert!(s.eligible_mwh.max(0.0) + claimed <= s.deviation_mwh.max(0.0) + 1e-12, "{config:?} {case:?}");
        assert!(s.rewarded_mwh <= s.eligible_mwh);
    }
}

#[test]
fn an_offer_is_due_after_its_notice_and_no_offer_is_no_notification() {
    let config = P415Config { notice_periods: 3, loss_multiplier: 1.1, ..P415Config::default() };
    let mut queue = OfferQueue::new(config.notice_periods);
    let offers = [2.0, 0.0, f64::NAN, 99.0, -1.0, 0.0, 0.0];
    let due: Vec<Option<f64>> =
        offers.iter().map(|mw| queue.advance(&config, Megawatts(*mw)).map(|mwh| mwh.0)).collect();
    let sold: Vec<Option<f64>> = due.iter().map(|mwh| mwh.map(|x| (x * 1000.0).round())).collect();
    // 2 MW are 1.1 MWh at the boundary; 99 MW are cut to 3.84.
    assert_eq!(sold, [None, None, None, Some(1100.0), None, None, Some(2112.0)]);
}

#[test]
fn pending_offers_are_seen_in_the_order_of_delivery() {
    let config = P415Config::default();
    let mut queue = OfferQueue::new(2);
    queue.advance(&config, Megawatts(1.0));
    assert_eq!([0, 1, 2].map(|ahead| queue.pending(ahead).0), [0.0, 1.0, 0.0]);
    queue.advance(&config, Megawatts(2.0));
    assert_eq!([0, 1, 2].map(|ahead| queue.pending(ahead).0), [1.0, 2.0, 0.0]);
    queue.clear();
    assert_eq!(queue, OfferQueue::new(2));
}

#[test]
fn figures_before_the_rule_went_live_carry_a_label() {
    let at = |text: &str| p415_label(text.parse().expect("a period"));
    assert_eq!(at("2024-11-07T00:00:00Z"), None);
    assert_eq!(at("2024-11-06T23:30:00Z"), Some("counterfactual: P415 went live on 2024-11-07, after this period"));
}

#[test]
fn faults_name_their_key() {
    let config = P415Config { notice_periods: 1, site_share: 1.2, max_offer_mw: f64::NAN, ..P415Config::default() };
    let keys: Vec<String> = config.validate().into_iter().map(|(key, _)| key).collect();
    assert_eq!(keys, ["p415.notice_periods", "p415.max_offer_mw", "p415.site_share"]);
    let text = toml::to_string(&direct()).expect("writes");
    assert_eq!(toml::from_str::<P415Config>(&text).expect("reads"), direct());
}
