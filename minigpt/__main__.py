"""`python -m minigpt`: the same as the command `minigpt`, for torchrun among others."""

import sys

from minigpt.cli import main

if __name__ == "__main__":
    sys.exit(main())
