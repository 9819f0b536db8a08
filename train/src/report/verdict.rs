//! The verdict in words.
//!
//! In: a [`View`]. Out: a head line and sentences.
//! Always: "clearly" is said only where the 95 % interval of the paired difference leaves zero out; one week allows no
//! such word.

use super::number::{counted, ends, listed, percent, pounds};
use super::view::{Comparison, View, gap, in_percent};
use crate::evaluation::{Interval, PolicyReport};

/// Energy of interactive inference saved, per cent, above which it is told.
const SERVED_LESS_PCT: f64 = 0.5;
/// A charge that is higher by no more than this is the same one.
const ROUNDING_GBP: f64 = 0.005;

/// What is said first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) headline: String,
    /// Paragraphs.
    pub(crate) text: Vec<String>,
}

/// Says who is best, by how much, and against whom it is clear.
pub(crate) fn verdict(view: &View<'_>) -> Verdict {
    let Some(best) = view.order.first() else {
        return Verdict { headline: "No policy was played.".into(), text: Vec::new() };
    };
    let setting = setting(view);
    if view.order.len() == 1 {
        let headline = format!("Only {} was played: there is nothing to compare it with.", best.name);
        return Verdict { headline, text: vec![setting] };
    }
    let headline = match view.fifo {
        Some(fifo) if fifo.name == best.name => {
            "No policy was cheaper than FIFO, which runs everything at once.".into()
        }
        Some(fifo) => headline(view, best, fifo),
        None => format!("{} is the cheapest of {}.", best.name, policies(view)),
    };
    let mut text = vec![
        [setting, gain(view, best)].concat(),
        [compared(view, best), captured(view, best), served_less(view, best)].concat(),
    ];
    if let Some(subject) = view.subject.filter(|subject| subject.name != best.name) {
        let place = view.order.iter().position(|policy| policy.name == subject.name).unwrap_or(0) + 1;
        let role = if subject.kind == "network" { "The trained policy" } else { "The best other policy" };
        let intro = format!("{role} {} comes {} of {}. ", subject.name, ordinal(place), view.order.len());
        // That there is no bound has been said of the best.
        let captured = gap(subject).map_or_else(String::new, |_| captured(view, subject));
        let parts = [intro, gain(view, subject), compared(view, subject), captured, served_less(view, subject)];
        text.push(parts.concat());
    }
    text.retain(|paragraph| !paragraph.trim().is_empty());
    Verdict { headline, text: text.iter().map(|paragraph| paragraph.trim().to_string()).collect() }
}

fn headline(view: &View<'_>, best: &PolicyReport, fifo: &PolicyReport) -> String {
    let saved = percent(best.cost_saving_pct, 1);
    match view.compare(best, fifo) {
        Comparison::Cheaper => format!("{} is the cheapest: it saves {saved} of FIFO\u{2019}s cost.", best.name),
        Comparison::Unknown => format!("{} is the cheapest, {saved} below FIFO.", best.name),
        _ => format!("{} is the cheapest, {saved} below FIFO, but not by a clear margin.", best.name),
    }
}

fn policies(view: &View<'_>) -> String {
    counted(view.order.len(), "policy", "policies")
}

fn setting(view: &View<'_>) -> String {
    let evaluation = view.evaluation;
    let sets = match evaluation.seeds {
        1 => "the same jobs".to_string(),
        seeds => format!("the same {seeds} sets of jobs"),
    };
    format!(
        "Played: {}, {} of the {} grid table {}, scenario {}, each policy on {sets}. ",
        policies(view),
        counted(evaluation.weeks, "week", "weeks"),
        evaluation.grid_kind,
        evaluation.grid,
        evaluation.scenario
    )
}

