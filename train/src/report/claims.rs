//! The claims ledger: each projection that this project began with, what bounds it in this data, what was achieved, and
//! under which assumptions it would hold.
//!
//! In: a [`View`]. Out: one entry per claim.
//! Always: the only numbers written here are the claims themselves; all others come from the evaluation at hand.

use super::ceiling::{Ceiling, ceilings, deepest_turn_down_mw, highest_draw_mw, share_of_steps};
use super::number::{ends, number, percent, pounds, short_pounds};
use super::view::{View, WEEKS_PER_YEAR};
use crate::evaluation::{Interval, PolicyReport};

/// Saving of cost claimed, per cent, lower and upper.
const COST_PCT: (f64, f64) = (28.0, 35.0);
/// Saving of emissions claimed, per cent.
const CARBON_PCT: f64 = 42.0;
/// Revenue claimed per year and 10 MW.
const REVENUE_GBP: f64 = 2_300_000.0;
/// The example of a log: power, hours, pounds, kilograms of CO2.
const EXAMPLE: (f64, f64, f64, f64) = (2.4, 2.0, 847.0, 312.0);
/// What is said in place of a status where one week was played.
const ONE_WEEK: &str = "one week: not judged";
/// Turn-down claimed over a number of sites, MW.
const FLEET: (f64, f64) = (150.0, 10.0);

/// One claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Claim {
    pub(crate) title: String,
    /// What it comes to in other units, by arithmetic alone.
    pub(crate) means: String,
    /// What these weeks allow.
    pub(crate) bound: Vec<String>,
    /// What the policy did.
    pub(crate) achieved: Vec<String>,
    pub(crate) holds_if: String,
    /// In a word.
    pub(crate) status: String,
}

/// All claims; empty if no policy was played against FIFO.
pub(crate) fn claims(view: &View<'_>) -> Vec<Claim> {
    let (Some(policy), Some(fifo)) = (view.subject, view.fifo) else { return Vec::new() };
    let ceilings = ceilings(view.grid);
    let about = About { view, policy, fifo, ceilings: &ceilings };
    vec![about.cost(), about.carbon(), about.revenue(), about.example(), about.fleet()]
}

struct About<'a> {
    view: &'a View<'a>,
    policy: &'a PolicyReport,
    fifo: &'a PolicyReport,
    ceilings: &'a [Ceiling],
}

