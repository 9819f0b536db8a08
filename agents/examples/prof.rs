use flexai_agents::device::DeviceChoice;
use flexai_agents::ppo::*;
use flexai_env::core::*;
fn main() {
    let id = std::env::args().nth(1).unwrap_or("CartPole-v1".into());
    let dev: DeviceChoice = std::env::args().nth(2).unwrap_or("flex".into()).parse().unwrap();
    let w: usize = std::env::args().nth(3).unwrap_or("64".into()).parse().unwrap();
    let c = PpoConfig {
        num_envs: 16,
        num_steps: 128,
        num_minibatches: 4,
        update_epochs: 4,
        total_steps: 2048 * 1000,
        ..Default::default()
    };
    let v = VecEnv::new((0..16).map(|_| make(&id, &EnvContext::default()).unwrap()).collect());
    let mut t = Trainer::new(&c, &NetworkConfig { hidden: vec![w, w], ..Default::default() }, 1, v, dev).unwrap();
    let n = 40;
    let mut a = vec![];
    let mut b = vec![];
    for _ in 0..n {
        let r = t.update().unwrap();
        a.push(r.timing.collect_seconds);
        b.push(r.timing.learn_seconds);
    }
    a.sort_by(f64::total_cmp);
    b.sort_by(f64::total_cmp);
    println!(
        "{id} {dev} {w}: collect median {:.2} ms min {:.2}, learn median {:.2} ms min {:.2}",
        a[n / 2] * 1e3,
        a[0] * 1e3,
        b[n / 2] * 1e3,
        b[0] * 1e3
    );
}
