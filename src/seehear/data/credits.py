"""Who made what a model was trained on: the part of a model card that names sources and authors."""

from __future__ import annotations

from collections.abc import Sequence

from seehear.data.sources import SourceRow

ADDRESS = "freesound.org/s/"


def sources_text(rows: Sequence[SourceRow]) -> str:
    """Sources and licences with the authors behind them; recordings by number where that is all."""
    groups: dict[tuple[str, str], list[SourceRow]] = {}
    for row in rows:
        groups.setdefault((row.source, row.licence), []).append(row)
    lines = [
        "All from the training split; every licence allows any use. Thanks to all who recorded, "
        "played, read and took pictures.",
        "",
        "| source | licence | files |",
        "|---|---|---|",
    ]
    lines += [f"| {s} | {licence} | {len(g)} |" for (s, licence), g in sorted(groups.items())]
    lines += ["", "Authors:", ""]
    for (source, licence), group in sorted(groups.items()):
        authors = sorted({row.author for row in group}, key=str.lower)
        lines.append(f"- {source}, {licence}: {_shorten(authors)}")
    return "\n".join(lines)


def _shorten(authors: Sequence[str]) -> str:
    """Freesound numbers share their address; names stand as they are."""
    numbers = sorted(int(a.removeprefix(ADDRESS)) for a in authors if a.startswith(ADDRESS))
    names = [a for a in authors if not a.startswith(ADDRESS)]
    if numbers:
        names.append(f"uploaders of {ADDRESS}N, N = {', '.join(map(str, numbers))}")
    return "; ".join(names)