impl About<'_> {
    fn cost(&self) -> Claim {
        let share = &self.policy.cost_saving_pct_interval;
        let of = |share: &Interval, what: &str| format!("{} {what}", self.with_ends(share));
        let achieved = vec![
            of(share, "of J (all that is scored)"),
            of(&self.policy.bill_saving_pct_interval, "of the full bill"),
            of(&self.policy.energy_saving_pct_interval, "of the energy part of the bill"),
        ];
        let mut bound =
            Vec::from_iter(self.oracle_saving_pct().map(|pct| format!("perfect foresight: {} of J", percent(pct, 2))));
        bound.extend(self.packed(|ceiling| ceiling.cost_pct, "of the energy part, cheapest"));
        let charges = 100.0 * (1.0 - self.fifo.energy_cost_gbp / self.fifo.bill_gbp);
        let holds_if = format!(
            "It can be had by time alone if nearly all load may wait within a day, several times the machines stand ready, \
             and the saving is counted on wholesale energy only. Network and policy charges follow the price little or not \
             at all; here they are {} of FIFO\u{2019}s bill and dilute every saving.",
            percent(charges, 0)
        );
        Claim {
            title: format!("Energy cost lower by {} to {}\u{a0}%", number(COST_PCT.0, 0), number(COST_PCT.1, 0)),
            means: "The claim does not say of which bill: all three readings stand here, and the word beside the title is for J.".into(),
            status: status(self.view.evaluation.weeks, share, COST_PCT.0, self.oracle_saving_pct()),
            bound,
            achieved,
            holds_if,
        }
    }

    fn carbon(&self) -> Claim {
        let share = self.policy.carbon_saving_pct_interval;
        let weeks = self.view.weeks();
        let tonnes = (self.fifo.carbon_t - self.policy.carbon_t) / weeks;
        let mut achieved = vec![
            format!("{} of location-based emissions", self.with_ends(&share)),
            format!("{} t of {} t a week", number(tonnes, 2), number(self.fifo.carbon_t / weeks, 1)),
        ];
        let marginal = self.policy.carbon_marginal_saving_pct;
        achieved.extend(marginal.map(|pct| format!("{} of emissions at the marginal intensity", percent(pct, 2))));
        Claim {
            title: format!("Emissions lower by {}\u{a0}%", number(CARBON_PCT, 0)),
            means: "The optimum of J is no bound for it: J weighs carbon by its price only.".into(),
            bound: self.packed(|ceiling| ceiling.carbon_pct, "of emissions, cleanest"),
            achieved,
            holds_if:
                "It needs days of slack with much idle capacity, or work moved to cleaner regions and counted at \
                       regional averages. An average intensity also overstates what one megawatt more or less changes: \
                       where gas is marginal in both half-hours, moving between them saves nothing."
                    .into(),
            status: status(self.view.evaluation.weeks, &share, CARBON_PCT, None),
        }
    }

    fn revenue(&self) -> Claim {
        let scale = self.view.mean_it_mw().map(|mw| WEEKS_PER_YEAR / self.view.weeks() * 10.0 / mw);
        let mut bound = Vec::new();
        let mut achieved = Vec::new();
        let sold = Some(self.policy.flex_revenue_gbp).filter(|gbp| gbp.abs() >= 0.005);
        if let Some(scale) = scale {
            let most = self.oracle_gain_gbp().map(|gain| gain * scale);
            bound.extend(most.map(|all| format!("perfect foresight, all sources: {} a year", short_pounds(all))));
            let energy = self.fifo.energy_cost_gbp * scale;
            if energy > 0.0 {
                let share = percent(100.0 * REVENUE_GBP / energy, 0);
                let energy = short_pounds(energy);
                bound.push(format!("FIFO pays {energy} a year for energy: the claim is {share} of it"));
            }
            achieved.push(match sold {
                None => "no flexibility was sold in this scenario".to_string(),
                Some(gbp) => format!("flexibility sold, less penalties: {} a year", short_pounds(gbp * scale)),
            });
            achieved.push(match self.view.saving(self.policy, self.fifo) {
                Some(gain) => {
                    let year = |weekly: f64| short_pounds(weekly * self.view.weeks() * scale);
                    let ends = format!(" [{}, {}]", year(gain.lo), year(gain.hi));
                    let ends = if self.view.has_intervals() { ends } else { String::new() };
                    format!("for comparison, all of J saved, whatever by: {} a year{ends}", year(gain.value))
                }
                None => "no comparison with FIFO is at hand".into(),
            });
        }
        let per_hour = REVENUE_GBP / (10.0 * 0.3 * 4.0 * 365.0);
        Claim {
            title: format!("{} a year per 10\u{a0}MW from flexibility", short_pounds(REVENUE_GBP)),
            means: format!(
                "That is {} per kW and year. Scaled here to 10\u{a0}MW of mean IT load and a year of such weeks.",
                pounds((REVENUE_GBP / 10_000.0).round())
            ),
            holds_if: format!(
                "With 30\u{a0}% of the load turned down for four hours on every day of the year it takes {} per MWh, and \
                 the energy used later instead must cost nothing. Several markets may be stacked, each itemised; the same \
                 kilowatt is never paid twice.",
                pounds(per_hour.round())
            ),
            status: match (scale, sold) {
                (Some(_), Some(_)) if !self.view.has_intervals() => ONE_WEEK.into(),
                (Some(scale), Some(gbp)) if gbp * scale >= REVENUE_GBP => "reached".into(),
                (Some(_), Some(_)) => "not reached".into(),
                _ => "not tested".into(),
            },
            bound,
            achieved,
        }
    }

    fn example(&self) -> Claim {
        let (mw, hours, gbp, kg) = EXAMPLE;
        let (price, carbon) = (gbp / (mw * hours), kg / (mw * hours));
        let dear = share_of_steps(self.view.grid, |step| step.price_gbp_per_mwh >= price);
        let dirty = share_of_steps(self.view.grid, |step| step.carbon_gco2_kwh > 250.0);
        let mut bound = Vec::new();
        bound.extend(dear.map(|share| {
            format!("the price reaches {}/MWh in {} of the half-hours", pounds(price), percent(share, 1))
        }));
        bound.extend(dirty.map(|share| format!("carbon is above 250 g/kWh in {} of them", percent(share, 1))));
        let delivered = self.policy.flex_delivered_mwh;
        let per_mwh = delivered.filter(|mwh| *mwh > 1e-6).map(|mwh| self.policy.flex_revenue_gbp / mwh);
        Claim {
            title: format!(
                "{} and {} kg of CO\u{2082} for {}\u{a0}MW turned down over {} minutes",
                pounds(gbp.round()),
                number(kg, 0),
                number(mw, 1),
                number(hours * 60.0, 0)
            ),
            means: format!("That is {} per MWh, and {} g/kWh between the two hours.", pounds(price), number(carbon, 0)),
            bound,
            achieved: match (delivered, per_mwh) {
                (_, Some(gbp)) => vec![format!("{} per MWh of turn-down delivered", pounds(gbp))],
                (Some(_), None) => vec!["no turn-down was sold in this scenario".into()],
                (None, None) => Vec::new(),
            },
            holds_if:
                "It holds for a tight evening peak, not for a sunny afternoon, and before the energy used later is \
                       paid for. It is a price of single half-hours, not of a year."
                    .into(),
            status: match per_mwh {
                Some(_) if !self.view.has_intervals() => ONE_WEEK.into(),
                Some(gbp) if gbp >= price => "reached".into(),
                Some(_) => "not reached".into(),
                None => "not tested".into(),
            },
        }
    }

    fn fleet(&self) -> Claim {
        let per_site = FLEET.0 / FLEET.1;
        let evaluation = self.view.evaluation;
        let per_site_of = |mw: f64| evaluation.sites.map(|sites| mw / sites.max(1) as f64).filter(|mw| *mw > 0.0);
        let drawn = highest_draw_mw(self.view, &self.fifo.name, 4).and_then(per_site_of);
        let export = evaluation.export_limit_mw.and_then(|mw| per_site_of(mw).or(Some(0.0)));
        let most = drawn.zip(export).map(|(drawn, export)| drawn + export);
        let held = deepest_turn_down_mw(self.view, &self.policy.name, 4).and_then(per_site_of);
        let each = if evaluation.sites > Some(1) { " per site" } else { "" };
        let bound = drawn.zip(export).map(|(drawn, export)| {
            let export = match export > 0.0 {
                true => {
                    format!(", and {} MW{each} may be exported: nobody turns down more than both", number(export, 1))
                }
                false => ": without export nobody turns down more".into(),
            };
            format!("FIFO draws up to {} MW{each} for two hours{export}", number(drawn, 1))
        });
        let achieved =
            held.map(|mw| format!("deepest turn-down against FIFO held for two hours: {} MW{each}", number(mw, 1)));
        let larger =
            held.map_or_else(String::new, |mw| format!(" {} times as large as here", number(per_site / mw, 1)));
        Claim {
            title: format!("{}\u{a0}MW of flexibility over {} sites", number(FLEET.0, 0), number(FLEET.1, 0)),
            means: format!("That is {}\u{a0}MW per site.", number(per_site, 0)),
            bound: Vec::from_iter(bound),
            achieved: Vec::from_iter(achieved),
            holds_if: format!(
                "It takes sites{larger} that all turn down at the same moment; a deepest moment is not what can be offered \
                 every day."
            ),
            status: match (held, most) {
                (Some(mw), _) if mw >= per_site => "reached at its deepest".into(),
                (_, Some(most)) if most < per_site => "beyond the bound".into(),
                (Some(_), _) => "not reached".into(),
                (None, _) => "not tested".into(),
            },
        }
    }

    /// What perfect foresight saves of J, per cent.
    fn oracle_saving_pct(&self) -> Option<f64> {
        Some(100.0 * self.oracle_gain_gbp()? / self.fifo.cost_gbp).filter(|pct| pct.is_finite())
    }

    /// Pounds over all weeks between FIFO and the perfect-foresight bound.
    fn oracle_gain_gbp(&self) -> Option<f64> {
        self.view.oracle_gain_gbp()
    }

    fn packed(&self, pick: fn(&Ceiling) -> Option<f64>, of: &str) -> Vec<String> {
        let line = |ceiling: &Ceiling| {
            let (hours, machines) = (number(ceiling.hours, 0), number(ceiling.machines, 0));
            Some(format!("{} {of} {hours} h of each day ({machines}\u{d7} the machines)", percent(pick(ceiling)?, 0)))
        };
        let lines: Vec<String> = self.ceilings.iter().filter_map(line).collect();
        let of_what = "by moving a flat load within the day, first site; power caps and migration come on top:";
        let head = (!lines.is_empty()).then(|| of_what.to_string());
        head.into_iter().chain(lines).collect()
    }

    /// A share in per cent with its interval, if there is one.
    fn with_ends(&self, share: &Interval) -> String {
        let ends = if self.view.has_intervals() { format!(" {}", ends(share, 2)) } else { String::new() };
        format!("{}{ends}", percent(share.value, 2))
    }
}

