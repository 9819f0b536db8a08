//! Matrix products of a block of rows, on sixteen columns at a time.
//!
//! In: blocks of up to [`ROWS`] rows in panels, weights packed in panels. Out: products, row sums, weight gradients.
//! Always: every sum is taken in the order of its index with one rounding per multiplication and one per addition, so the
//! result depends neither on the width of the machine's vectors nor on how columns and rows are grouped, and a forward
//! product has the bits of [`Dense`](crate::artifact::Dense). Not here: which products a network needs (`mlp.rs`).
//!
//! A panel is a matrix of sixteen columns: element `(row, column)` of a block lies in strip `column / 16 * ROWS + row`,
//! so all accesses are to neighbouring memory however wide the layer is. The functions are written for whole strips and
//! inlined into callers that are compiled for several vector widths (`simd.rs`); `R` rows (or inputs) and `N` panels are
//! computed together, as many as there are registers for.

/// Columns of a panel.
pub(super) const LANES: usize = 16;
/// Rows of a block.
pub(super) const ROWS: usize = 128;
/// Rows and inputs come in multiples of this.
pub(super) const STEP: usize = 8;

/// The same statement for each of up to eight rows, one after the other in the text: a loop over them is at times compiled
/// into one that gathers single numbers of many rows, which is a hundred times slower.
macro_rules! each_row {
    ($count:expr, $row:ident => $statement:expr) => {
        each_row!(@ $count, $row => $statement, 0 1 2 3 4 5 6 7)
    };
    (@ $count:expr, $row:ident => $statement:expr, $($number:literal)*) => {
        $(if $number < $count {
            let $row: usize = $number;
            $statement;
        })*
    };
}

/// One row of a panel, aligned so that it never spans two cache lines.
#[derive(Debug, Clone, Copy, PartialEq)]
#[repr(align(64))]
pub(super) struct Strip(pub(super) [f32; LANES]);

impl Strip {
    pub(super) const ZERO: Self = Self([0.0; LANES]);
}

/// Panels that hold `columns` columns.
pub(super) fn panels(columns: usize) -> usize {
    columns.div_ceil(LANES)
}

/// Takes a finished strip of a product; a trait and not a closure, because closures are not always inlined.
pub(super) trait Finish {
    /// `at` is the strip's place in a block: `panel * ROWS + row`.
    fn finish(&mut self, at: usize, sums: Strip);
}

/// Hands `start + input x weight` to `finish`, for each row and panel of the result.
///
/// Shapes: `input` is `[inputs]` in panels, `weight` `[outputs, inputs]`: for each panel of outputs one strip per input;
/// `start` has a strip per panel, or none for zeros. `rows` is a multiple of [`STEP`].
#[inline(always)]
pub(super) fn product<const R: usize, const N: usize>(
    rows: usize,
    inputs: usize,
    input: &[Strip],
    weight: &[Strip],
    start: &[Strip],
    finish: &mut impl Finish,
) {
    let count = weight.len() / inputs;
    for panel in (0..count / N * N).step_by(N) {
        product_panels::<R, N>(consecutive(panel), rows, inputs, input, weight, start, finish);
    }
    if !count.is_multiple_of(N) {
        product_panels::<R, N>(last_panels(count), rows, inputs, input, weight, start, finish);
    }
}

#[inline(always)]
fn consecutive<const N: usize>(first: usize) -> [usize; N] {
    let mut panels = [first; N];
    for (n, panel) in panels.iter_mut().enumerate() {
        *panel += n;
    }
    panels
}

/// The last `N` of `count` panels; the first repeatedly if there are fewer.
///
/// What is left over after whole groups is computed together with its left neighbours, which were finished before: the
/// compiler turns the loop over a single panel into one over neighbouring rows or inputs, which is many times slower.
#[inline(always)]
fn last_panels<const N: usize>(count: usize) -> [usize; N] {
    let mut panels = [0; N];
    for (n, panel) in panels.iter_mut().enumerate() {
        *panel = (count + n).saturating_sub(N);
    }
    panels
}

