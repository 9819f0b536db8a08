//! What a step allocates (nothing) and what an environment weighs, counted by an allocator of this binary's own.
//!
//! In: the standard site, the ten-site fleet, markets and events, batches. Out: counts of allocations and bytes.
//! Always: after one episode that fills the queues to their usual length a step allocates nothing; nor does a reset.
//! Not here: speed, which is measured by `flexai bench env`.
//!
//! The bound: a queue has room for the jobs that will hardly ever be there at once (`JobGenerator::most_jobs`), twice
//! that where jobs migrate. A policy that lets more of them gather, by migration or for want of capacity, makes it grow.

use flexai_env::core::{Env, SeedTree, VecEnv};
use flexai_env::grid::{GridTrace, embedded_trace};
use flexai_env::site::{FlexFleet, SiteConfig, SiteSetup};
use rand::RngExt;
use std::sync::{Arc, OnceLock};

const FLEET: &str = include_str!("../../configs/scenarios/fleet.toml");
const MARKETS: &str = "
[p415]
enabled = true
[controls]
power_cap = true
enforce_thresholds = true
discrete_levels = 5
[events.random]
per_week = 5.0
[battery]
self_discharge_per_day = 0.02
";

/// Ten weeks of the embedded grid.
fn grid() -> Arc<GridTrace> {
    static GRID: OnceLock<Arc<GridTrace>> = OnceLock::new();
    Arc::clone(GRID.get_or_init(|| Arc::new(embedded_trace().slice(0..70 * 48))))
}

fn setup(scenario: &str) -> Arc<SiteSetup> {
    let config: SiteConfig = toml::from_str(scenario).expect("a scenario");
    let range = 0..grid().len();
    Arc::new(SiteSetup::new(config, grid(), range).expect("a valid scenario"))
}

fn batch(setup: &Arc<SiteSetup>, num_envs: usize) -> VecEnv {
    let boxed = |_| Box::new(FlexFleet::new(Arc::clone(setup))) as Box<dyn Env>;
    VecEnv::new((0..num_envs).map(boxed).collect())
}

fn fill(rng: &mut impl RngExt, levels: usize, action: &mut [f32]) {
    for a in action {
        *a = if levels > 0 { rng.random_range(0..levels) as f32 } else { 2.0 * rng.random::<f32>() - 1.0 };
    }
}

/// Plays a first episode, then counts what `steps` more allocate, and the resets among them.
fn count(setup: &Arc<SiteSetup>, steps: usize) -> (u64, u64) {
    let mut env = FlexFleet::new(Arc::clone(setup));
    let mut rng = SeedTree::new(1).stream("actions");
    let levels = setup.config.controls.discrete_levels;
    let mut action = vec![0.0; env.action_space().flat_len()];
    env.reset(Some(7));
    let (mut in_steps, mut in_resets, mut warm, mut counted) = (0, 0, false, 0);
    while counted < steps {
        fill(&mut rng, levels, &mut action);
        let mut over = false;
        let step = allocation_counter::measure(|| over = env.step(&action).truncated);
        if warm {
            in_steps += step.count_total;
            counted += 1;
        }
        if over {
            let reset = allocation_counter::measure(|| {
                env.reset(None);
            });
            in_resets += reset.count_total;
            warm = true;
        }
    }
    (in_steps, in_resets)
}

#[test]
fn a_step_of_the_standard_site_allocates_nothing_nor_does_a_reset() {
    assert_eq!(count(&setup(""), 2000), (0, 0));
}

#[test]
fn a_step_of_ten_sites_with_migration_allocates_nothing_nor_does_a_reset() {
    let setup = setup(FLEET);
    assert_eq!(setup.places().len(), 10);
    assert_eq!(count(&setup, 1000), (0, 0));
}

#[test]
fn a_step_with_markets_events_masks_and_caps_allocates_nothing_nor_does_a_reset() {
    assert_eq!(count(&setup(MARKETS), 2000), (0, 0));
}

/// Eight environments are stepped by the caller alone; 32 by a pool, here of one thread, whose allocations are counted.
#[test]
fn a_step_of_a_batch_allocates_nothing_with_resets_among_its_steps() {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().expect("a thread");
    for (scenario, num_envs) in [("", 8), ("", 32), (MARKETS, 8)] {
        let setup = setup(scenario);
        let levels = setup.config.controls.discrete_levels;
        pool.install(|| {
            let mut envs = batch(&setup, num_envs);
            let mut rng = SeedTree::new(1).stream("actions");
            let mut action = vec![0.0; num_envs * envs.action_space().flat_len()];
            envs.reset(3);
            let (mut counted, mut endings) = (0, 0);
            for t in 0..900 {
                fill(&mut rng, levels, &mut action);
                let mut ended = 0;
                let step = allocation_counter::measure(|| {
                    ended = envs.step(&action).truncated.iter().filter(|x| **x).count();
                });
                if t >= 400 {
                    counted += step.count_total;
                    endings += ended;
                }
            }
            assert!(endings >= num_envs, "{endings} episodes ended while counting");
            assert_eq!(counted, 0, "{num_envs} environments");
        });
    }
}

#[test]
fn an_environment_weighs_what_it_says() {
    for (scenario, most) in [("", 96 * 1024), (MARKETS, 160 * 1024), (FLEET, 1536 * 1024)] {
        let setup = setup(scenario);
        let mut env = None;
        let made = allocation_counter::measure(|| env = Some(FlexFleet::new(Arc::clone(&setup))));
        let env = env.expect("it was made");
        let (says, holds) = (env.memory_bytes() as f64, (made.bytes_current as usize + size_of::<FlexFleet>()) as f64);
        println!("{}: says {says} bytes, holds {holds}", setup.config.env_id());
        assert!((says - holds).abs() < 0.05 * holds, "says {says} bytes, holds {holds}");
        assert!(env.memory_bytes() < most, "{says} bytes, expected less than {most}");
    }
}

#[test]
fn four_thousand_environments_share_one_trace() {
    let setup = setup("");
    let mut envs = None;
    let made = allocation_counter::measure(|| envs = Some(batch(&setup, 4096)));
    let mut envs = envs.expect("they were made");
    // Setup and trace, with all that is made from them once, are not among these bytes: each holds a pointer to them.
    assert_eq!(Arc::strong_count(&setup), 4097);
    let each = made.bytes_current as f64 / 4096.0;
    println!("4,096 environments in a batch: {each:.0} bytes each");
    assert!(each < 100.0 * 1024.0, "{each} bytes each");
    envs.reset(1);
    let action = vec![1.0; 4096 * envs.action_space().flat_len()];
    for _ in 0..3 {
        let step = envs.step(&action);
        assert!(step.reward.iter().all(|x| x.is_finite()));
    }
}
