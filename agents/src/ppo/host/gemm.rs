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

/// `finish(panel, row, start(panel) + input x weight)` for each row and panel of the result.
///
/// Shapes: `input` is `[inputs]` in panels, `weight` `[outputs, inputs]`: for each panel of outputs one strip per input.
/// `rows` is a multiple of [`STEP`].
#[inline(always)]
pub(super) fn product<const R: usize, const N: usize>(
    rows: usize,
    inputs: usize,
    outputs: usize,
    input: &[Strip],
    weight: &[Strip],
    start: impl Fn(usize) -> Strip,
    mut finish: impl FnMut(usize, usize, Strip),
) {
    let count = panels(outputs);
    let of = |panel: usize| &weight[panel * inputs..(panel + 1) * inputs];
    let mut panel = 0;
    while panel + N <= count {
        let weights: [&[Strip]; N] = std::array::from_fn(|n| of(panel + n));
        let starts: [Strip; N] = std::array::from_fn(|n| start(panel + n));
        for row in (0..rows).step_by(R) {
            let sums = tile::<R, N>(row, inputs, input, weights, starts);
            for (r, sums) in sums.iter().enumerate() {
                for (n, sum) in sums.iter().enumerate() {
                    finish(panel + n, row + r, *sum);
                }
            }
        }
        panel += N;
    }
    for panel in panel..count {
        for row in (0..rows).step_by(R) {
            let sums = tile::<R, 1>(row, inputs, input, [of(panel)], [start(panel)]);
            for (r, [sum]) in sums.iter().enumerate() {
                finish(panel, row + r, *sum);
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
    for (panel, first) in (0..inputs).step_by(LANES).enumerate() {
        let rows: &[Strip] = &input[panel * ROWS + row..][..R];
        let len = LANES.min(inputs - first);
        let weights: [&[Strip]; N] = weights.map(|w| &w[first..first + len]);
        for i in 0..len {
            let weight: [Strip; N] = std::array::from_fn(|n| weights[n][i]);
            for r in 0..R {
                add_scaled(&mut sums[r], rows[r].0[i % LANES], &weight);
            }
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
    outputs: usize,
    input: &[Strip],
    gradient: &[Strip],
    sum: &mut [Strip],
    bias: &mut [Strip],
) {
    let (count, len) = (panels(outputs), inputs.next_multiple_of(STEP));
    let mut panel = 0;
    while panel + N <= count {
        add_panels::<R, N>(std::array::from_fn(|n| panel + n), 0, rows, len, input, gradient, sum);
        panel += N;
    }
    if panel < count {
        // An odd panel is computed together with its left neighbours, whose sums are dropped: the compiler turns the loop
        // over a single panel into one over neighbouring inputs, which is twenty times slower.
        let which = std::array::from_fn(|n| (count + n).saturating_sub(N));
        add_panels::<R, N>(which, N - (count - panel), rows, len, input, gradient, sum);
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
    let gradients: [&[Strip]; N] = which.map(|panel| &gradient[panel * ROWS..][..rows]);
    for first in (0..len).step_by(R) {
        let input = &input[first / LANES * ROWS..][..rows];
        let lane = first % LANES;
        let mut sums = [[Strip::ZERO; N]; R];
        for row in 0..rows {
            let gradient: [Strip; N] = std::array::from_fn(|n| gradients[n][row]);
            let x = &input[row].0[lane..lane + R];
            for r in 0..R {
                add_scaled(&mut sums[r], x[r], &gradient);
            }
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
