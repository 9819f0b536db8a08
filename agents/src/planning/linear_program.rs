//! A linear program, with integer columns where needed, in the form all solvers take.
//!
//! minimise `offset + sum cost x` over `lower <= x <= upper` with `row.lower <= sum a x <= row.upper`.
//! Always: bounds may be infinite, coefficients may not; terms of a row name each column once.
//! Not here: how it is solved (`solver/`).

/// Position of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ColumnId(pub usize);

/// Position of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RowId(pub usize);

/// A variable.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Column {
    /// What a unit of it costs.
    pub cost: f64,
    /// Least value.
    pub lower: f64,
    /// Largest value.
    pub upper: f64,
    /// Whether only whole numbers will do.
    pub integer: bool,
    /// Whether rows and costs keep it above its least and below its largest value anyway, so that a solver that pays for
    /// bounds may leave them out.
    pub implied: [bool; 2],
}

/// A constraint: its bounds, and where its terms lie.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Row {
    /// Least value of its sum.
    pub lower: f64,
    /// Largest value of its sum.
    pub upper: f64,
    first: usize,
    end: usize,
}

/// A program to minimise.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct LinearProgram {
    /// Cost whatever is chosen.
    pub offset: f64,
    columns: Vec<Column>,
    rows: Vec<Row>,
    terms: Vec<(ColumnId, f64)>,
}

impl LinearProgram {
    /// Forgets everything but its buffers.
    pub fn clear(&mut self) {
        self.offset = 0.0;
        self.columns.clear();
        self.rows.clear();
        self.terms.clear();
    }

    /// Adds a real variable.
    pub fn column(&mut self, cost: f64, lower: f64, upper: f64) -> ColumnId {
        self.push(Column { cost, lower, upper, integer: false, implied: [false; 2] })
    }

    /// Adds a real variable, some of whose bounds (least, largest) are kept anyway.
    pub fn implied_column(&mut self, cost: f64, [lower, upper]: [f64; 2], implied: [bool; 2]) -> ColumnId {
        self.push(Column { cost, lower, upper, integer: false, implied })
    }

    /// Adds a variable that is 0 or 1.
    pub fn binary(&mut self, cost: f64) -> ColumnId {
        self.push(Column { cost, lower: 0.0, upper: 1.0, integer: true, implied: [false; 2] })
    }

    /// Adds a constraint; terms with a coefficient of 0 are left out.
    pub fn row(&mut self, lower: f64, upper: f64, terms: impl IntoIterator<Item = (ColumnId, f64)>) -> RowId {
        let first = self.terms.len();
        self.terms.extend(terms.into_iter().filter(|(_, a)| *a != 0.0));
        self.rows.push(Row { lower, upper, first, end: self.terms.len() });
        RowId(self.rows.len() - 1)
    }

    /// Adds a part to what a unit of a variable costs.
    pub fn add_cost(&mut self, column: ColumnId, cost: f64) {
        self.columns[column.0].cost += cost;
    }

    /// Changes what a unit of a variable costs.
    pub fn set_cost(&mut self, column: ColumnId, cost: f64) {
        self.columns[column.0].cost = cost;
    }

    /// Changes the bounds of a variable; nothing implies the new ones.
    pub fn set_bounds(&mut self, column: ColumnId, lower: f64, upper: f64) {
        let column = &mut self.columns[column.0];
        (column.lower, column.upper, column.implied) = (lower, upper, [false; 2]);
    }

    /// All variables.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// All constraints.
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// The terms of a constraint.
    pub fn terms(&self, row: &Row) -> &[(ColumnId, f64)] {
        &self.terms[row.first..row.end]
    }

    /// Whether some variable must be whole.
    pub fn has_integers(&self) -> bool {
        self.columns.iter().any(|column| column.integer)
    }

    /// Cost of a point.
    pub fn cost_of(&self, x: &[f64]) -> f64 {
        self.offset + self.columns.iter().zip(x).map(|(column, x)| column.cost * x).sum::<f64>()
    }

    /// By how much a point breaks the worst of all bounds and constraints; 0 or less if it keeps them.
    pub fn violation(&self, x: &[f64]) -> f64 {
        let beyond = |value: f64, lower: f64, upper: f64| (lower - value).max(value - upper);
        let columns = self.columns.iter().zip(x).map(|(column, x)| beyond(*x, column.lower, column.upper));
        let rows = self.rows.iter().map(|row| {
            let sum = self.terms(row).iter().map(|(column, a)| a * x[column.0]).sum();
            beyond(sum, row.lower, row.upper)
        });
        columns.chain(rows).fold(f64::NEG_INFINITY, f64::max)
    }
    fn push(&mut self, column: Column) -> ColumnId {
        self.columns.push(column);
        ColumnId(self.columns.len() - 1)
    }
}
