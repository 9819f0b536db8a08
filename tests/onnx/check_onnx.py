"""Compares the ONNX graph of a policy artifact with what our own runtime made of the same inputs.

In: an artifact folder and a JSON-lines file of cases (observation, mask, head, action, value; with memory `first` where an
episode begins, and `state` after the decision). Out: one line of figures.
Always: exits with 0 only if the graph is valid and every number agrees to the tolerance; a discrete choice may differ only
where the two options lie within it; a policy with memory is fed its own `state_out`, from zeros. Not here: how the cases are made (`cargo run --example onnx_cases`).

Needs: python >= 3.10 with numpy, onnx and onnxruntime.
"""

import argparse
import json
import pathlib
import sys

import numpy as np
import onnx
import onnxruntime


def read_cases(path: pathlib.Path, mask_len: int) -> dict[str, np.ndarray]:
    lines = [json.loads(line) for line in path.read_text().splitlines() if line.strip()]
    if not lines:
        sys.exit(f"error: {path}: no cases, expected one JSON object a line\n\nhint: write it with the example onnx_cases")
    full = [True] * mask_len
    cases = {name: np.array([line[name] for line in lines], np.float32) for name in ("observation", "head", "action")}
    if "value" in lines[0]:
        cases["value"] = np.array([[line["value"]] for line in lines], np.float32)
    if "state" in lines[0]:
        cases["state"] = np.array([line["state"] for line in lines], np.float32)
    cases["first"] = np.array([line.get("first", "state" not in line) for line in lines], bool)
    cases["mask"] = np.array([line.get("mask") or full for line in lines], bool).reshape(len(lines), mask_len)
    return cases


