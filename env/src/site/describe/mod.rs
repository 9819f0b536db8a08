//! The environment's page, made from the code: `flexai env describe FlexSite-v1`.
//!
//! In: an environment, made of a scenario and a grid. Out: an [`EnvPage`], as facts (serde) or as Markdown.
//! Always: the page is the contract: names, ranges, terms and rules come from the code that uses them.
//! `keys` has the words of a scenario's keys, `places` sites and prices, `settings` the rest of a scenario, `contract`
//! what a learner relies on, `table` writes Markdown. Not here: which scenarios ship (`configs/scenarios`).

mod contract;
mod keys;
mod places;
mod settings;
mod table;

pub use contract::{ActionRow, EpisodeFacts, InformationFacts, KnownRow, ObservationRow, RewardFacts};
pub use keys::KeyRow;
pub use places::{CarbonFacts, ChargeRow, SiteRow, TariffFacts};
pub use settings::{ClassFacts, Settings, SettingsFacts};

use super::env::FlexFleet;
use super::ledger::{INFO_FIELDS, InfoField};
use crate::grid::{Period, SourceKind};
use serde::Serialize;
use table::Markdown;

/// Versions of the site environments: id and what changed.
const VERSIONS: &[(&str, &str)] =
    &[("FlexSite-v1", "first version"), ("FlexFleet-v1", "first version, the same code with several sites")];

/// Everything a user of an environment may rely on.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EnvPage {
    /// Registered id.
    pub id: &'static str,
    /// What it is.
    pub purpose: String,
    /// Name of the scenario.
    pub scenario: String,
    /// What the scenario is for, in its own words.
    pub summary: String,
    /// The grid it is played on.
    pub grid: GridFacts,
    /// What must be said beside every figure.
    pub labels: Vec<String>,
    /// The sites.
    pub sites: Vec<SiteRow>,
    /// What they pay.
    pub tariff: TariffFacts,
    /// Whose carbon counts.
    pub carbon: CarbonFacts,
    /// Everything else that the scenario sets.
    pub settings: SettingsFacts,
    /// What is known when.
    pub information: InformationFacts,
    /// The observation.
    pub observation: Vec<ObservationRow>,
    /// The action.
    pub action: Vec<ActionRow>,
    /// The mask rule, where actions are discrete.
    pub mask: Option<String>,
    /// The reward.
    pub reward: RewardFacts,
    /// The info of each step.
    pub info: &'static [InfoField],
    /// Start, end, settlement.
    pub episode: EpisodeFacts,
    /// Versions of this id: id and what changed.
    pub versions: Vec<(&'static str, &'static str)>,
}

/// The grid of a page.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GridFacts {
    /// Name of the table.
    pub name: String,
    /// Measured or generated.
    pub kind: SourceKind,
    /// First half-hour.
    pub from: Period,
    /// The half-hour after the last one.
    pub to: Period,
}

/// The page in Markdown.
pub fn describe(env: &FlexFleet) -> String {
    EnvPage::new(env).markdown()
}

impl EnvPage {
    /// The page of an environment.
    pub fn new(env: &FlexFleet) -> Self {
        let setup = env.setup();
        let config = &setup.config;
        let source = setup.trace.source();
        let id = config.env_id();
        let family = id.split('-').next().unwrap_or(id);
        Self {
            id,
            purpose: purpose(config.sites.len()),
            scenario: config.name.clone(),
            summary: config.summary.clone(),
            grid: GridFacts {
                name: source.name.clone(),
                kind: source.kind,
                from: setup.trace.start(),
                to: setup.trace.start() + setup.trace.len() as i64,
            },
            labels: labels(setup.labels(), source.kind),
            sites: places::sites(config),
            tariff: places::tariff(config),
            carbon: places::carbon(setup),
            settings: settings::facts(setup),
            information: contract::information(config),
            observation: contract::observation(env),
            action: contract::action(env),
            mask: contract::mask(config),
            reward: contract::reward(config),
            info: INFO_FIELDS,
            episode: contract::episode(env),
            versions: VERSIONS.iter().filter(|(version, _)| version.starts_with(family)).copied().collect(),
        }
    }

    /// The page in Markdown; of a fleet the first site in full, the others by their names.
    pub fn markdown(&self) -> String {
        let mut page = Markdown::default();
        page.heading(1, &format!("{}, scenario `{}`", self.id, self.scenario));
        if !self.summary.is_empty() {
            page.paragraph(&self.summary);
        }
        page.paragraph(&self.purpose);
        page.paragraph(
            "A step is one settlement period: half an hour. Positive power is consumed. Times of the tables are UTC period \
             starts, clocks and calendars UK local time.",
        );
        let GridFacts { name, from, to, .. } = &self.grid;
        page.paragraph(&format!("Grid of this page: `{name}`, {from} to {to}."));
        page.heading(2, "Labels");
        if self.labels.is_empty() {
            page.paragraph("None: everything in it was measured.");
        } else {
            page.paragraph("To be said beside every figure:");
            page.list(&self.labels);
        }
        page.heading(2, "Scenario");
        places::write(&mut page, &self.sites, &self.tariff, &self.carbon);
        settings::write(&mut page, &self.settings, self.sites.len() > 1);
        contract::write_information(&mut page, &self.information);
        let names: Vec<&str> = self.sites.iter().map(|site| site.name.as_str()).collect();
        contract::write_observation(&mut page, &names, &self.observation);
        contract::write_action(&mut page, &names, &self.action, self.mask.as_deref());
        contract::write_reward(&mut page, &self.reward, self.info);
        contract::write_episode(&mut page, &self.episode);
        page.heading(2, "Version history");
        page.list(self.versions.iter().map(|(id, change)| format!("`{id}`: {change}")));
        page.finish()
    }
}

fn purpose(sites: usize) -> String {
    let what = if sites == 0 {
        "One AI data centre on the Great Britain grid: discrete jobs with deadlines and a load that cannot wait, a battery, \
         on-site solar, an import limit, a tariff and a price on carbon."
    } else {
        "Several AI data centres on the Great Britain grid, each with discrete jobs, a load that cannot wait, a battery, \
         solar, an import limit, a tariff and a price on carbon; jobs may move between them."
    };
    format!("{what} Every half-hour the policy decides which work runs now, and what each battery does.")
}

fn labels(setup: Vec<&'static str>, grid: SourceKind) -> Vec<String> {
    let synthetic = "synthetic: every signal of the grid comes from a generator fitted to real data";
    let of_grid = (grid == SourceKind::Synthetic).then_some(synthetic);
    of_grid.into_iter().chain(setup).map(str::to_string).collect()
}

#[cfg(test)]
mod tests;
