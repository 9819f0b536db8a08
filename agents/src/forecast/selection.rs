//! Who takes part: members that have shown skill where they had not seen the future.
//!
//! In: members by moment, the range they were fitted on. Out: per target and band of leads the names of those that join.
//! Always: what decides are forecasts of members that had not seen the moment; where nothing beats the best floor, that
//! floor stands alone and uncorrected. Not here: weights (`rolling.rs`).

use super::contract::Target;
use super::folds::Panel;
use super::lead::GROUPS;
use super::member::KINDS;
use super::moment::DAY;
use super::rolling::{EnsembleOptions, ErrorRow, Replayed, all_error_rows, is_counted, member_means};
use flexai_env::grid::{GridTrace, InformationSet, Knowledge};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// Bands of leads, half-hours, with their last groups.
const BANDS: [(&str, usize); 4] = [("0-8", 6), ("9-24", 9), ("25 on", 13), ("25 on, unpublished", GROUPS - 1)];

/// Which of the members of a target join in each group of leads.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Joins {
    /// Those that join anywhere.
    names: Vec<String>,
    joins: Vec<Vec<bool>>,
    plain: Vec<bool>,
}

impl Joins {
    /// Of candidates by name; `joins(group, name)`.
    pub(super) fn new(names: &[&str], joins: impl Fn(usize, &str) -> bool) -> Self {
        let of_group = |group: usize| names.iter().map(|name| joins(group, name)).collect::<Vec<bool>>();
        let joins: Vec<Vec<bool>> = (0..GROUPS).map(of_group).collect();
        let learns = |name: &&str| KINDS.iter().any(|kind| kind.name == *name && !kind.floor);
        let plain = |joins: &Vec<bool>| !names.iter().zip(joins).any(|(name, joins)| *joins && learns(name));
        Self {
            plain: joins.iter().map(plain).collect(),
            joins,
            names: names.iter().map(|name| (*name).into()).collect(),
        }
    }

    pub(super) fn members(&self) -> usize {
        self.names.len()
    }

    /// Whether a member joins anywhere.
    pub(super) fn has(&self, name: &str) -> bool {
        self.names.iter().any(|joins| joins == name)
    }

    pub(super) fn of(&self, group: usize) -> &[bool] {
        &self.joins[group]
    }

    /// Whether only floors join: they are taken as they are.
    pub(super) fn is_plain(&self, group: usize) -> bool {
        self.plain[group]
    }
}

/// Who takes part in a band of leads, and why.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Selection {
    /// Of which target.
    pub target: Target,
    /// Half-hours ahead.
    pub band: String,
    /// Models that are no worse than the best floor by themselves, and that floor; it alone where the mix does not beat it.
    pub members: Vec<String>,
    /// The best floor.
    pub floor: String,
    /// Error less than the floor's, in percent of it, of the mix.
    pub skill_pct: f64,
    /// The same of each that could take part, by itself.
    pub alone: Vec<Alone>,
}

/// A member by itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Alone {
    /// Its name.
    pub member: String,
    /// Error less than that of the best floor, in percent of it.
    pub skill_pct: f64,
}

/// Least skill of a mix, in percent, that takes the place of a floor.
const LEAST_SKILL_PCT: f64 = 1.0;
/// A member whose error is larger than the floor's by more than this share has no skill; what is missed by a little less
/// can still mend a mix.
const HARMLESS: f64 = 0.01;
/// Floors that repeat a value: they stand alone or not at all, because a mix with them is worse on validation.
const LOOK_BACK: [&str; 3] = ["persistence", "yesterday", "last_week"];
/// A scaled error is cut here, as it is for weights.
const SPIKE: f64 = 8.0;

/// Names of those that can take part.
fn candidates(target: Target) -> Vec<&'static str> {
    KINDS.iter().filter(|kind| kind.joins.contains(&target)).map(|kind| kind.name).collect()
}

/// Who joins, by what was selected; everybody where nothing was.
pub(super) fn joins(selections: &[Selection], target: Target) -> Joins {
    let of_target: Vec<&Selection> = selections.iter().filter(|selection| selection.target == target).collect();
    let selected = |name: &str| of_target.iter().any(|selection| selection.members.iter().any(|member| member == name));
    let names: Vec<&str> =
        candidates(target).into_iter().filter(|name| of_target.is_empty() || selected(name)).collect();
    Joins::new(&names, |group, name| {
        let selection = of_target.get(band(group));
        selection.is_none_or(|selection| selection.members.iter().any(|member| member == name))
    })
}

/// Whether selections are there for no target or for every band of every one, in order, of known members.
pub(super) fn is_sound(selections: &[Selection]) -> bool {
    let bands = || Target::ALL.into_iter().flat_map(|target| BANDS.map(|(name, _)| (target, name)));
    let known = |selection: &Selection| {
        let candidates = candidates(selection.target);
        !selection.members.is_empty() && selection.members.iter().all(|name| candidates.contains(&name.as_str()))
    };
    selections.is_empty()
        || selections.iter().map(|selection| (selection.target, selection.band.as_str())).eq(bands())
            && selections.iter().all(known)
}

fn band(group: usize) -> usize {
    BANDS.iter().position(|(_, last)| group <= *last).unwrap_or(BANDS.len() - 1)
}

