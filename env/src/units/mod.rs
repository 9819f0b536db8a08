//! Quantities as types, so that a price is never added to a power.
//!
//! Always: `f64` inside; only the products and quotients that physics knows exist; one settlement period is [`PERIOD_HOURS`].
//! Not here: calendar time (`grid/calendar.rs`).

use serde::{Deserialize, Serialize};
use std::ops::{Add, AddAssign, Div, Mul, Neg, Sub, SubAssign};

/// Length of a GB settlement period in hours.
pub const PERIOD_HOURS: f64 = 0.5;

macro_rules! quantity {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Default, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub f64);

        impl $name {
            /// Nothing of it.
            pub const ZERO: Self = Self(0.0);

            /// The bare number, in the unit of the type.
            pub fn value(self) -> f64 {
                self.0
            }

            /// The smaller of two.
            pub fn min(self, other: Self) -> Self {
                Self(self.0.min(other.0))
            }

            /// The larger of two.
            pub fn max(self, other: Self) -> Self {
                Self(self.0.max(other.0))
            }

            /// The nearest quantity within bounds.
            pub fn clamp(self, low: Self, high: Self) -> Self {
                Self(self.0.clamp(low.0, high.0))
            }
        }

        impl Add for $name {
            type Output = Self;
            fn add(self, other: Self) -> Self {
                Self(self.0 + other.0)
            }
        }

        impl AddAssign for $name {
            fn add_assign(&mut self, other: Self) {
                self.0 += other.0;
            }
        }

        impl Sub for $name {
            type Output = Self;
            fn sub(self, other: Self) -> Self {
                Self(self.0 - other.0)
            }
        }

        impl SubAssign for $name {
            fn sub_assign(&mut self, other: Self) {
                self.0 -= other.0;
            }
        }

        impl Neg for $name {
            type Output = Self;
            fn neg(self) -> Self {
                Self(-self.0)
            }
        }

        impl Mul<f64> for $name {
            type Output = Self;
            fn mul(self, factor: f64) -> Self {
                Self(self.0 * factor)
            }
        }

        impl Div<f64> for $name {
            type Output = Self;
            fn div(self, divisor: f64) -> Self {
                Self(self.0 / divisor)
            }
        }

        impl Div for $name {
            type Output = f64;
            fn div(self, other: Self) -> f64 {
                self.0 / other.0
            }
        }

        impl std::iter::Sum for $name {
            fn sum<I: Iterator<Item = Self>>(parts: I) -> Self {
                parts.fold(Self::ZERO, Add::add)
            }
        }
    };
}

quantity!(
    /// Power, MW; positive is consumed.
    Megawatts
);
quantity!(
    /// Energy, MWh; positive is consumed.
    MegawattHours
);
quantity!(
    /// Money, GBP; positive is paid.
    Pounds
);
quantity!(
    /// Price of energy, GBP/MWh.
    PoundsPerMegawattHour
);
quantity!(
    /// Price of emissions, GBP per tonne of CO2.
    PoundsPerTonne
);
quantity!(
    /// Carbon intensity, gCO2/kWh (= kg/MWh).
    GramsPerKilowattHour
);
quantity!(
    /// Emissions, tonnes of CO2.
    Tonnes
);

impl Megawatts {
    /// Energy of this power over one settlement period.
    pub fn over_period(self) -> MegawattHours {
        MegawattHours(self.0 * PERIOD_HOURS)
    }
}

impl MegawattHours {
    /// Mean power of this energy over one settlement period.
    pub fn per_period(self) -> Megawatts {
        Megawatts(self.0 / PERIOD_HOURS)
    }
}

impl Mul<PoundsPerMegawattHour> for MegawattHours {
    type Output = Pounds;
    fn mul(self, price: PoundsPerMegawattHour) -> Pounds {
        Pounds(self.0 * price.0)
    }
}

impl Mul<GramsPerKilowattHour> for MegawattHours {
    type Output = Tonnes;
    fn mul(self, intensity: GramsPerKilowattHour) -> Tonnes {
        // g/kWh is kg/MWh.
        Tonnes(self.0 * intensity.0 / 1000.0)
    }
}

impl Mul<PoundsPerTonne> for Tonnes {
    type Output = Pounds;
    fn mul(self, price: PoundsPerTonne) -> Pounds {
        Pounds(self.0 * price.0)
    }
}

impl Mul<PoundsPerTonne> for GramsPerKilowattHour {
    type Output = PoundsPerMegawattHour;
    fn mul(self, price: PoundsPerTonne) -> PoundsPerMegawattHour {
        PoundsPerMegawattHour(self.0 * price.0 / 1000.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_megawatts_for_a_period_at_eighty_pounds_cost_eighty_pounds() {
        assert_eq!(Megawatts(2.0).over_period() * PoundsPerMegawattHour(80.0), Pounds(80.0));
    }

    #[test]
    fn carbon_price_as_an_adder_equals_carbon_price_on_emissions() {
        let (energy, carbon, price) = (MegawattHours(3.0), GramsPerKilowattHour(200.0), PoundsPerTonne(85.0));
        assert_eq!((energy * carbon) * price, energy * (carbon * price));
        assert_eq!((energy * carbon) * price, Pounds(51.0));
    }
}
