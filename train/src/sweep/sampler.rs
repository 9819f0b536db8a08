//! The next point: at random, or by a tree-structured Parzen estimator.
//!
//! In: dimensions, what earlier generations found (best first), the points of this generation so far. Out: a point.
//! Always: the draws of a trial come from streams named by the sweep's seed, the trial and the key, and what was found
//! comes from whole generations: a point depends on neither the order in which trials end nor how many run at a time.
//! Not here: the estimators (`parzen.rs`), what is best (`record.rs`).
//!
//! Source: Bergstra et al. 2011 (NIPS 24), section 4: the best share of the points makes the density l, the others g; of
//! the candidates drawn from l the one with the greatest l/g is taken, in each dimension by itself. Points of the same
//! generation, whose scores are not known yet, count among the others (the constant liar of Ginsbourger et al. 2010).

use super::config::{SamplerConfig, SamplerKind};
use super::parzen::{Mixture, draw_position, shares};
use super::space::{Dimension, Domain, Point};
use flexai_env::core::{SeedTree, StreamRng};
use rand::RngExt;

/// Points that count as good at most (Hyperopt's limit).
const GOOD_MAX: usize = 25;

/// What the generations before found.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Found {
    /// Points of trials with a score, best first.
    pub scored: Vec<Point>,
    /// Points of trials that failed.
    pub failed: Vec<Point>,
}

/// The point of a trial.
pub fn suggest(
    dimensions: &[Dimension],
    how: &SamplerConfig,
    seed: u64,
    trial: usize,
    found: &Found,
    pending: &[Point],
) -> Point {
    let tree = SeedTree::new(seed).child("sweep trial", trial as u64);
    let random = how.kind == SamplerKind::Random || trial < how.startup || found.scored.is_empty();
    let good = ((how.good_share * (found.scored.len() + found.failed.len()) as f64).ceil() as usize)
        .clamp(1, GOOD_MAX)
        .min(found.scored.len());
    dimensions
        .iter()
        .enumerate()
        .map(|(d, dimension)| {
            let mut rng = tree.stream(&dimension.key);
            if random {
                return dimension.domain.from_unit(rng.random());
            }
            let units = |points: &mut dyn Iterator<Item = &Point>| -> Vec<f64> {
                points.filter_map(|point| dimension.domain.to_unit(&point[d])).collect()
            };
            let best = units(&mut found.scored[..good].iter());
            let others = units(&mut found.scored[good..].iter().chain(&found.failed).chain(pending));
            dimension.domain.from_unit(promising(&dimension.domain, &best, &others, how.candidates, &mut rng))
        })
        .collect()
}

/// The candidate, as a position in the unit interval, that is the likeliest under `good` compared with `others`.
fn promising(domain: &Domain, good: &[f64], others: &[f64], candidates: usize, rng: &mut StreamRng) -> f64 {
    if let Domain::Choice(items) = domain {
        let count = items.len();
        let positions = |units: &[f64]| -> Vec<usize> {
            units.iter().map(|unit| ((unit * count as f64) as usize).min(count - 1)).collect()
        };
        let (l, g) = (shares(&positions(good), count), shares(&positions(others), count));
        let drawn = (0..candidates).map(|_| draw_position(&l, rng));
        return (first_greatest(drawn, |item| l[*item] / g[*item]) as f64 + 0.5) / count as f64;
    }
    let (l, g) = (Mixture::new(good), Mixture::new(others));
    let drawn = (0..candidates).map(|_| l.draw(rng));
    match domain.count() {
        None => first_greatest(drawn, |unit| l.density(*unit) / g.density(*unit)),
        // A whole number stands for all positions that round to it.
        Some(count) => first_greatest(drawn, |unit| {
            let from = (unit * count as f64).floor().min(count as f64 - 1.0) / count as f64;
            let to = from + 1.0 / count as f64;
            l.mass(from, to) / g.mass(from, to)
        }),
    }
}

