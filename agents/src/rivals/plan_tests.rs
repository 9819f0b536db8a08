//! What the planner and model-predictive control do to whole weeks.

use super::*;
use crate::planning::solver::{InteriorPoint, Limits, Solver};
use crate::planning::{DispatchModel, ForecastChoice, Outlook, SiteHorizon, Wanted};
use crate::policy::{WeekOutcome, play_week};
use flexai_env::grid::embedded_trace;
use flexai_env::site::{EpisodeEnd, FlexFleet, SiteConfig, SiteSetup, WindowChoice};
use flexai_env::workload::JobClassConfig;
use std::sync::{Arc, LazyLock};

/// Some weeks of the embedded grid.
static GRID: LazyLock<Arc<flexai_env::grid::GridTrace>> =
    LazyLock::new(|| Arc::new(embedded_trace().slice(0..10 * 336)));

fn fleet(config: SiteConfig) -> FlexFleet {
    FlexFleet::new(Arc::new(SiteSetup::new(config, Arc::clone(&GRID), 0..0).expect("a valid setup")))
}

fn week(number: usize, periods: usize) -> WindowChoice {
    WindowChoice { start: (number + 2) * 336, periods, job_seed: 7, end: EpisodeEnd::Settle }
}

fn play(fleet: &mut FlexFleet, policy: &mut dyn crate::policy::Policy, window: WindowChoice) -> WeekOutcome {
    play_week(fleet, policy, window)
}

fn cost(outcome: &WeekOutcome) -> f64 {
    outcome.ledger.total.cost_gbp()
}

#[test]
fn the_planner_saves_in_every_week_and_makes_nothing_late_that_fifo_does_not() {
    let mut fleet = fleet(SiteConfig::default());
    for number in 0..6 {
        let fifo = play(&mut fleet, &mut fifo::Fifo, week(number, 336));
        let planned = play(&mut fleet, &mut Planner::default(), week(number, 336));
        assert_eq!((fifo.ledger.total.jobs_late, planned.ledger.total.jobs_late), (0.0, 0.0));
        let saved = cost(&fifo) - cost(&planned);
        assert!(saved > 0.01 * cost(&fifo), "week {number}: {saved} GBP saved");
    }
}

#[test]
fn plans_are_the_same_every_time() {
    let mut fleet = fleet(SiteConfig::default());
    let mut planner = Planner::default();
    let first = play(&mut fleet, &mut planner, week(0, 336));
    play(&mut fleet, &mut planner, week(1, 48));
    assert!(first == play(&mut fleet, &mut planner, week(0, 336)), "buffers remember nothing");
    let mut mpc = Mpc::default();
    let first = play(&mut fleet, &mut mpc, week(0, 30));
    play(&mut fleet, &mut mpc, week(1, 4));
    assert!(first == play(&mut fleet, &mut mpc, week(0, 30)));
    assert_eq!(mpc.decisions(), (64, 0), "there was always a plan");
}

#[test]
fn model_predictive_control_does_what_the_linear_program_begins_with() {
    let mut fleet = fleet(divisible());
    fleet.reset_to(week(0, 96));
    let mut mpc = Mpc::default();
    let mut outlook = Outlook::new(mpc.options().outlook());
    let (mut horizon, mut model) = (SiteHorizon::default(), DispatchModel::default());
    let mut action = vec![0.0; flexai_env::core::Env::action_space(&fleet).flat_len()];
    let mut differs_from_fifo = 0;
    for _ in 0..20 {
        let view = fleet.view();
        let site = view.site(0);
        let decision = mpc.advise(&site);
        outlook.fill(&site, &mut horizon).expect("there is history");
        let class = &mut horizon.classes[0];
        class.due_mwh.clone_from(&class.latest_mwh);
        let program = model.build(Wanted { sites: std::slice::from_ref(&horizon), ..Wanted::default() });
        let limits = Limits { tolerance: 1e-9, ..Limits::default() };
        let solution = InteriorPoint::default().solve(program, &limits, None).expect("an optimum");
        let plan = model.plan(&solution.values, 0, 0);
        let battery = (plan.charge_mwh - plan.discharge_mwh) / 2.0;
        assert!((decision.battery - battery).abs() < 2e-3, "{} {battery}", decision.battery);
        let run_mw = decision.run[0] * site.class(0).available_mw;
        assert!((run_mw - 2.0 * plan.work_mwh[0]).abs() < 2e-2, "{run_mw} MW, {plan:?}");
        differs_from_fifo += usize::from(decision.run[0] < 0.99);
        view.decide_each(&mut action, |_| decision);
        flexai_env::core::Env::step(&mut fleet, &action);
    }
    assert!(differs_from_fifo > 3);
}

/// Half of the load is small divisible jobs, and the day-ahead price is paid.
fn divisible() -> SiteConfig {
    let mut config = SiteConfig::default();
    config.workload.interactive.energy_share = 0.5;
    config.workload.classes = vec![JobClassConfig {
        name: "divisible".into(),
        energy_share: 0.5,
        duration_hours_median: 0.5,
        duration_log_sd: 0.0,
        duration_hours_max: 0.5,
        slack_hours: 12.0,
        power_floor: 0.01,
        ..JobClassConfig::default()
    }];
    config
}

#[test]
fn to_know_the_prices_is_worth_something_to_model_predictive_control() {
    let mut fleet = fleet(divisible());
    let options = MpcOptions { forecast: ForecastChoice::Perfect, ..MpcOptions::default() };
    let total = |fleet: &mut FlexFleet, mpc: &mut Mpc| -> f64 {
        (0..4).map(|number| cost(&play(fleet, mpc, week(number, 336)))).sum()
    };
    let (guessed, known) = (total(&mut fleet, &mut Mpc::default()), total(&mut fleet, &mut Mpc::new(options)));
    assert!(known < guessed, "{known} with true prices, {guessed} with the forecast");
}

#[test]
fn options_that_make_no_sense_are_named() {
    let options = MpcOptions { horizon: 0, tolerance: 1.0, reserve: -1.0, ..MpcOptions::default() };
    let keys: Vec<String> = options.validate().into_iter().map(|(key, _)| key).collect();
    assert_eq!(keys, ["horizon", "tolerance", "reserve"]);
    assert!(serde_json::from_str::<PlannerOptions>(r#"{"horizont": 3}"#).is_err());
    assert_eq!(MpcOptions::default().validate(), []);
}
