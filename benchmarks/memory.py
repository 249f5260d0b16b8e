"""Peak memory of a training step against the global batch, and of the loss with and without `training.local_loss`.

    python benchmarks/memory.py             # ten minutes on one idle core, up to 5 GiB; docs/memory.md, .json, figs/
    python benchmarks/memory.py --smoke --docs try      # seconds, of sizes that say nothing
    python benchmarks/memory.py --device cuda --num_points 10000 --global_batches 64 128 256 512 --micro_batch 64

Every point is measured in a process of its own, after the gradients were found to be equal.
"""

import argparse
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "src"))

from rich.console import Console  # noqa: E402
from rich.table import Table  # noqa: E402

from memory_numbers import Sizes, collect  # noqa: E402
from memory_report import loss_sentences, peak_lines, step_sentences, write_report  # noqa: E402

_SMOKE = {"global_batches": (4, 8), "micro_batch": 4, "scaling": 0, "num_points": 96, "dim": 32,
          "loss_batches": (64, 128), "ranks": 4}  # fmt: skip


def parse(argv: list[str] | None) -> tuple[Sizes, Path]:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--global_batches", type=int, nargs="+", default=[8, 16, 32, 64], help="of the steps")
    parser.add_argument("--micro_batch", type=int, default=8, help="objects of a micro-batch when accumulating")
    parser.add_argument("--scaling", type=int, default=3, help="of PointBERT")
    parser.add_argument("--num_points", type=int, default=2048, help="of an object")
    parser.add_argument("--loss_batches", type=int, nargs="+", default=[1024, 2048, 4096, 8192], help="of the loss")
    parser.add_argument("--ranks", type=int, default=8, help="simulated ranks that share the loss")
    parser.add_argument("--dim", type=int, default=1280, help="of the embeddings")
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads")
    parser.add_argument("--docs", type=Path, default=ROOT / "docs", help="where the report goes")
    parser.add_argument("--smoke", action="store_true", help="tiny sizes: whether it runs")
    arguments = vars(parser.parse_args(argv))
    docs = arguments.pop("docs")
    arguments |= _SMOKE if arguments.pop("smoke") else {}
    for name, divisor in (("global_batches", "micro_batch"), ("loss_batches", "ranks")):
        batches = tuple(arguments[name])
        if len(batches) < 2 or list(batches) != sorted(set(batches)) or any(b % arguments[divisor] for b in batches):
            parser.error(f"--{name}: two or more, ascending, each a multiple of --{divisor}")
        arguments[name] = batches
    return Sizes(**arguments), docs


def print_peaks(console: Console, title: str, curves: dict[str, Any]) -> None:
    """A table of peaks."""
    table = Table(title=f"{title}: peak memory, MiB")
    for column in ("global batch", *curves):
        table.add_column(column, justify="right")
    for row in peak_lines(curves):
        table.add_row(*row)
    console.print(table)


def main(argv: list[str] | None = None) -> None:
    """Measures, prints and writes."""
    sizes, docs = parse(argv)
    numbers = collect(sizes, lambda line: print(f"{time.strftime('%H:%M:%S')} {line}", file=sys.stderr, flush=True))
    write_report(numbers, docs)
    console = Console(width=None if sys.stdout.isatty() else 120)
    for title, part, sentences in (("Training step", "step", step_sentences), ("Loss", "loss", loss_sentences)):
        print_peaks(console, title, numbers[part])
        for line in sentences(numbers):
            print(line)
    print(docs / "memory.md")


if __name__ == "__main__":
    main()
