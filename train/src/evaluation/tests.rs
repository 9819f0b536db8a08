//! The engine as a whole: what is seen while playing, cache, perfect foresight, evaluations put together.

use super::*;
use crate::setting::{EMBEDDED_GRID, load_grid, load_scenario, site_setup};
use flexai_agents::policy::{Policy, PolicySource, Situation};
use flexai_agents::rivals::find_rival;
use flexai_env::grid::{GridTrace, Split};
use flexai_env::site::{SiteConfig, SiteSetup, WindowChoice};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

fn grid() -> Arc<GridTrace> {
    static GRID: OnceLock<Arc<GridTrace>> = OnceLock::new();
    Arc::clone(GRID.get_or_init(|| load_grid(EMBEDDED_GRID).unwrap()))
}

fn plan_of(config: SiteConfig, weeks: usize, seeds: usize) -> EvaluationPlan {
    let setup = site_setup(config, grid()).unwrap();
    EvaluationPlan::new(setup, WeekRange::Split(Split::Validation), Some(weeks), seeds).unwrap()
}

fn plan(weeks: usize, seeds: usize) -> EvaluationPlan {
    plan_of(SiteConfig::default(), weeks, seeds)
}

fn rival(name: &str) -> Contestant<'static> {
    Contestant { source: find_rival(name).unwrap(), kind: "rival", identity: format!("rival {name}") }
}

fn record(plan: &EvaluationPlan, names: &[&str]) -> EvaluationRecord {
    let contestants: Vec<Contestant<'_>> = names.iter().map(|name| rival(name)).collect();
    evaluate(plan, &contestants, Means::default(), &|| ()).unwrap()
}

/// Carbon thresholds under another name, which count their decisions.
struct Counting {
    decisions: &'static AtomicUsize,
}

struct CountingPolicy {
    decisions: &'static AtomicUsize,
    rule: Box<dyn Policy>,
}

impl PolicySource for Counting {
    fn name(&self) -> &str {
        "counting"
    }

    fn make(&self) -> Box<dyn Policy> {
        Box::new(CountingPolicy { decisions: self.decisions, rule: find_rival("ctss").unwrap().make() })
    }
}

impl Policy for CountingPolicy {
    fn name(&self) -> &str {
        "counting"
    }

    fn decide(&mut self, situation: &Situation<'_>, action: &mut [f32]) {
        self.decisions.fetch_add(1, Ordering::Relaxed);
        self.rule.decide(situation, action);
    }
}

#[test]
fn jobs_by_class_and_half_hours_add_up_to_the_ledger_in_every_scenario() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../configs/scenarios");
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(files.len() >= 12);
    for file in files.iter().filter(|file| file.extension().is_some_and(|e| e == "toml")) {
        let name = file.file_stem().unwrap().to_string_lossy().into_owned();
        let plan = plan_of(load_scenario(file, &[]).unwrap(), 1, 1);
        let random = find_rival("random").unwrap();
        let week = play_policies(&plan, &[random], &|| ()).remove(0).remove(0);
        let total = &week.ledger.total;
        let in_time: u32 = week.seen.classes.iter().map(|class| class.jobs_in_time).sum();
        let late: u32 = week.seen.classes.iter().map(|class| class.jobs_late).sum();
        assert_eq!((f64::from(in_time), f64::from(late)), (total.jobs_in_time, total.jobs_late), "{name}");
        let late_mwh_hours: f64 = week.seen.classes.iter().map(|class| class.late_mwh_hours).sum();
        if plan.setup.places().len() == 1 {
            let stated = 0.5 * total.late_mwh;
            assert!((late_mwh_hours - stated).abs() < 1e-6 * (1.0 + stated), "{name}: {late_mwh_hours} {stated}");
        }
        let sum = |of: fn(&StepTrace) -> f64| week.seen.steps.iter().map(of).sum::<f64>();
        for (found, stated) in [
            (sum(|s| s.it_mwh), total.it_mwh),
            (sum(|s| s.import_mwh), total.import_mwh),
            (sum(|s| s.discharged_mwh), total.discharged_mwh),
            (sum(|s| s.cost_gbp), total.cost_gbp()),
        ] {
            assert!((found - stated).abs() < 1e-6 * (1.0 + stated.abs()), "{name}: {found} {stated}");
        }
        assert_eq!(week.seen.steps.len(), 336);
    }
}

