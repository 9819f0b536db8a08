//! Slots: half-hours ahead with a score and room for power, which jobs take one after another.
//!
//! In: scores (less is better), carbon intensities and room per half-hour; what a job needs. Out: whether it runs now.
//! Always: a job takes slots before its deadline with room for all of its power, those under its carbon threshold first;
//! equal scores go to the earlier slot. Not here: what a score is made of (`ctss.rs`).

/// Work left below this needs no slot, in periods.
const DONE: f64 = 1e-9;

/// What a job needs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Wish {
    /// Power while it runs.
    pub(super) power_mw: f64,
    /// Work left, in periods at that power.
    pub(super) periods: f64,
    /// Periods until its deadline.
    pub(super) window: usize,
    /// Slots above this carbon intensity are for need only.
    pub(super) threshold: Option<f64>,
    /// Whether it cannot be paused.
    pub(super) in_one_piece: bool,
}

/// The slots; buffers are kept.
#[derive(Debug, Clone, Default)]
pub(super) struct Slots {
    score: Vec<f64>,
    carbon: Vec<f64>,
    room_mw: Vec<f64>,
    /// Slots, best score first.
    order: Vec<usize>,
}

impl Slots {
    /// Starts anew with the same room in every slot.
    pub(super) fn open(&mut self, scores: impl Iterator<Item = f64>, carbon: &[f64], room_mw: f64) {
        self.score.clear();
        self.score.extend(scores);
        self.carbon.clear();
        self.carbon.extend_from_slice(carbon);
        self.room_mw.clear();
        self.room_mw.resize(self.score.len(), room_mw);
        self.order.clear();
        self.order.extend(0..self.score.len());
        let score = &self.score;
        self.order.sort_unstable_by(|a, b| score[*a].total_cmp(&score[*b]).then(a.cmp(b)));
    }

    /// Takes slots for a job; true if the first of all is among them.
    pub(super) fn take(&mut self, wish: &Wish) -> bool {
        if wish.in_one_piece { self.take_in_one_piece(wish) } else { self.take_in_pieces(wish) }
    }

    /// Takes the slots from now on, whatever they cost; a job that must run asks for no room.
    pub(super) fn take_at_once(&mut self, wish: &Wish) -> bool {
        let periods = (wish.periods.ceil() as usize).max(1);
        self.room_mw.iter_mut().take(periods).for_each(|room| *room -= wish.power_mw);
        true
    }

    fn take_in_pieces(&mut self, wish: &Wish) -> bool {
        let (mut left, mut now) = (wish.periods, false);
        for clean in [true, false] {
            for &slot in &self.order {
                if left <= DONE {
                    return now;
                }
                let fits = slot < wish.window && self.room_mw[slot] >= wish.power_mw;
                if fits && is_clean(self.carbon[slot], wish.threshold) == clean {
                    self.room_mw[slot] -= wish.power_mw;
                    left -= 1.0;
                    now |= slot == 0;
                }
            }
        }
        now
    }

    /// The start with the fewest slots above the threshold, then the least score.
    fn take_in_one_piece(&mut self, wish: &Wish) -> bool {
        let periods = (wish.periods.ceil() as usize).max(1);
        let starts = (wish.window.min(self.score.len()) + 1).saturating_sub(periods);
        let mut best: Option<(usize, f64, usize)> = None;
        for start in 0..starts {
            let slots = start..start + periods;
            if slots.clone().any(|slot| self.room_mw[slot] < wish.power_mw) {
                continue;
            }
            let dirty = slots.clone().filter(|slot| !is_clean(self.carbon[*slot], wish.threshold)).count();
            let score: f64 = slots.map(|slot| self.score[slot]).sum();
            if best.is_none_or(|(d, s, _)| (dirty, score) < (d, s)) {
                best = Some((dirty, score, start));
            }
        }
        let Some((_, _, start)) = best else { return false };
        self.room_mw[start..start + periods].iter_mut().for_each(|room| *room -= wish.power_mw);
        start == 0
    }
}

fn is_clean(carbon: f64, threshold: Option<f64>) -> bool {
    threshold.is_none_or(|threshold| carbon <= threshold)
}

#[cfg(test)]
mod tests {
    use super::*;

    const JOB: Wish = Wish { power_mw: 1.0, periods: 2.0, window: 6, threshold: None, in_one_piece: false };

    fn slots(scores: &[f64], carbon: &[f64], room_mw: f64) -> Slots {
        let mut slots = Slots::default();
        slots.open(scores.iter().copied(), carbon, room_mw);
        slots
    }

    const CARBON: [f64; 6] = [100.0, 100.0, 300.0, 300.0, 100.0, 100.0];

    #[test]
    fn a_job_runs_now_if_now_is_among_its_cheapest_slots_before_the_deadline() {
        let mut dear_now = slots(&[3.0, 1.0, 2.0, 9.0, 9.0, 9.0], &CARBON, 9.0);
        assert!(!dear_now.take(&JOB), "two cheaper slots lie ahead");
        assert!(dear_now.take(&Wish { periods: 2.5, ..JOB }), "three slots are needed");
        assert!(dear_now.take(&Wish { window: 2, ..JOB }), "the third slot is past the deadline");
    }

    #[test]
    fn capacity_pushes_later_jobs_to_dearer_slots() {
        let mut tight = slots(&[3.0, 1.0, 2.0, 9.0, 9.0, 9.0], &CARBON, 1.5);
        assert!(!tight.take(&JOB), "the first job has the cheapest two");
        assert!(tight.take(&JOB), "the second has the next best, which begins now");
        assert!(!tight.take(&JOB), "the third finds now full");
        assert_eq!(tight.room_mw, [0.5, 0.5, 0.5, 0.5, 0.5, 0.5]);
    }

    #[test]
    fn slots_above_the_threshold_are_taken_only_if_the_deadline_needs_them() {
        let scores = [5.0, 6.0, 1.0, 1.0, 7.0, 8.0];
        let wish = Wish { threshold: Some(200.0), ..JOB };
        assert!(slots(&scores, &CARBON, 9.0).take(&wish), "the two clean slots from now on, dearer as they are");
        assert!(!slots(&scores, &CARBON, 9.0).take(&JOB), "without a threshold the dirty ones are cheapest");
        let mut all = slots(&scores, &CARBON, 9.0);
        assert!(all.take(&Wish { periods: 6.0, ..wish }));
        assert_eq!(all.room_mw, [8.0; 6], "the deadline beats the threshold");
    }

    #[test]
    fn what_cannot_be_paused_takes_the_cheapest_slots_in_a_row() {
        let scores = [4.0, 4.0, 9.0, 1.0, 3.0, 5.0];
        let row = Wish { in_one_piece: true, ..JOB };
        let mut free = slots(&scores, &CARBON, 9.0);
        assert!(!free.take(&row), "slots 3 and 4 cost 4, now and next cost 8");
        assert_eq!(free.room_mw, [9.0, 9.0, 9.0, 8.0, 8.0, 9.0]);
        assert!(slots(&scores, &CARBON, 9.0).take(&Wish { window: 3, ..row }), "before the deadline now is best");
        assert!(slots(&scores, &CARBON, 9.0).take(&Wish { threshold: Some(200.0), ..row }), "slot 3 is dirty");
        assert!(!slots(&scores, &CARBON, 9.0).take(&Wish { periods: 7.0, ..row }), "it fits nowhere");
    }
}
