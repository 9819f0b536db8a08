//! The nearest known word to a mistyped one.
//!
//! In: a word and candidates. Out: the closest candidate, if it is close enough to be meant.
//! Always: ties go to the candidate that comes first.
//! Not here: how the suggestion is worded (`explain.rs`).

/// The candidate within a third of its length (at least one edit) of the word.
pub(crate) fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    candidates
        .into_iter()
        .map(|candidate| (edit_distance(word, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= (candidate.chars().count() / 3).max(1))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Insertions, deletions, substitutions and swaps of neighbours (optimal string alignment).
fn edit_distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.to_lowercase().chars().collect(), b.to_lowercase().chars().collect());
    let mut rows = vec![vec![0; b.len() + 1]; a.len() + 1];
    for (i, row) in rows.iter_mut().enumerate() {
        row[0] = i;
    }
    for (j, cell) in rows[0].iter_mut().enumerate() {
        *cell = j;
    }
    for i in 1..=a.len() {
        for j in 1..=b.len() {
            let cost = usize::from(a[i - 1] != b[j - 1]);
            let mut best = (rows[i - 1][j] + 1).min(rows[i][j - 1] + 1).min(rows[i - 1][j - 1] + cost);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            rows[i][j] = best;
        }
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edits_are_counted_with_a_swap_as_one() {
        assert_eq!(edit_distance("gamma", "gamma"), 0);
        assert_eq!(edit_distance("gmama", "gamma"), 1);
        assert_eq!(edit_distance("num_step", "num_steps"), 1);
        assert_eq!(edit_distance("", "abc"), 3);
    }

    #[test]
    fn a_far_word_has_no_nearest_neighbour() {
        assert_eq!(nearest("gama", ["clip_coef", "gamma"]), Some("gamma"));
        assert_eq!(nearest("temperature", ["clip_coef", "gamma"]), None);
    }
}
