//! What flexibility earns by the import of a period: straight between points, and not concave.
//!
//! In: points (import, pounds). Out: rows that keep the earnings below the curve's concave hull; with a binary below the
//! hulls of its two halves, import below and above the turning point.
//! Always: no import earns more here than on the curve's points, hence never less than the truth.

use crate::planning::linear_program::{ColumnId, LinearProgram};

const NONE: f64 = f64::NEG_INFINITY;

/// A slope below this is rounding, GBP/MWh.
const FLAT: f64 = 1e-6;

/// Earnings in GBP by import in MWh, straight between points.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct EarningsCurve {
    /// Points in the order of import.
    pub points: Vec<(f64, f64)>,
    /// Import at which the curve may turn the wrong way: FIFO's.
    pub turn_mwh: f64,
}

impl EarningsCurve {
    /// Adds the earnings of a column that holds import up to `most`.
    pub(super) fn add_to(&self, program: &mut LinearProgram, import: ColumnId, most: f64, binaries: bool) {
        let (below, above) = (self.part(0.0, self.turn_mwh.min(most)), self.part(self.turn_mwh.min(most), most));
        let least = self.points.iter().map(|point| point.1).fold(0.0, f64::min);
        let largest = self.points.iter().map(|point| point.1).fold(0.0, f64::max);
        let earned = program.implied_column(-1.0, [least, largest], [true, true]);
        let whole = hull(&self.part(0.0, most));
        if !binaries || hull(&below).len() + hull(&above).len() <= whole.len() + 1 {
            for (slope, at_zero) in lines(&whole) {
                program.row(NONE, at_zero, [(earned, 1.0), (import, -slope)]);
            }
            return;
        }
        // import = low + high, of which the choice leaves one: each half of the curve is scaled by its share.
        let choice = program.binary(0.0);
        let turn = self.turn_mwh.min(most);
        let low = program.column(0.0, 0.0, turn);
        let high = program.column(0.0, 0.0, most);
        program.row(0.0, 0.0, [(import, 1.0), (low, -1.0), (high, -1.0)]);
        program.row(NONE, 0.0, [(low, 1.0), (choice, -turn)]);
        program.row(NONE, most, [(high, 1.0), (choice, most)]);
        program.row(turn, f64::INFINITY, [(high, 1.0), (choice, turn)]);
        let mut share = || program.implied_column(0.0, [least, largest], [true, true]);
        let (first, second) = (share(), share());
        program.row(0.0, 0.0, [(earned, 1.0), (first, -1.0), (second, -1.0)]);
        for (slope, at_zero) in lines(&hull(&below)) {
            program.row(NONE, 0.0, [(first, 1.0), (low, -slope), (choice, -at_zero)]);
        }
        for (slope, at_zero) in lines(&hull(&above)) {
            program.row(NONE, at_zero, [(second, 1.0), (high, -slope), (choice, at_zero)]);
        }
    }

    /// Earnings at an import; beyond the points those of the nearest.
    pub fn at(&self, import: f64) -> f64 {
        let after = self.points.partition_point(|point| point.0 <= import);
        match (after.checked_sub(1).map(|i| self.points[i]), self.points.get(after)) {
            (Some(before), Some(after)) if after.0 > before.0 => {
                before.1 + (after.1 - before.1) * (import - before.0) / (after.0 - before.0)
            }
            (Some(point), _) => point.1,
            (None, Some(point)) => point.1,
            (None, None) => 0.0,
        }
    }

    /// The points between two imports, those included.
    fn part(&self, from: f64, to: f64) -> Vec<(f64, f64)> {
        let mut part = vec![(from, self.at(from))];
        part.extend(self.points.iter().filter(|point| from < point.0 && point.0 < to));
        if to > from {
            part.push((to, self.at(to)));
        }
        part
    }
}

/// Corners of the concave hull, left to right.
fn hull(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let mut corners: Vec<(f64, f64)> = Vec::new();
    for point in points {
        while let [.., a, b] = corners[..]
            && (b.1 - a.1) * (point.0 - a.0) <= (point.1 - a.1) * (b.0 - a.0)
        {
            corners.pop();
        }
        corners.push(*point);
    }
    corners
}

/// (slope, value at 0) of each side of a hull; of a single point a level line.
fn lines(corners: &[(f64, f64)]) -> Vec<(f64, f64)> {
    if let [point] = corners {
        return vec![(0.0, point.1)];
    }
    let line = |pair: &[(f64, f64)]| {
        let slope = (pair[1].1 - pair[0].1) / (pair[1].0 - pair[0].0);
        if slope.abs() < FLAT {
            return (0.0, pair[0].1.max(pair[1].1));
        }
        (slope, pair[0].1 - slope * pair[0].0)
    };
    corners.windows(2).map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::planning::solver::{Limits, Simplex, Solver};

    /// Pays 10 a MWh below 4 MWh, up to 20; a penalty of 5 a MWh above 6 MWh.
    fn curve() -> EarningsCurve {
        EarningsCurve { points: vec![(0.0, 20.0), (2.0, 20.0), (4.0, 0.0), (6.0, 0.0), (9.0, -15.0)], turn_mwh: 4.0 }
    }

    fn best(import: f64, binaries: bool) -> f64 {
        let mut program = LinearProgram::default();
        let column = program.column(0.0, import, import.max(1e-9));
        curve().add_to(&mut program, column, 9.0, binaries);
        -Simplex.solve(&program, &Limits::default(), None).unwrap().objective
    }

    #[test]
    fn with_a_binary_the_curve_is_met_and_without_it_its_concave_hull() {
        for (import, truth, hull) in [(1.0, 20.0, 20.0), (3.0, 10.0, 15.0), (4.0, 0.0, 10.0), (5.0, 0.0, 5.0)] {
            assert!((curve().at(import) - truth).abs() < 1e-9);
            assert!((best(import, true) - truth).abs() < 1e-4, "{import} {}", best(import, true));
            assert!((best(import, false) - hull).abs() < 1e-4, "{import} {}", best(import, false));
        }
    }
}
