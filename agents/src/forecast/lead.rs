//! Leads that share a model, a weight and an interval.
//!
//! In: periods ahead. Out: the number of a group. Always: every lead has one. Not here: what a group learns.

/// Last lead of each group but the last, which has no end: periods since `now`.
const ENDS: [usize; 13] = [0, 1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 40, 48];
/// Number of groups.
pub(super) const GROUPS: usize = ENDS.len() + 1;

/// The group of a lead.
pub(super) fn group(lead: usize) -> usize {
    ENDS.iter().position(|end| lead <= *end).unwrap_or(ENDS.len())
}

/// Leads of a group; the last one ends with what is forecast at 11:00 for the next local day.
pub(super) fn leads(group: usize) -> std::ops::RangeInclusive<usize> {
    let first = if group == 0 { 0 } else { ENDS[group - 1] + 1 };
    first..=ENDS.get(group).copied().unwrap_or(LAST)
}

/// The last lead of any score: 11:00 to the end of the next local day, clock changes included.
pub(super) const LAST: usize = 78;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_lead_lies_in_the_leads_of_its_group() {
        assert!((0..=LAST).all(|lead| leads(group(lead)).contains(&lead)));
        assert_eq!((group(0), group(48), group(49), GROUPS), (0, 12, 13, 14));
    }
}
