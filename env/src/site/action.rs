//! Actions of the site environments: what they mean, and how they lie in the flat vector.
//!
//! In: flat numbers or levels. Out: a [`SiteAction`] per site, and which levels are possible now.
//! Always: every number lies in -1 .. 1 and a level is a point of an even grid over it, 0 among them; site after site,
//! each with battery, run share per class, then whatever its scenario adds. Not here: what becomes of it (`state.rs`).

use super::config::SiteConfig;
use super::setup::Place;
use super::state::SiteState;
use crate::battery::kept;
use crate::core::Space;
use crate::workload::MAX_CLASSES;

/// A battery that could move no more than this is called empty or full: 1 mWh.
const NO_ENERGY_MWH: f64 = 1e-9;

/// What a site does in one period.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SiteAction {
    /// Battery set-point as a share of its power, -1 discharge .. 1 charge.
    pub battery: f64,
    /// Share of each class's waiting power to run now, 0 .. 1.
    pub run: [f64; MAX_CLASSES],
    /// Power cap of each class's jobs, 0 (as low as they go) .. 1 (none).
    pub cap: [f64; MAX_CLASSES],
    /// How interactive inference is served, 0 (on few replicas, capped) .. 1 (all replicas at full power).
    pub serve: f64,
    /// Share of the waiting work that may move to send to other sites, 0 .. 1.
    pub send: f64,
    /// How willing the site is to receive work, 0 (not at all) .. 1.
    pub receive: f64,
    /// Turn-down to sell for the period after the notice, as a share of the largest offer, 0 .. 1.
    pub offer: f64,
}

impl SiteAction {
    /// Run everything now at full power, leave the battery alone, move and sell nothing.
    pub fn fifo() -> Self {
        Self {
            battery: 0.0,
            run: [1.0; MAX_CLASSES],
            cap: [1.0; MAX_CLASSES],
            serve: 1.0,
            send: 0.0,
            receive: 0.0,
            offer: 0.0,
        }
    }
}

impl Default for SiteAction {
    /// Let everything wait that can.
    fn default() -> Self {
        Self { run: [0.0; MAX_CLASSES], ..Self::fifo() }
    }
}

/// What one flat number stands for.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Control {
    Battery,
    Run(usize),
    Cap(usize),
    Serve,
    Send,
    Receive,
    Offer,
}

impl Control {
    /// What it does, for the environment's page; `class` names the job classes.
    fn meaning(self, class: impl Fn(usize) -> String) -> String {
        match self {
            Self::Battery => "battery set-point as a share of its power: -1 discharge .. 1 charge".into(),
            Self::Run(c) => format!("(1 + x) / 2 of the waiting power of {} runs now", class(c)),
            Self::Cap(c) => format!("power cap of the jobs of {}: -1 their floor .. 1 none", class(c)),
            Self::Serve => "interactive inference: -1 on few replicas under a cap .. 1 all replicas, uncapped".into(),
            Self::Send => "(1 + x) / 2 of the waiting work that may move is sent to other sites".into(),
            Self::Receive => "willingness to receive work: -1 none .. 1 most".into(),
            Self::Offer => {
                "(1 + x) / 2 of the largest offer is sold as turn-down for the period after the notice".into()
            }
        }
    }

    /// What FIFO says.
    fn fifo(self) -> f64 {
        match self {
            Self::Battery => 0.0,
            Self::Run(_) | Self::Cap(_) | Self::Serve => 1.0,
            Self::Send | Self::Receive | Self::Offer => -1.0,
        }
    }
}

/// How the actions of a scenario lie in the flat vector.
#[derive(Debug, Clone)]
pub struct ActionLayout {
    controls: Vec<Control>,
    levels: usize,
    names: Vec<String>,
}

impl ActionLayout {
    /// The layout of a scenario.
    pub fn new(config: &SiteConfig) -> Self {
        let classes = config.workload.classes.len();
        let mut controls = vec![Control::Battery];
        controls.extend((0..classes).map(Control::Run));
        if config.controls.power_cap {
            controls.extend((0..classes).map(Control::Cap));
            controls.push(Control::Serve);
        }
        if config.sites.len() > 1 {
            controls.extend([Control::Send, Control::Receive]);
        }
        if config.p415.enabled {
            controls.push(Control::Offer);
        }
        let class = |c: usize| &config.workload.classes[c].name;
        let name = |control: &Control| match control {
            Control::Battery => "battery".to_string(),
            Control::Run(c) => format!("run_{}", class(*c)),
            Control::Cap(c) => format!("cap_{}", class(*c)),
            Control::Serve => "serve_interactive".into(),
            Control::Send => "send".into(),
            Control::Receive => "receive".into(),
            Control::Offer => "offer".into(),
        };
        let own: Vec<String> = controls.iter().map(name).collect();
        let names = match config.site_names().as_slice() {
            [] => own,
            sites => sites.iter().flat_map(|site| own.iter().map(move |name| format!("{site}_{name}"))).collect(),
        };
        Self { controls, levels: config.controls.discrete_levels, names }
    }

