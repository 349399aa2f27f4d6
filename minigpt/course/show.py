"""What the course says in a notebook: a card that reads as text, and as HTML in light and in dark.

A word and a sign say what the colour says; screen readers are told (`role="status"`); text is escaped.
"""

import html
from collections.abc import Sequence

SIGNS = {"good": "✓", "todo": "○", "bad": "✗"}
COLOURS = {
    "good": "var(--jp-success-color1, #388e3c)",
    "todo": "var(--jp-info-color1, #0277bd)",
    "bad": "var(--jp-error-color1, #d32f2f)",
}
CARD = (
    "color:var(--jp-content-font-color1, inherit);border:1px solid var(--jp-border-color2, #bdbdbd);"
    "border-left:5px solid {colour};padding:6px 12px;max-width:60em;line-height:1.5"
)
LEFT = "text-align:left"  # JupyterLab puts tables to the right
PRE = "margin:4px 0;padding:0;background:none;color:inherit;white-space:pre-wrap;font-size:90%"


def card_html(tone: str, title: str, message: str, details: Sequence[tuple[str, str]] = ()) -> str:
    """A card: a title, a sentence, and details as (label, text that keeps its lines)."""
    rows = "".join(
        f"<div>{html.escape(label)}</div><pre style='{PRE}'>{html.escape(text)}</pre>" for label, text in details
    )
    return (
        f'<div role="status" class="tex2jax_ignore" style="{CARD.format(colour=COLOURS[tone])}">'
        f"<strong>{SIGNS[tone]} {html.escape(title)}</strong><div>{html.escape(message)}</div>{rows}</div>"
    )


def card_text(tone: str, title: str, message: str, details: Sequence[tuple[str, str]] = ()) -> str:
    """The same card as plain text."""
    rows = [f"  {label}\n" + "\n".join(f"    {line}" for line in text.splitlines()) for label, text in details]
    return "\n".join([f"{SIGNS[tone]} {title}", *([f"  {message}"] if message else []), *rows])


def columns_html(columns: Sequence[tuple[str, str]]) -> str:
    """Texts side by side under their headings; below one another where the page is narrow."""
    parts = "".join(
        f'<div style="flex:1 1 18em"><strong>{html.escape(heading)}</strong>'
        f'<pre style="{PRE}">{html.escape(text)}</pre></div>'
        for heading, text in columns
    )
    return f'<div class="tex2jax_ignore" style="display:flex;flex-wrap:wrap;gap:8px 24px;max-width:60em">{parts}</div>'


def table_html(caption: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table with a caption."""

    def line(cells: Sequence[str], tag: str) -> str:
        return "<tr>" + "".join(f'<{tag} style="{LEFT}">{html.escape(cell)}</{tag}>' for cell in cells) + "</tr>"

    body = "".join(line(row, "td") for row in rows)
    title = f'<caption style="{LEFT};white-space:nowrap">{html.escape(caption)}</caption>'
    return f'<table class="tex2jax_ignore">{title}<thead>{line(header, "th")}</thead><tbody>{body}</tbody></table>'


def table_text(caption: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """The same table as plain text, its columns aligned."""
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in [header, *rows]]
    return "\n".join([caption, *(line.rstrip() for line in lines)])
