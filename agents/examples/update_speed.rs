//! What one PPO update costs, without collecting.
//!
//!     cargo build --release --workspace --examples
//!     RAYON_NUM_THREADS=1 target/release/examples/update_speed [--width 64] [--memory none] [--learner auto] [--repeats 10]
//!     [--json]
//!
//! In: the width of two hidden layers and of a memory, the learner. Out: CPU and wall seconds of an update of 2048
//! transitions in four epochs of minibatches of 512, with 64 observations and three choices of five; median over the
//! repeats.

use flexai_agents::device::DeviceChoice;
use flexai_agents::ppo::{LearnerChoice, MemoryChoice, NetworkConfig, PpoConfig, Trainer};
use flexai_env::core::{Env, Info, Reset, Space, StateError, StepResult, VecEnv};
use nix::time::{ClockId, clock_gettime};
use std::error::Error;
use std::time::{Duration, Instant};

/// Observations that depend on the time and the action, at almost no cost.
struct Ticker {
    observation_space: Space,
    action_space: Space,
    info: Info,
    observation: Vec<f32>,
    state: u32,
}

impl Ticker {
    fn new(seed: u32) -> Self {
        Self {
            observation_space: Space::uniform_box(64, -1.0, 1.0),
            action_space: Space::MultiDiscrete { nvec: vec![5, 5, 5] },
            info: Info::new(&[]),
            observation: vec![0.0; 64],
            state: seed,
        }
    }
}

impl Env for Ticker {
    fn observation_space(&self) -> &Space {
        &self.observation_space
    }

    fn action_space(&self) -> &Space {
        &self.action_space
    }

    fn reset(&mut self, _seed: Option<u64>) -> Reset<'_> {
        Reset { observation: &self.observation, info: &self.info }
    }

    fn step(&mut self, action: &[f32]) -> StepResult<'_> {
        for x in &mut self.observation {
            self.state = self.state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            *x = self.state as f32 / u32::MAX as f32 - 0.5;
        }
        let reward = f64::from(self.observation[0] * action[0]);
        StepResult { observation: &self.observation, reward, terminated: false, truncated: false, info: &self.info }
    }

    fn observation(&self) -> &[f32] {
        &self.observation
    }

    fn save_state(&self) -> Vec<u8> {
        self.state.to_le_bytes().to_vec()
    }

    fn load_state(&mut self, _bytes: &[u8]) -> Result<(), StateError> {
        Ok(())
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let value = |name: &str| arguments.iter().position(|a| a == name).and_then(|i| arguments.get(i + 1));
    let width: usize = value("--width").map_or(Ok(64), |text| text.parse())?;
    let repeats: usize = value("--repeats").map_or(Ok(10), |text| text.parse())?;
    let learner: LearnerChoice = value("--learner").map_or(Ok(LearnerChoice::Auto), |text| text.parse())?;

    let config = PpoConfig { learner, num_envs: 16, num_steps: 128, num_minibatches: 4, ..PpoConfig::default() };
    let config = PpoConfig { update_epochs: 4, anneal_lr: false, ent_coef: 0.01, ..config };
    let memory: MemoryChoice = value("--memory")
        .map_or(Ok(MemoryChoice::None), |text| serde_json::from_value(serde_json::Value::String(text.clone())))?;
    let network = NetworkConfig { hidden: vec![width, width], memory, memory_size: width, ..NetworkConfig::default() };
    let envs = (0..16).map(|e| Box::new(Ticker::new(e)) as Box<dyn Env>).collect();
    let mut trainer = Trainer::new(&config, &network, 1, VecEnv::new(envs), DeviceChoice::Flex)?;
    trainer.update()?;

    let (mut cpu, mut wall) = (Vec::new(), Vec::new());
    for _ in 0..repeats.max(1) {
        let (clock, start) = (process_cpu(), Instant::now());
        trainer.learn_again()?;
        cpu.push((process_cpu() - clock).as_secs_f64());
        wall.push(start.elapsed().as_secs_f64());
    }
    let (cpu, wall) = (median(cpu), median(wall));
    if arguments.iter().any(|a| a == "--json") {
        println!(
            "{}",
            serde_json::json!({"width": width, "memory": memory, "learner": learner, "cpu_seconds": cpu, "wall_seconds": wall})
        );
    } else {
        println!("{width} wide, {learner}: {:.2} ms of CPU time, {:.2} ms on the clock", 1e3 * cpu, 1e3 * wall);
    }
    Ok(())
}

fn process_cpu() -> Duration {
    clock_gettime(ClockId::CLOCK_PROCESS_CPUTIME_ID).map_or(Duration::ZERO, Duration::from)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
