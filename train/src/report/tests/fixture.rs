//! A small evaluation with everything in it.

use crate::evaluation::{
    ClassReport, CostParts, DecisionTime, Evaluation, GapReport, GridStep, GridWeek, Interval, OracleReport,
    OracleWeek, PolicyReport, ProfilePoint, StepTrace, Versus, WeekReport, WeekTrace,
};
use crate::report::{LearningRun, ReportInput};
use flexai_env::grid::Period;

/// The second week holds the day on which the clocks go forward.
pub(super) const WEEKS: [&str; 2] = ["2024-03-18T00:00:00Z", "2024-03-25T00:00:00Z"];

/// What a report is made from, owned.
pub(super) struct Fixture {
    pub(super) evaluation: Evaluation,
    pub(super) grid: Vec<GridWeek>,
    pub(super) traces: Vec<WeekTrace>,
    pub(super) learning: Vec<LearningRun>,
    pub(super) reproduce: Vec<(String, String)>,
}

impl Fixture {
    /// FIFO and others with the share of FIFO's cost that each saves, cheapest last.
    pub(super) fn new(others: &[(&str, &str, f64)]) -> Self {
        let fifo = [("fifo", "rival", 0.0)];
        let policies: Vec<PolicyReport> = fifo.iter().chain(others).map(|(n, k, s)| policy(n, k, *s, others)).collect();
        let grid: Vec<GridWeek> = WEEKS.iter().map(|week| grid_week(week)).collect();
        let trace = |policy: &PolicyReport, week: &GridWeek| WeekTrace {
            policy: policy.name.clone(),
            week: week.week.clone(),
            seed: 0,
            steps: (0..336).map(|t| step(week, t, policy.cost_saving_pct)).collect(),
        };
        let traces = policies.iter().flat_map(|policy| grid.iter().map(|week| trace(policy, week))).collect();
        let learning = LearningRun {
            name: "ppo".into(),
            y_name: "Saved against FIFO on validation weeks, %".into(),
            points: (0..40).map(|i| (f64::from(i) * 5000.0, 4.0 - 6.0 * (-f64::from(i) / 9.0).exp())).collect(),
            levels: vec![("fifo".into(), 0.0), ("day_ahead_quantile".into(), 3.0)],
        };
        let reproduce = vec![("command".to_string(), "flexai evaluate ppo --report out".to_string())];
        Self { evaluation: evaluation(policies), grid, traces, learning: vec![learning], reproduce }
    }

    /// A trained policy, a rule, and FIFO.
    pub(super) fn usual() -> Self {
        Self::new(&[("day_ahead_quantile", "rival", 3.0), ("ppo", "network", 4.0)])
    }

    pub(super) fn input(&self) -> ReportInput<'_> {
        ReportInput {
            evaluation: &self.evaluation,
            grid: &self.grid,
            traces: &self.traces,
            day: None,
            learning: &self.learning,
            reproduce: &self.reproduce,
        }
    }
}

fn evaluation(policies: Vec<PolicyReport>) -> Evaluation {
    let oracle_week = |week: &&str| OracleWeek { week: (*week).into(), seed: 0, bound_gbp: 95_000.0 };
    Evaluation {
        scenario: "standard".into(),
        scenario_digest: "5c".repeat(32),
        grid: "gb_2024.csv.gz".into(),
        grid_digest: "9d".repeat(32),
        code_digest: "0c".repeat(32),
        grid_kind: "real".into(),
        split: "validation".into(),
        from: "2024-01-01T00:00:00Z".into(),
        to: "2024-04-01T00:00:00Z".into(),
        forecast: Some("day_ahead_persistence".into()),
        labels: vec!["simulated: regional carbon".into()],
        weeks: 2,
        seeds: 1,
        job_seeds: vec!["12345678901234567890".into()],
        skipped_weeks: vec!["2024-01-01T00:00:00Z: no price".into()],
        sites: Some(1),
        battery_mwh: Some(16.0),
        export_limit_mw: Some(0.0),
        settled_on_last_day: vec![WEEKS[1].into()],
        oracle: Some(OracleReport {
            kind: "bound".into(),
            solver: "clarabel".into(),
            total_gbp: 190_000.0,
            per_week: WEEKS.iter().map(oracle_week).collect(),
        }),
        policies,
    }
}

