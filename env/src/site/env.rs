//! `FlexSite-v1` and `FlexFleet-v1`: the Gym face of one site or many.
//!
//! In: flat actions. Out: flat observations, rewards, info.
//! Always: an episode is truncated when its window ends, never terminated: jobs go on and the battery keeps its charge.
//! Not here: physics (`state.rs`), what is seen (`observation.rs`), what is told (`reward.rs`).

use super::action::{ActionLayout, SiteAction};
use super::config::{RewardMode, SiteConfig};
use super::episode::{Episode, EpisodeEnd, WindowChoice};
use super::gate::gated_classes;
use super::ledger::{INFO_KEYS, Ledger, StepAccount};
use super::observation::{FleetView, SiteView, observation_len, observation_schema};
use super::privileged::{PRIVILEGED, write_privileged};
use super::reward::{BatteryMoney, own_earnings, own_potentials, potential_gbp, reward};
use super::setup::{SetupError, SiteSetup};
use super::state::SiteState;
use crate::core::{
    Env, EnvContext, EnvError, Info, ObservationSchema, Reset, RewardParts, SeedTree, Space, StateError, StepResult,
    StreamRng, decode_state, encode_state,
};
use crate::grid::{Split, embedded_trace};
use rand::RngExt;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Shortest first episode of a training environment; see [`FlexFleet::reset`].
const SHORTEST_FIRST_EPISODE: usize = 48;
/// Observations are clipped to +-5 by the encoder.
const CLIP: f32 = 5.0;
/// The scenarios of the registered environments.
const SITE: &str = include_str!("../../../configs/scenarios/quickstart.toml");
const FLEET: &str = include_str!("../../../configs/scenarios/fleet.toml");

/// The sites of a scenario; a single site is a fleet of one.
pub struct FlexFleet {
    setup: Arc<SiteSetup>,
    layout: ActionLayout,
    observation_space: Space,
    action_space: Space,
    rng: StreamRng,
    episode: Episode,
    actions: Vec<SiteAction>,
    ledger: Ledger,
    last: StepAccount,
    imports_mwh: Vec<f64>,
    potential_gbp: f64,
    parts: Parts,
    observation: Vec<f32>,
    mask: Vec<bool>,
    info: Info,
}

/// What each number of the action earns by itself: the battery and each class, site after site.
#[derive(Debug, Clone, Default)]
struct Parts {
    /// Of the last reward.
    reward: Vec<f64>,
    /// Potentials now, and before the last period.
    potential_gbp: Vec<f64>,
    before_gbp: Vec<f64>,
    batteries: Vec<BatteryMoney>,
    /// The last reward, whole.
    whole: f64,
}

#[derive(Serialize, Deserialize)]
struct SavedState {
    rng: StreamRng,
    episode: Episode,
    ledger: Ledger,
    last: StepAccount,
}

impl FlexFleet {
    /// The sites on their trace; call `reset` before the first step.
    pub fn new(setup: Arc<SiteSetup>) -> Self {
        let len = observation_len(&setup.config);
        let layout = ActionLayout::new(&setup.config);
        Self {
            observation_space: Space::uniform_box(len, -CLIP, CLIP),
            action_space: layout.space(),
            rng: SeedTree::new(0).stream(setup.config.env_id()),
            episode: Episode::new(&setup),
            actions: vec![SiteAction::default(); setup.places().len()],
            ledger: Ledger::default(),
            last: StepAccount::default(),
            imports_mwh: vec![0.0; setup.places().len()],
            potential_gbp: 0.0,
            parts: Parts::new(&setup),
            observation: vec![0.0; len],
            mask: vec![true; layout.mask_width() * setup.places().len()],
            info: Info::new(INFO_KEYS),
            layout,
            setup,
        }
    }

    /// Scenario and grid.
    pub fn setup(&self) -> &Arc<SiteSetup> {
        &self.setup
    }

