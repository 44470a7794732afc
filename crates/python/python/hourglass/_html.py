"""The head of a run's report, for notebooks."""

from __future__ import annotations

import html
from pathlib import Path

#: The heading before which the report is cut: what follows is for its own page.
END = "<h2>Code</h2>"

#: Height of the frame, in pixels: the figures, the curves and some pictures.
HEIGHT = 560


def head_of_report(path: Path) -> str | None:
    """The report up to its pictures, in a frame of its own, so that its style does not touch the notebook's; None if there
    is no report."""
    if not path.is_file():
        return None
    page = path.read_text(encoding="utf-8")
    head, found, _ = page.partition(END)
    if found:
        page = f"{head}</main></body></html>"
    return (
        f'<iframe srcdoc="{html.escape(page, quote=True)}" sandbox="" title="report" '
        f'style="width:100%;height:{HEIGHT}px;border:0"></iframe>'
    )