fn first_greatest<T>(items: impl Iterator<Item = T>, value: impl Fn(&T) -> f64) -> T {
    let mut best: Option<(f64, T)> = None;
    for item in items {
        let of_item = value(&item);
        if best.as_ref().is_none_or(|(greatest, _)| of_item > *greatest) {
            best = Some((of_item, item));
        }
    }
    best.expect("there is at least one candidate: the configuration is checked").1
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sweep::space::number;
    use toml::Value;

    fn dimensions() -> Vec<Dimension> {
        let named = |key: &str, domain| Dimension { key: key.into(), domain };
        vec![
            named("a", Domain::LogUniform { low: 1e-4, high: 1.0 }),
            named("b", Domain::Uniform { low: -1.0, high: 1.0 }),
            named("c", Domain::IntUniform { low: 1, high: 8 }),
            named("d", Domain::Choice(["x", "y", "z"].map(|name| Value::String(name.into())).to_vec())),
        ]
    }

    fn tpe() -> SamplerConfig {
        SamplerConfig { startup: 8, ..SamplerConfig::default() }
    }

    /// Highest, 0, at a = 0.01, b = 0.5, c = 6, d = "y".
    fn score(point: &Point) -> f64 {
        let [a, b, c] = [0, 1, 2].map(|d| number(&point[d]).unwrap());
        let wrong = f64::from(u8::from(point[3].as_str() != Some("y")));
        -((a / 0.01).log10().powi(2) + 4.0 * (b - 0.5).powi(2) + ((c - 6.0) / 4.0).powi(2) + wrong)
    }

    /// The best score of a search of 60 trials in generations of 4.
    fn search(how: &SamplerConfig, seed: u64) -> f64 {
        let mut all: Vec<(f64, Point)> = Vec::new();
        for generation in 0..15 {
            let mut scored = all.clone();
            scored.sort_by(|x, y| y.0.total_cmp(&x.0));
            let found = Found { scored: scored.into_iter().map(|(_, point)| point).collect(), failed: Vec::new() };
            let mut pending = Vec::new();
            for trial in generation * 4..generation * 4 + 4 {
                pending.push(suggest(&dimensions(), how, seed, trial, &found, &pending));
            }
            all.extend(pending.into_iter().map(|point| (score(&point), point)));
        }
        all.iter().map(|(score, _)| *score).fold(f64::NEG_INFINITY, f64::max)
    }

    #[test]
    fn the_parzen_sampler_finds_a_known_best_point_better_than_chance() {
        let random = SamplerConfig { kind: SamplerKind::Random, ..tpe() };
        let mean = |how: &SamplerConfig| (0..20).map(|seed| search(how, seed)).sum::<f64>() / 20.0;
        let (tpe, random) = (mean(&tpe()), mean(&random));
        assert!(tpe > 0.5 * random, "tpe {tpe}, random {random}: both are negative, 0 is the best there is");
    }

    #[test]
    fn a_point_depends_on_the_trial_and_on_what_was_found_and_on_nothing_else() {
        let dims = dimensions();
        let mut found = Found::default();
        found.scored = (0..12).map(|trial| suggest(&dims, &tpe(), 1, trial, &found, &[])).collect();
        let point = |trial| suggest(&dims, &tpe(), 1, trial, &found, &[]);
        assert_eq!(point(20), point(20));
        assert_ne!(point(20), point(21));
        assert_ne!(point(20), suggest(&dims, &tpe(), 2, 20, &found, &[]));
        // Another dimension beside it changes nothing in a random draw.
        let random = SamplerConfig { kind: SamplerKind::Random, ..tpe() };
        assert_eq!(suggest(&dims, &random, 1, 3, &found, &[])[1], suggest(&dims[1..2], &random, 1, 3, &found, &[])[0]);
    }

    #[test]
    fn before_anything_has_a_score_points_are_drawn_at_random() {
        let failed =
            Found { scored: Vec::new(), failed: vec![suggest(&dimensions(), &tpe(), 1, 0, &Found::default(), &[])] };
        let random = SamplerConfig { kind: SamplerKind::Random, ..tpe() };
        let dims = dimensions();
        assert_eq!(suggest(&dims, &tpe(), 1, 30, &failed, &[]), suggest(&dims, &random, 1, 30, &failed, &[]));
    }

    #[test]
    fn points_that_failed_keep_others_away() {
        let dims = &dimensions()[3..];
        let point = |name: &str| vec![Value::String(name.into())];
        let found = Found { scored: vec![point("x"), point("y"), point("z")], failed: vec![point("x"); 40] };
        let drawn: Vec<Point> = (50..90).map(|trial| suggest(dims, &tpe(), 1, trial, &found, &[])).collect();
        let of_x = drawn.iter().filter(|p| **p == point("x")).count();
        assert_eq!(of_x, 0, "x was good once, and failed forty times");
    }
}
