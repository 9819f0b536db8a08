//! Which pictures a report shows, and the numbers they are drawn from.
//!
//! In: a [`View`]. Out: pictures with captions.
//! Always: a picture whose numbers are not at hand is left out.
//! Not here: drawing (`draw/`).

use super::days::{self, Day, RankedDay, WEEKDAYS, clock};
use super::draw::{
    Curve, Curves, DayPicture, HeatMap, LatenessRow, Picture, ScatterPoint, Waterfall, curves_sheet, day_sheet,
    heat_sheet, lateness_sheet, scatter_sheet, waterfall_sheet,
};
use super::number::{counted, listed, number, pounds};
use super::view::View;
use super::{LearningRun, ReportInput};
use crate::evaluation::{ClassReport, GapReport, GridStep, PolicyReport, StepTrace};
use crate::fault::Fault;
use std::collections::BTreeMap;

/// Policies that get a day of their own beside the subject.
const OTHERS: usize = 5;

/// A picture that is one of several to choose from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Choice {
    pub(crate) label: String,
    pub(crate) caption: String,
    pub(crate) picture: Picture,
}

/// Days to choose from: for the subject the day asked for, those with the largest, the middle and the smallest saving;
/// for the other policies the first of them.
///
/// # Errors
/// A [`Fault`] if the day asked for is none of the evaluated ones.
pub(crate) fn day_choices(view: &View<'_>, input: &ReportInput<'_>) -> Result<Vec<Choice>, Fault> {
    let (Some(policy), Some(fifo)) = (view.subject, view.fifo) else { return Ok(Vec::new()) };
    let ranked = |policy| days::ranked(view.grid, &view.traces_of(policy), &view.traces_of(fifo));
    let all = ranked(policy);
    let mut chosen: Vec<(RankedDay, &str)> = Vec::new();
    if let Some(date) = input.day {
        let asked = all.iter().find(|ranked| ranked.day.date == date);
        chosen.push((asked.cloned().ok_or_else(|| no_such_day(date, &all))?, "chosen day"));
    }
    let whole = days::whole(all);
    let places =
        [(0, "largest saving"), (whole.len() / 2, "median saving"), (whole.len().saturating_sub(1), "smallest saving")];
    let ranks = places.into_iter().filter_map(|(at, reason)| Some((whole.get(at)?, reason)));
    let busiest = whole.iter().max_by_key(|ranked| events_of(view, &ranked.day));
    let busiest = busiest.filter(|ranked| events_of(view, &ranked.day) > 0).map(|ranked| (ranked, "most grid events"));
    for (ranked, reason) in ranks.chain(busiest) {
        if chosen.iter().all(|(other, _)| other.day.date != ranked.day.date) {
            chosen.push((ranked.clone(), reason));
        }
    }
    let Some((first, _)) = chosen.first().cloned() else { return Ok(Vec::new()) };
    let mut choices: Vec<Choice> =
        chosen.iter().filter_map(|(day, reason)| draw_day(view, policy, day, reason)).collect();
    let others = view.order.iter().filter(|other| other.name != policy.name && other.name != fifo.name);
    for other in others.take(OTHERS) {
        let same = ranked(other).into_iter().find(|ranked| ranked.day == first.day);
        choices.extend(same.and_then(|day| draw_day(view, other, &day, "same day")));
    }
    for (index, choice) in choices.iter_mut().enumerate() {
        choice.picture.file = format!("day-{}", index + 1);
    }
    Ok(choices)
}

/// Half-hours of a day in which a grid event runs.
fn events_of(view: &View<'_>, day: &Day) -> usize {
    let steps = &view.grid[day.week].steps;
    day.steps.iter().filter(|(step, _)| steps.get(*step).is_some_and(|step| step.event)).count()
}

fn no_such_day(date: flexai_env::grid::Date, days: &[RankedDay]) -> Fault {
    let dates = || days.iter().map(|ranked| ranked.day.date);
    let expected = match dates().min().zip(dates().max()) {
        Some((first, last)) => format!("expected one of the evaluated days, which lie between {first} and {last}"),
        None => "and no half-hours are stored with this evaluation".to_string(),
    };
    Fault::new("--day", format!("{date} was not played, {expected}"))
        .hint("leave it out for the day of the largest saving")
}

