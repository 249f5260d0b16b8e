"""Entry point: `python src/main.py ...` or `torchrun --nproc_per_node=N src/main.py ...`."""

import sys

from mixcon3d.cli import main

if __name__ == "__main__":
    sys.exit(main())
