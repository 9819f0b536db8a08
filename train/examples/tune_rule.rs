//! Chooses the quantiles of the day-ahead rule on weeks of the train split.
//!
//!     cargo run --release -p flexai --example tune_rule -- TABLE [WEEKS]
//!
//! In: a grid table. Out: the best quantiles by J, and the neighbourhood they were chosen from.
//! Always: only the train split is played. Not here: the rule (`flexai-agents`).

use flexai::evaluation::{EvaluationPlan, WeekRange, play_policies};
use flexai::setting::{load_grid, site_setup};
use flexai_agents::policy::{Policy, PolicySource};
use flexai_agents::rivals::DayAheadQuantile;
use flexai_env::grid::Split;
use flexai_env::site::SiteConfig;
use std::error::Error;

struct Candidate(DayAheadQuantile);

impl PolicySource for Candidate {
    fn name(&self) -> &str {
        "day_ahead_quantile"
    }

    fn make(&self) -> Box<dyn Policy> {
        Box::new(self.0.clone())
    }
}

/// Mean J per week in pounds.
fn cost(plan: &EvaluationPlan, rule: &DayAheadQuantile) -> f64 {
    let outcomes = play_policies(plan, &[&Candidate(rule.clone())], &|| ()).remove(0);
    outcomes.iter().map(|o| o.ledger.total.cost_gbp()).sum::<f64>() / outcomes.len() as f64
}

/// The best of some variants of a rule; `set` writes one candidate value into it.
fn best_of<T: Copy + std::fmt::Debug>(
    plan: &EvaluationPlan,
    rule: &mut DayAheadQuantile,
    name: &str,
    values: &[T],
    set: impl Fn(&mut DayAheadQuantile, T),
) {
    let scored = values.iter().map(|value| {
        let mut variant = rule.clone();
        set(&mut variant, *value);
        (cost(plan, &variant), *value)
    });
    let scored: Vec<(f64, T)> = scored.collect();
    let row: Vec<String> = scored.iter().map(|(j, value)| format!("{value:?}: {j:.0}")).collect();
    println!("{name:14} {}", row.join("  "));
    let (_, best) = scored.into_iter().min_by(|a, b| a.0.total_cmp(&b.0)).expect("there is at least one value");
    set(rule, best);
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let table = arguments.next().ok_or("name a grid table, or `embedded`")?;
    let weeks = arguments.next().map_or(Ok(40), |text| text.parse())?;
    let setup = site_setup(SiteConfig::default(), load_grid(&table)?)?;
    let plan = EvaluationPlan::new(setup, WeekRange::Split(Split::Train), Some(weeks), 1)?;
    let mut rule = DayAheadQuantile::default();
    println!("{} training weeks of {table}; mean J in GBP/week", plan.weeks.len());
    for _ in 0..2 {
        let shares = [0.0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6, 0.7];
        best_of(&plan, &mut rule, "run_short", &shares, |r, v| r.run_short = v);
        best_of(&plan, &mut rule, "run_long", &shares, |r, v| r.run_long = v);
        best_of(&plan, &mut rule, "charge", &shares[..9], |r, v| r.charge = v);
        let high = [0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95];
        best_of(&plan, &mut rule, "discharge", &high, |r, v| r.discharge = v);
        best_of(&plan, &mut rule, "periods_back", &[0, 6, 12, 18, 24, 36, 48], |r, v| r.periods_back = v);
        best_of(&plan, &mut rule, "long_hours", &[0.5, 2.0, 8.0], |r, v| r.long_hours = v);
    }
    println!("best: {rule:?}");
    Ok(())
}