fn draw_day(view: &View<'_>, policy: &PolicyReport, ranked: &RankedDay, reason: &str) -> Option<Choice> {
    let (day, fifo) = (&ranked.day, view.fifo?);
    let grid = &view.grid[day.week];
    let mine = days::of_week(&view.traces_of(policy), &grid.week)?;
    let base = days::of_week(&view.traces_of(fifo), &grid.week)?;
    let of = |pick: &dyn Fn(usize) -> f64| day.steps.iter().map(|(step, _)| pick(*step)).collect::<Vec<f64>>();
    let net_mw = |step: &StepTrace| 2.0 * (step.import_mwh - step.export_mwh);
    let battery = view.battery_mwh();
    let on_grid = |pick: fn(&GridStep) -> f64| of(&|step| grid.steps.get(step).map_or(f64::NAN, pick));
    let solar = on_grid(|step| step.solar_mw);
    let picture = DayPicture {
        labels: day.steps.iter().map(|(_, half_hour)| clock(*half_hour)).collect(),
        baseline_name: fifo.name.clone(),
        baseline_mw: of(&|step| net_mw(&base.steps[step])),
        policy_name: policy.name.clone(),
        policy_mw: of(&|step| net_mw(&mine.steps[step])),
        price: on_grid(|step| step.price_gbp_per_mwh),
        carbon: on_grid(|step| step.carbon_gco2_kwh),
        solar_mw: if solar.iter().any(|mw| *mw > 0.0) { solar } else { Vec::new() },
        battery: battery.map(|capacity| (of(&|step| mine.steps[step].stored_mwh), capacity)),
        events: day.steps.iter().map(|(step, _)| grid.steps.get(*step).is_some_and(|step| step.event)).collect(),
        flex_mw: of(&|step| 2.0 * mine.steps[step].flex_delivered_mwh),
    };
    let title = format!("{}: {} against {}", day.name(), policy.name, fifo.name);
    let description = format!(
        "Grid import of {} as bars and of {} as a line, half-hour by half-hour; below it price paid, carbon intensity \
         and the battery's charge.",
        fifo.name, policy.name
    );
    let saved = saved_words(ranked.saved_gbp);
    let caption = format!(
        "{} ({reason}), UK clock, jobs of the first seed. {} {saved} on this day, settlement of the week left out.",
        day.name(),
        policy.name
    );
    let label = format!("{} {}, {reason}", policy.name, short_date(day));
    Some(Choice { label, caption, picture: Picture::new("day", title, description, |form| day_sheet(&picture, form)) })
}

fn saved_words(gbp: f64) -> String {
    if gbp < 0.0 { format!("costs {} more", pounds(-gbp)) } else { format!("saves {}", pounds(gbp)) }
}

fn short_date(day: &Day) -> String {
    let name = day.name();
    let mut words = name.split(' ').skip(1);
    let (number, month) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    format!("{number} {}", month.chars().take(3).collect::<String>())
}

/// A figure of a period.
type Pick = fn(&StepTrace) -> f64;

/// Where IT work, and the battery's energy, go against FIFO: mean over the weeks by weekday and half-hour.
pub(crate) fn shifted(view: &View<'_>) -> Option<Picture> {
    let (policy, fifo) = (view.subject?, view.fifo?);
    let mut maps = Vec::new();
    let names: [(&str, Pick); 2] = [
        ("IT power against FIFO, MW", |step| 2.0 * step.it_mwh),
        ("Battery, charging less discharging, MW", |step| 2.0 * (step.charged_mwh - step.discharged_mwh)),
    ];
    for (index, (name, pick)) in names.into_iter().enumerate() {
        let rows = weekly_means(view, policy, fifo, pick, index == 0)?;
        let moves = rows.iter().flat_map(|(_, values)| values).any(|value| value.abs() > 1e-9);
        if moves {
            maps.push(HeatMap { name: name.to_string(), rows });
        }
    }
    if maps.is_empty() {
        return None;
    }
    let title = format!("When {} uses more and less than {}", policy.name, fifo.name);
    let description =
        "A map of the week, one row per weekday and one cell per half-hour: blue is less, orange is more.";
    Some(Picture::new("shifted", title, description, |form| heat_sheet(&maps, form)))
}

fn weekly_means(
    view: &View<'_>,
    policy: &PolicyReport,
    fifo: &PolicyReport,
    pick: Pick,
    against: bool,
) -> Option<Vec<(String, Vec<f64>)>> {
    let mut sums = vec![[(0.0, 0_u32); 48]; 7];
    for day in days::days(view.grid) {
        let week = &view.grid[day.week].week;
        let (Some(mine), Some(base)) =
            (days::of_week(&view.traces_of(policy), week), days::of_week(&view.traces_of(fifo), week))
        else {
            continue;
        };
        let weekday = usize::from(day.date.utc_midnight().utc_weekday());
        for (step, half_hour) in &day.steps {
            let (Some(mine), Some(base)) = (mine.steps.get(*step), base.steps.get(*step)) else { continue };
            let cell = &mut sums[weekday][usize::from(*half_hour)];
            *cell = (cell.0 + pick(mine) - if against { pick(base) } else { 0.0 }, cell.1 + 1);
        }
    }
    let any = sums.iter().flatten().any(|cell| cell.1 > 0);
    let mean = |(sum, count): &(f64, u32)| if *count > 0 { sum / f64::from(*count) } else { f64::NAN };
    let rows = WEEKDAYS.iter().zip(&sums);
    any.then(|| rows.map(|(name, cells)| ((*name).to_string(), cells.iter().map(mean).collect())).collect())
}