def run(session: onnxruntime.InferenceSession, feeds: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    names = [node.name for node in session.get_outputs()]
    return dict(zip(names, session.run(names, {node.name: feeds[node.name] for node in session.get_inputs()})))


def play(session: onnxruntime.InferenceSession, cases: dict[str, np.ndarray], rows: np.ndarray) -> dict[str, np.ndarray]:
    """Outputs of the given rows, in their order. Episodes are played beside each other, step after step."""
    if "state" not in cases:
        return run(session, {name: numbers[rows] for name, numbers in cases.items()})
    begins = np.append(np.flatnonzero(cases["first"][rows]), len(rows))
    lengths, found, state = np.diff(begins), {}, None
    for step in range(lengths.max()):
        going = np.flatnonzero(lengths > step)
        at = begins[going] + step
        state = np.zeros((len(going), cases["state"].shape[1]), np.float32) if step == 0 else state[going]
        out = run(session, {name: numbers[rows[at]] for name, numbers in cases.items()} | {"state_in": state})
        for name, numbers in out.items():
            found.setdefault(name, np.zeros((len(rows), numbers.shape[1]), numbers.dtype))[at] = numbers
        state = np.zeros((len(lengths), out["state_out"].shape[1]), np.float32)
        state[going] = out["state_out"]
    return found


def check_interface(session: onnxruntime.InferenceSession, manifest: dict) -> list[str]:
    """Names, types and free batch of the graph's inputs and outputs."""
    mask_len = manifest["mask_rule"]["len"]
    expected = {
        "observation": ("tensor(float)", len(manifest["observation_schema"]["fields"])),
        "action": ("tensor(float)", len(manifest["action_head"]["names"])),
        "head": ("tensor(float)", manifest["network"]["actor"][-1]),
    }
    if manifest["network"]["critic"]:
        expected["value"] = ("tensor(float)", 1)
    if mask_len:
        expected["mask"] = ("tensor(bool)", mask_len)
    memory = manifest["network"].get("memory")
    if memory:
        owners = 2 if manifest["network"].get("critic_input", "observation") == "observation" else 1
        state_len = owners * memory["size"] * (2 if memory["cell"] == "lstm" else 1)
        expected |= {name: ("tensor(float)", state_len) for name in ("state_in", "state_out")}
    found = {n.name: (n.type, n.shape[1]) for n in session.get_inputs() + session.get_outputs()}
    faults = [] if found == expected else [f"inputs and outputs are {found}, expected {expected}"]
    fixed = [n.name for n in session.get_inputs() + session.get_outputs() if isinstance(n.shape[0], int)]
    return faults + [f"the batch of `{name}` is fixed, expected a free one" for name in fixed]


def check_numbers(found: np.ndarray, expected: np.ndarray, name: str, tolerance: float) -> tuple[list[str], float]:
    if found.shape != expected.shape or found.dtype != np.float32:
        return [f"`{name}` is {found.dtype} {found.shape}, expected float32 {expected.shape}"], float("inf")
    error = np.abs(found.astype(np.float64) - expected) / np.maximum(1.0, np.abs(expected))
    worst = float(np.max(error)) if not np.isnan(error).any() else float("nan")
    if worst <= tolerance:
        return [], worst
    row, column = np.unravel_index(int(np.argmax(np.nan_to_num(error, nan=np.inf))), error.shape)
    found_number, expected_number = found[row, column], expected[row, column]
    return [f"case {row}: `{name}[{column}]` is {found_number}, expected {expected_number}"], worst


def check_choices(
    found: np.ndarray, cases: dict[str, np.ndarray], heads: list, per_dimension: int, tolerance: float
) -> tuple[list[str], int]:
    """Discrete parts of the action: legal, and equal up to options that are as good."""
    faults, ties, parameter_at, mask_at = [], 0, 0, 0
    for head in heads:
        if head["kind"] == "continuous":
            parameter_at += len(head["low"]) * per_dimension
            continue
        n, start, index = head["n"], head["start"], head["offset"]
        logits = cases["head"][:, parameter_at : parameter_at + n].astype(np.float64)
        legal = cases["mask"][:, mask_at : mask_at + n]
        parameter_at, mask_at = parameter_at + n, mask_at + n
        for row in range(len(found)):
            taken, wanted = found[row, index] - start, cases["action"][row, index] - start
            if not (float(taken).is_integer() and 0 <= taken < n and legal[row, int(taken)]):
                faults.append(f"case {row}: action[{index}] is {found[row, index]}, no legal option")
            elif taken != wanted:
                gap = abs(logits[row, int(taken)] - logits[row, int(wanted)])
                ties += 1
                if gap > tolerance * max(1.0, abs(logits[row, int(wanted)])):
                    faults.append(f"case {row}: action[{index}] is option {taken}, expected {wanted} ({gap:.2e} apart)")
    return faults, ties


def check(artifact: pathlib.Path, cases_path: pathlib.Path, tolerance: float) -> list[str]:
    manifest = json.loads((artifact / "manifest.json").read_text())
    path = str(artifact / "policy.onnx")
    onnx.checker.check_model(path, full_check=True)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    faults = check_interface(session, manifest)
    if faults:
        return faults
    heads = manifest["action_head"]["components"]
    cases = read_cases(cases_path, manifest["mask_rule"]["len"])
    batch = play(session, cases, np.arange(len(cases["head"])))
    if "state" in cases:
        batch["state"] = batch["state_out"]
    worst = 0.0
    numbers = [name for name in ("head", "value", "state") if name in batch]
    for name in numbers:
        found, error = check_numbers(batch[name], cases[name], name, tolerance)
        faults, worst = faults + found, max(worst, error)
    continuous = [h["offset"] + i for h in heads if h["kind"] == "continuous" for i in range(len(h["low"]))]
    if continuous:
        action, expected = batch["action"][:, continuous], cases["action"][:, continuous]
        found, error = check_numbers(action, expected, "continuous action", tolerance)
        faults, worst = faults + found, max(worst, error)
    style = manifest["action_head"].get("style", {})
    per_dimension = 2 if style.get("distribution") == "beta" or style.get("spread") == "state" else 1
    found, ties = check_choices(batch["action"], cases, heads, per_dimension, tolerance)
    faults += found
    singles = np.split(np.arange(len(batch["head"])), np.flatnonzero(cases["first"])[1:])
    for rows in singles[:5]:
        single = play(session, cases, rows)
        for name in set(numbers) - {"state"}:
            faults += check_numbers(single[name], cases[name][rows], f"{name} alone", tolerance)[0]
    print(f"{artifact.name}: {len(batch['head'])} cases, worst error {worst:.2e}, {ties} choices differ")
    return faults


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("artifact", type=pathlib.Path)
    parser.add_argument("cases", type=pathlib.Path)
    parser.add_argument("--tolerance", type=float, default=1e-5, help="absolute below 1, relative above")
    arguments = parser.parse_args()
    faults = check(arguments.artifact, arguments.cases, arguments.tolerance)
    for fault in faults[:20]:
        print(f"error: {arguments.artifact}/policy.onnx: {fault}", file=sys.stderr)
    if faults:
        print(f"\nhint: {len(faults)} faults in all; export the policy again, then compare the versions", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