#[test]
fn marginal_emissions_are_those_of_gas_where_no_wind_is_turned_down() {
    let plan = plan(1, 1);
    let week = play_policies(&plan, &[find_rival("fifo").unwrap()], &|| ()).remove(0).remove(0);
    let total = &week.ledger.total;
    let end = plan.weeks[0].start + 336;
    let place = &plan.setup.places()[0];
    // What is left over is priced at the mean full price of the next day; its import follows from that.
    let left_mwh = total.settlement_gbp / place.settlement_price(end);
    let expected = 0.394 * (total.import_mwh + left_mwh);
    let found = week.seen.carbon_marginal_t.unwrap();
    assert_eq!(total.late_mwh, 0.0);
    assert!((found - expected).abs() < 1e-6 * expected, "{found} {expected}");
}

#[test]
fn a_week_from_the_cache_equals_the_week_as_played_and_is_not_played_again() {
    static DECISIONS: AtomicUsize = AtomicUsize::new(0);
    let folder = tempfile::tempdir().unwrap();
    let plan = plan(2, 1);
    let source = Counting { decisions: &DECISIONS };
    let contestants = || [Contestant { source: &source, kind: "rival", identity: "counting".into() }, rival("fifo")];
    let run = || {
        let cache = Cache::open(folder.path(), Provenance::of(&plan.setup).unwrap()).unwrap();
        let means = Means { cache: Some(&cache), bound: None };
        let record = evaluate(&plan, &contestants(), means, &|| ()).unwrap();
        (record, cache.take_warnings())
    };
    let (played, _) = run();
    assert_eq!(DECISIONS.load(Ordering::Relaxed), 2 * 336);
    let (cached, warnings) = run();
    assert_eq!(DECISIONS.load(Ordering::Relaxed), 2 * 336);
    assert_eq!((cached == played, warnings), (true, Vec::new()));
    // Without a cache the numbers are the same, but for times.
    let mut fresh = evaluate(&plan, &contestants(), Means::default(), &|| ()).unwrap();
    for (fresh, played) in fresh.evaluation.policies.iter_mut().zip(&played.evaluation.policies) {
        fresh.decision_ms = played.decision_ms;
    }
    assert!(fresh == played);
    // One damaged entry: one week is played again, with a warning.
    let entries = files_in(folder.path());
    assert_eq!(entries.len(), 4);
    let damaged = entries.iter().find(|path| std::fs::read_to_string(path).unwrap().contains("\"counting\"")).unwrap();
    std::fs::write(damaged, "half an en").unwrap();
    let before = DECISIONS.load(Ordering::Relaxed);
    let (again, warnings) = run();
    assert_eq!(DECISIONS.load(Ordering::Relaxed) - before, 336);
    assert!(warnings.len() == 1 && warnings[0].contains("is damaged"), "{warnings:?}");
    assert_eq!(again.evaluation.policies[0].cost_gbp, played.evaluation.policies[0].cost_gbp);
}

fn files_in(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files_in(&path) } else { vec![path] }).collect()
}

/// So many pounds below FIFO in every window; `asked` counts.
struct BelowFifo {
    gbp: f64,
    asked: AtomicUsize,
}

impl Bound for BelowFifo {
    fn identity(&self) -> String {
        format!("{} below", self.gbp)
    }

    fn solver(&self) -> String {
        "subtraction".into()
    }

    fn bound(&self, setup: &SiteSetup, window: WindowChoice) -> Result<WindowBound, String> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let courses = flexai_env::site::courses(setup, window);
        let fifo: f64 = courses[0].fifo.iter().map(|period| period.cost_gbp).sum();
        Ok(WindowBound { bound_gbp: fifo - self.gbp, is_optimum: false })
    }
}