    /// Starts a given episode, e.g. a scored week.
    pub fn reset_to(&mut self, window: WindowChoice) -> Reset<'_> {
        self.begin(window);
        Reset { observation: &self.observation, info: &self.info }
    }

    /// What is known now, in natural units.
    pub fn view(&self) -> FleetView<'_> {
        FleetView::new(&self.setup, &self.episode, &self.layout)
    }

    /// What the first site knows.
    pub fn first_site(&self) -> SiteView<'_> {
        self.view().site(0)
    }

    /// The running episode.
    pub fn episode(&self) -> &Episode {
        &self.episode
    }

    /// How actions lie in the flat vector.
    pub fn layout(&self) -> &ActionLayout {
        &self.layout
    }

    /// Info of the last period.
    pub fn info(&self) -> &Info {
        &self.info
    }

    /// Sums since the start of the episode.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Account of the last period.
    pub fn last_account(&self) -> &StepAccount {
        &self.last
    }

    /// Import of each site in the last period stepped, MWh.
    pub fn imports_mwh(&self) -> &[f64] {
        &self.imports_mwh
    }

    pub(super) fn spaces(&self) -> [&Space; 2] {
        [&self.observation_space, &self.action_space]
    }

    /// Bytes of observation, mask and info.
    pub(super) fn row_bytes(&self) -> usize {
        size_of_val(&self.observation[..]) + size_of_val(&self.mask[..]) + size_of_val(self.info.values())
    }

    fn decode_actions(&mut self, flat: &[f32]) {
        assert_eq!(flat.len(), self.layout.names().len(), "one number per name of the action space");
        for (action, flat) in self.actions.iter_mut().zip(flat.chunks(self.layout.width())) {
            self.layout.read(flat, action);
        }
    }

    fn begin(&mut self, window: WindowChoice) {
        self.episode.begin(&self.setup, window);
        self.ledger = Ledger::default();
        self.last = StepAccount::default();
        self.info.values_mut().fill(0.0);
        self.potential_gbp = potential_gbp(&self.setup, &self.episode);
        self.parts.begin(&self.setup, &self.episode);
        self.observe();
    }

    fn observe(&mut self) {
        FleetView::new(&self.setup, &self.episode, &self.layout).encode(&mut self.observation);
        let width = self.layout.mask_width();
        if width == 0 {
            return;
        }
        let at = self.episode.at().min(self.setup.trace.len() - 1);
        let sites = self.setup.places().iter().zip(&self.episode.sites);
        for ((place, state), mask) in sites.zip(self.mask.chunks_mut(width)) {
            self.layout.write_mask(place, state, gated_classes(place, at), mask);
        }
    }

    fn draw_window(&mut self, first: bool) -> WindowChoice {
        let starts = self.setup.training_starts();
        let start = starts[self.rng.random_range(0..starts.len())] as usize;
        let job_seed = self.rng.random();
        let longest = self.setup.config.episode_periods;
        let shortest = SHORTEST_FIRST_EPISODE.min(longest);
        // The first episodes of a batch differ in length, so that its environments do not end in step ever after.
        let periods = if first { self.rng.random_range(shortest..=longest) } else { longest };
        WindowChoice { start, periods, job_seed, end: EpisodeEnd::Bootstrap }
    }

    /// Whether a saved episode can belong to this scenario and trace.
    fn fits(&self, episode: &Episode) -> bool {
        let window = episode.window;
        window.start >= self.setup.history()
            && window.periods > 0
            && window.periods <= self.setup.trace.len()
            && window.start <= self.setup.trace.len() - window.periods
            && episode.t <= window.periods
            && episode.sites.len() == self.setup.places().len()
            && episode.reward_scale.to_bits() == self.setup.reward_scale(window.start).to_bits()
            && self.setup.places().iter().zip(&episode.sites).all(|(place, site)| {
                let at = (window.start + episode.t).min(self.setup.trace.len() - 1);
                site.fits(&self.setup, place, at)
            })
    }
}

impl Env for FlexFleet {
    fn observation_space(&self) -> &Space {
        &self.observation_space
    }

    fn action_space(&self) -> &Space {
        &self.action_space
    }

    fn observation_schema(&self) -> ObservationSchema {
        observation_schema(&self.setup.config)
    }

    fn info_keys(&self) -> &'static [&'static str] {
        INFO_KEYS
    }

    /// A random training window with random jobs. After a seeded reset the first window is cut at a random length.
    fn reset(&mut self, seed: Option<u64>) -> Reset<'_> {
        if let Some(seed) = seed {
            self.rng = SeedTree::new(seed).stream(self.setup.config.env_id());
        }
        let window = self.draw_window(seed.is_some());
        self.begin(window);
        Reset { observation: &self.observation, info: &self.info }
    }

    fn step(&mut self, action: &[f32]) -> StepResult<'_> {
        assert!(!self.episode.is_over(), "the episode is over: call reset before step");
        if self.episode.sites.len() > 1 {
            SiteState::warm(&self.episode.sites, self.setup.places(), self.episode.at());
        }
        self.decode_actions(action);
        let Self { episode, setup, actions, imports_mwh, parts, .. } = self;
        let account = episode.advance_each(setup, actions, |site, account| {
            imports_mwh[site] = account.import_mwh;
            let drawn_mwh = account.charged_mwh - account.discharged_mwh;
            parts.batteries[site] = BatteryMoney { drawn_mwh, wear_gbp: account.wear_gbp };
        });
        let potential = potential_gbp(&self.setup, &self.episode);
        let reward = reward(&self.setup, &self.episode, &account, self.potential_gbp, potential);
        self.potential_gbp = potential;
        self.parts.advance(&self.setup, &self.episode, reward);
        self.ledger.add(&account);
        self.last = account;
        account.write_info(self.info.values_mut());
        self.observe();
        StepResult {
            observation: &self.observation,
            reward,
            terminated: false,
            truncated: self.episode.is_over(),
            info: &self.info,
        }
    }

    fn observation(&self) -> &[f32] {
        &self.observation
    }

    fn privileged_len(&self) -> usize {
        PRIVILEGED
    }

    fn privileged(&self, out: &mut [f32]) {
        write_privileged(&self.setup, self.episode.at(), out);
    }

    fn reward_parts(&self) -> Option<RewardParts> {
        let (classes, width) = (self.setup.config.workload.classes.len(), self.layout.width());
        let own = |i: usize| {
            let (site, within) = (i / width, i % width);
            (within <= classes).then_some(site * (1 + classes) + within)
        };
        let of_action = (0..self.layout.names().len()).map(own).collect();
        Some(RewardParts { count: self.parts.reward.len() + 1, of_action })
    }

    fn write_reward_parts(&self, out: &mut [f64]) {
        let (rest, own) = out.split_last_mut().expect("there is always what is left");
        own.copy_from_slice(&self.parts.reward);
        *rest = self.parts.whole - own.iter().sum::<f64>();
    }

    fn action_mask(&self) -> Option<&[bool]> {
        (!self.mask.is_empty()).then_some(&self.mask[..])
    }

    fn save_state(&self) -> Vec<u8> {
        let saved =
            SavedState { rng: self.rng.clone(), episode: self.episode.clone(), ledger: self.ledger, last: self.last };
        encode_state(self.setup.config.env_id(), &saved)
    }

    fn load_state(&mut self, bytes: &[u8]) -> Result<(), StateError> {
        let bad = |reason: String| StateError { environment: self.setup.config.env_id().into(), reason };
        let saved: SavedState = decode_state(self.setup.config.env_id(), bytes)?;
        if !self.fits(&saved.episode) || saved.ledger.periods as usize != saved.episode.t {
            return Err(bad("its window, sites or job classes belong to another trace or scenario".into()));
        }
        self.rng = saved.rng;
        self.episode = saved.episode;
        self.ledger = saved.ledger;
        self.last = saved.last;
        self.potential_gbp = potential_gbp(&self.setup, &self.episode);
        self.parts.begin(&self.setup, &self.episode);
        saved.last.write_info(self.info.values_mut());
        self.observe();
        Ok(())
    }
}

