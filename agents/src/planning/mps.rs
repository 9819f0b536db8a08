//! A linear program as free MPS text, which every solver reads.
//!
//! Always: columns are `c0, c1, ..`, rows `r0, r1, ..`, the cost is `cost`; its constant stands negative on the right-hand
//! side, as most readers take it. Numbers are written so that they read back as they were.

use super::LinearProgram;
use std::fmt::Write;

impl LinearProgram {
    /// The program as MPS text.
    pub fn to_mps(&self) -> String {
        let mut text = String::from("NAME dispatch\nROWS\n N cost\n");
        let mut line = |part: std::fmt::Arguments<'_>| writeln!(text, "{part}").expect("a string can be written");
        for (i, row) in self.rows().iter().enumerate() {
            let kind = match (row.lower == row.upper, row.lower.is_finite(), row.upper.is_finite()) {
                (true, ..) => 'E',
                (_, _, true) => 'L',
                (_, true, _) => 'G',
                _ => 'N',
            };
            line(format_args!(" {kind} r{i}"));
        }
        line(format_args!("COLUMNS"));
        let mut terms = vec![Vec::new(); self.columns().len()];
        for (i, row) in self.rows().iter().enumerate() {
            self.terms(row).iter().for_each(|(column, a)| terms[column.0].push((i, *a)));
        }
        for (j, (column, terms)) in self.columns().iter().zip(&terms).enumerate() {
            if column.integer {
                line(format_args!(" m{j} 'MARKER' 'INTORG'"));
            }
            line(format_args!(" c{j} cost {:e}", column.cost));
            terms.iter().for_each(|(i, a)| line(format_args!(" c{j} r{i} {a:e}")));
            if column.integer {
                line(format_args!(" n{j} 'MARKER' 'INTEND'"));
            }
        }
        line(format_args!("RHS\n rhs cost {:e}", -self.offset));
        for (i, row) in self.rows().iter().enumerate() {
            let side = if row.upper.is_finite() { row.upper } else { row.lower };
            if side.is_finite() {
                line(format_args!(" rhs r{i} {side:e}"));
            }
        }
        line(format_args!("RANGES"));
        for (i, row) in self.rows().iter().enumerate() {
            let width = row.upper - row.lower;
            if width.is_finite() && width > 0.0 {
                line(format_args!(" range r{i} {width:e}"));
            }
        }
        line(format_args!("BOUNDS"));
        for (j, column) in self.columns().iter().enumerate() {
            for (kind, bound, none) in [("LO", column.lower, "MI"), ("UP", column.upper, "PL")] {
                match bound.is_finite() {
                    true => line(format_args!(" {kind} bound c{j} {bound:e}")),
                    false => line(format_args!(" {none} bound c{j}")),
                }
            }
        }
        line(format_args!("ENDATA"));
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_of_a_program_is_written() {
        let mut program = LinearProgram::default();
        program.offset = 7.0;
        let x = program.column(1.5, -1.0, f64::INFINITY);
        let y = program.binary(-2.0);
        program.row(1.0, 4.0, [(x, 1.0), (y, 3.0)]);
        program.row(2.0, 2.0, [(x, 1.0)]);
        program.row(-1.0, f64::INFINITY, [(y, 0.1)]);
        let expected = "NAME dispatch\nROWS\n N cost\n L r0\n E r1\n G r2\nCOLUMNS\n c0 cost 1.5e0\n c0 r0 1e0\n c0 r1 \
                        1e0\n m1 'MARKER' 'INTORG'\n c1 cost -2e0\n c1 r0 3e0\n c1 r2 1e-1\n n1 'MARKER' 'INTEND'\nRHS\n \
                        rhs cost -7e0\n rhs r0 4e0\n rhs r1 2e0\n rhs r2 -1e0\nRANGES\n range r0 3e0\nBOUNDS\n LO bound \
                        c0 -1e0\n PL bound c0\n LO bound c1 0e0\n UP bound c1 1e0\nENDATA\n";
        assert_eq!(program.to_mps(), expected);
    }
}
