//! Blocks of the range that was fitted on, and members that have not seen them.
//!
//! In: history to fit on. Out: the members of any moment. Always: a moment inside a block is forecast by members for whose
//! fit the block and a week on either side were holes; a moment after the range by those that were fitted to all of it.
//! Not here: the members (`member.rs`), their files (`fitted.rs`).

use super::member::{FitError, FitOptions, History, KINDS, Member, MemberKind};
use super::moment::{DAY, WEEK};
use flexai_env::grid::{GridTrace, Knowledge, Period, Signal};
use rayon::prelude::*;
use std::ops::Range;

/// Left out on either side of a block: forecasts issued in it reach 78 half-hours past it, and weather lasts a week.
pub(super) const EMBARGO: usize = WEEK;
/// What is left to fit on has at least so many days.
const LEAST_LEFT_DAYS: usize = 180;

/// Members by moment.
pub(super) struct Panel {
    /// Those that were fitted to the whole range, in the order of [`KINDS`].
    members: Vec<Box<dyn Member>>,
    folds: Vec<Fold>,
}

/// A block of the range that was fitted on.
pub(super) struct Fold {
    pub(super) from: Period,
    pub(super) to: Period,
    /// Members that have not seen it, by the place of those that they stand in for.
    pub(super) members: Vec<Option<Box<dyn Member>>>,
}

impl Panel {
    pub(super) fn new(members: Vec<Box<dyn Member>>, folds: Vec<Fold>) -> Self {
        Self { members, folds }
    }

    /// Fits all members to a range, and those that learn to what each block leaves of it. Several at once: a fit by itself
    /// keeps no more than one core busy for much of its time.
    pub(super) fn fit(trace: &GridTrace, from: usize, options: &FitOptions) -> Result<Self, FitError> {
        let whole = History { trace, from, hidden: None, options };
        let blocks = blocks(from..trace.len(), options.folds);
        let traces: Vec<(Range<usize>, GridTrace)> = blocks.iter().map(|block| hidden(trace, from, block)).collect();
        let histories = std::iter::once(whole).chain(traces.iter().map(|(hidden, trace)| History {
            trace,
            from,
            hidden: Some((hidden.start, hidden.end)),
            options,
        }));
        let mut jobs: Vec<(History<'_>, MemberKind)> = Vec::new();
        for history in histories {
            jobs.extend(
                KINDS.iter().filter(|kind| history.hidden.is_none() || !kind.floor).map(|kind| (history, *kind)),
            );
        }
        let fitted: Result<Vec<_>, FitError> =
            jobs.par_iter().with_max_len(1).map(|(history, kind)| (kind.fit)(history)).collect();
        let mut fitted = fitted?.into_iter();
        let members: Vec<_> = fitted.by_ref().take(KINDS.len()).collect();
        let mut fold = |block: &Range<usize>| {
            let mut stand_in = |kind: &MemberKind| if kind.floor { None } else { fitted.next() };
            let members = KINDS.iter().map(&mut stand_in).collect();
            Fold { from: trace.period(block.start), to: trace.period(block.end), members }
        };
        let folds = blocks.iter().map(&mut fold).collect();
        Ok(Self { members, folds })
    }

    /// Those that were fitted to the whole range.
    pub(super) fn members(&self) -> &[Box<dyn Member>] {
        &self.members
    }

    pub(super) fn folds(&self) -> &[Fold] {
        &self.folds
    }

    /// The members that may speak at a moment, in the order of [`KINDS`]. What lies before the first block is forecast as
    /// that block is: the rest of the range is its future too.
    pub(super) fn at(&self, now: Period) -> Vec<&dyn Member> {
        let fold = self.folds.iter().find(|fold| now < fold.to);
        let stand_in = |i: usize| fold.and_then(|fold| fold.members[i].as_deref());
        self.members.iter().enumerate().map(|(i, member)| stand_in(i).unwrap_or(&**member)).collect()
    }

    /// The same for what is known.
    pub(super) fn of(&self, known: &Knowledge<'_>) -> Vec<&dyn Member> {
        self.at(known.period(known.now()))
    }
}

/// `count` blocks of whole days, as long as each other but for a day; none where too little would be left to fit on.
pub(super) fn blocks(range: Range<usize>, count: usize) -> Vec<Range<usize>> {
    let days = range.len() / DAY;
    let longest = if count == 0 { 0 } else { days.div_ceil(count) };
    if count < 2 || days < longest + 2 * EMBARGO / DAY + LEAST_LEFT_DAYS {
        return Vec::new();
    }
    let start = |i: usize| if i == count { range.end } else { range.start + i * days / count * DAY };
    (0..count).map(|i| start(i)..start(i + 1)).collect()
}

/// A trace in which a block and the embargo around it are holes, and which periods those are.
fn hidden(trace: &GridTrace, from: usize, block: &Range<usize>) -> (Range<usize>, GridTrace) {
    // Nothing before the range is fitted on, but features look back there: the first block hides that too.
    let start = if block.start == from { 0 } else { block.start - EMBARGO };
    let range = start..(block.end + EMBARGO).min(trace.len());
    let without = |signal: Signal| {
        let mut column = trace.column(signal).to_vec();
        column[range.clone()].fill(f64::NAN);
        (signal, column)
    };
    let holes = trace.clone().with_columns(Signal::all().map(without));
    (range, holes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_cover_the_range_without_gap_or_overlap() {
        let range = 7 * DAY..1461 * DAY + 5;
        let four = blocks(range.clone(), 4);
        assert_eq!((four.len(), four[0].start, four[3].end), (4, range.start, range.end));
        assert!(four.windows(2).all(|pair| pair[0].end == pair[1].start));
        assert!(four.iter().all(|block| (363 * DAY..=365 * DAY).contains(&block.len())), "{four:?}");
        assert!(four.iter().all(|block| (block.start - range.start).is_multiple_of(DAY)));
    }

    #[test]
    fn too_little_history_has_no_blocks() {
        assert!(blocks(0..258 * DAY, 4).is_empty());
        assert_eq!(blocks(0..259 * DAY, 4).len(), 4);
        assert!(blocks(0..1461 * DAY, 0).is_empty() && blocks(0..1461 * DAY, 1).is_empty());
    }
}