impl Parts {
    fn new(setup: &SiteSetup) -> Self {
        let sites = setup.places().len();
        let zero = vec![0.0; sites * (1 + setup.config.workload.classes.len())];
        Self {
            reward: zero.clone(),
            potential_gbp: zero.clone(),
            before_gbp: zero,
            batteries: vec![BatteryMoney::default(); sites],
            whole: 0.0,
        }
    }

    fn begin(&mut self, setup: &SiteSetup, episode: &Episode) {
        self.reward.fill(0.0);
        self.whole = 0.0;
        own_potentials(setup, episode, &mut self.potential_gbp);
    }

    /// Takes in a period that has just been played, with its reward.
    fn advance(&mut self, setup: &SiteSetup, episode: &Episode, reward: f64) {
        std::mem::swap(&mut self.before_gbp, &mut self.potential_gbp);
        own_potentials(setup, episode, &mut self.potential_gbp);
        own_earnings(setup, episode, &self.batteries, episode.at() - 1, &mut self.reward);
        let shaped = setup.config.reward.mode == RewardMode::ShapedSaving;
        for (part, (after, before)) in self.reward.iter_mut().zip(self.potential_gbp.iter().zip(&self.before_gbp)) {
            *part = (*part + if shaped { after - before } else { 0.0 }) / episode.reward_scale;
        }
        self.whole = reward;
    }
}

/// The scenario that an id plays when it is given none: `quickstart` or `fleet`.
pub fn default_scenario(id: &str) -> SiteConfig {
    let text = if id.starts_with("FlexFleet") { FLEET } else { SITE };
    toml::from_str(text).expect("what ships is a scenario, as its test says")
}

/// Builds `FlexSite-v1`; without a context on the embedded synthetic grid.
pub(crate) fn build_site(context: &EnvContext) -> Result<Box<dyn Env>, EnvError> {
    build(context, "FlexSite-v1")
}

/// Builds `FlexFleet-v1`; without a context on the embedded synthetic grid.
pub(crate) fn build_fleet(context: &EnvContext) -> Result<Box<dyn Env>, EnvError> {
    build(context, "FlexFleet-v1")
}

fn build(context: &EnvContext, id: &str) -> Result<Box<dyn Env>, EnvError> {
    let setup = match &context.site {
        Some(setup) => Arc::clone(setup),
        None => embedded_setup(default_scenario(id)).map_err(|e| EnvError::Setup(e.to_string()))?,
    };
    if setup.config.env_id() != id {
        let (name, found) = (&setup.config.name, setup.config.env_id());
        let hint = "hint: a scenario with [[sites]] is a fleet, one without is a site";
        return Err(EnvError::Setup(format!("scenario `{name}` is one of {found}, expected one of {id}\n\n{hint}")));
    }
    setup.require_training().map_err(|e| EnvError::Setup(e.to_string()))?;
    Ok(Box::new(FlexFleet::new(setup)))
}

pub(super) fn embedded_setup(config: SiteConfig) -> Result<Arc<SiteSetup>, SetupError> {
    let trace = Arc::new(embedded_trace());
    let training = Split::Train.indices(&trace);
    Ok(Arc::new(SiteSetup::new(config, trace, training)?))
}
