//! How far the oracle's bound lies from what its plan achieves in the environment.
//!
//!     cargo run --release -p flexai-agents --example oracle_gap -- TABLE SCENARIO SPLIT [WEEKS] [SECONDS]
//!
//! In: a grid table, a scenario file, `validation` or `test`, a number of weeks, seconds for a search with integers.
//! Out: per week J of FIFO, of the day-ahead rule, of the plan carried out, the bound, and the share of the gap between
//! FIFO and bound that the plan leaves open.

use flexai_agents::oracle::{OracleOptions, PlanReplay, oracle};
use flexai_agents::planning::solver::Limits;
use flexai_agents::policy::{PolicySource, play_week};
use flexai_agents::rivals::find_rival;
use flexai_env::grid::{ImportOptions, Split, WindowShape, read_trace, scored_weeks};
use flexai_env::site::{EpisodeEnd, FlexFleet, SiteConfig, SiteSetup, WindowChoice};
use std::error::Error;
use std::path::Path;
use std::sync::Arc;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [table, scenario, split, ..] = &arguments[..] else {
        return Err("expected TABLE SCENARIO SPLIT [WEEKS] [SECONDS]".into());
    };
    let limit = arguments.get(3).map_or(Ok(usize::MAX), |text| text.parse())?;
    let seconds: Option<f64> = arguments.get(4).map(|text| text.parse()).transpose()?;
    let split = if split == "test" { Split::Test } else { Split::Validation };
    let config: SiteConfig = toml_of(&std::fs::read_to_string(scenario)?)?;
    let (trace, _) = read_trace(Path::new(table), &ImportOptions::default())?;
    let setup = Arc::new(SiteSetup::new(config, Arc::new(trace), 0..0)?);
    let shape = WindowShape { tail: 0, ..WindowShape::scored_week(setup.history()) };
    let missing = |t: usize| setup.missing(t);
    let (weeks, _) = scored_weeks(&setup.trace, split.periods(), shape, &missing);
    let mut site = FlexFleet::new(Arc::clone(&setup));
    let limits = Limits { seconds, gap: 1e-4, ..Limits::default() };
    let options = OracleOptions { integers: seconds.is_some(), limits, ..OracleOptions::default() };
    let detail = std::env::var("DETAIL").ok().and_then(|text| text.parse().ok());
    let options = OracleOptions { detail: detail.unwrap_or(options.detail), ..options };
    let mut sums = [0.0; 4];
    println!("week       fifo       rule     replay      bound  open_pct  gap_pct  oracle_cpu_s  steps  columns  rows");
    for (i, week) in weeks.iter().enumerate().take(limit) {
        let end = EpisodeEnd::Settle;
        let window = WindowChoice { start: week.start, periods: 336, job_seed: i as u64, end };
        let begin = cpu();
        let found = oracle(&setup, window, &options)?;
        let took = cpu() - begin;
        let rival = |name: &str| find_rival(name).map(PolicySource::make).ok_or("a rival that is listed");
        let (mut fifo, mut rule) = (rival("fifo")?, rival("day_ahead_quantile")?);
        let mut replay = PlanReplay::new(found.plan.clone());
        let mut cost = |policy: &mut dyn flexai_agents::policy::Policy| {
            play_week(&mut site, policy, window).ledger.total.cost_gbp()
        };
        let row = [cost(fifo.as_mut()), cost(rule.as_mut()), cost(&mut replay), found.bound_gbp];
        sums.iter_mut().zip(row).for_each(|(sum, x)| *sum += x);
        let open = 100.0 * (row[2] - row[3]) / (row[0] - row[3]);
        println!(
            "{i:4} {:10.1} {:10.1} {:10.1} {:10.1} {open:9.2} {:8.4} {took:9.3} {:6} {:8} {:5}",
            row[0],
            row[1],
            row[2],
            row[3],
            100.0 * found.gap,
            found.iterations,
            found.size[0],
            found.size[1]
        );
    }
    let open = 100.0 * (sums[2] - sums[3]) / (sums[0] - sums[3]);
    let rule = 100.0 * (sums[0] - sums[1]) / (sums[0] - sums[3]);
    println!("in all: the rule takes {rule:.1} % of the gap, the plan leaves {open:.2} % open");
    Ok(())
}

/// CPU time of this thread, in seconds.
fn cpu() -> f64 {
    nix::time::clock_gettime(nix::time::ClockId::CLOCK_THREAD_CPUTIME_ID)
        .map_or(0.0, |time| time.tv_sec() as f64 + time.tv_nsec() as f64 * 1e-9)
}

fn toml_of(text: &str) -> Result<SiteConfig, Box<dyn Error>> {
    Ok(toml::from_str(text)?)
}
