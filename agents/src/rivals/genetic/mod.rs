//! Genetic day plan: before local midnight a plan of the next day evolves, and is then played as it is.
//!
//! In: forecasts as known at that moment. Out: battery set-points per half-hour, run shares per class and block of them.
//! Always: one plan at the start of an episode for the rest of its day, then one a day, in the last period before local
//! midnight; nothing learnt in between changes it, but what must run is run by the environment. The same seed evolves
//! the same plans. Sites of a fleet plan one by one.

mod evolution;
mod genes;
mod simulation;

use super::planner::FORECAST;
use super::price_rank::share_fault;
use super::rival::{OptionSpec, RivalPolicy};
use crate::planning::{ForecastChoice, Outlook, OutlookOptions, SiteHorizon, thrifty};
use crate::policy::{Policy, Situation};
use evolution::Evolution;
use flexai_env::core::{SeedTree, StateError, StreamRng, decode_state, encode_state};
use flexai_env::site::{SiteAction, SiteView};
use genes::Layout;
use serde::{Deserialize, Serialize};
use simulation::Simulation;

/// Most periods between a plan's making and its end: the last one of a day, and a day of 25 hours.
const LONGEST_PLAN: usize = 51;

/// How plans evolve.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GeneticOptions {
    /// Plans in a generation.
    pub population: usize,
    /// Generations.
    pub generations: usize,
    /// Plans that are drawn for each parent; the cheapest becomes it.
    pub tournament: usize,
    /// Share of children with two parents.
    pub crossover: f64,
    /// Share of genes that change in a child.
    pub mutation: f64,
    /// Best plans that live on as they are.
    pub elite: usize,
    /// Periods that share their run shares.
    pub run_periods: usize,
    /// Periods that are simulated; beyond the day they keep the plan from emptying battery and machines at its end.
    pub horizon: usize,
    /// Where prices come from.
    pub forecast: ForecastChoice,
}

impl Default for GeneticOptions {
    /// `mutation` and `run_periods` were chosen on 16 weeks of the real train split by
    /// `flexai tune genetic --grid TABLE --weeks 16 --seed 1 --rounds 1 --only mutation,run_periods` (2026-11-23).
    fn default() -> Self {
        Self {
            population: 64,
            generations: 150,
            tournament: 3,
            crossover: 0.9,
            mutation: 0.005,
            elite: 2,
            run_periods: 2,
            horizon: 72,
            forecast: ForecastChoice::default(),
        }
    }
}

impl GeneticOptions {
    fn count_faults(&self) -> Option<String> {
        let counts = [
            ("population", self.population, 2, 10_000),
            ("generations", self.generations, 0, 100_000),
            ("tournament", self.tournament, 1, 100),
            ("elite", self.elite, 0, self.population.saturating_sub(1)),
            ("run_periods", self.run_periods, 1, 48),
            ("horizon", self.horizon, LONGEST_PLAN, 336),
        ];
        let wrong = counts.iter().find(|(_, found, least, most)| !(least..=most).contains(&found));
        wrong.map(|(key, found, least, most)| format!("`{key}` is {found}, expected {least} to {most}"))
    }
}

/// A plan of a site: decisions of the periods from `start` on, each battery, then run shares.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct DayPlan {
    start: usize,
    decisions: Vec<Vec<f64>>,
}

impl DayPlan {
    fn at(&self, t: usize) -> Option<&[f64]> {
        t.checked_sub(self.start).and_then(|k| self.decisions.get(k)).map(Vec::as_slice)
    }
}

/// The planner and its buffers.
pub struct Genetic {
    options: GeneticOptions,
    tree: SeedTree,
    sites: Vec<(DayPlan, StreamRng)>,
    outlook: Outlook,
    horizon: SiteHorizon,
    evolution: Evolution,
}

