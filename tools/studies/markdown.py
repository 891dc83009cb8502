"""Tables in Markdown, with a sentence that names what they lack."""

from typing import Sequence


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table with a line of headings. All cells are text without line breaks."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def table_so_far(
    head: Sequence[str], rows: Sequence[Sequence[str]], missing: Sequence[str] = ()
) -> str:
    """A table of what was run, and a sentence below it that names what was not (`missing`)."""
    if not rows:
        return "Not run yet."
    parts = [table(head, rows)]
    if missing:
        parts.append(f"Not run yet: {'; '.join(missing)}.")
    return "\n\n".join(parts)
