"""The page of the ablation: tables, picture, and what can be said.

Every sentence that judges a number is made from the numbers, so that a rerun cannot contradict the page.
"""

import json
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from textwrap import fill
from typing import Any

from ablation_figure import draw
from ablation_numbers import READOUTS, Runs, read_runs, summarize

_LINE = 120


def _score_cell(summary: dict[str, Any], title: str) -> str:
    score = summary["top1"].get(title)
    if score is None:
        return "–"
    spread = "" if score["std"] is None else f" ± {score['std']:.1f}"
    return f"{score['mean']:.1f}{spread} ({score['sampling_error']:.1f})"


def _difference_cell(summary: dict[str, Any], title: str) -> str:
    difference = summary["differences"].get(title)
    if difference is None:
        return "–"
    spread = "" if difference["std"] is None else f" ± {difference['std']:.1f}"
    cell = f"{difference['mean']:+.1f}{spread}".replace("-", "−")
    return f"**{cell}**" if _stands_out(difference, "combined_error") else cell


def _stands_out(difference: dict[str, Any], error: str) -> bool:
    return error in difference and abs(difference["mean"]) > 2 * difference[error]


def _table(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    rows = [head, ["---"] * len(head), *lines]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _score_table(numbers: dict[str, Any]) -> str:
    lines = []
    for label, row in numbers["rows"].items():
        seconds = f"{statistics.mean(row['seconds'].values()):.0f}" if row["seconds"] else "–"
        lines.append([label, *(_score_cell(row, readout.title) for readout in READOUTS), seconds])
    return _table(["", *(readout.title for readout in READOUTS), "seconds a run"], lines)


def _difference_table(numbers: dict[str, Any]) -> str:
    compared = {label: row for label, row in numbers["rows"].items() if row["against"]}
    lines = [
        [label, row["against"], *(_difference_cell(row, readout.title) for readout in READOUTS)]
        for label, row in compared.items()
    ]
    return _table(["", "minus", *(readout.title for readout in READOUTS)], lines)


def _verdict(numbers: dict[str, Any]) -> str:
    """Which differences are larger than noise, counted and named."""
    differences = {
        f"{label}, {title}: {_difference_cell(row, title)}": difference
        for label, row in numbers["rows"].items()
        for title, difference in row["differences"].items()
        if "seed_error" in difference
    }
    if not differences:
        return "With one seed a row there is no spread, and nothing is said about the differences."
    large = [name for name, difference in differences.items() if _stands_out(difference, "combined_error")]
    repeatable = sum(_stands_out(difference, "seed_error") for difference in differences.values())
    named = "\n".join(["", *(f"- {name}" for name in large)]) if large else ""
    return (
        f"Differences: {len(differences)}. Larger than twice their standard error over the seeds: {repeatable}. Larger "
        f"than twice the combined error: {len(large)}.\n{named}"
    ).rstrip()


def _unwarmed_average(runs: Runs) -> str:
    """How much of the initial weights an average without warm-up still holds at the end of these runs."""
    run = next((run for run in runs.values() if run.config.training.ema and not run.config.training.ema_warmup), None)
    if run is None:
        return ""
    decay, steps = run.config.training.ema_decay, run.results["meta"]["step"]
    return (
        f"`released.yaml` averages without warm-up: {steps} steps at decay {decay:g} leave {100 * decay**steps:.0f} % "
        "of the random initial weights in its EMA, so its raw weights are shown too."
    )


def _how_it_was_run(runs: Runs, code: Sequence[str]) -> str:
    if not runs:
        return "No run has finished."
    config = next(iter(runs.values())).config
    data, training = config.dataset, config.training
    seconds = [run.seconds for run in runs.values()]
    return (
        f"PointBERT scaling {config.model.scaling}, {data.num_points} points, batch "
        f"{data.train_batch_size * data.accum_freq}, {training.max_epoch} epochs, warm-up {training.warmup_epoch:g}: "
        f"`configs/real_objects.yaml`. A run took {min(seconds):.0f} to {max(seconds):.0f} seconds by the clock, "
        "whatever else the machine did. "
        f"Code: {', '.join(f'`{revision[:12]}`' for revision in code)}."
    )


_PAGE = """# Ablation on real objects

Written by `benchmarks/ablation.py report`; the numbers by seed are in [ablation.json](ablation.json).

{incomplete}

The rows are those of the paper's Tables 3 and 4 on a small data set, top-1 in percent: mean ± sample standard
deviation over the seeds {seeds}, in brackets the sampling error (the binomial standard error of that accuracy on
{objects}).
A dash: the model has no such readout, or no run has finished.

{scores}

{unwarmed}

![Top-1 by row and readout](figs/ablation.png)

Circles: single seeds. Diamond: their mean. Bar: one sampling error to either side. Dotted: chance.

## What is larger than noise

Differences in points, seed by seed against the row named: mean ± sample standard deviation over the seeds. The
combined error is the root of the squared standard error over the seeds plus the squared sampling errors of both rows.
It is an upper bound, since both rows name the same objects. **Bold**: larger than twice the combined error.

{differences}

{verdict}

About one in twenty differences passes two standard errors by chance; with few seeds more do, since their spread is
itself uncertain. Another training on the same test objects varies by the spread over the seeds, other test objects by
the sampling error. The data set is small, its features stand in for CLIP, and the three benchmarks come from the same
collection: the rows show what each part does here, not what it does on the published data.

## How it was run

{how}

Baseline: raw weights, point-image and point-text losses, one temperature, one view in training; each `+` row keeps what
the row before it has. With `released.yaml`, recipe and rate are that file's unless set here, sizes and epochs those of
`real_objects.yaml`.

| training | settings on top |
|---|---|
{trainings}

```bash
python benchmarks/ablation.py train
python benchmarks/ablation.py report
```
"""


def _page(numbers: dict[str, Any], runs: Runs, trainings: Mapping[str, Sequence[str]]) -> str:
    missing = [f"{name} (seed {', '.join(map(str, seeds))})" for name, seeds in numbers["missing"].items()]
    incomplete = fill(f"**Incomplete.** Missing: {'; '.join(missing)}.", _LINE) if missing else ""
    scored = [row["top1"] for row in numbers["rows"].values()]
    counts = {r.title.split()[0]: s[r.title]["num_objects"] for r in READOUTS for s in scored if r.title in s}
    changes = {name: f"`{' '.join(words)}`" if words else "none" for name, words in trainings.items()}
    page = _PAGE.format(
        incomplete=incomplete,
        seeds=", ".join(map(str, numbers["seeds"])),
        objects=", ".join(f"{count} objects of {name}" for name, count in counts.items()) or "no objects yet",
        scores=_score_table(numbers),
        unwarmed=fill(_unwarmed_average(runs), _LINE),
        differences=_difference_table(numbers),
        verdict=_verdict(numbers),
        how=fill(_how_it_was_run(runs, numbers["code"]), _LINE),
        trainings="\n".join(f"| {name} | {words} |" for name, words in changes.items()),
    )
    # Without an optional paragraph two gaps meet.
    return page.replace("\n\n\n\n", "\n\n")


def write_report(
    exp_dir: Path, seeds: Sequence[int], trainings: Mapping[str, Sequence[str]], docs: Path
) -> dict[str, Any]:
    """Writes ablation.json, ablation.md and figs/ablation.png to `docs`, and returns the numbers."""
    runs = read_runs(exp_dir, seeds)
    numbers = summarize(runs, seeds)
    (docs / "figs").mkdir(parents=True, exist_ok=True)
    (docs / "ablation.json").write_text(json.dumps(numbers, indent=1) + "\n")
    (docs / "ablation.md").write_text(_page(numbers, runs, trainings))
    chance = {r.title: numbers["chance_top1"].get(r.benchmark) for r in READOUTS}
    draw({label: row["top1"] for label, row in numbers["rows"].items()}, chance, docs / "figs" / "ablation.png")
    return numbers
