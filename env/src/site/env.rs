//! `FlexSite-v1`: the Gym face of a site.
//!
//! In: flat actions. Out: flat observations, rewards, info.
//! Always: an episode is truncated when its window ends, never terminated: jobs go on and the battery keeps its charge.
//! Not here: physics (`state.rs`), what is seen (`observation.rs`), what is told (`reward.rs`).

use super::config::SiteConfig;
use super::episode::{Episode, EpisodeEnd, WindowChoice};
use super::ledger::{INFO_KEYS, Ledger, StepAccount};
use super::observation::{SiteView, observation_len, observation_schema};
use super::reward::{potential_gbp, reward};
use super::setup::SiteSetup;
use super::state::{SiteAction, SiteState};
use crate::core::{
    Env, EnvContext, EnvError, Info, ObservationSchema, Reset, SeedTree, Space, StateError, StepResult, StreamRng,
};
use crate::grid::{Split, embedded_trace};
use rand::RngExt;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The id.
pub(super) const ID: &str = "FlexSite-v1";

/// Shortest first episode of a training environment; see [`FlexSite::reset`].
const SHORTEST_FIRST_EPISODE: usize = 48;

/// A data-centre site.
pub struct FlexSite {
    setup: Arc<SiteSetup>,
    observation_space: Space,
    action_space: Space,
    rng: StreamRng,
    episode: Episode,
    state: SiteState,
    ledger: Ledger,
    last: StepAccount,
    observation: Vec<f32>,
    info: Info,
}

#[derive(Serialize, Deserialize)]
struct SavedState {
    rng: StreamRng,
    window: WindowChoice,
    state: SiteState,
    ledger: Ledger,
}

impl FlexSite {
    /// A site on its trace; call `reset` before the first step.
    pub fn new(setup: Arc<SiteSetup>) -> Self {
        let classes = setup.config.workload.classes.len();
        let len = observation_len(classes);
        let mut entries = vec![("battery".to_string(), Space::uniform_box(1, -1.0, 1.0))];
        for class in &setup.config.workload.classes {
            entries.push((format!("run_{}", class.name), Space::uniform_box(1, -1.0, 1.0)));
        }
        Self {
            observation_space: Space::uniform_box(len, -CLIP, CLIP),
            action_space: Space::Dict { entries },
            rng: SeedTree::new(0).stream(ID),
            episode: Episode::default(),
            state: SiteState::default(),
            ledger: Ledger::default(),
            last: StepAccount::default(),
            observation: vec![0.0; len],
            info: Info::new(INFO_KEYS),
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
    pub fn view(&self) -> SiteView<'_> {
        SiteView::new(&self.setup, &self.episode, &self.state)
    }

    /// The running episode.
    pub fn episode(&self) -> &Episode {
        &self.episode
    }

    /// Jobs, battery and clock.
    pub fn state(&self) -> &SiteState {
        &self.state
    }

    /// Sums since the start of the episode.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Account of the last period.
    pub fn last_account(&self) -> &StepAccount {
        &self.last
    }

    fn decode_action(&self, action: &[f32]) -> SiteAction {
        assert_eq!(action.len(), self.action_space.flat_len(), "one number for the battery and one per job class");
        let mut out = SiteAction { battery: f64::from(action[0]).clamp(-1.0, 1.0), ..SiteAction::default() };
        for (run, x) in out.run.iter_mut().zip(&action[1..]) {
            *run = (0.5 + 0.5 * f64::from(*x)).clamp(0.0, 1.0);
        }
        out
    }

    fn begin(&mut self, window: WindowChoice) {
        self.episode.prepare(&self.setup, window);
        self.state.start(&self.setup, &self.episode);
        self.ledger = Ledger::default();
        self.last = StepAccount::default();
        self.info.values_mut().fill(0.0);
        self.observe();
    }

    fn observe(&mut self) {
        SiteView::new(&self.setup, &self.episode, &self.state).encode(&mut self.observation);
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
}

/// Observations are clipped to +-5 by the encoder.
const CLIP: f32 = 5.0;

impl Env for FlexSite {
    fn observation_space(&self) -> &Space {
        &self.observation_space
    }

    fn action_space(&self) -> &Space {
        &self.action_space
    }

    fn observation_schema(&self) -> ObservationSchema {
        observation_schema(&self.setup)
    }

    fn info_keys(&self) -> &'static [&'static str] {
        INFO_KEYS
    }

    /// A random training window with random jobs. After a seeded reset the first window is cut at a random length.
    fn reset(&mut self, seed: Option<u64>) -> Reset<'_> {
        if let Some(seed) = seed {
            self.rng = SeedTree::new(seed).stream(ID);
        }
        let window = self.draw_window(seed.is_some());
        self.begin(window);
        Reset { observation: &self.observation, info: &self.info }
    }

    fn step(&mut self, action: &[f32]) -> StepResult<'_> {
        assert!(self.state.t < self.episode.window.periods, "the episode is over: call reset before step");
        let action = self.decode_action(action);
        let before = potential_gbp(&self.setup, &self.episode, &self.state);
        let account = self.state.advance(&self.setup, &self.episode, &action);
        let after = potential_gbp(&self.setup, &self.episode, &self.state);
        let reward = reward(&self.setup, &self.episode, &account, before, after);
        self.ledger.add(&account);
        self.last = account;
        account.write_info(self.info.values_mut());
        self.observe();
        StepResult {
            observation: &self.observation,
            reward,
            terminated: false,
            truncated: self.state.t == self.episode.window.periods,
            info: &self.info,
        }
    }

    fn observation(&self) -> &[f32] {
        &self.observation
    }

    fn save_state(&self) -> Vec<u8> {
        let saved = SavedState {
            rng: self.rng.clone(),
            window: self.episode.window,
            state: self.state.clone(),
            ledger: self.ledger,
        };
        postcard::to_stdvec(&saved).expect("plain data always serialises")
    }

    fn load_state(&mut self, bytes: &[u8]) -> Result<(), StateError> {
        let bad = |reason: String| StateError { environment: ID.into(), reason };
        let saved: SavedState = postcard::from_bytes(bytes).map_err(|e| bad(e.to_string()))?;
        let window = saved.window;
        let fits = window.start >= super::setup::HISTORY
            && window.start + window.periods <= self.setup.trace.len()
            && saved.state.t <= window.periods
            && saved.state.jobs.classes() == self.setup.config.workload.classes.len();
        if !fits {
            return Err(bad("its window or job classes belong to another trace or scenario".into()));
        }
        self.begin(window);
        self.rng = saved.rng;
        self.state = saved.state;
        self.ledger = saved.ledger;
        self.observe();
        Ok(())
    }
}

/// Builds the environment; without a context on the embedded synthetic grid, scenario `quickstart`.
pub(crate) fn build(context: &EnvContext) -> Result<Box<dyn Env>, EnvError> {
    let setup = match &context.site {
        Some(setup) => Arc::clone(setup),
        None => default_setup().map_err(|e| EnvError::Setup(e.to_string()))?,
    };
    setup.require_training().map_err(|e| EnvError::Setup(e.to_string()))?;
    Ok(Box::new(FlexSite::new(setup)))
}

fn default_setup() -> Result<Arc<SiteSetup>, super::setup::SetupError> {
    let config = SiteConfig { name: "quickstart".into(), ..SiteConfig::default() };
    let trace = Arc::new(embedded_trace());
    let training = Split::Train.indices(&trace);
    Ok(Arc::new(SiteSetup::new(config, trace, training)?))
}
