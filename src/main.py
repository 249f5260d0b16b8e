"""Entry point: `python src/main.py ...` or `torchrun --nproc_per_node=N src/main.py ...`."""

import sys

from mixcon3d.cli import main
from mixcon3d.stop_signal import ignore_stop_signals

if __name__ == "__main__":
    status = main()
    ignore_stop_signals()
    sys.exit(status)