#[test]
fn perfect_foresight_gives_the_gap_and_is_asked_once_per_window() {
    let folder = tempfile::tempdir().unwrap();
    let plan = plan(2, 2);
    let bound = BelowFifo { gbp: 40_000.0, asked: AtomicUsize::new(0) };
    let cache = Cache::open(folder.path(), Provenance::of(&plan.setup).unwrap()).unwrap();
    let means = Means { cache: Some(&cache), bound: Some(&bound) };
    let run = || evaluate(&plan, &[rival("day_ahead_quantile"), rival("fifo")], means, &|| ()).unwrap().evaluation;
    let evaluation = run();
    assert_eq!(evaluation, run());
    assert_eq!(bound.asked.load(Ordering::Relaxed), 4);
    let oracle = evaluation.oracle.unwrap();
    assert_eq!((oracle.kind.as_str(), oracle.solver.as_str(), oracle.per_week.len()), ("bound", "subtraction", 4));
    let total: f64 = oracle.per_week.iter().map(|week| week.bound_gbp).sum::<f64>() / 2.0;
    assert!((oracle.total_gbp - total).abs() < 1e-6);
    let rule = &evaluation.policies[0];
    let gap = rule.gap_captured.as_ref().unwrap();
    let gains: f64 = rule.per_week.iter().map(|week| week.fifo_cost_gbp - week.cost_gbp).sum();
    let room: f64 =
        rule.per_week.iter().zip(&oracle.per_week).map(|(week, best)| week.fifo_cost_gbp - best.bound_gbp).sum();
    assert!((gap.pooled - gains / room).abs() < 1e-12 && gap.pooled > 0.1);
    assert!(gap.pooled_lo <= gap.pooled && gap.pooled <= gap.pooled_hi);
    assert!((gap.optimality_gap.value + gap.iqm - 1.0).abs() < 0.2);
    let weekly = rule.per_week[3].gap_captured.unwrap();
    let room = rule.per_week[3].fifo_cost_gbp - oracle.per_week[3].bound_gbp;
    assert!((weekly - (rule.per_week[3].fifo_cost_gbp - rule.per_week[3].cost_gbp) / room).abs() < 1e-12);
    assert_eq!(gap.profile.len(), 25);
    assert_eq!(evaluation.policies[1].gap_captured.as_ref().unwrap().pooled, 0.0);
}

#[test]
fn whoever_beats_perfect_foresight_is_named_with_week_and_seed() {
    let plan = plan(1, 2);
    let bound = BelowFifo { gbp: 1.0, asked: AtomicUsize::new(0) };
    let means = Means { cache: None, bound: Some(&bound) };
    let fault = evaluate(&plan, &[rival("fifo"), rival("day_ahead_quantile")], means, &|| ()).unwrap_err();
    let text = fault.to_string();
    assert_eq!(fault.exit_code, 1);
    assert!(text.starts_with("oracle: day_ahead_quantile costs "), "{text}");
    assert!(text.contains(&format!("in the week of {} with job seed 0, less than", plan.weeks[0].period)), "{text}");
    assert!(text.contains("a score above 100 % is a fault of the program\n\nhint: "), "{text}");
}

