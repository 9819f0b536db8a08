//! `flexai bench env|train|decide`: speed, with the machine it was measured on; the other benchmarks are files of their own.
//!
//! Always: steps per CPU-second stand beside steps per second, because other programs spoil only the latter.

use super::bench_wait_awhile::bench_wait_awhile;
use super::output::{print_json, print_line};
use super::train::build_trainer;
use super::{Failure, Outcome};
use crate::cli::BenchCommand;
use crate::clock::{machine, process_cpu_seconds};
use crate::fault::Fault;
use crate::setting::{load_grid, load_scenario, load_train_config, site_setup, site_setup_with};
use flexai_agents::artifact::{ActMode, ActScratch, LoadedPolicy, MemoryState, draw_inputs};
use flexai_agents::device::DeviceChoice;
use flexai_env::core::{Env, EnvContext, SeedTree, VecEnv, make};
use flexai_env::site::{FlexFleet, default_scenario, is_site_env};
use serde_json::json;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

pub(super) fn bench(command: &BenchCommand) -> Outcome {
    match command {
        BenchCommand::Env { id, scenario, num_envs, steps, json } => {
            bench_env(id, scenario.as_deref(), *num_envs, *steps, *json)
        }
        BenchCommand::Train { config, updates, device, set, json } => {
            bench_train(config, *updates, *device, set, *json)
        }
        BenchCommand::Decide { artifact, decisions, json } => bench_decide(artifact, *decisions, *json),
        BenchCommand::WaitAwhile(args) => bench_wait_awhile(args),
    }
}

fn at_least_one(option: &str, value: usize) -> Result<(), Failure> {
    if value > 0 {
        return Ok(());
    }
    Err(Fault::new(option, "is 0, expected 1 or more").hint("leave it out for the usual number").into())
}

fn bench_env(id: &str, scenario: Option<&Path>, num_envs: usize, steps: usize, json: bool) -> Outcome {
    at_least_one("--num-envs", num_envs)?;
    at_least_one("--steps", steps)?;
    let site = if is_site_env(id) {
        let config = scenario.map_or_else(|| Ok(default_scenario(id)), |path| load_scenario(path, &[]))?;
        Some(site_setup(config, load_grid(crate::setting::EMBEDDED_GRID)?)?)
    } else {
        None
    };
    let memory = site.as_ref().map(|setup| {
        let mut one = FlexFleet::new(Arc::clone(setup));
        one.reset(Some(0));
        one.memory_bytes()
    });
    let name = site.as_ref().map(|setup| setup.config.name.clone());
    let context = EnvContext { site };
    let envs = (0..num_envs).map(|_| make(id, &context)).collect::<Result<Vec<_>, _>>().map_err(Failure::input)?;
    let mut venv = VecEnv::new(envs);
    venv.reset(0);
    let (wall, cpu) = (Instant::now(), process_cpu_seconds());
    let live_jobs = play_random(&mut venv, steps);
    let (wall, cpu) = (wall.elapsed().as_secs_f64(), process_cpu_seconds() - cpu);
    let total = (num_envs * steps) as f64;
    let report = json!({
        "env": id, "num_envs": num_envs, "threads": rayon::current_num_threads(),
        "steps_per_second": total / wall.max(1e-9), "steps_per_cpu_second": per_cpu_second(total, cpu),
        "scenario": name, "mean_live_jobs": live_jobs.map(|sum| sum / total), "bytes_per_env": memory,
        "machine": machine(),
    });
    show(&report, json)
}