/// Where the pounds come from.
pub(crate) fn waterfall(view: &View<'_>) -> Option<Picture> {
    let (policy, fifo) = (view.subject?, view.fifo?);
    let terms = policy.cost_parts.terms().into_iter().zip(fifo.cost_parts.terms());
    let steps = terms.map(|((name, mine), (_, base))| (name.to_string(), (mine - base) / view.weeks()));
    let waterfall = Waterfall {
        from: (format!("J of {}", fifo.name), fifo.cost_gbp / view.weeks()),
        steps: steps.filter(|(_, change)| change.abs() >= 0.005).collect(),
        to: format!("J of {}", policy.name),
    };
    let title = format!("Where the pounds come from: {} to {}", fifo.name, policy.name);
    let description = waterfall.steps.iter().map(|(name, change)| format!("{name} {}", pounds(*change)));
    let description =
        format!("Change of each term of J in pounds per week: {}.", description.collect::<Vec<_>>().join("; "));
    Some(Picture::new("waterfall", title, description, |form| waterfall_sheet(&waterfall, form)))
}

/// Each week against the strongest rival.
pub(crate) fn scatter(view: &View<'_>) -> Option<(Picture, String)> {
    let policy = view.subject?;
    let rival = view.rival_of(policy)?;
    let key = |week: &crate::evaluation::WeekReport| (week.week.clone(), week.seed);
    let theirs: BTreeMap<_, _> = rival.per_week.iter().map(|week| (key(week), week)).collect();
    let point = |week: &crate::evaluation::WeekReport| {
        let their = theirs.get(&key(week))?;
        let (policy_saved, rival_saved) = (week.fifo_cost_gbp - week.cost_gbp, their.fifo_cost_gbp - their.cost_gbp);
        let date = week.week.split('T').next().unwrap_or_default();
        let name = format!("{date}: {} {}, {} {}", policy.name, pounds(policy_saved), rival.name, pounds(rival_saved));
        Some(ScatterPoint { name, rival: rival_saved, policy: policy_saved })
    };
    let points: Vec<ScatterPoint> = policy.per_week.iter().filter_map(point).collect();
    if points.is_empty() {
        return None;
    }
    let better = points.iter().filter(|point| point.policy > point.rival).count();
    let title = format!("Week by week: {} against {}", policy.name, rival.name);
    let description =
        format!("{better} of {} points lie above the diagonal, where {} saves more.", points.len(), policy.name);
    let picture = Picture::new("weeks", title, description.clone(), |form| {
        scatter_sheet(&points, &policy.name, &rival.name, form)
    });
    Some((picture, description))
}

const PROFILE_OF_GAP: &str = "Share of the weeks, with one set of jobs each, that capture at least so much; shaded the 95 % \
                              interval. Further to the right is better; lines that cross have no winner.";
const PROFILE_OF_SAVING: &str = "Each stair is one week with one set of jobs. Further to the right is better; lines that \
                                 cross have no winner.";

/// Share of weeks that reach each share of the gap, with its interval; without a bound, each saving. With its caption.
pub(crate) fn profile(view: &View<'_>) -> Option<(Picture, &'static str)> {
    let players = || view.order.iter().filter(|policy| policy.name != "fifo");
    let of_gap = players().filter_map(|policy| Some(gap_curve(&policy.name, policy.gap_captured.as_ref()?)));
    let mut curves: Vec<Curve> = of_gap.filter(|curve| !curve.points.is_empty()).collect();
    let mut x_name = "share of the gap captured, %";
    let mut y_name = "weeks that capture at least so much, %";
    let mut caption = PROFILE_OF_GAP;
    if curves.is_empty() {
        caption = PROFILE_OF_SAVING;
        (x_name, y_name) = ("saved against FIFO, % of J", "weeks that save at least so much, %");
        let curve = |policy: &&&PolicyReport| {
            let weeks = policy.per_week.iter().filter(|week| week.fifo_cost_gbp > 0.0);
            let saved = weeks.map(|week| 100.0 * (1.0 - week.cost_gbp / week.fifo_cost_gbp)).filter(|x| x.is_finite());
            Curve { name: policy.name.clone(), points: survival(saved.collect()), band: Vec::new() }
        };
        curves = players().map(|policy| curve(&policy)).filter(|curve| !curve.points.is_empty()).collect();
    }
    if curves.is_empty() {
        return None;
    }
    let (x_name, y_name) = (x_name.to_string(), y_name.to_string());
    let curves = Curves { x_name, y_name, curves, levels: Vec::new(), y_ends: Some((0.0, 100.0)) };
    let description =
        "Falling lines, one per policy: the further to the right, the more is saved in more of the weeks.";
    let picture = Picture::new("profile", "Performance profile", description, |form| curves_sheet(&curves, form));
    Some((picture, caption))
}

