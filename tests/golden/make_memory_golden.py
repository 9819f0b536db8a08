"""Writes `memory_golden.json`: what PyTorch's GRU and LSTM make of a few steps, and the gradient through time.

In: nothing. Out: the file beside this script. Always: computed in float64 from numbers that are exact in float32; weights lie
as `[inputs, gates * size]`, gates in PyTorch's order; an episode that begins in the middle of a row starts from zeros.
Not here: the comparison (agents/src/artifact/memory.rs, agents/src/ppo/memory.rs).

Needs: python >= 3.10 with torch.
"""

import json
import pathlib

import torch

STEPS, ROWS, INPUTS, SIZE = 7, 3, 5, 4
BEGINS = [(3, 1), (5, 0), (5, 1)]


def draw(*shape: int) -> torch.Tensor:
    return torch.randn(shape).float().double()


def listed(tensor: torch.Tensor) -> list[float]:
    return [float(f"{x:.12g}") for x in tensor.detach().reshape(-1).tolist()]


def case(cell: str) -> dict:
    layer = {"gru": torch.nn.GRU, "lstm": torch.nn.LSTM}[cell](INPUTS, SIZE).double()
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.copy_(0.7 * draw(*parameter.shape)).copy_(parameter.float().double())
    x, parts = draw(STEPS, ROWS, INPUTS), 2 if cell == "lstm" else 1
    state = [draw(ROWS, SIZE) for _ in range(parts)]
    weight = draw(STEPS, ROWS, SIZE)
    x.requires_grad_()

    def play(begins: list[tuple[int, int]]) -> tuple[torch.Tensor, list[torch.Tensor]]:
        now, shown = [part.unsqueeze(0) for part in state], []
        for step in range(STEPS):
            goes_on = torch.tensor([[0.0 if (step, row) in begins else 1.0] for row in range(ROWS)]).double()
            now = [part * goes_on for part in now]
            out, now = layer(x[step : step + 1], tuple(now) if parts == 2 else now[0])
            now = list(now) if parts == 2 else [now]
            shown.append(out[0])
        return torch.stack(shown), [part[0] for part in now]

    shown, last = play([])
    cut, _ = play(BEGINS)
    (cut * weight).sum().backward()
    names = {"input": ("weight_ih_l0", "bias_ih_l0"), "hidden": ("weight_hh_l0", "bias_hh_l0")}
    found = {"cell": cell, "rows": ROWS, "inputs": INPUTS, "size": SIZE}
    for part, (matrix, bias) in names.items():
        matrix, bias = getattr(layer, matrix), getattr(layer, bias)
        found |= {f"{part}_weight": listed(matrix.T), f"{part}_bias": listed(bias)}
        found |= {f"{part}_weight_gradient": listed(matrix.grad.T), f"{part}_bias_gradient": listed(bias.grad)}
    found |= {"x": listed(x), "state": listed(torch.cat(state, 1)), "shown": listed(shown)}
    found |= {"last_state": listed(torch.cat(last, 1)), "begins": BEGINS, "cut": listed(cut), "weight": listed(weight)}
    return found


def main() -> None:
    torch.manual_seed(11)
    path = pathlib.Path(__file__).with_name("memory_golden.json")
    cases = [case("gru"), case("lstm")]
    text = [",\n".join(f"{json.dumps(key)}: {json.dumps(value)}" for key, value in case.items()) for case in cases]
    path.write_text('{"cases": [{\n' + "\n}, {\n".join(text) + "\n}]}\n")


if __name__ == "__main__":
    main()
