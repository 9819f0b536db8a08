//! Rivals: the policies that a trained one must beat. One algorithm, one file, one line in [`RIVALS`].
//!
//! Always: a rival sees what the trained policy sees at the same moment, and obeys the same rules at the week's end.

mod ctss;
mod day_ahead_quantile;
mod fifo;
mod mpc;
#[cfg(test)]
mod plan_tests;
mod planner;
mod random;

pub use day_ahead_quantile::DayAheadQuantile;
pub use mpc::{Mpc, MpcOptions, SolverChoice};
pub use planner::{Planner, PlannerAdvice, PlannerOptions};

use crate::policy::{Policy, PolicySource};

/// A rival by name.
#[derive(Clone, Copy)]
pub struct Rival {
    /// Name on the command line and in reports.
    pub name: &'static str,
    /// One sentence.
    pub summary: &'static str,
    make: fn() -> Box<dyn Policy>,
}

/// All rivals.
pub const RIVALS: &[Rival] = &[
    Rival { name: "random", summary: "uniform random actions", make: || Box::new(random::Random::new()) },
    Rival { name: "fifo", summary: "run at arrival, battery idle", make: || Box::new(fifo::Fifo) },
    Rival {
        name: "ctss",
        summary: "wait while carbon is above the class's threshold, battery idle",
        make: || Box::new(ctss::CarbonThresholds),
    },
    Rival {
        name: "day_ahead_quantile",
        summary: "run and charge when the price is low against the known day-ahead prices",
        make: || Box::new(DayAheadQuantile::default()),
    },
    Rival {
        name: "planner",
        summary: "cheapest slots before each deadline and the battery by dynamic programming, on a forecast",
        make: || Box::new(Planner::default()),
    },
    Rival {
        name: "mpc",
        summary: "a linear program over the coming day, solved anew in every half-hour on a forecast",
        make: || Box::new(Mpc::default()),
    },
];

/// Finds a rival by name.
pub fn find_rival(name: &str) -> Option<&'static Rival> {
    RIVALS.iter().find(|rival| rival.name == name)
}

impl PolicySource for Rival {
    fn name(&self) -> &str {
        self.name
    }

    fn make(&self) -> Box<dyn Policy> {
        (self.make)()
    }
}
