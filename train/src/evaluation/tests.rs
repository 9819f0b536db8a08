//! The engine as a whole: what is seen while playing, cache, perfect foresight, evaluations put together.

use super::*;
use crate::setting::{EMBEDDED_GRID, load_grid, load_scenario, site_setup};
use flexai_agents::policy::{Policy, PolicySource, Situation};
use flexai_agents::rivals::{ChosenRival, find_rival};
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
fn what_must_be_read_with_the_numbers_stands_below_them_once() {
    let mut evaluation = record(&plan(2, 1), &["ctss", "random", "fifo"]).evaluation;
    evaluation.labels = vec!["simulated: carbon".into()];
    evaluation.settled_on_last_day = vec!["2024-03-25T00:00:00Z".into()];
    let table = leaderboard(&[evaluation.clone(), evaluation.clone()]);
    let rows: Vec<&str> = table.lines().filter(|line| line.starts_with("| ")).collect();
    assert_eq!(rows.len(), 5);
    assert!(rows[1..].iter().all(|row| row.starts_with("| standard on synthetic-2020 \\* | ")), "{table}");
    let notes: Vec<&str> = table.lines().skip_while(|line| line.starts_with('|')).collect();
    assert_eq!(notes[..2], ["", "\\* standard on synthetic-2020, validation: simulated: carbon"]);
    assert!(notes[3].contains("settled on their own last day") && notes[3].ends_with("weeks of 2024-03-25"), "{table}");
    assert_eq!(notes.len(), 4, "the same note once: {table}");
    let said = remarks(&evaluation);
    assert_eq!(said[0], "simulated: carbon");
    assert!(said[1].contains("not all in the table: the week of 2024-03-25"), "{said:?}");
}

#[test]
fn one_week_has_no_interval_and_allows_no_word_on_who_is_better() {
    let mut evaluation = record(&plan(1, 1), &["day_ahead_quantile", "fifo"]).evaluation;
    evaluation.policies[0].kind = "network".into();
    let lines = verdict(&evaluation);
    assert!(lines[0].starts_with("day_ahead_quantile against fifo: GBP saved per week "), "{lines:?}");
    let shown = [evaluation_table(&evaluation), leaderboard(&[evaluation.clone()]), lines.join("\n")].concat();
    let numbers = shown.replace("[95 %]", "");
    assert!(!numbers.contains('[') && !numbers.contains("cheaper"), "{shown}");
    assert!(remarks(&evaluation).iter().any(|line| line.starts_with("one week: no interval")));
}

#[test]
fn everybody_is_compared_with_everybody_else_trained_or_not() {
    let plan = plan(2, 1);
    let mut contestants = ["ctss", "day_ahead_quantile", "fifo"].map(rival);
    contestants[..2].iter_mut().for_each(|who| who.kind = "network");
    let evaluation = evaluate(&plan, &contestants, Means::default(), &|| ()).unwrap().evaluation;
    let [first, second, _] = &evaluation.policies[..] else { panic!("three play") };
    let of = |a: &PolicyReport, b: &PolicyReport| {
        let found = a.versus.iter().find(|versus| versus.rival == b.name);
        found.expect("they were compared").saving_gbp_per_week.value
    };
    assert_eq!(of(first, second), -of(second, first));
    assert!((of(first, second) - (second.cost_gbp - first.cost_gbp) / 2.0).abs() < 1e-6);
}

#[test]
fn a_player_that_sees_the_future_is_called_a_cheat_alone_and_among_others() {
    let plan = plan(1, 1);
    let cheat = ChosenRival::parse("planner:forecast=perfect").unwrap();
    let who = Contestant { source: &cheat, kind: "rival", identity: "cheat".into() };
    let cheating = evaluate(&plan, &[who, rival("fifo")], Means::default(), &|| ()).unwrap();
    let label = "cheat: planner:forecast=perfect sees the future; ";
    assert!(cheating.evaluation.labels[0].starts_with(label), "{:?}", cheating.evaluation.labels);
    let honest = record(&plan, &["planner", "fifo"]);
    assert_eq!(honest.evaluation.labels, Vec::<String>::new());
    let joint = join(vec![named(&honest, "a"), named(&cheating, "b")]).unwrap().evaluation;
    assert_eq!(joint.labels, cheating.evaluation.labels);
}

