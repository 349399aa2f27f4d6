"""Views: small widgets for notebooks, and figures. They take plain numbers and strings, never a model.

Each works live (anywidget), and leaves a static face in a saved notebook (static.py says how and why).
"""

from minigpt.views.heads import heads

__all__ = ["heads"]
