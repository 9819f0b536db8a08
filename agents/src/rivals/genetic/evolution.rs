//! Evolution of a day plan: tournament, crossover, mutation, elitism.
//!
//! In: a simulation, a stream of random numbers. Out: the cheapest plan found.
//! Always: the same stream finds the same plan; the first generation holds plans that a person would try (at once; by
//! quantiles of the price), so that the result is never dearer than they are. Not here: what a plan costs.

use super::GeneticOptions;
use super::genes::Layout;
use super::simulation::Simulation;
use flexai_env::core::StreamRng;
use rand::RngExt;

/// Quantiles of the price at or below which the plans of the first generation run.
const RUN_QUANTILES: [f64; 5] = [0.15, 0.3, 0.45, 0.6, 1.0];
/// Quantiles at or below which they charge; they discharge from one minus these on.
const CHARGE_QUANTILES: [f64; 3] = [0.0, 0.15, 0.3];
/// Of the first generation so much of a plan is changed at random.
const FIRST_MUTATION: f64 = 0.1;

/// Populations, kept between days.
#[derive(Debug, Clone, Default)]
pub(super) struct Evolution {
    plans: Vec<Vec<f64>>,
    children: Vec<Vec<f64>>,
    costs: Vec<f64>,
    /// Positions by cost.
    ranks: Vec<usize>,
    sorted: Vec<f64>,
}

impl Evolution {
    /// Evolves a plan.
    pub(super) fn run(
        &mut self,
        options: &GeneticOptions,
        layout: Layout,
        price: &[f64],
        simulation: &Simulation<'_>,
        rng: &mut StreamRng,
    ) -> &[f64] {
        self.begin(options, layout, price, rng);
        self.judge(simulation);
        for _ in 0..options.generations {
            for child in 0..options.population {
                if child < options.elite {
                    let best = self.ranks[child];
                    self.children[child].clone_from(&self.plans[best]);
                    continue;
                }
                let (mother, father) = (self.winner(options, rng), self.winner(options, rng));
                self.children[child].clone_from(&self.plans[mother]);
                if rng.random::<f64>() < options.crossover {
                    layout.cross(&mut self.children[child], &self.plans[father], rng);
                }
                layout.mutate(&mut self.children[child], options.mutation, rng);
            }
            std::mem::swap(&mut self.plans, &mut self.children);
            self.judge(simulation);
        }
        &self.plans[self.ranks[0]]
    }

    /// The first generation: what a person would try, and variations of it.
    fn begin(&mut self, options: &GeneticOptions, layout: Layout, price: &[f64], rng: &mut StreamRng) {
        self.sorted.clear();
        self.sorted.extend_from_slice(&price[..layout.periods]);
        self.sorted.sort_unstable_by(f64::total_cmp);
        for population in [&mut self.plans, &mut self.children] {
            population.resize(options.population, Vec::new());
            population.iter_mut().for_each(|plan| plan.resize(layout.len(), 0.0));
        }
        let tried = RUN_QUANTILES.len() * CHARGE_QUANTILES.len();
        for i in 0..options.population {
            let (run, charge) = (RUN_QUANTILES[i % 5], CHARGE_QUANTILES[i / 5 % 3]);
            write_by_price(&mut self.plans[i], layout, price, &self.sorted, run, charge);
            if i >= tried {
                layout.mutate(&mut self.plans[i], FIRST_MUTATION, rng);
            }
        }
    }

    /// The cheapest of some plans drawn at random.
    fn winner(&self, options: &GeneticOptions, rng: &mut StreamRng) -> usize {
        let mut best = rng.random_range(0..self.plans.len());
        for _ in 1..options.tournament {
            let other = rng.random_range(0..self.plans.len());
            if self.costs[other] < self.costs[best] {
                best = other;
            }
        }
        best
    }

    fn judge(&mut self, simulation: &Simulation<'_>) {
        self.costs.clear();
        self.costs.extend(self.plans.iter().map(|plan| simulation.cost(plan)));
        self.ranks.clear();
        self.ranks.extend(0..self.costs.len());
        let costs = &self.costs;
        self.ranks.sort_unstable_by(|a, b| costs[*a].total_cmp(&costs[*b]).then(a.cmp(b)));
    }
}

/// Runs at or below a quantile of the price, charges at or below another, discharges from its mirror image on.
fn write_by_price(plan: &mut [f64], layout: Layout, price: &[f64], sorted: &[f64], run: f64, charge: f64) {
    let quantile = |q: f64| sorted[(q * (sorted.len() - 1) as f64).round() as usize];
    let (low, high) = (quantile(charge), quantile(1.0 - charge));
    for (gene, price) in plan.iter_mut().zip(price).take(layout.periods) {
        *gene = match charge > 0.0 {
            true if *price <= low => 1.0,
            true if *price >= high => -1.0,
            _ => 0.0,
        };
    }
    let runs = price[..layout.periods].chunks(layout.run_periods);
    for (block, prices) in plan[layout.periods..].chunks_mut(layout.classes.max(1)).zip(runs) {
        let mean = prices.iter().sum::<f64>() / prices.len() as f64;
        block.fill(if mean <= quantile(run) { 1.0 } else { 0.0 });
    }
}