fn policy(name: &str, kind: &str, saved_pct: f64, others: &[(&str, &str, f64)]) -> PolicyReport {
    let share = 1.0 - saved_pct / 100.0;
    let cost = 200_000.0 * share;
    let around = |value: f64, half: f64| Interval { value, lo: value - half, hi: value + half };
    let rivals = [("fifo", "rival", 0.0)].into_iter().chain(others.iter().copied());
    let rivals = rivals.filter(|(rival, kind, _)| *rival != name && *kind == "rival");
    let versus = |(rival, _, theirs): (&str, &str, f64)| Versus {
        rival: rival.into(),
        saving_gbp_per_week: around(1000.0 * (saved_pct - theirs), 400.0),
        probability_of_improvement: Interval { value: 0.9, lo: 0.6, hi: 1.0 },
    };
    let gap = saved_pct / 5.0;
    let point = |i: i32| {
        let tau = f64::from(i) / 20.0;
        let share = (1.0 + gap - tau).clamp(0.0, 1.0);
        ProfilePoint { tau, share, lo: (share - 0.1).max(0.0), hi: (share + 0.1).min(1.0) }
    };
    let class = |(i, name): (usize, &str)| ClassReport {
        name: name.into(),
        jobs_in_time: 90.0 - i as f64,
        jobs_late: i as f64 + saved_pct,
        deadlines_met_pct: Some(97.0),
        late_mwh_hours: 1.5,
    };
    PolicyReport {
        name: name.into(),
        kind: kind.into(),
        identity: name.into(),
        gap_captured: Some(GapReport {
            pooled: gap,
            pooled_lo: gap - 0.05,
            pooled_hi: gap + 0.05,
            iqm: gap - 0.01,
            lo: gap - 0.06,
            hi: gap + 0.04,
            optimality_gap: around(1.0 - gap, 0.05),
            runs_without_gap: 0,
            profile: (0..=20).map(point).collect(),
        }),
        cost_gbp: cost,
        cost_parts: CostParts {
            energy_gbp: 110_000.0 - 2500.0 * saved_pct,
            charges_gbp: 60_000.0 + 100.0 * saved_pct,
            carbon_gbp: 30_000.0 - 100.0 * saved_pct,
            wear_gbp: 300.0 * saved_pct,
            settlement_gbp: 200.0 * saved_pct,
            ..CostParts::default()
        },
        bill_gbp: 170_000.0 * share,
        cost_per_mwh_it_gbp: 60.0,
        energy_cost_gbp: 110_000.0 * share,
        carbon_t: 350.0 * share,
        carbon_marginal_t: Some(700.0),
        cost_saving_pct: saved_pct,
        cost_saving_pct_interval: around(saved_pct, 0.4),
        bill_saving_pct: saved_pct,
        bill_saving_pct_interval: around(saved_pct, 0.5),
        energy_saving_pct: saved_pct,
        energy_saving_pct_interval: around(saved_pct, 0.6),
        carbon_saving_pct: saved_pct,
        carbon_saving_pct_interval: around(saved_pct, 0.7),
        carbon_marginal_saving_pct: Some(0.5),
        gbp_per_million_inferences: 1.0,
        kgco2_per_million_inferences: 2.0,
        deadlines_met_pct: Some(99.5),
        classes: ["strict_training", "best_effort"].into_iter().enumerate().map(class).collect(),
        shifted_mwh: 100.0 * saved_pct,
        threshold_breach_mwh: 3.0,
        import_breaches: 0.0,
        import_breach_mwh: 0.0,
        flex_delivered_mwh: Some(0.0),
        flex_revenue_gbp: 0.0,
        wear_gbp: 300.0 * saved_pct,
        battery_cycles: saved_pct,
        peak_import_mw: 14.0,
        decision_ms: DecisionTime { p50: 0.02, p99: 0.05, cpu_mean: 0.021 },
        versus: rivals.map(versus).collect(),
        per_week: WEEKS.iter().map(|week| week_report(week, saved_pct)).collect(),
    }
}

fn week_report(week: &str, saved_pct: f64) -> WeekReport {
    WeekReport {
        week: week.into(),
        seed: 0,
        cost_gbp: 100_000.0 * (1.0 - saved_pct / 100.0),
        fifo_cost_gbp: 100_000.0,
        gap_captured: Some(saved_pct / 5.0),
        bill_gbp: 85_000.0,
        carbon_t: 175.0,
        settlement_gbp: 100.0,
        jobs_late: 2.0,
    }
}

fn grid_week(week: &str) -> GridWeek {
    let monday: Period = week.parse().expect("a Monday");
    let wave = |t: usize| (t as f64 / 48.0 * std::f64::consts::TAU).sin();
    let step = |t: usize| GridStep {
        period: (monday + t as i64).to_string(),
        price_gbp_per_mwh: 70.0 - 60.0 * wave(t) + t as f64 / 10.0,
        full_price_gbp_per_mwh: 120.0 - 60.0 * wave(t),
        carbon_gco2_kwh: 150.0 - 60.0 * wave(t),
        solar_mw: (2.0 * wave(t)).max(0.0),
        event: (34..38).contains(&(t % 336)),
    };
    GridWeek { week: week.into(), steps: (0..336).map(step).collect() }
}

fn step(grid: &GridWeek, t: usize, saved_pct: f64) -> StepTrace {
    let cheap = 70.0 - grid.steps[t].price_gbp_per_mwh;
    let moved = saved_pct * cheap / 400.0;
    StepTrace {
        it_mwh: 4.0 + moved,
        interactive_mwh: 2.0,
        import_mwh: 4.8 + 1.2 * moved,
        charged_mwh: moved.max(0.0),
        discharged_mwh: (-moved).max(0.0),
        stored_mwh: if saved_pct > 0.0 { 8.0 + moved } else { 0.0 },
        cost_gbp: 300.0 - saved_pct * (1.0 + t as f64 / 336.0),
        carbon_t: 0.5,
        ..StepTrace::default()
    }
}
