"""What each part of the recipe is worth on small real objects (the rows of the paper's Tables 3 and 4), over seeds.

    python benchmarks/ablation.py train --data ../shared/data/real_objects    # hours; goes on where it was stopped
    python benchmarks/ablation.py report            # docs/ablation.md, .json and figs/ablation.png; also of a part

Every training is one run of `src/main.py` with `configs/real_objects.yaml`, and leaves its folder under --exp_dir.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

from omegaconf import OmegaConf

from ablation_report import write_report

ROOT = Path(__file__).resolve().parents[1]
REAL_OBJECTS = ROOT / "configs" / "real_objects.yaml"

_SINGLE_VIEW = ("dataset.image_feat_mode=Original",)
_POINT_LOSSES = ("training.image_text_align=False", "training.pc_img_to_text=False")
# Name of a training -> what it changes in configs/real_objects.yaml.
TRAININGS = {
    "baseline": (*_SINGLE_VIEW, *_POINT_LOSSES, "training.share_logit_scale=True"),
    "temperatures": (*_SINGLE_VIEW, *_POINT_LOSSES),
    "image_text": (*_SINGLE_VIEW, "training.pc_img_to_text=False"),
    "joint": _SINGLE_VIEW,
    "train": (),
    "released": ("--config", "configs/released.yaml"),
    "released_same_rate": ("--config", "configs/released.yaml", "training.lr=0.0015", "training.min_lr=0.00075"),
    "frozen_joint_head": ("training.train_joint_head=False",),
    # Groups of four: a quarter of the seeds a step and of the epochs give as many steps of as many objects.
    "hard_negatives": (
        "dataset.use_knn_negative_sample=True", "dataset.negative_sample_num=4", "dataset.train_batch_size=16",
        "training.max_epoch=15", "training.warmup_epoch=1.25",
    ),
}  # fmt: skip


def run_training(name: str, seed: int, data: Path, exp_dir: Path, threads: int) -> None:
    """One run in a process of its own; its wall time goes into the run's folder."""
    changes = list(TRAININGS[name])
    if "--config" in changes:
        # The recipe is the other file's; sizes, epochs and benchmarks stay those of real_objects.yaml.
        changes = [*changes[:2], *_settings(REAL_OBJECTS), *changes[2:]]
    else:
        changes = ["--config", str(REAL_OBJECTS), *changes]
    command = [sys.executable, "src/main.py", *changes, f"dataset.folder={data.resolve()}", f"training.seed={seed}",
               "dataset.num_workers=1", "training.report=False", "--autoresume",
               "--trial_name", f"{name}_seed{seed}", "--exp_dir", str(exp_dir)]  # fmt: skip
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}
    if name == "hard_negatives":
        command.append(f"dataset.knn_path={_make_neighbours(seed, data, exp_dir)}")
    started = time.perf_counter()
    subprocess.run(command, cwd=ROOT, env=environment, check=True, stdout=subprocess.DEVNULL)
    (exp_dir / f"{name}_seed{seed}@autoresume" / "seconds.json").write_text(json.dumps(time.perf_counter() - started))


def _make_neighbours(seed: int, data: Path, exp_dir: Path) -> Path:
    """The neighbours by the model that the training `train` of the same seed gave."""
    path = exp_dir / f"neighbours_seed{seed}.npy"
    if not path.exists():
        command = [sys.executable, "src/tools/make_point_knn.py", "--config", str(REAL_OBJECTS),
                   f"dataset.folder={data.resolve()}", "--out", str(path),
                   "--resume", str(exp_dir / f"train_seed{seed}@autoresume")]  # fmt: skip
        subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    return path


def _settings(path: Path) -> list[str]:
    """The keys of a YAML file as key=value, without the learning rate, which belongs to the recipe."""
    sections = OmegaConf.to_container(OmegaConf.load(path))
    assert isinstance(sections, dict)
    flat = {key: value for key, value in sections.items() if not isinstance(value, dict)}
    flat |= {
        f"{s}.{key}": value for s, keys in sections.items() if isinstance(keys, dict) for key, value in keys.items()
    }
    return [f"{key}={value}" for key, value in flat.items() if key not in ("training.lr", "trial_name")]


def train_all(arguments: argparse.Namespace) -> None:
    """All trainings, seed by seed; those whose folder is complete are passed over."""
    for seed in arguments.seeds:
        for name in arguments.only or TRAININGS:
            if (arguments.exp_dir / f"{name}_seed{seed}@autoresume" / "seconds.json").exists():
                continue
            print(f"{time.strftime('%H:%M:%S')} {name}, seed {seed}", flush=True)
            run_training(name, seed, arguments.data, arguments.exp_dir, arguments.threads)


def report(arguments: argparse.Namespace) -> None:
    """Writes the page and names what is missing."""
    numbers = write_report(arguments.exp_dir, arguments.seeds, TRAININGS, arguments.docs)
    print(arguments.docs / "ablation.md")
    for name, seeds in numbers["missing"].items():
        print(f"missing: {name}, seed {', '.join(map(str, seeds))}")


def main(argv: list[str] | None = None) -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=("train", "report"))
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data" / "real_objects")
    parser.add_argument("--exp_dir", type=Path, default=ROOT / "exp" / "ablation", help="folder of the runs")
    parser.add_argument("--docs", type=Path, default=ROOT / "docs", help="where the report goes")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--threads", type=int, default=1, help="CPU threads of a training")
    parser.add_argument("--only", nargs="+", choices=tuple(TRAININGS), help="only these trainings")
    arguments = parser.parse_args(argv)
    # Trainings run in the project's root.
    arguments.exp_dir = arguments.exp_dir.resolve()
    {"train": train_all, "report": report}[arguments.command](arguments)


if __name__ == "__main__":
    main()