/// Pounds saved against FIFO, with the interval.
fn gain(view: &View<'_>, policy: &PolicyReport) -> String {
    let Some(fifo) = view.fifo.filter(|fifo| fifo.name != policy.name) else { return String::new() };
    let fifo_week = pounds(fifo.cost_gbp / view.weeks());
    match view.saving(policy, fifo) {
        Some(saving) if view.has_intervals() => {
            let word = if saving.value < 0.0 { "costs" } else { "saves" };
            let more = if saving.value < 0.0 { "more a week than" } else { "a week against" };
            let interval = &policy.cost_saving_pct_interval;
            format!(
                "{} {word} {} {more} FIFO\u{2019}s {fifo_week}: {} (95\u{a0}% interval {}). ",
                policy.name,
                pounds(saving.value.abs()),
                percent(interval.value, 2),
                ends(interval, 2)
            )
        }
        _ => {
            let difference = (fifo.cost_gbp - policy.cost_gbp) / view.weeks();
            let note =
                if view.has_intervals() { "" } else { " One week allows no interval, so nothing here is clear." };
            let share = percent(policy.cost_saving_pct, 2);
            format!(
                "{} saves {} a week against FIFO\u{2019}s {fifo_week}: {share}.{note} ",
                policy.name,
                pounds(difference)
            )
        }
    }
}

/// Against whom the difference is clear, and against whom it is not; of whom it was not compared with, nothing.
fn compared(view: &View<'_>, policy: &PolicyReport) -> String {
    if !view.has_intervals() {
        return String::new();
    }
    let others = || view.order.iter().filter(|other| other.name != policy.name);
    let names = |wanted: Comparison| -> Vec<String> {
        let fitting = others().filter(|other| view.compare(policy, other) == wanted);
        fitting.map(|other| other.name.clone()).collect()
    };
    let (cheaper, unclear, dearer) =
        (names(Comparison::Cheaper), names(Comparison::NotClear), names(Comparison::Dearer));
    let mut parts = Vec::new();
    if !cheaper.is_empty() {
        parts.push(format!("clearly cheaper than {}", listed(&cheaper)));
    }
    if !unclear.is_empty() {
        parts.push(format!("not clearly different from {}", listed(&unclear)));
    }
    if !dearer.is_empty() {
        parts.push(format!("clearly dearer than {}", listed(&dearer)));
    }
    if parts.is_empty() { String::new() } else { format!("{} is {}. ", policy.name, parts.join("; ")) }
}

fn captured(view: &View<'_>, policy: &PolicyReport) -> String {
    if view.fifo.is_none_or(|fifo| fifo.name == policy.name) {
        return String::new();
    }
    match gap(policy) {
        Some((pooled, iqm)) => {
            let with_ends = |share: &Interval| {
                let share = in_percent(share);
                let ends = if view.has_intervals() { format!(" {}", ends(&share, 1)) } else { String::new() };
                format!("{}{ends}", percent(share.value, 1))
            };
            format!(
                "Of the gap between FIFO and perfect foresight it captures {}; in the middle half of the weeks {}. ",
                with_ends(&pooled),
                with_ends(&iqm)
            )
        }
        None => "No perfect-foresight bound is at hand, so how much of the possible gain this is remains open. ".into(),
    }
}

/// Says so where a saving comes with less energy for interactive inference, which cannot be made up for later, and whether
/// the service was the worse for it.
fn served_less(view: &View<'_>, policy: &PolicyReport) -> String {
    let Some(fifo) = view.fifo.filter(|fifo| fifo.name != policy.name) else { return String::new() };
    let energy = |of: &PolicyReport| -> f64 {
        view.traces_of(of).iter().flat_map(|trace| &trace.steps).map(|step| step.interactive_mwh).sum()
    };
    let (mine, base) = (energy(policy), energy(fifo));
    let less = 100.0 * (1.0 - mine / base);
    if base > 0.0 && mine > 0.0 && less > SERVED_LESS_PCT {
        let less = percent(less, 1);
        let worse = policy.cost_parts.inference_gbp > fifo.cost_parts.inference_gbp + ROUNDING_GBP;
        let how = match worse {
            true => ": part of the saving is slower or missing service",
            false => " at the same service, by fewer replicas under a cap",
        };
        return format!("It spends {less} less energy on interactive inference than FIFO{how}. ");
    }
    String::new()
}

fn ordinal(place: usize) -> String {
    match place {
        1 => "first".into(),
        2 => "second".into(),
        3 => "third".into(),
        _ => format!("{place}th"),
    }
}
