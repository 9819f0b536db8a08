//! Plays whole episodes with a policy.
//!
//! In: an environment and a policy. Out: return, or the ledger of a scored week.
//! Always: the policy sees the observation that the environment handed out, and nothing of what comes after.

use super::{Policy, Situation};
use flexai_env::core::Env;
use flexai_env::site::{FlexFleet, Ledger, WindowChoice};

/// What a policy made of one scored week; how long it thought is not its affair.
#[derive(Debug, Clone, PartialEq)]
pub struct WeekOutcome {
    /// The week and its job seed.
    pub window: WindowChoice,
    /// Sums over the week.
    pub ledger: Ledger,
}

/// Plays one episode from a seeded reset and returns (return, length).
pub fn play_episode(env: &mut dyn Env, policy: &mut dyn Policy, seed: u64) -> (f64, u64) {
    let mut action = vec![0.0; env.action_space().flat_len()];
    env.reset(Some(seed));
    policy.begin_episode(seed);
    let (mut total, mut length) = (0.0, 0);
    loop {
        let situation =
            Situation { observation: env.observation(), mask: env.action_mask().unwrap_or_default(), site: None };
        policy.decide(&situation, &mut action);
        let result = env.step(&action);
        total += result.reward;
        length += 1;
        if result.terminated || result.truncated {
            return (total, length);
        }
    }
}

/// Plays one window of a site.
pub fn play_week(site: &mut FlexFleet, policy: &mut dyn Policy, window: WindowChoice) -> WeekOutcome {
    play_week_seen(site, policy, window, &mut |_| ())
}

/// The same, showing the site to `see` before the first decision and after every period.
pub fn play_week_seen(
    site: &mut FlexFleet,
    policy: &mut dyn Policy,
    window: WindowChoice,
    see: &mut dyn FnMut(&FlexFleet),
) -> WeekOutcome {
    let mut action = vec![0.0; site.action_space().flat_len()];
    site.reset_to(window);
    policy.begin_episode(window.job_seed);
    see(site);
    loop {
        let mask = site.action_mask().unwrap_or_default();
        let situation = Situation { observation: site.observation(), mask, site: Some(site.view()) };
        policy.decide(&situation, &mut action);
        let over = site.step(&action).truncated;
        see(site);
        if over {
            return WeekOutcome { window, ledger: *site.ledger() };
        }
    }
}
