"""The page of `memory.py`: how it was measured, tables, picture, and what the numbers say.

Every sentence that judges a number is made from the numbers, so that a rerun cannot contradict the page.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from textwrap import fill
from typing import Any

from memory_figure import draw
from memory_numbers import fit_loss

_LINE = 120
_MIB = 2**20


def _table(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    rows = [head, ["---"] * len(head), *lines]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _mib(size: int) -> str:
    mib = size / _MIB
    return f"{mib:.0f}" if mib >= 10 else f"{mib:.2f}"


def peak_lines(curves: dict[str, Any]) -> list[list[str]]:
    """Cells of a table: a row for each global batch, a column for each curve, peaks in MiB."""
    columns = [[_mib(point["peak"]) for point in curve["points"]] for curve in curves.values()]
    batches = [str(point["global_batch"]) for point in next(iter(curves.values()))["points"]]
    return [list(row) for row in zip(batches, *columns, strict=True)]


def step_sentences(numbers: dict[str, Any]) -> list[str]:
    """How the peak of a step grows along each curve."""
    batches = numbers["sizes"]["global_batches"]
    return [
        f"{label}: x {curve['factor']:.2f} from batch {batches[0]} to {batches[-1]}, "
        f"{curve['bytes_per_object'] / _MIB:.1f} MiB for each further object"
        for label, curve in numbers["step"].items()
    ]


def loss_sentences(numbers: dict[str, Any]) -> list[str]:
    """How the peak of the loss grows along each curve, and with what."""
    curves = numbers["loss"]
    lines = [
        f"{label}: exponent {curve['exponent']:.2f} over all points, {curve['last_exponent']:.2f} over the last two"
        for label, curve in curves.items()
    ]
    local = [curve for label, curve in curves.items() if "True" in label]
    others = [curve for label, curve in curves.items() if "True" not in label]
    for name, size, fitted in (
        ("local_loss False", "B_global x B_global", others),
        ("local_loss True", "B_local x B_global", local),
    ):
        logits, embeddings, deviation = fit_loss(fitted)
        lines.append(
            f"{name}: peak = 4 bytes x ({logits:.1f} x {size} + {embeddings:.1f} x B_global x D), to within "
            f"{100 * deviation:.0f} % at every point"
        )
    return lines


def _share_sentence(numbers: dict[str, Any]) -> str:
    """What local loss leaves of the peak at the largest batch."""
    last = {label: curve["points"][-1] for label, curve in numbers["loss"].items()}
    whole = last.pop("local_loss False")
    shares = [f"{100 * point['peak'] / whole['peak']:.0f} % ({label})" for label, point in last.items()]
    return f"At {whole['global_batch']} rows the peak is {' and '.join(shares)} of that of the whole loss."


def _accumulation_sentence(numbers: dict[str, Any]) -> str:
    """The largest batch against the micro-batch alone."""
    plain, plain_checkpointed, accumulated, both = (curve["points"][-1] for curve in numbers["step"].values())
    shares = [100 * point["peak"] / plain["peak"] for point in (plain_checkpointed, accumulated, both)]
    return (
        f"At a global batch of {plain['global_batch']} the peak is {shares[0]:.0f} % of that of the plain step with "
        f"`grad_checkpointing`, {shares[1]:.0f} % with micro-batches of {accumulated['micro_batch']}, and "
        f"{shares[2]:.0f} % with both."
    )


def _how_it_was_measured(numbers: dict[str, Any]) -> str:
    sizes, machine = numbers["sizes"], numbers["machine"]
    return (
        f"PointBERT scaling {sizes['scaling']}, {sizes['num_points']} points, D = {sizes['dim']}, fp32, random data, "
        f"one process; {machine['device']} ({machine['name']}), torch {machine['torch']}"
        + (f", {sizes['threads']} thread{'s' * (sizes['threads'] > 1)}" if machine["device"] == "CPU" else "")
        + f". Code: `{numbers['code'][:12]}`."
    )


def _measure_sentence(numbers: dict[str, Any]) -> str:
    if numbers["machine"]["device"] == "GPU":
        return "The peak is `torch.cuda.max_memory_allocated` less `memory_allocated` just before."
    points = [point for part in ("step", "loss") for curve in numbers[part].values() for point in curve["points"]]
    over = [(point["resident"] - point["peak"]) / _MIB for point in points]
    return (
        "The peak is the largest sum of tensor storages, from the profiler's record of every allocation and release "
        "of torch's CPU allocator. The second measure, `ru_maxrss` less the resident set just before, was "
        f"{min(over):.0f} to {max(over):.0f} MiB above it; it counts the profiler's own record too. For it "
        "glibc was told to map blocks from 64 KiB on one by one; by default it keeps what was freed, and the resident "
        "set tells of that too."
    )


def _check_sentence(numbers: dict[str, Any]) -> str:
    checks = numbers["checks"]
    return (
        f"Before anything was measured, gradients were compared in double precision (tolerance "
        f"{checks['tolerance']:.0e}, relative to the norm of each): those of a batch of {checks['step_objects']:.0f} "
        f"and of its micro-batches, each with and without `grad_checkpointing`, BatchNorm in evaluation mode, differ "
        f"by at most {checks['step']:.0e}; of the whole loss and the sum of its shares, by {checks['loss']:.0e}."
    )


_PAGE = """# Memory

