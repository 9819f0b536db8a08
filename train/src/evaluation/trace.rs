//! What was played, half-hour by half-hour: what the pictures of a report are drawn from.
//!
//! Always: energies of all sites together, in MWh per half-hour; powers are twice that. The grid's numbers are those of
//! the first site. Not here: sums and comparisons (`report.rs`), files (`record.rs`).

use super::plan::EvaluationPlan;
use flexai_env::grid::{PERIODS_PER_WEEK, Week};
use flexai_env::site::StepAccount;
use serde::{Deserialize, Serialize};

/// One week as one policy played it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WeekTrace {
    /// Name of the policy.
    pub policy: String,
    /// Monday.
    pub week: String,
    /// Position of the job seed.
    pub seed: usize,
    /// Half-hour by half-hour.
    pub steps: Vec<StepTrace>,
}

/// One half-hour of a policy.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct StepTrace {
    /// IT energy.
    pub it_mwh: f64,
    /// Of this, interactive inference.
    pub interactive_mwh: f64,
    /// Import from the grid.
    pub import_mwh: f64,
    /// Export to the grid.
    pub export_mwh: f64,
    /// Drawn by the battery.
    pub charged_mwh: f64,
    /// Delivered by the battery.
    pub discharged_mwh: f64,
    /// In store at the end.
    pub stored_mwh: f64,
    /// On-site sun used.
    pub solar_used_mwh: f64,
    /// Turn-down delivered and rewarded.
    pub flex_delivered_mwh: f64,
    /// J of the half-hour; that of the last one holds the settlement of what is left over.
    pub cost_gbp: f64,
    /// Emissions.
    pub carbon_t: f64,
}

/// One half-hour of the grid, as the first site meets it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GridStep {
    /// Start of the half-hour, UTC.
    pub period: String,
    /// Price paid, without charges, GBP/MWh.
    pub price_gbp_per_mwh: f64,
    /// With charges and carbon price, GBP/MWh.
    pub full_price_gbp_per_mwh: f64,
    /// Carbon intensity, g/kWh.
    pub carbon_gco2_kwh: f64,
    /// Output of the panels, MW.
    pub solar_mw: f64,
    /// Whether a grid event runs.
    pub event: bool,
}

/// The grid of one week.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GridWeek {
    /// Monday.
    pub week: String,
    /// Half-hour by half-hour.
    pub steps: Vec<GridStep>,
}

impl StepTrace {
    /// A half-hour as the ledger has it.
    pub(super) fn of(account: &StepAccount, stored_mwh: f64) -> Self {
        Self {
            it_mwh: account.it_mwh,
            interactive_mwh: account.interactive_mwh,
            import_mwh: account.import_mwh,
            export_mwh: account.export_mwh,
            charged_mwh: account.charged_mwh,
            discharged_mwh: account.discharged_mwh,
            stored_mwh,
            solar_used_mwh: account.solar_used_mwh,
            flex_delivered_mwh: account.flex_delivered_mwh,
            cost_gbp: account.cost_gbp(),
            carbon_t: account.carbon_t,
        }
    }
}

/// The grid of every week of a plan.
pub fn grid_weeks(plan: &EvaluationPlan) -> Vec<GridWeek> {
    let setup = &plan.setup;
    let place = &setup.places()[0];
    let step = |at: usize| GridStep {
        period: setup.trace.period(at).to_string(),
        price_gbp_per_mwh: place.paid_price(at),
        full_price_gbp_per_mwh: place.full_price(at),
        carbon_gco2_kwh: place.carbon(at),
        solar_mw: place.solar_mw(at),
        event: setup.events().active_at(setup.trace.period(at)).is_some(),
    };
    let week = |week: &Week| GridWeek {
        week: week.period.to_string(),
        steps: (week.start..week.start + PERIODS_PER_WEEK).map(step).collect(),
    };
    plan.weeks.iter().map(week).collect()
}
