//! Classes that may not run now, unless they must.
//!
//! Always: decided by what is known at the start of the period; the same for every policy and for FIFO.
//! Not here: counting breaches (`state.rs`), which looks at what truly was.

use super::setup::Place;

/// One bit per class that the scenario keeps from running in period `at` of the trace.
///
/// A threshold looks at the expected carbon intensity, because that of the period is not known yet; a green-only class
/// looks at the panels' output of the period before.
pub(super) fn gated_classes(place: &Place, at: usize) -> u16 {
    if !place.has_gates {
        return 0;
    }
    let controls = &place.config.controls;
    let expected = f64::from(place.outlook(at).carbon_gco2_kwh);
    let capacity = place.config.solar.capacity_mwp;
    let green = capacity > 0.0 && place.solar_mw(at - 1) > controls.green_share * capacity;
    let mut gated = 0;
    for (c, class) in place.config.workload.classes.iter().enumerate() {
        let dirty = class.carbon_threshold_gco2_kwh.is_some_and(|threshold| expected > threshold);
        if (controls.enforce_thresholds && dirty) || (class.green_only && !green) {
            gated |= 1 << c;
        }
    }
    gated
}