#[test]
fn the_half_hours_of_a_policy_are_kept_whoever_stored_them() {
    let plan = plan(2, 1);
    let whole = record(&plan, &["ctss", "fifo"]);
    let mut bare = whole.clone();
    bare.traces.clear();
    bare.grid.clear();
    (bare.evaluation.sites, bare.evaluation.battery_mwh) = (None, None);
    for order in [[&whole, &bare], [&bare, &whole]] {
        let joint = join(vec![named(order[0], "a"), named(order[1], "b")]).unwrap();
        assert_eq!((joint.traces.len(), joint.grid.len()), (4, 2));
        assert_eq!(joint.evaluation.policies.len(), 2);
        assert_eq!((joint.evaluation.sites, joint.evaluation.battery_mwh), (Some(1), Some(16.0)));
    }
    // By another name the same policy is still one, and its half-hours go by the name that stays.
    let mut renamed = whole.clone();
    renamed.evaluation.policies[0].name = "by another name".into();
    renamed.traces.iter_mut().filter(|t| t.policy == "ctss").for_each(|t| t.policy = "by another name".into());
    let joint = join(vec![named(&bare, "a"), named(&renamed, "b")]).unwrap();
    assert_eq!(joint.traces.iter().filter(|trace| trace.policy == "ctss").count(), 2);
}

#[test]
fn half_hours_that_are_not_whole_weeks_and_what_is_no_text_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let refused = |record: &EvaluationRecord| {
        record.save(folder.path()).unwrap();
        EvaluationRecord::load(folder.path()).unwrap_err().to_string()
    };
    let whole = record(&plan(1, 1), &["fifo"]);
    let (mut short, mut shorter) = (whole.clone(), whole.clone());
    short.traces[0].steps.truncate(100);
    let text = refused(&short);
    let words = "traces.json: fifo in 2024-01-01T00:00:00Z has 100 half-hours, expected 336\n\nhint: ";
    assert!(text.contains(words), "{text}");
    shorter.grid[0].steps.clear();
    assert!(refused(&shorter).contains("2024-01-01T00:00:00Z has 0 half-hours, expected 336"));
    let binary = folder.path().join("binary");
    std::fs::write(&binary, [0x1f, 0x8b, 0xff, 0x00]).unwrap();
    let fault = EvaluationRecord::load(&binary).unwrap_err();
    assert_eq!(fault.exit_code, 2);
    assert!(fault.to_string().contains("expected an evaluation as"), "{fault}");
}

#[test]
fn more_job_seeds_than_memory_holds_are_refused() {
    let setup = site_setup(SiteConfig::default(), grid()).unwrap();
    let fault = EvaluationPlan::new(setup, WeekRange::Split(Split::Validation), None, 99_999_999_999).unwrap_err();
    assert!(fault.to_string().contains("is 99999999999, expected at most 1000"), "{fault}");
}

#[test]
fn turn_down_delivered_is_that_of_the_ledger_over_all_job_seeds() {
    let events = Path::new(env!("CARGO_MANIFEST_DIR")).join("../configs/scenarios/p415.toml");
    let plan = plan_of(load_scenario(&events, &[]).unwrap(), 1, 2);
    let contestants = ["random", "fifo"].map(rival);
    let played = play_policies(&plan, &[contestants[0].source], &|| ()).remove(0);
    let report = evaluate(&plan, &contestants, Means::default(), &|| ()).unwrap().evaluation.policies.remove(0);
    let sum: f64 = played.iter().map(|week| week.ledger.total.flex_delivered_mwh).sum();
    assert!(sum > 0.0 && report.flex_delivered_mwh == Some(sum / 2.0), "{sum} {:?}", report.flex_delivered_mwh);
}

#[test]
fn a_leaderboard_stands_between_its_markers() {
    let evaluation = record(&plan(2, 1), &["ctss", "fifo"]).evaluation;
    let table = leaderboard(&[evaluation]);
    let rows: Vec<&str> = table.lines().collect();
    assert_eq!(rows.len(), 3);
    let begin = "| standard on synthetic-2020 | validation | 2 x 1, 2024-01-01 - 2024-04-01 | ctss | - | - | ";
    assert!(rows[2].starts_with(begin), "{table}");
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