    /// Numbers per site.
    pub fn width(&self) -> usize {
        self.controls.len()
    }

    /// Name of each flat index.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// What each number of one site does, x being the number; the same for all sites.
    pub fn meanings(&self, config: &SiteConfig) -> Vec<String> {
        let class = |c: usize| format!("`{}`", config.workload.classes[c].name);
        self.controls.iter().map(|control| control.meaning(class)).collect()
    }

    /// The action space: a dictionary with one number, or one choice, per name.
    pub fn space(&self) -> Space {
        let part = || match self.levels {
            0 => Space::uniform_box(1, -1.0, 1.0),
            levels => Space::discrete(levels),
        };
        Space::Dict { entries: self.names.iter().map(|name| (name.clone(), part())).collect() }
    }

    /// Reads the action of one site from its part of the flat vector; what is no number acts like FIFO.
    pub(super) fn read(&self, flat: &[f32], action: &mut SiteAction) {
        for (x, control) in flat.iter().zip(&self.controls) {
            let x = match (x.is_nan(), self.levels) {
                (true, _) => control.fifo(),
                (false, 0) => f64::from(*x).clamp(-1.0, 1.0),
                (false, levels) => (2.0 * f64::from(*x) / (levels - 1) as f64 - 1.0).clamp(-1.0, 1.0),
            };
            let share = 0.5 + 0.5 * x;
            match *control {
                Control::Battery => action.battery = x,
                Control::Run(c) => action.run[c] = share,
                Control::Cap(c) => action.cap[c] = share,
                Control::Serve => action.serve = share,
                Control::Send => action.send = share,
                Control::Receive => action.receive = share,
                Control::Offer => action.offer = share,
            }
        }
    }

    /// Writes the action of one site into its part of the flat vector, at the nearest level where actions are discrete.
    pub fn write(&self, action: &SiteAction, flat: &mut [f32]) {
        for (x, control) in flat.iter_mut().zip(&self.controls) {
            let from_share = |share: f64| 2.0 * share - 1.0;
            let value = match *control {
                Control::Battery => action.battery,
                Control::Run(c) => from_share(action.run[c]),
                Control::Cap(c) => from_share(action.cap[c]),
                Control::Serve => from_share(action.serve),
                Control::Send => from_share(action.send),
                Control::Receive => from_share(action.receive),
                Control::Offer => from_share(action.offer),
            };
            *x = match self.levels {
                0 => value as f32,
                levels => (0.5 * (value.clamp(-1.0, 1.0) + 1.0) * (levels - 1) as f64).round() as f32,
            };
        }
    }

    /// Replaces the battery set-point of every site by that of another flat action.
    pub(super) fn copy_battery(&self, from: &[f32], into: &mut [f32]) {
        let sites = from.chunks(self.width()).zip(into.chunks_mut(self.width()));
        for (from, into) in sites {
            let numbers = self.controls.iter().zip(from.iter().zip(into));
            numbers.filter(|(control, _)| **control == Control::Battery).for_each(|(_, (from, into))| *into = *from);
        }
    }

    /// Length of the mask of one site.
    pub(super) fn mask_width(&self) -> usize {
        self.levels * self.controls.len()
    }

    /// Writes which levels of one site are possible now; the level that asks for nothing always is.
    pub(super) fn write_mask(&self, place: &Place, state: &SiteState, gated: u16, mask: &mut [bool]) {
        let battery = &place.config.battery;
        let capacity = state.health.capacity(battery).0;
        // What leaks makes room in a full battery.
        let kept = kept(battery, state.stored).0;
        let (empty, full) = (kept <= capacity * battery.min_charge + NO_ENERGY_MWH, kept >= capacity - NO_ENERGY_MWH);
        for (legal, control) in mask.chunks_mut(self.levels.max(1)).zip(&self.controls) {
            let top = self.levels - 1;
            for (level, legal) in legal.iter_mut().enumerate() {
                let x = 2.0 * level as f64 / top as f64 - 1.0;
                *legal = match *control {
                    Control::Battery => (x >= 0.0 || !empty) && (x <= 0.0 || !full),
                    Control::Run(c) | Control::Cap(c) => {
                        let view = state.jobs.view(c);
                        let waiting = view.available_mw > view.must_run_mw && gated & (1 << c) == 0;
                        let idle = if matches!(control, Control::Run(_)) { 0 } else { top };
                        waiting || level == idle
                    }
                    Control::Serve | Control::Send | Control::Receive | Control::Offer => true,
                };
            }
        }
    }
}