/// Selects for all targets by forecasts of the range that members have not seen; nothing if there are none.
pub(super) fn select(panel: &Panel, trace: &GridTrace, from: usize, options: &EnsembleOptions) -> Vec<Selection> {
    if panel.folds().is_empty() {
        return Vec::new();
    }
    Target::ALL.into_iter().flat_map(|target| Contest::new(panel, trace, from, target).select(options)).collect()
}

/// Errors of all candidates for a target.
struct Contest<'a> {
    panel: &'a Panel,
    target: Target,
    names: Vec<&'static str>,
    rows: Vec<ErrorRow>,
    days: (i32, i32),
}

/// Mean scaled error by band and block.
type Losses = Vec<Vec<f64>>;

impl<'a> Contest<'a> {
    fn new(panel: &'a Panel, trace: &GridTrace, from: usize, target: Target) -> Self {
        let names = candidates(target);
        let known = Knowledge::at(trace, trace.len() - 1, InformationSet::Trader);
        let first = from + 14 * DAY;
        let moments: Vec<usize> = (first..trace.len()).filter(|now| is_counted(&known, *now)).collect();
        let rows = all_error_rows(&known, target, &moments, &|now, reach| {
            let then = known.rewound(now);
            let members: Vec<_> = panel.of(&then).into_iter().filter(|member| names.contains(&member.name())).collect();
            member_means(&members, &then, target, reach)
        });
        let days = (known.period(first).utc_day(), known.period(known.now()).utc_day());
        Self { panel, target, names, rows, days }
    }

    fn select(&self, options: &EnsembleOptions) -> Vec<Selection> {
        let alone: Vec<Losses> = (0..self.names.len()).into_par_iter().map(|i| self.losses(&[i], options)).collect();
        let of_band = |(band, (name, _)): (usize, &(&str, usize))| {
            let loss = |i: &usize| mean(&alone[*i][band]);
            let is_floor = |i: &usize| KINDS.iter().any(|kind| kind.name == self.names[*i] && kind.floor);
            let floor = (0..self.names.len()).filter(is_floor).min_by(|a, b| loss(a).total_cmp(&loss(b)))?;
            let joins = |i: &usize| match is_floor(i) {
                true => *i == floor && !LOOK_BACK.contains(&self.names[*i]),
                false => loss(i) < (1.0 + HARMLESS) * loss(&floor),
            };
            let mix: Vec<usize> = (0..self.names.len()).filter(joins).collect();
            let losses = if mix.is_empty() { &alone[floor][band] } else { &self.losses(&mix, options)[band] };
            let skill_pct = 100.0 * (1.0 - mean(losses) / loss(&floor));
            let always = losses.iter().zip(&alone[floor][band]).all(|(mix, floor)| mix < floor);
            let members = if always && skill_pct >= LEAST_SKILL_PCT { mix } else { vec![floor] };
            let alone =
                |i: usize| Alone { member: self.names[i].into(), skill_pct: 100.0 * (1.0 - loss(&i) / loss(&floor)) };
            Some(Selection {
                target: self.target,
                band: (*name).into(),
                members: members.iter().map(|i| self.names[*i].into()).collect(),
                floor: self.names[floor].into(),
                skill_pct,
                alone: (0..self.names.len()).map(alone).collect(),
            })
        };
        BANDS.iter().enumerate().filter_map(of_band).collect()
    }

    fn losses(&self, members: &[usize], options: &EnsembleOptions) -> Losses {
        let joins = Joins::new(&self.names, |_, name| members.iter().any(|i| self.names[*i] == name));
        let replayed = Replayed::new(&self.rows, &joins, options, self.days);
        let ends: Vec<i32> = self.panel.folds().iter().map(|fold| fold.to.utc_day()).collect();
        let mut sums = vec![vec![(0.0, 0_u32); ends.len()]; BANDS.len()];
        for mixed in replayed.mixed.iter().flatten() {
            let day = self.days.0 + mixed.issued as i32;
            let block = ends.iter().position(|end| day < *end).unwrap_or(ends.len() - 1);
            let (sum, count) = &mut sums[band(mixed.group)][block];
            *sum += mixed.error.abs().min(SPIKE);
            *count += 1;
        }
        sums.iter().map(|band| band.iter().map(|(sum, count)| sum / f64::from((*count).max(1))).collect()).collect()
    }
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_group_lies_in_a_band_and_only_floors_are_plain() {
        assert_eq!((0..GROUPS).map(band).collect::<Vec<_>>(), [0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 2, 2, 2, 2, 3, 3]);
        let joins = Joins::new(&["published", "ridge"], |group, name| name == "published" || group == 3);
        assert!(joins.is_plain(2) && !joins.is_plain(3));
        assert_eq!((joins.of(3), joins.of(4)), (&[true, true][..], &[true, false][..]));
    }

    #[test]
    fn without_a_selection_everybody_joins_and_half_of_one_is_unsound() {
        let all = joins(&[], Target::Solar);
        assert!(["published", "ridge", "prophet", "boosted"].iter().all(|name| all.has(name)));
        assert!(is_sound(&[]));
        let one = Selection {
            target: Target::Solar,
            band: "0-8".into(),
            members: vec!["published".into()],
            floor: "published".into(),
            skill_pct: 0.0,
            alone: Vec::new(),
        };
        assert!(!is_sound(&[one]));
    }
}
