//! By what the future is guessed: no forecast, the simple one, a fitted one, or the truth.
//!
//! In: a word or a folder. Out: a [`ForecastSource`] bound to scenario and grid. Always: everybody in a setup sees the same
//! forecast: observations, planners and rivals. Not here: the forecasts (`flexai-agents`, `forecast/`).

use super::grid::{as_fault, load_grid, training_range};
use crate::fault::Fault;
use flexai_agents::forecast::{FittedForecasts, NoForecast, PerfectForesight, Preparation, PreparedForecasts, Target};
use flexai_env::grid::{DayAheadPersistence, ForecastSource, GridTrace};
use flexai_env::site::{SiteConfig, SiteSetup};
use std::path::Path;
use std::sync::Arc;

/// Published day-ahead prices with today's deviations fading out: what is used where nothing else is said.
pub const SIMPLE_FORECAST: &str = "persistence";
const NO_FORECAST: &str = "none";
const PERFECT: &str = "perfect";
/// Name of the source that a folder gives.
const FITTED: &str = "fitted_ensemble";

/// Whether a name is a word, not the path of a folder.
pub fn is_forecast_word(name: &str) -> bool {
    [SIMPLE_FORECAST, NO_FORECAST, PERFECT].contains(&name)
}

/// The forecast source of a name: `none`, `persistence`, `perfect`, or a folder made by `flexai forecast fit`.
///
/// # Errors
/// A [`Fault`] if the folder cannot be used.
pub fn forecast_source(
    name: &str,
    scenario: &SiteConfig,
    grid: &Arc<GridTrace>,
) -> Result<Arc<dyn ForecastSource>, Fault> {
    Ok(match name {
        SIMPLE_FORECAST => Arc::new(DayAheadPersistence),
        NO_FORECAST => Arc::new(NoForecast),
        PERFECT => Arc::new(PerfectForesight::new(Arc::clone(grid))),
        folder => Arc::new(prepared(folder, scenario, grid)?),
    })
}

fn prepared(folder: &str, scenario: &SiteConfig, grid: &GridTrace) -> Result<PreparedForecasts, Fault> {
    if !Path::new(folder).is_dir() {
        let message = format!("`{folder}` is no folder, expected none, persistence, perfect, or a folder of forecasts");
        return Err(Fault::new("forecast", message).hint("make one with `flexai forecast fit --grid TABLE --out DIR`"));
    }
    let fitted = FittedForecasts::load(Path::new(folder)).map_err(as_fault)?;
    let paid = scenario.tariff.paid_price.signal();
    let mut targets = vec![Target::Carbon, Target::Solar];
    targets.extend(Target::ALL.into_iter().find(|target| target.signal() == Some(paid)));
    let preparation = Preparation {
        trace: grid,
        moments: 0..grid.len(),
        information: scenario.information.set,
        day_ahead_prices: scenario.information.day_ahead_prices,
        targets: &targets,
    };
    Ok(PreparedForecasts::new(&fitted, &preparation))
}

/// A scenario on a grid by name with a forecast by name.
///
/// # Errors
/// A [`Fault`] if grid or forecast cannot be used, or the scenario cannot run on the grid.
pub fn site_setup_with(scenario: SiteConfig, grid: &str, forecast: &str) -> Result<Arc<SiteSetup>, Fault> {
    let grid = load_grid(grid)?;
    let source = forecast_source(forecast, &scenario, &grid)?;
    let training = training_range(&grid);
    SiteSetup::with_forecast(scenario, grid, training, source).map(Arc::new).map_err(as_fault)
}

/// Identity of a fitted forecast, with the hash of its folder; `None` of any other.
pub fn fitted_identity(source: &dyn ForecastSource) -> Option<String> {
    (source.name() == FITTED).then(|| source.identity())
}

/// What must be said beside figures that rest on another forecast than the simple one.
pub fn forecast_label(source: &dyn ForecastSource) -> Option<String> {
    match source.name() {
        "day_ahead_persistence" => None,
        "perfect" => Some(
            "cheat: the forecast is the truth, for observations, planners and rivals alike; it measures what a forecast is \
             worth"
                .into(),
        ),
        "none" => Some("forecast: none; every coming period is expected to be like the mean of the last day".into()),
        _ => Some(format!("forecast: {}", source.identity())),
    }
}
