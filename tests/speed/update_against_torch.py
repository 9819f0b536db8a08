"""CPU time of one PPO update, ours against PyTorch's, one thread each, in turns.

    cargo build --release --workspace --examples
    python tests/speed/update_against_torch.py [--rounds 7] [--learner auto]

2048 transitions, 4 epochs, minibatches of 512, 64 observations, three choices of five, separate actor and critic with
two hidden layers of 64 or 256, tanh, Adam, gradient norm clipped: the same work on both sides. Needs torch.
Exit code 1 if ours takes longer at either width.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys

import torch

ROWS, EPOCHS, MINIBATCH, OBSERVATIONS, CHOICES = 2048, 4, 512, 64, (5, 5, 5)


def network(width, outputs):
    layers = [torch.nn.Linear(OBSERVATIONS, width), torch.nn.Tanh(), torch.nn.Linear(width, width), torch.nn.Tanh()]
    return torch.nn.Sequential(*layers, torch.nn.Linear(width, outputs))


class Torch:
    """A rollout and two networks; `update` learns from it once more."""

    def __init__(self, width):
        torch.manual_seed(1)
        self.actor, self.critic = network(width, sum(CHOICES)), network(width, 1)
        self.parameters = [*self.actor.parameters(), *self.critic.parameters()]
        self.adam = torch.optim.Adam(self.parameters, lr=3e-4, eps=1e-5)
        self.observations = torch.randn(ROWS, OBSERVATIONS)
        self.actions = torch.randint(0, 5, (ROWS, len(CHOICES)))
        self.advantages, self.returns = torch.randn(ROWS), torch.randn(ROWS)
        with torch.no_grad():
            self.log_probs, _ = self.evaluate(self.observations, self.actions)

    def evaluate(self, observations, actions):
        # All choices have five options, so one log-softmax does for the three of them.
        log_probs = self.actor(observations).view(-1, len(CHOICES), CHOICES[0]).log_softmax(-1)
        chosen = log_probs.gather(-1, actions.unsqueeze(-1)).squeeze(-1).sum(-1)
        return chosen, -(log_probs.exp() * log_probs).sum((-1, -2))

    def update(self):
        for _ in range(EPOCHS):
            for rows in torch.randperm(ROWS).split(MINIBATCH):
                observations = self.observations[rows]
                log_probs, entropy = self.evaluate(observations, self.actions[rows])
                advantages = self.advantages[rows]
                advantages = (advantages - advantages.mean()) / (advantages.std() + 1e-8)
                ratio = (log_probs - self.log_probs[rows]).exp()
                gain = torch.min(ratio * advantages, ratio.clamp(0.8, 1.2) * advantages).mean()
                value = 0.5 * (self.critic(observations).squeeze(-1) - self.returns[rows]).square().mean()
                loss = -gain + 0.5 * value - 0.01 * entropy.mean()
                self.adam.zero_grad()
                loss.backward()
                torch.nn.utils.clip_grad_norm_(self.parameters, 0.5)
                self.adam.step()


def cpu_seconds():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def torch_update(learner, repeats=5):
    times = []
    for _ in range(repeats):
        start = cpu_seconds()
        learner.update()
        times.append(cpu_seconds() - start)
    return statistics.median(times)


def own_update(binary, width, learner):
    command = [binary, "--width", str(width), "--learner", learner, "--repeats", "9", "--json"]
    done = subprocess.run(command, check=True, capture_output=True, env={**os.environ, "RAYON_NUM_THREADS": "1"})
    return json.loads(done.stdout)["cpu_seconds"]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--learner", default="auto")
    parser.add_argument("--binary", default="target/release/examples/update_speed")
    args = parser.parse_args()
    torch.set_num_threads(1)
    slower = False
    for width in (64, 256):
        learner = Torch(width)
        learner.update()
        ours, theirs = [], []
        for _ in range(args.rounds):
            theirs.append(torch_update(learner))
            ours.append(own_update(args.binary, width, args.learner))
        own, other = statistics.median(ours), statistics.median(theirs)
        slower |= own > other
        spread = f"ours {1e3 * min(ours):.2f}-{1e3 * max(ours):.2f}, torch {1e3 * min(theirs):.2f}-{1e3 * max(theirs):.2f}"
        print(f"{width:4} wide: ours {1e3 * own:7.2f} ms, torch {torch.__version__} {1e3 * other:7.2f} ms of CPU time, "
              f"ratio {own / other:.2f} ({spread})")
    sys.exit(slower)


if __name__ == "__main__":
    main()
