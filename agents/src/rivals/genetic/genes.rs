//! Genes of a day plan: how they lie, and how two plans mix.
//!
//! A plan is a flat list of numbers: the battery's set-point of each period, -1 .. 1, then the run share of each class,
//! 0 .. 1, block after block of some periods. Always: a child stays within these bounds.
//! Not here: what a plan is worth (`simulation.rs`), who survives (`evolution.rs`).

use flexai_env::core::StreamRng;
use rand::RngExt;

/// Most periods that one mutation sets to one level.
const LONGEST_STRETCH: usize = 8;

/// How genes lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Layout {
    pub(super) periods: usize,
    pub(super) classes: usize,
    /// Periods that share their run shares.
    pub(super) run_periods: usize,
}

impl Layout {
    pub(super) fn blocks(&self) -> usize {
        self.periods.div_ceil(self.run_periods)
    }

    /// Number of genes.
    pub(super) fn len(&self) -> usize {
        self.periods + self.blocks() * self.classes
    }

    /// Run shares of the classes in a period.
    pub(super) fn run<'a>(&self, genes: &'a [f64], period: usize) -> &'a [f64] {
        let at = self.periods + period / self.run_periods * self.classes;
        &genes[at..at + self.classes]
    }

    /// Position of a run gene.
    fn run_at(&self, block: usize, class: usize) -> usize {
        self.periods + block * self.classes + class
    }

    /// Takes from another plan what lies in a stretch of time, for the battery and each class by the toss of a coin.
    pub(super) fn cross(&self, child: &mut [f64], other: &[f64], rng: &mut StreamRng) {
        let (a, b) = (rng.random_range(0..self.periods), rng.random_range(0..self.periods));
        let (from, to) = (a.min(b), a.max(b) + 1);
        if rng.random::<bool>() {
            child[from..to].copy_from_slice(&other[from..to]);
        }
        let blocks = from / self.run_periods..(to - 1) / self.run_periods + 1;
        for class in 0..self.classes {
            if rng.random::<bool>() {
                for block in blocks.clone() {
                    let at = self.run_at(block, class);
                    child[at] = other[at];
                }
            }
        }
    }

    /// Changes genes with some probability each; and every other time two periods exchange what the battery does, or a
    /// stretch of time gets one level, for the battery or a class.
    pub(super) fn mutate(&self, genes: &mut [f64], rate: f64, rng: &mut StreamRng) {
        for (i, gene) in genes.iter_mut().enumerate() {
            if rng.random::<f64>() < rate {
                *gene = changed(*gene, if i < self.periods { -1.0 } else { 0.0 }, rng);
            }
        }
        if rng.random::<bool>() {
            genes.swap(rng.random_range(0..self.periods), rng.random_range(0..self.periods));
        }
        if rng.random::<bool>() {
            self.level_stretch(genes, rng);
        }
    }

    fn level_stretch(&self, genes: &mut [f64], rng: &mut StreamRng) {
        let channel = rng.random_range(0..=self.classes);
        let long = rng.random_range(1..=LONGEST_STRETCH);
        if channel == 0 {
            let level = f64::from(rng.random_range(-1..=1));
            let from = rng.random_range(0..self.periods);
            genes[from..(from + long).min(self.periods)].fill(level);
        } else {
            let level = f64::from(rng.random_range(0..=1));
            let from = rng.random_range(0..self.blocks());
            let to = (from + long.div_ceil(self.run_periods)).min(self.blocks());
            (from..to).for_each(|block| genes[self.run_at(block, channel - 1)] = level);
        }
    }
}

/// A gene anew: half of them jump to a level, half of them drift.
fn changed(gene: f64, least: f64, rng: &mut StreamRng) -> f64 {
    if rng.random::<bool>() {
        f64::from(rng.random_range(least as i32..=1))
    } else {
        (gene + (1.0 - least) * (rng.random::<f64>() - 0.5)).clamp(least, 1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flexai_env::core::SeedTree;

    const LAYOUT: Layout = Layout { periods: 5, classes: 2, run_periods: 2 };

    #[test]
    fn periods_of_a_block_share_their_run_genes() {
        assert_eq!((LAYOUT.blocks(), LAYOUT.len()), (3, 11));
        let genes: Vec<f64> = (0..11).map(f64::from).collect();
        let runs = [0, 1, 2, 4].map(|period| LAYOUT.run(&genes, period).to_vec());
        assert_eq!(runs, [vec![5.0, 6.0], vec![5.0, 6.0], vec![7.0, 8.0], vec![9.0, 10.0]]);
    }

    #[test]
    fn children_stay_in_bounds_and_have_their_genes_from_their_parents() {
        let mut rng = SeedTree::new(1).stream("test");
        let (mother, father) = (vec![0.25; 11], vec![0.75; 11]);
        let mut mixed = 0;
        for _ in 0..100 {
            let mut child = mother.clone();
            LAYOUT.cross(&mut child, &father, &mut rng);
            assert!(child.iter().all(|gene| [0.25, 0.75].contains(gene)));
            mixed += usize::from(child.contains(&0.25) && child.contains(&0.75));
            LAYOUT.mutate(&mut child, 0.5, &mut rng);
            assert!(child[..5].iter().all(|gene| (-1.0..=1.0).contains(gene)));
            assert!(child[5..].iter().all(|gene| (0.0..=1.0).contains(gene)));
        }
        assert!(mixed > 50, "{mixed}");
    }
}
