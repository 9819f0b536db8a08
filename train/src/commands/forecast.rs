//! `flexai forecast`: fits forecasts, and judges them on data they have not seen.

use super::evaluate::{date_range, split};
use super::forecast_bench::bench_forecast;
use super::forecast_rows::forecast_rows;
use super::forecast_workload::forecast_workload;
use super::output::{print_json, print_line};
use super::{Failure, Outcome};
use crate::cli::{BacktestArgs, FitForecastArgs, ForecastCommand};
use crate::fault::Fault;
use crate::report::write_forecast_page;
use crate::setting::{EMBEDDED_GRID, load_grid, training_range};
use comfy_table::{Cell, CellAlignment, ContentArrangement, Table, presets};
use flexai_agents::forecast::{
    Backtest, EnsembleOptions, FitOptions, FittedForecasts, ForecastManifest, Horizon, Score, Target,
};
use flexai_env::grid::InformationSet;
use serde_json::json;
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

pub(super) fn forecast(command: &ForecastCommand) -> Outcome {
    match command {
        ForecastCommand::Fit(args) => fit(args),
        ForecastCommand::Backtest(args) => backtest(args),
        ForecastCommand::Bench(args) => bench_forecast(args),
        ForecastCommand::Rows(args) => forecast_rows(args),
        ForecastCommand::Workload(args) => forecast_workload(args),
    }
}

pub(super) fn grid_name(path: Option<&Path>) -> String {
    path.map_or_else(|| EMBEDDED_GRID.to_string(), |path| path.display().to_string())
}