impl RivalPolicy for Genetic {
    type Options = GeneticOptions;
    const NAME: &'static str = "genetic";
    const SUMMARY: &'static str =
        "a plan of the next day, evolved before midnight on forecasts and then played as it is";
    const OPTIONS: &'static [OptionSpec] = &[
        OptionSpec::fixed("population", "plans in a generation"),
        OptionSpec::fixed("generations", "generations"),
        OptionSpec::tuned(
            "tournament",
            "plans drawn for each parent, the cheapest of which becomes it",
            &["2", "3", "5"],
        ),
        OptionSpec::fixed("crossover", "share of children with two parents"),
        OptionSpec::tuned(
            "mutation",
            "share of genes that change in a child",
            &["0.002", "0.005", "0.01", "0.02", "0.05"],
        ),
        OptionSpec::fixed("elite", "best plans that live on as they are"),
        OptionSpec::tuned("run_periods", "half-hours that share their run shares", &["1", "2", "4"]),
        OptionSpec::tuned("horizon", "half-hours that are simulated", &["51", "60", "72", "96"]),
        OptionSpec::fixed("forecast", FORECAST),
    ];

    fn new(options: GeneticOptions) -> Self {
        let outlook =
            OutlookOptions { horizon: options.horizon, forecast: options.forecast, ..OutlookOptions::default() };
        Self {
            options,
            tree: SeedTree::new(0),
            sites: Vec::new(),
            outlook: Outlook::new(outlook),
            horizon: SiteHorizon::default(),
            evolution: Evolution::default(),
        }
    }

    fn fault(options: &GeneticOptions) -> Option<String> {
        let shares = share_fault("crossover", options.crossover).or(share_fault("mutation", options.mutation));
        options.count_faults().or(shares)
    }

    fn sees_the_future(options: &GeneticOptions) -> bool {
        options.forecast == ForecastChoice::Perfect
    }
}

impl Genetic {
    fn decide_site(&mut self, i: usize, site: &SiteView<'_>) -> SiteAction {
        if self.sites.len() <= i {
            self.sites.push((DayPlan::default(), self.tree.child("genetic plan", i as u64).stream("evolution")));
        }
        let now = site.now();
        let is_last_of_day = site.local(now + 1).half_hour == 0;
        if (is_last_of_day || self.sites[i].0.at(now).is_none()) && self.plan(i, site).is_none() {
            return SiteAction::fifo();
        }
        let decision = self.sites[i].0.at(now).expect("a plan begins with the period it is made in");
        let mut action = SiteAction { battery: decision[0], ..SiteAction::default() };
        action.run.iter_mut().zip(&decision[1..]).for_each(|(run, share)| *run = *share);
        action
    }

    /// Makes the plan from now to the end of the local day, or in its last period of the next day; a decision that was
    /// made for now stays. `None` if nothing is known to forecast from.
    fn plan(&mut self, i: usize, site: &SiteView<'_>) -> Option<()> {
        let now = site.now();
        self.outlook.fill(site, &mut self.horizon).ok()?;
        let classes = self.horizon.classes.len();
        let layout = Layout { periods: self.horizon.price.len(), classes, run_periods: self.options.run_periods };
        let (plan, rng) = &mut self.sites[i];
        let fixed = plan.at(now).map(<[f64]>::to_vec);
        let simulation = Simulation::new(&self.horizon, layout, fixed.as_deref());
        let genes = self.evolution.run(&self.options, layout, &self.horizon.price, &simulation, rng);
        let first_midnight = (1..LONGEST_PLAN).find(|k| site.local(now + k).half_hour == 0).unwrap_or(1);
        let next_midnight = (first_midnight + 1..=LONGEST_PLAN).find(|k| site.local(now + k).half_hour == 0);
        let end = if first_midnight == 1 { next_midnight.unwrap_or(LONGEST_PLAN) } else { first_midnight };
        plan.start = now;
        plan.decisions.clear();
        for k in 0..end.min(layout.periods) {
            let mut decision = vec![genes[k]];
            decision.extend_from_slice(layout.run(genes, k));
            plan.decisions.push(decision);
        }
        if let Some(fixed) = fixed {
            plan.decisions[0] = fixed;
        }
        Some(())
    }
}

impl Policy for Genetic {
    fn name(&self) -> &str {
        Self::NAME
    }

    fn begin_episode(&mut self, seed: u64) {
        self.tree = SeedTree::new(seed);
        self.sites.clear();
    }

    fn save_state(&self) -> Vec<u8> {
        encode_state(Self::NAME, &self.sites)
    }

    fn load_state(&mut self, bytes: &[u8]) -> Result<(), StateError> {
        self.sites = decode_state(Self::NAME, bytes)?;
        Ok(())
    }

    fn decide(&mut self, situation: &Situation<'_>, action: &mut [f32]) {
        let fleet = situation.site.expect("rivals of the site are only offered for site environments");
        let mut i = 0;
        fleet.decide_each(action, |site| {
            i += 1;
            thrifty(site, self.decide_site(i - 1, site))
        });
    }
}