/// In a word: whether an interval reaches a claim, and whether anything could. One week has no interval to judge by.
fn status(weeks: usize, found: &Interval, claimed: f64, most: Option<f64>) -> String {
    let word = match most {
        Some(most) if weeks < 2 && most < claimed => "beyond the bound",
        _ if weeks < 2 => ONE_WEEK,
        _ if found.lo >= claimed => "reached",
        _ if found.hi >= claimed => "not excluded",
        Some(most) if most < claimed => "beyond the bound",
        _ => "not reached",
    };
    word.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_follows_the_interval_and_the_bound() {
        let found = |lo, hi| Interval { value: (lo + hi) / 2.0, lo, hi };
        let status = |found: Interval, most| status(13, &found, 28.0, most);
        assert_eq!(status(found(30.0, 33.0), None), "reached");
        assert_eq!(status(found(20.0, 33.0), Some(40.0)), "not excluded");
        assert_eq!(status(found(1.0, 2.0), Some(9.0)), "beyond the bound");
        assert_eq!(status(found(1.0, 2.0), Some(40.0)), "not reached");
        assert_eq!(status(found(1.0, 2.0), None), "not reached");
    }

    #[test]
    fn one_week_is_no_ground_for_a_status_but_the_bound() {
        let exact = Interval { value: 30.0, lo: 30.0, hi: 30.0 };
        assert_eq!(status(1, &exact, 28.0, None), ONE_WEEK);
        assert_eq!(status(1, &Interval::default(), 28.0, Some(9.0)), "beyond the bound");
    }
}