Written by `benchmarks/memory.py`; the numbers in bytes are in [memory.json](memory.json).

{how}

![Peak memory of a step and of the loss](figs/memory.png)

## How it was measured

Each point in a process of its own. It is what the work holds at its peak beyond what was there before.

{measure}

- A step is `TrainingStep`, after a first one: gradients, optimizer, clamping and moving average included. There before:
  weights, moments of the optimizer, the average, and the inputs of all micro-batches ({input_kib:.0f} KiB an object).
- The loss is the project's `Objective` on float32 embeddings and its gradient with respect to all of them, as one rank
  computes it; ranks are simulated by its rows (`own`).

{check}

## A training step

Peak in MiB against the global batch. Micro-batches: `dataset.train_batch_size` {micro_batch} and
`dataset.accum_freq` the global batch over {micro_batch}.

{step_table}

{step_lines}

{accumulation}

An accumulated step runs the model's forward pass twice, and holds the gradients of the micro-batches before while the
next one runs; `training.grad_checkpointing` runs the transformer's blocks twice.

## The loss alone

Peak in MiB against the global batch; the number of rows of a rank, B_local, is the global batch over the ranks.

{loss_table}

{loss_lines}

{share}

The first term is the logits, the second the gathered embeddings with their normalised copies and gradients; the
exponents are those of the sum of both.

With a fixed number of ranks B_local grows with B_global, and the logits of a rank are a fixed fraction of B_global
squared; with fixed rows a rank they grow with B_global alone.

```bash
python benchmarks/memory.py
```
"""


def write_report(numbers: dict[str, Any], docs: Path) -> None:
    """Writes memory.json, memory.md and figs/memory.png to `docs`."""
    (docs / "figs").mkdir(parents=True, exist_ok=True)
    (docs / "memory.json").write_text(json.dumps(numbers, indent=1) + "\n")
    draw(numbers, docs / "figs" / "memory.png")
    page = _PAGE.format(
        how=fill(_how_it_was_measured(numbers), _LINE),
        measure=fill(_measure_sentence(numbers), _LINE),
        check=fill(_check_sentence(numbers), _LINE),
        input_kib=numbers["input_bytes_per_object"] / 1024,
        micro_batch=numbers["sizes"]["micro_batch"],
        step_table=_table(["global batch", *numbers["step"]], peak_lines(numbers["step"])),
        step_lines="\n".join(f"- {line}." for line in step_sentences(numbers)),
        accumulation=fill(_accumulation_sentence(numbers), _LINE),
        loss_table=_table(["global batch", *numbers["loss"]], peak_lines(numbers["loss"])),
        loss_lines="\n".join(f"- {line}." for line in loss_sentences(numbers)),
        share=fill(_share_sentence(numbers), _LINE),
    )
    (docs / "memory.md").write_text(page)
