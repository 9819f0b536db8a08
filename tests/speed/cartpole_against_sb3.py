"""Steps per CPU second of CartPole-v1, collecting and learning, against stable-baselines3, in turns.

    cargo build --release --workspace
    python tests/speed/cartpole_against_sb3.py [--rounds 5]

8 environments x 128 steps, minibatches of 256, 4 epochs, two hidden layers of 64; one thread each. Needs
stable-baselines3. Exit code 1 below three times its steps.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys

import torch
from stable_baselines3 import PPO
from stable_baselines3.common.env_util import make_vec_env

HERE = os.path.dirname(os.path.abspath(__file__))


def cpu_seconds():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def sb3_steps_per_second(updates):
    env = make_vec_env("CartPole-v1", n_envs=8, seed=1)
    settings = {"n_steps": 128, "batch_size": 256, "n_epochs": 4, "learning_rate": 2.5e-4, "ent_coef": 0.01}
    network = {"net_arch": [64, 64], "activation_fn": torch.nn.Tanh}
    model = PPO("MlpPolicy", env, seed=1, device="cpu", policy_kwargs=network, **settings)
    model.learn(1024)
    start = cpu_seconds()
    model.learn(1024 * updates)
    return 1024 * updates / (cpu_seconds() - start)


def own_steps_per_second(binary, updates, learner):
    command = [binary, "bench", "train", os.path.join(HERE, "cartpole.toml"), "--updates", str(updates), "--json"]
    command += ["--set", f"ppo.learner={learner}"]
    done = subprocess.run(command, check=True, capture_output=True, env={**os.environ, "RAYON_NUM_THREADS": "1"})
    return json.loads(done.stdout)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--learner", default="auto")
    parser.add_argument("--binary", default="target/release/flexai")
    args = parser.parse_args()
    torch.set_num_threads(1)
    ours, theirs, collect = [], [], []
    for _ in range(args.rounds):
        theirs.append(sb3_steps_per_second(10))
        report = own_steps_per_second(args.binary, 200, args.learner)
        ours.append(report["sps_cpu"])
        collect.append(report["collect_share"])
    own, other = statistics.median(ours), statistics.median(theirs)
    print(f"steps per CPU second: ours {own:,.0f} ({min(ours):,.0f}-{max(ours):,.0f}, {statistics.median(collect):.0%} "
          f"of it collecting), stable-baselines3 {other:,.0f} ({min(theirs):,.0f}-{max(theirs):,.0f}), "
          f"ratio {own / other:.1f}")
    sys.exit(own < 3 * other)


if __name__ == "__main__":
    main()
