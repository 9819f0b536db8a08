//! Gradient-boosted trees: one forest per target, with the lead as a feature.
//!
//! In: rows. Out: trees in flat arrays. Always: the same rows and seed give the same bytes at any number of threads; an
//! answer is the sum of one leaf per tree, in the order of the trees. Not here: rows (`rows.rs`).

use super::rows::Rows;
use forust_ml::GradientBooster;
use forust_ml::Matrix;
use forust_ml::objective::ObjectiveType;
use forust_ml::sampler::SampleMethod;
use forust_ml::tree::Tree;
use serde::{Deserialize, Serialize};

/// How a forest is grown.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BoostedOptions {
    /// Number of trees.
    pub trees: usize,
    /// Share of each tree's answer that counts.
    pub learning_rate: f32,
    /// Depth of a tree.
    pub max_depth: usize,
    /// Least weight of rows in a leaf.
    pub min_leaf_weight: f32,
    /// Penalty on the square of a leaf's answer, in rows.
    pub l2: f32,
    /// Share of rows that each tree sees.
    pub subsample: f32,
    /// Share of features that each tree sees.
    pub features_per_tree: f64,
    /// Days after which a row counts half.
    pub half_life_days: f64,
}

impl Default for BoostedOptions {
    fn default() -> Self {
        Self {
            trees: 200,
            learning_rate: 0.06,
            max_depth: 5,
            min_leaf_weight: 60.0,
            l2: 20.0,
            subsample: 0.5,
            features_per_tree: 0.5,
            half_life_days: 500.0,
        }
    }
}

/// A fitted forest.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Boosted {
    start: f64,
    /// First node of each tree.
    roots: Vec<u32>,
    nodes: Vec<Node>,
    /// Number of features.
    width: u32,
}

/// A node of a tree; small, because a folder holds a hundred thousand of them.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
enum Node {
    /// The answer.
    Leaf(f32),
    /// Values below go left.
    Split {
        feature: u16,
        /// Child where the feature is missing: the left one, or the right one.
        missing_left: bool,
        value: f64,
        /// Nodes from here to the children.
        left: u16,
        right: u16,
    },
}

/// No forest could be grown.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("gradient boosting failed on {rows} rows of {width} features: {reason}")]
pub struct BoostError {
    rows: usize,
    width: usize,
    reason: String,
}

impl Boosted {
    /// Grows a forest.
    ///
    /// # Errors
    /// [`BoostError`] if there are no rows, or the options cannot be used.
    pub(super) fn fit(rows: &Rows, options: &BoostedOptions, seed: u64) -> Result<Self, BoostError> {
        let fault = |reason: String| BoostError { rows: rows.len(), width: rows.width, reason };
        if rows.len() < 1000 {
            return Err(fault("at least 1000 rows are needed".into()));
        }
        let mut booster = GradientBooster::default();
        booster.objective_type = ObjectiveType::SquaredLoss;
        booster.iterations = options.trees;
        booster.learning_rate = options.learning_rate;
        booster.max_depth = options.max_depth;
        booster.max_leaves = 1 << options.max_depth.min(12);
        booster.min_leaf_weight = options.min_leaf_weight;
        booster.l2 = options.l2;
        booster.subsample = options.subsample;
        booster.colsample_bytree = options.features_per_tree;
        booster.sample_method = if options.subsample < 1.0 { SampleMethod::Random } else { SampleMethod::None };
        booster.nbins = 128;
        booster.seed = seed;
        booster.tiled_histograms = true;
        let columns = by_column(rows);
        let matrix = Matrix::new(&columns, rows.len(), rows.width);
        let weights: Vec<f64> = rows.age_days.iter().map(|age| 0.5_f64.powf(age / options.half_life_days)).collect();
        booster.fit(&matrix, &rows.outcomes, &weights, None).map_err(|error| fault(error.to_string()))?;
        Ok(Self::flatten(&booster, rows.width))
    }

    fn flatten(booster: &GradientBooster, width: usize) -> Self {
        let mut forest = Self { start: booster.base_score, roots: Vec::new(), nodes: Vec::new(), width: width as u32 };
        booster.trees.iter().for_each(|tree| forest.add(tree));
        forest
    }

    fn add(&mut self, tree: &Tree) {
        let root = self.nodes.len() as u32;
        self.roots.push(root);
        self.nodes.extend(tree.nodes.iter().enumerate().map(|(i, node)| {
            if node.is_leaf {
                return Node::Leaf(node.weight_value);
            }
            Node::Split {
                feature: node.split_feature as u16,
                missing_left: node.missing_node == node.left_child,
                value: node.split_value,
                left: (node.left_child - i) as u16,
                right: (node.right_child - i) as u16,
            }
        }));
    }

    /// Answer for a row, in units of the scale.
    pub(super) fn predict(&self, row: &[f64]) -> f64 {
        self.start + self.roots.iter().map(|root| self.leaf(*root, row)).sum::<f64>()
    }

    fn leaf(&self, root: u32, row: &[f64]) -> f64 {
        let mut at = root as usize;
        loop {
            match self.nodes[at] {
                Node::Leaf(answer) => return f64::from(answer),
                Node::Split { feature, missing_left, value, left, right } => {
                    let x = row[feature as usize];
                    let goes_left = if x.is_nan() { missing_left } else { x < value };
                    at += usize::from(if goes_left { left } else { right });
                }
            }
        }
    }

    /// Whether every split leads onwards, so that no row can send it astray or round in circles.
    pub(super) fn is_sound(&self, width: usize) -> bool {
        let onwards = |(i, node): (usize, &Node)| match node {
            Node::Leaf(answer) => answer.is_finite(),
            Node::Split { feature, left, right, .. } => {
                let child = |steps: u16| steps > 0 && i + usize::from(steps) < self.nodes.len();
                usize::from(*feature) < width && child(*left) && child(*right)
            }
        };
        self.width as usize == width
            && self.roots.iter().all(|root| (*root as usize) < self.nodes.len())
            && self.nodes.iter().enumerate().all(onwards)
    }
}

fn by_column(rows: &Rows) -> Vec<f64> {
    let (n, width) = (rows.len(), rows.width);
    let mut columns = vec![0.0; n * width];
    for (i, row) in rows.features.chunks_exact(width).enumerate() {
        row.iter().enumerate().for_each(|(j, x)| columns[j * n + i] = *x);
    }
    columns
}