#[test]
fn a_record_comes_back_from_its_folder_and_the_numbers_from_their_file() {
    let folder = tempfile::tempdir().unwrap();
    let plan = plan(2, 2);
    let record = record(&plan, &["ctss", "fifo"]);
    let path = folder.path().join("made/for/it");
    record.save(&path).unwrap();
    let loaded = EvaluationRecord::load(&path).unwrap();
    assert_eq!(loaded.evaluation, record.evaluation);
    assert_eq!((loaded.grid.len(), loaded.traces.len()), (2, 4));
    assert_eq!(loaded.traces[3].policy, "fifo");
    for (found, trace) in loaded.traces.iter().zip(&record.traces) {
        assert_eq!((&found.week, found.seed, found.steps.len()), (&trace.week, 0, 336));
        let close = |a: f64, b: f64| (a - b).abs() <= 0.5e-6;
        assert!(found.steps.iter().zip(&trace.steps).all(|(a, b)| close(a.import_mwh, b.import_mwh)));
        assert!(found.steps.iter().zip(&trace.steps).all(|(a, b)| close(a.cost_gbp, b.cost_gbp)));
    }
    assert_eq!(loaded.grid[1].steps[0].period, plan.weeks[1].period.to_string());
    let numbers = EvaluationRecord::load(&path.join(EVALUATION_FILE)).unwrap();
    assert_eq!(numbers.evaluation, record.evaluation);
    assert!(numbers.traces.is_empty() && numbers.grid.is_empty());
    std::fs::write(path.join(EVALUATION_FILE), "{\"scenario\": 3}").unwrap();
    let text = EvaluationRecord::load(&path).unwrap_err().to_string();
    assert!(text.contains("evaluation.json: ") && text.contains("expected an evaluation as"), "{text}");
    let text = EvaluationRecord::load(&path.join("nowhere")).unwrap_err().to_string();
    assert!(text.contains("nowhere: cannot read the evaluation"), "{text}");
}

fn named(record: &EvaluationRecord, name: &str) -> (String, EvaluationRecord) {
    (name.into(), record.clone())
}

#[test]
fn evaluations_of_the_same_weeks_become_one_with_every_policy_once() {
    let plan = plan(2, 1);
    let all = record(&plan, &["ctss", "day_ahead_quantile", "fifo"]);
    let (first, second) = (record(&plan, &["ctss", "fifo"]), record(&plan, &["day_ahead_quantile", "fifo"]));
    let joint = join(vec![named(&first, "a"), named(&second, "b"), named(&first, "c")]).unwrap();
    let names: Vec<&str> = joint.evaluation.policies.iter().map(|p| p.name.as_str()).collect();
    assert_eq!(names, ["ctss", "fifo", "day_ahead_quantile"]);
    for policy in &joint.evaluation.policies {
        let expected = all.evaluation.policy(&policy.name).unwrap();
        assert_eq!((policy.cost_gbp, &policy.per_week), (expected.cost_gbp, &expected.per_week));
        for versus in &policy.versus {
            assert!(expected.versus.contains(versus), "{versus:?}");
        }
        assert_eq!(policy.versus.len(), 2);
    }
    assert_eq!((joint.traces.len(), joint.grid.len()), (6, 2));
    // Another policy of the same name keeps its numbers under a name of its own.
    let mut other = second.clone();
    other.evaluation.policies[0].identity = "rival of yesterday".into();
    let joint = join(vec![named(&second, "a"), named(&other, "b")]).unwrap();
    let names: Vec<&str> = joint.evaluation.policies.iter().map(|p| p.name.as_str()).collect();
    assert_eq!(names, ["day_ahead_quantile", "fifo", "day_ahead_quantile (b)"]);
    assert_eq!(joint.traces.iter().filter(|trace| trace.policy == "day_ahead_quantile (b)").count(), 2);
}

#[test]
fn evaluations_that_are_not_alike_are_refused_by_name_and_reason() {
    let base = record(&plan(2, 1), &["fifo"]);
    let refused = |other: &EvaluationRecord| join(vec![named(&base, "a"), named(other, "b")]).unwrap_err().to_string();
    let scenario = SiteConfig { carbon_price_gbp_per_tonne: 86.0, ..SiteConfig::default() };
    let text = refused(&record(&plan_of(scenario, 2, 1), &["fifo"]));
    assert!(text.starts_with("b: was made on the scenario `standard` ("), "{text}");
    assert!(text.contains(" like a\n\nhint: compare evaluations of one scenario"), "{text}");
    let text = refused(&record(&plan(1, 1), &["fifo"]));
    assert!(text.starts_with("b: was made on the weeks 1, that of 2024-01-01T00:00:00Z, expected 2 from"), "{text}");
    let text = refused(&record(&plan(2, 2), &["fifo"]));
    assert!(text.starts_with("b: was made on the job seeds "), "{text}");
    let mut grid = base.clone();
    grid.evaluation.grid_digest = "0123456789abcdef".into();
    assert!(refused(&grid).starts_with("b: was made on the grid `synthetic-2020` (0123456789ab), expected "));
    let mut code = base.clone();
    code.evaluation.policies[0].per_week[1].fifo_cost_gbp += 1.0;
    let text = refused(&code);
    assert!(text.contains("FIFO costs") && text.contains("other versions of the program"), "{text}");
}