/// Sum of live jobs over all steps, where the environment has any. Random legal actions; drawn anew each step where a mask asks for it, else from a few batches drawn before.
fn play_random(venv: &mut VecEnv, steps: usize) -> Option<f64> {
    const BATCHES: usize = 32;
    let (num_envs, space) = (venv.num_envs(), venv.action_space().clone());
    let (len, mask_len) = (space.flat_len(), space.mask_len());
    let mut rng = SeedTree::new(0).stream("bench");
    let mut draw = |mask: &[bool]| {
        let mut actions = vec![0.0; num_envs * len];
        for (e, action) in actions.chunks_mut(len).enumerate() {
            let mask = (mask_len > 0).then(|| &mask[e * mask_len..(e + 1) * mask_len]);
            space.sample(&mut rng, mask, action);
        }
        actions
    };
    let fixed: Vec<Vec<f32>> = if mask_len > 0 { Vec::new() } else { (0..BATCHES).map(|_| draw(&[])).collect() };
    let keys = venv.info_keys();
    let live_jobs = keys.iter().position(|key| *key == "live_jobs");
    let mut sum = 0.0;
    for step in 0..steps {
        let result = match fixed.get(step % BATCHES) {
            Some(actions) => venv.step(actions),
            None => {
                let actions = draw(venv.mask());
                venv.step(&actions)
            }
        };
        if let Some(column) = live_jobs {
            sum += result.info.chunks(keys.len()).map(|row| row[column]).sum::<f64>();
        }
    }
    live_jobs.map(|_| sum)
}

fn bench_train(config: &Path, updates: u64, device: Option<DeviceChoice>, set: &[String], json: bool) -> Outcome {
    at_least_one("--updates", updates as usize)?;
    let mut config = load_train_config(config, set)?;
    config.device = device.unwrap_or(config.device);
    let setup = if config.is_site() {
        Some(site_setup_with(config.site(), &config.env.grid, &config.env.forecast)?)
    } else {
        None
    };
    let mut trainer = build_trainer(&config, setup.as_ref())?;
    // The first update warms caches, and compiles shaders on a GPU.
    trainer.update().map_err(Failure::world)?;
    let (wall, cpu, before) = (Instant::now(), process_cpu_seconds(), trainer.env_steps());
    let (mut collect, mut learn) = (0.0, 0.0);
    for _ in 0..updates {
        let timing = trainer.update().map_err(Failure::world)?.timing;
        collect += timing.collect_seconds;
        learn += timing.learn_seconds;
    }
    let steps = (trainer.env_steps() - before) as f64;
    let (wall, cpu) = (wall.elapsed().as_secs_f64(), process_cpu_seconds() - cpu);
    let report = json!({
        "run_dir": null, "device": config.device.name(), "learner": config.ppo.learner, "seed": config.seed, "env_steps": steps, "updates": updates,
        "sps_wall": steps / wall.max(1e-9), "sps_cpu": steps / cpu.max(1e-9), "collect_share": collect / wall,
        "learn_share": learn / wall, "eval": null, "best_checkpoint": null, "machine": machine(),
    });
    show(&report, json)
}

fn bench_decide(artifact: &Path, decisions: usize, json: bool) -> Outcome {
    at_least_one("--decisions", decisions)?;
    let policy = LoadedPolicy::load(artifact).map_err(Failure::input)?;
    let network = policy.network();
    let inputs = draw_inputs(network, &policy.manifest().observation_space, 256, 1);
    let (mut state, mut scratch) = (MemoryState::default(), ActScratch::default());
    let mut ns: Vec<u64> = (0..decisions)
        .map(|i| {
            let input = &inputs[i % inputs.len()];
            let begin = Instant::now();
            let mode = ActMode::Deterministic;
            std::hint::black_box(network.act(&input.observation, &input.mask, &mut state, &mut scratch, mode));
            begin.elapsed().as_nanos() as u64
        })
        .collect();
    ns.sort_unstable();
    let at = |share: f64| ns[(share * (ns.len() - 1) as f64) as usize] as f64 / 1e3;
    let report = json!({
        "artifact": artifact.display().to_string(), "p50_us": at(0.5), "p99_us": at(0.99), "p999_us": at(0.999),
        "machine": machine(),
    });
    show(&report, json)
}

/// The clock of CPU time ticks in hundredths of a second: null where the run was too short for it.
fn per_cpu_second(steps: f64, cpu_seconds: f64) -> Option<f64> {
    (cpu_seconds >= 0.1).then(|| steps / cpu_seconds)
}

fn show(report: &serde_json::Value, json: bool) -> Outcome {
    if json {
        print_json(report)?;
    } else {
        for (key, value) in report.as_object().expect("a report is an object") {
            let text = value.as_f64().map_or_else(|| value.to_string(), |v| format!("{v:.2}"));
            print_line(&format!("{key:22} {text}"))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