fn gap_curve(name: &str, gap: &GapReport) -> Curve {
    let points = gap.profile.iter().map(|point| (100.0 * point.tau, 100.0 * point.share));
    let band = gap.profile.iter().map(|point| (100.0 * point.tau, 100.0 * point.lo, 100.0 * point.hi));
    Curve { name: name.to_string(), points: points.collect(), band: band.collect() }
}

/// Late jobs by class, FIFO beside the subject and the strongest rival; words where none of them was late.
pub(crate) fn lateness(view: &View<'_>) -> Option<Result<Picture, String>> {
    let subject = view.subject?;
    let mut shown = Vec::from_iter(view.fifo);
    shown.push(subject);
    shown.extend(view.rival_of(subject).filter(|rival| rival.name != "fifo"));
    let row = |(index, class): (usize, &ClassReport)| {
        let jobs = |policy: &&PolicyReport| {
            policy.classes.get(index).map_or((0.0, 0.0), |c| (c.jobs_late, c.jobs_late + c.jobs_in_time))
        };
        let class = class.name.replace('_', " ");
        LatenessRow { class, jobs: shown.iter().map(jobs).collect() }
    };
    let rows: Vec<LatenessRow> = subject.classes.iter().enumerate().map(row).collect();
    let rows: Vec<LatenessRow> = rows.into_iter().filter(|row| row.jobs.iter().any(|jobs| jobs.1 > 0.0)).collect();
    if rows.is_empty() {
        return None;
    }
    let names: Vec<String> = shown.iter().map(|policy| policy.name.clone()).collect();
    if rows.iter().flat_map(|row| &row.jobs).all(|jobs| jobs.0 < 0.005) {
        let jobs: f64 = rows.iter().filter_map(|row| row.jobs.first()).map(|jobs| jobs.1).sum();
        let classes = counted(rows.len(), "class", "classes");
        return Some(Err(format!(
            "No job of {classes} was late under {}, of about {} that ended.",
            listed(&names),
            number(jobs, 0)
        )));
    }
    let description = "Bars, one per policy in each job class: the share of jobs that ended late.";
    Some(Ok(Picture::new("lateness", "Late jobs by class", description, |form| lateness_sheet(&rows, &names, form))))
}

/// Per cent of the values that are at least x, as stairs.
fn survival(mut values: Vec<f64>) -> Vec<(f64, f64)> {
    values.sort_by(f64::total_cmp);
    let all = values.len() as f64;
    let stair = |(index, value): (usize, &f64)| {
        let (before, after) = (all - index as f64, all - index as f64 - 1.0);
        [(*value, 100.0 * before / all), (*value, 100.0 * after / all)]
    };
    values.iter().enumerate().flat_map(stair).collect()
}

/// How the trained policies learnt.
pub(crate) fn learning(runs: &[LearningRun]) -> Option<Picture> {
    let usable = |run: &&LearningRun| run.points.iter().filter(|(x, y)| x.is_finite() && y.is_finite()).count() > 1;
    let runs: Vec<&LearningRun> = runs.iter().filter(usable).collect();
    let first = runs.first()?;
    let curve = |run: &&LearningRun| Curve { name: run.name.clone(), points: run.points.clone(), band: Vec::new() };
    let curves = Curves {
        x_name: "environment steps".into(),
        y_name: first.y_name.clone(),
        curves: runs.iter().map(curve).collect(),
        levels: first.levels.clone(),
        y_ends: None,
    };
    let description = format!("{} over environment steps; dashed lines are rivals.", first.y_name);
    Some(Picture::new("learning", "Learning curve", description, |form| curves_sheet(&curves, form)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn survival_falls_from_all_to_none() {
        let stairs = survival(vec![3.0, 1.0, 2.0, 2.0]);
        assert_eq!(stairs.first(), Some(&(1.0, 100.0)));
        assert_eq!(stairs.last(), Some(&(3.0, 0.0)));
        assert!(stairs.windows(2).all(|pair| pair[0].0 <= pair[1].0 && pair[0].1 >= pair[1].1));
        assert!(survival(Vec::new()).is_empty());
    }
}