#[inline(always)]
fn product_panels<const R: usize, const N: usize>(
    which: [usize; N],
    rows: usize,
    inputs: usize,
    input: &[Strip],
    weight: &[Strip],
    start: &[Strip],
    finish: &mut impl Finish,
) {
    let (mut weights, mut starts) = ([weight; N], [Strip::ZERO; N]);
    for n in 0..N {
        weights[n] = &weight[which[n] * inputs..][..inputs];
        if !start.is_empty() {
            starts[n] = start[which[n]];
        }
    }
    for row in (0..rows).step_by(R) {
        let sums = tile::<R, N>(row, inputs, input, weights, starts);
        for r in 0..R {
            for n in 0..N {
                finish.finish(which[n] * ROWS + row + r, sums[r][n]);
            }
        }
    }
}

/// `R` rows of `N` panels; the sums stay in registers.
#[inline(always)]
fn tile<const R: usize, const N: usize>(
    row: usize,
    inputs: usize,
    input: &[Strip],
    weights: [&[Strip]; N],
    starts: [Strip; N],
) -> [[Strip; N]; R] {
    let mut sums = [starts; R];
    for panel in 0..panels(inputs) {
        let rows: &[Strip] = &input[panel * ROWS + row..][..R];
        let first = panel * LANES;
        let len = LANES.min(inputs - first);
        let mut part = weights;
        for n in 0..N {
            part[n] = &weights[n][first..first + len];
        }
        for i in 0..len {
            let mut weight = [Strip::ZERO; N];
            for n in 0..N {
                weight[n] = part[n][i];
            }
            each_row!(R, r => add_scaled(&mut sums[r], rows[r].0[i % LANES], &weight));
        }
    }
    sums
}

#[inline(always)]
fn add_scaled<const N: usize>(sums: &mut [Strip; N], x: f32, weight: &[Strip; N]) {
    for n in 0..N {
        for l in 0..LANES {
            sums[n].0[l] += x * weight[n].0[l];
        }
    }
}

/// Adds `transposed(input) x gradient` to `sum`, and the column sums of `gradient` to `bias`.
///
/// Shapes: `input` and `gradient` are blocks in panels; `sum` has for each panel of outputs one strip per input, the
/// inputs rounded up to a multiple of [`STEP`].
#[inline(always)]
pub(super) fn add_weight_gradient<const R: usize, const N: usize>(
    rows: usize,
    inputs: usize,
    input: &[Strip],
    gradient: &[Strip],
    sum: &mut [Strip],
    bias: &mut [Strip],
) {
    let (count, len) = (bias.len(), inputs.next_multiple_of(STEP));
    for panel in (0..count / N * N).step_by(N) {
        add_panels::<R, N>(consecutive(panel), 0, rows, len, input, gradient, sum);
    }
    let left = count % N;
    if left > 0 {
        add_panels::<R, N>(last_panels(count), N - left, rows, len, input, gradient, sum);
    }
    for (panel, bias) in bias.iter_mut().enumerate() {
        for strip in &gradient[panel * ROWS..][..rows] {
            for l in 0..LANES {
                bias.0[l] += strip.0[l];
            }
        }
    }
}

#[inline(always)]
fn add_panels<const R: usize, const N: usize>(
    which: [usize; N],
    dropped: usize,
    rows: usize,
    len: usize,
    input: &[Strip],
    gradient: &[Strip],
    sum: &mut [Strip],
) {
    let mut gradients = [gradient; N];
    for n in 0..N {
        gradients[n] = &gradient[which[n] * ROWS..][..rows];
    }
    for first in (0..len).step_by(R) {
        let input = &input[first / LANES * ROWS..][..rows];
        let lane = first % LANES;
        let mut sums = [[Strip::ZERO; N]; R];
        for row in 0..rows {
            let mut gradient = [Strip::ZERO; N];
            for n in 0..N {
                gradient[n] = gradients[n][row];
            }
            let x = &input[row].0[lane..lane + R];
            each_row!(R, r => add_scaled(&mut sums[r], x[r], &gradient));
        }
        for (r, sums) in sums.iter().enumerate() {
            for n in 0..N {
                // A dropped sum is added to a strip that is written back as it was.
                let sum = &mut sum[which[n] * len + first + r];
                for l in 0..LANES {
                    sum.0[l] += if n < dropped { 0.0 } else { sums[n].0[l] };
                }
            }
        }
    }
}