#[test]
fn a_joint_evaluation_takes_the_tighter_bound_and_gives_it_to_all() {
    let plan = plan(2, 1);
    let with = |gbp: f64, names: [&str; 2]| {
        let bound = BelowFifo { gbp, asked: AtomicUsize::new(0) };
        let contestants = names.map(rival);
        let means = Means { cache: None, bound: Some(&bound) };
        evaluate(&plan, &contestants, means, &|| ()).unwrap()
    };
    let (tight, loose) = (with(30_000.0, ["ctss", "fifo"]), with(60_000.0, ["day_ahead_quantile", "fifo"]));
    let joint = join(vec![named(&loose, "a"), named(&tight, "b")]).unwrap().evaluation;
    assert_eq!(joint.oracle, tight.evaluation.oracle);
    let gap = |evaluation: &Evaluation, name: &str| evaluation.policy(name).unwrap().gap_captured.clone().unwrap();
    assert_eq!(gap(&joint, "ctss"), gap(&tight.evaluation, "ctss"));
    assert!(gap(&joint, "day_ahead_quantile").pooled > 1.5 * gap(&loose.evaluation, "day_ahead_quantile").pooled);
    let plain = record(&plan, &["random", "fifo"]);
    let joint = join(vec![named(&plain, "a"), named(&tight, "b")]).unwrap().evaluation;
    assert!(gap(&joint, "random").pooled < 0.0);
}

#[test]
fn the_table_fits_100_columns_and_verdicts_name_the_gap() {
    let plan = plan(2, 1);
    let bound = BelowFifo { gbp: 40_000.0, asked: AtomicUsize::new(0) };
    let means = Means { cache: None, bound: Some(&bound) };
    let mut contestants = vec![rival("day_ahead_quantile"), rival("random"), rival("fifo")];
    contestants[0].kind = "network";
    let evaluation = evaluate(&plan, &contestants, means, &|| ()).unwrap().evaluation;
    let table = evaluation_table(&evaluation);
    assert!(table.lines().all(|line| line.chars().count() <= 100), "{table}");
    assert!(table.contains("| oracle (bound) ") && table.contains("gap captured"), "{table}");
    let lines = verdict(&evaluation);
    assert!(lines[0].starts_with("day_ahead_quantile captures ") && lines[0].contains("% of the gap"), "{lines:?}");
    assert!(lines.iter().any(|line| line.starts_with("day_ahead_quantile is cheaper than fifo: ")), "{lines:?}");
    assert!(remarks(&evaluation)[0].starts_with("the oracle is a lower bound on J (subtraction)"));
}

#[test]
fn a_leaderboard_stands_between_its_markers() {
    let evaluation = record(&plan(2, 1), &["ctss", "fifo"]).evaluation;
    let table = leaderboard(&[evaluation]);
    let rows: Vec<&str> = table.lines().collect();
    assert_eq!(rows.len(), 3);
    assert!(rows[2].starts_with("| standard on synthetic-2020 | validation | ctss | - | - | "), "{table}");
    let path = Path::new("README.md");
    let document = format!("before\n{BEGIN}\nold\n{END}\nafter\n");
    let written = with_leaderboard(path, &document, &table).unwrap();
    assert_eq!(written, format!("before\n{BEGIN}\n{table}{END}\nafter\n"));
    assert_eq!(with_leaderboard(path, &written, &table).unwrap(), written);
    let text = with_leaderboard(path, "nothing", &table).unwrap_err().to_string();
    assert!(
        text.starts_with("README.md: the line `<!-- leaderboard: made by") && text.contains("is missing"),
        "{text}"
    );
}
