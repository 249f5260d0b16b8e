"""Makes `meta_data/point_feat_knn.npy` for hard negatives: `python src/tools/make_point_knn.py --resume CKPT ...`."""

import sys
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from mixcon3d.cli import OneLineParser, exit_status, parse_command_line

_DESCRIPTION = (
    "Writes which training objects are nearest to which, for dataset.use_knn_negative_sample. Every object of "
    "dataset.train_split is encoded by the point encoder of a checkpoint: EMA weights where it has them, no "
    "augmentation, points drawn from evaluation.seed; nearness is the cosine of the embeddings. Objects that cannot be "
    "read are left out with a warning. A file that exists is never overwritten. One process, on its GPU if it has one."
)
_EPILOG = (
    "Everything else is as for src/main.py: --config FILE, --resume CHECKPOINT (needed), section.key=value, with the "
    "model's settings of the training run. dataset.train_batch_size and dataset.num_workers set the pace. Example: "
    "python src/tools/make_point_knn.py --config configs/train.yaml dataset.folder=data_path "
    "--resume exp/NAME/ckpt/latest.pt --out knn.npy; then train with dataset.knn_path=$PWD/knn.npy "
    "dataset.use_knn_negative_sample=True dataset.negative_sample_num=4"
)


def _build_parser() -> OneLineParser:
    parser = OneLineParser(
        prog="make_point_knn.py",
        usage="make_point_knn.py --resume CHECKPOINT [--neighbours N] [--out FILE] [what main.py takes ...]",
        allow_abbrev=False,
        description=_DESCRIPTION,
        epilog=_EPILOG,
    )
    parser.add_argument("--neighbours", type=int, default=64, metavar="N", help="kept of each object, besides it [64]")
    parser.add_argument("--out", metavar="FILE", help="file to write [dataset.knn_path in dataset.folder]")
    return parser


def _make(argv: Sequence[str]) -> None:
    options, rest = _build_parser().parse_known_args(argv)
    config = parse_command_line(rest)
    # Only now: what it imports takes seconds.
    from mixcon3d.point_knn import make_point_knn

    make_point_knn(config, options.neighbours, options.out)


def main(argv: Sequence[str] | None = None) -> int:
    """Parse, make, and turn a user's error into one line and exit status 2."""
    return exit_status(lambda: _make(sys.argv[1:] if argv is None else argv))


if __name__ == "__main__":
    sys.exit(main())
