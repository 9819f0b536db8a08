//! Properties of the battery over random configurations and set-points.
//!
//! In: a seed. Out: 100 batteries of 2,000 periods each, checked in every period.

use super::*;
use crate::core::SeedTree;
use rand::RngExt;

const BATTERIES: usize = 100;
const PERIODS: usize = 2000;

fn random_battery(rng: &mut impl RngExt) -> BatteryConfig {
    let mut config = BatteryConfig {
        capacity_mwh: rng.random_range(0.1..60.0),
        power_mw: rng.random_range(0.0..20.0),
        charge_efficiency: rng.random_range(0.5..=1.0),
        discharge_efficiency: rng.random_range(0.5..=1.0),
        initial_charge: rng.random_range(0.0..=1.0),
        ..BatteryConfig::default()
    };
    if rng.random_bool(0.5) {
        config.charge_power_mw = Some(rng.random_range(0.0..20.0));
        config.discharge_power_mw = Some(rng.random_range(0.0..20.0));
        config.self_discharge_per_day = rng.random_range(0.0..1.0);
        config.min_charge = rng.random_range(0.0..0.9);
    }
    config.fade.shrinks_capacity = rng.random_bool(0.5);
    config.fade.model = if rng.random_bool(0.5) { FadeModel::Lfp } else { FadeModel::Reopt };
    assert_eq!(config.validate(), []);
    config
}

fn check(config: &BatteryConfig, capacity: MegawattHours, before: MegawattHours, flow: &BatteryFlow) {
    let change = flow.stored.0 - before.0;
    assert!((flow.charged.0 - flow.discharged.0 - flow.lost.0 - change).abs() < 1e-9, "{config:?} {flow:?}");
    assert!((0.0..=capacity.0).contains(&flow.stored.0), "{config:?} {flow:?}");
    assert!(flow.charged.0 >= 0.0 && flow.discharged.0 >= 0.0 && flow.lost.0 >= -1e-9 && flow.leaked.0 >= 0.0);
    assert!(flow.charged.0 == 0.0 || flow.discharged.0 == 0.0, "never both directions: {flow:?}");
    assert!(flow.charged.0 <= config.charge_power().over_period().0);
    assert!(flow.discharged.0 <= config.discharge_power().over_period().0);
    // Each efficiency once: what reaches the store, or leaves it, follows from the AC side and the leak alone.
    let stored = before.0 - flow.leaked.0 + flow.charged.0 * config.charge_efficiency
        - flow.discharged.0 / config.discharge_efficiency;
    assert!((flow.stored.0 - stored).abs() < 1e-9, "{config:?} {flow:?}");
    assert!(flow.discharged.0 == 0.0 || flow.stored.0 >= capacity.0 * config.min_charge - 1e-9);
}

#[test]
fn energy_balances_within_bounds_in_200_000_random_periods() {
    let mut rng = SeedTree::new(11).stream("battery properties");
    let mut moved = 0;
    for _ in 0..BATTERIES {
        let config = random_battery(&mut rng);
        let mut health = BatteryHealth::new(&config);
        let mut stored = config.initial_stored();
        for _ in 0..PERIODS {
            let set_point = Megawatts(rng.random_range(-30.0..30.0));
            let limits = [rng.random_range(0.0..25.0), rng.random_range(0.0..25.0)].map(Megawatts);
            let capacity = health.capacity(&config);
            let flow = operate_within(&config, capacity, stored, set_point, limits[0], limits[1]);
            check(&config, capacity, stored, &flow);
            assert!(flow.charged <= limits[0].over_period() && flow.discharged <= limits[1].over_period());
            let share = health.capacity_share;
            health.advance(&config, &flow);
            assert!((0.0..=share).contains(&health.capacity_share), "fade never heals");
            moved += usize::from(flow.charged.0 + flow.discharged.0 > 0.0);
            stored = flow.stored;
        }
    }
    assert!(moved > BATTERIES * PERIODS / 4, "only {moved} periods moved energy");
}

#[test]
fn what_is_called_deliverable_is_what_an_unlimited_request_gets() {
    let mut rng = SeedTree::new(12).stream("battery properties");
    for _ in 0..1000 {
        let config = random_battery(&mut rng);
        let stored = MegawattHours(config.capacity_mwh * rng.random_range(0.0..=1.0));
        let flow = operate(&config, stored, Megawatts(-1e9), Megawatts(1e9), Megawatts(1e9));
        assert!((flow.discharged.0 - deliverable(&config, stored).over_period().0).abs() < 1e-9, "{config:?}");
    }
}