fn fit(args: &FitForecastArgs) -> Outcome {
    let grid = load_grid(&grid_name(args.grid.as_deref()))?;
    let began = Instant::now();
    let options = FitOptions { seed: args.seed, ..FitOptions::default() };
    eprintln!(
        "fitting on {} to {} ..",
        grid.period(training_range(&grid).start),
        grid.period(training_range(&grid).end - 1)
    );
    let fitted = FittedForecasts::fit(&grid, training_range(&grid), &options, &EnsembleOptions::default());
    let fitted = fitted.map_err(Failure::input)?;
    fitted.save(&args.out).map_err(Failure::world)?;
    let manifest = fitted.manifest();
    let seconds = began.elapsed().as_secs_f64();
    if args.json {
        print_json(&json!({"forecasts": args.out, "hash": fitted.hash(), "from": manifest.from, "to": manifest.to,
                           "table": manifest.table, "fit_seconds": seconds,
                           "members": manifest.members.iter().map(|member| &member.name).collect::<Vec<_>>(),
                           "folds": manifest.folds.len(), "selections": manifest.selections}))?;
    } else {
        let members: Vec<&str> = manifest.members.iter().map(|member| member.name.as_str()).collect();
        print_line(&format!("fitted   {} on {} to {}", manifest.table, manifest.from, manifest.to))?;
        print_line(&format!("members  {}", members.join(", ")))?;
        print_line(&format!("folds    {}", folds_in_words(manifest)))?;
        print_line(&format!("folder   {} ({}), in {seconds:.0} s", args.out.display(), fitted.hash()))?;
        print_selections(manifest)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn backtest(args: &BacktestArgs) -> Outcome {
    let grid = load_grid(&grid_name(args.grid.as_deref()))?;
    let fitted = FittedForecasts::load(&args.forecasts).map_err(Failure::input)?;
    let (label, periods) = match (&args.from, &args.to) {
        (Some(from), Some(to)) => ("dates".to_string(), date_range(from, to)?),
        _ => (args.split.clone(), split(&args.split)?.periods()),
    };
    let range = grid.indices(periods.start, periods.end);
    if range.is_empty() {
        let message = format!("holds nothing of {} to {}", periods.start, periods.end);
        return Err(Fault::new(grid.source().name.clone(), message)
            .hint("choose other dates with --from and --to")
            .into());
    }
    if grid.period(range.start) < fitted.manifest().to {
        let to = fitted.manifest().to;
        match fitted.manifest().folds.is_empty() {
            true => eprintln!("warning: the forecasts were fitted up to {to}: these scores are not all out of sample"),
            false => {
                eprintln!("note: up to {to} forecasts are those of members that have not seen their block of the range")
            }
        }
    }
    let information = if args.published { InformationSet::Published } else { InformationSet::Trader };
    let result = Backtest::run(&fitted, &grid, range, information);
    if let Some(folder) = &args.report {
        let page = write_forecast_page(folder, &result, &fitted, &grid.source().name, &label)?;
        eprintln!("report: {}", page.display());
    }
    if args.json {
        print_json(
            &json!({"forecasts": fitted.hash(), "grid": grid.source().name, "split": label, "from": result.from,
                           "to": result.to, "information": result.information, "selections": fitted.manifest().selections,
                           "scores": result.scores}),
        )?;
    } else {
        print_scores(&result)?;
        print_selections(fitted.manifest())?;
    }
    Ok(ExitCode::SUCCESS)
}

fn folds_in_words(manifest: &ForecastManifest) -> String {
    match manifest.folds.as_slice() {
        [] => "none, the range is too short: forecasts inside it are by members that have seen it".into(),
        folds => format!("{}, each forecast by members that have not seen it", folds.len()),
    }
}

fn print_selections(manifest: &ForecastManifest) -> Result<(), Failure> {
    if manifest.selections.is_empty() {
        return Ok(());
    }
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(["target", "lead", "takes part", "mix %", "best floor", "alone %"]);
    for selection in &manifest.selections {
        let alone = selection.alone.iter().filter(|alone| alone.member != selection.floor);
        let alone: Vec<String> = alone.map(|alone| format!("{} {}", alone.member, percent(alone.skill_pct))).collect();
        let members = selection.members.join(", ");
        let (target, skill) = (selection.target.name(), percent(selection.skill_pct));
        table.add_row([target, &selection.band, &members, &skill, &selection.floor, &alone.join(", ")]);
    }
    print_line("\nwho takes part, by forecasts of what members had not seen: error less than that of the best floor")?;
    print_line(&format!("{table}\n"))
}

/// One decimal, and no minus before a zero.
fn percent(x: f64) -> String {
    let text = format!("{x:.1}");
    if text == "-0.0" { "0.0".into() } else { text }
}

fn print_scores(result: &Backtest) -> Result<(), Failure> {
    print_line(&format!("{} to {}; crps from the nine deciles\n", result.from, result.to))?;
    for (horizon, title) in [
        (Horizon::NextDay, "next local day, forecast at 11:00"),
        (Horizon::Day, "coming 48 half-hours, forecast every half-hour"),
    ] {
        print_line(title)?;
        print_line(&table(result.scores.iter().filter(|score| score.horizon == horizon)))?;
    }
    print_line("ensemble by lead, half-hours")?;
    let leads = [1, 2, 4, 8, 16, 24, 48].map(Horizon::Lead);
    let by_lead = leads.iter().flat_map(|lead| Target::ALL.iter().filter_map(|t| result.score(*t, "ensemble", *lead)));
    let mut by_lead: Vec<&Score> = by_lead.collect();
    by_lead.sort_by_key(|score| score.target);
    print_line(&table(by_lead.into_iter()))
}

fn table<'a>(scores: impl Iterator<Item = &'a Score>) -> String {
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header([
        "target",
        "forecaster",
        "lead",
        "n",
        "MAE",
        "RMSE",
        "bias",
        "pinball",
        "CRPS",
        "in 80 %",
        "skill %",
        "against",
        "DM",
        "p",
    ]);
    let mut last = None;
    for score in scores {
        let number = |x: f64| if x.abs() < 1.0 { format!("{x:.4}") } else { format!("{x:.2}") };
        let test =
            |f: &dyn Fn(&flexai_agents::forecast::DieboldMariano) -> String| score.test.as_ref().map_or("-".into(), f);
        let lead = match score.horizon {
            Horizon::NextDay => "day".into(),
            Horizon::Day => "1-48".into(),
            Horizon::Lead(lead) => lead.to_string(),
        };
        let target = if last == Some(score.target) { "" } else { score.target.name() };
        last = Some(score.target);
        let cells = [
            target.to_string(),
            score.forecaster.clone(),
            lead,
            score.n.to_string(),
            number(score.mae),
            number(score.rmse),
            number(score.bias),
            number(score.pinball),
            number(score.crps),
            format!("{:.1}", score.coverage_pct),
            percent(score.skill_pct),
            score.best_floor.clone(),
            test(&|t| format!("{:.2}", t.statistic)),
            test(&|t| format!("{:.4}", t.p)),
        ];
        let cell = |(i, text): (usize, String)| match i {
            0 | 1 | 11 => Cell::new(text),
            _ => Cell::new(text).set_alignment(CellAlignment::Right),
        };
        table.add_row(cells.into_iter().enumerate().map(cell));
    }
    format!("{table}\n")
}
