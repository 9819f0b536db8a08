//! Rivals: the policies that a trained one must beat. One algorithm, one file, one line in [`RIVALS`].
//!
//! `rival` says what a rival is, `choice` reads one with its options from text.
//! Always: a rival sees what the trained policy sees at the same moment, and obeys the same rules at the week's end.

mod arbitrage;
mod beside;
mod carbon_threshold;
mod choice;
mod ctss;
mod day_ahead_quantile;
mod fifo;
mod genetic;
mod mpc;
#[cfg(test)]
mod plan_tests;
mod planner;
mod price_rank;
mod random;
mod rival;
mod slots;
#[cfg(test)]
mod tests;
mod trailing_quantile;

pub use arbitrage::{Arbitrage, ArbitrageMethod, ArbitrageOptions};
pub use beside::Beside;
pub use choice::{ChosenRival, RivalError, names_a_rival, shown, split_rivals};
pub use ctss::{Ctss, CtssOptions};
pub use day_ahead_quantile::{DayAheadQuantile, DayAheadQuantileOptions};
pub use genetic::{Genetic, GeneticOptions};
pub use mpc::{Mpc, MpcOptions, SolverChoice};
pub use planner::{Planner, PlannerAdvice, PlannerOptions};
pub use rival::{NoOptions, OptionSpec, Rival, RivalPolicy};
pub use trailing_quantile::{TrailingQuantile, TrailingQuantileOptions};

/// All rivals.
pub const RIVALS: &[Rival] = &[
    Rival::of::<random::Random>(),
    Rival::of::<fifo::Fifo>(),
    Rival::of::<carbon_threshold::CarbonThreshold>(),
    Rival::of::<Ctss>(),
    Rival::of::<Arbitrage>(),
    Rival::of::<TrailingQuantile>(),
    Rival::of::<DayAheadQuantile>(),
    Rival::of::<Genetic>(),
    Rival::of::<Planner>(),
    Rival::of::<Mpc>(),
];

/// Finds a rival by name.
pub fn find_rival(name: &str) -> Option<&'static Rival> {
    RIVALS.iter().find(|rival| rival.name == name)
}
