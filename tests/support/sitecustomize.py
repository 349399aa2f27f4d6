"""Python imports this by itself at its start, where this folder is on PYTHONPATH."""

import offline  # noqa: F401
