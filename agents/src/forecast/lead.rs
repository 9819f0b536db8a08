//! Periods ahead that share a line, a weight and an interval.
//!
//! In: periods ahead, and whether what is published a day ahead is out for that period. Out: the number of a group.
//! Always: every period has one. Not here: what a group learns.

use super::rows::NEXT_DAY_ORIGIN;
use flexai_env::grid::Knowledge;

/// Last lead of each group but the last, which has no end: periods since `now`.
const ENDS: [usize; 13] = [0, 1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 40, 48];
/// The same where nothing is published for the period yet: with the coming day's forecasts still to come, errors are
/// half as large again.
const UNPUBLISHED_ENDS: [usize; 2] = [24, 36];
/// Groups of published periods.
const PUBLISHED: usize = ENDS.len() + 1;
/// Number of groups.
pub(super) const GROUPS: usize = PUBLISHED + UNPUBLISHED_ENDS.len();
/// The last lead of any score: 11:00 to the end of the next local day, clock changes included.
pub(super) const LAST: usize = 78;

/// The group of period `t`.
pub(super) fn group(known: &Knowledge<'_>, t: usize) -> usize {
    of_lead(t.saturating_sub(known.now()), is_published(known, t))
}

/// Whether the hour has come at which the day-ahead auction and forecasts of the local day of `t` are out.
fn is_published(known: &Knowledge<'_>, t: usize) -> bool {
    let (here, there) = (known.local(known.now()), known.local(t));
    there.day <= here.day + i32::from(here.half_hour >= NEXT_DAY_ORIGIN)
}

fn of_lead(lead: usize, published: bool) -> usize {
    if published || lead <= UNPUBLISHED_ENDS[0] {
        return ENDS.iter().position(|end| lead <= *end).unwrap_or(ENDS.len());
    }
    PUBLISHED + usize::from(lead > UNPUBLISHED_ENDS[1])
}

/// A lead of each of the first groups in turn, and what a last one would be at 11:00.
pub(super) fn turns(now: usize) -> impl Iterator<Item = usize> {
    ENDS.iter().enumerate().map(move |(i, end)| {
        let first = if i == 0 { 0 } else { ENDS[i - 1] + 1 };
        first + (now * 7 + i) % (end - first + 1)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_lead_has_a_group_and_what_is_not_published_has_its_own() {
        assert_eq!((of_lead(0, true), of_lead(48, true), of_lead(49, true), of_lead(78, true)), (0, 12, 13, 13));
        assert_eq!((of_lead(24, false), of_lead(25, false), of_lead(37, false)), (9, 14, 15));
        assert!((0..=LAST).all(|lead| of_lead(lead, true).max(of_lead(lead, false)) < GROUPS));
        for now in 0..100 {
            assert_eq!(turns(now).map(|lead| of_lead(lead, true)).collect::<Vec<_>>(), (0..13).collect::<Vec<_>>());
        }
    }
}
