"""Which members use which: a graph from the members that use none to the blend."""

from __future__ import annotations

import html
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

WIDTH, ROW, GAP = 360, 44, 26
"""Units of the whole width, which a phone shows at full size; of a box's height; of the room between two rows."""
SIDE_BY_SIDE = 3
"""Boxes in a row; names in narrower ones could not be read."""


Place = tuple[float, float, float]
"""Of a box: its centre from the left, its top, its width."""


@dataclass(frozen=True)
class GraphNode:
    """A member, or the blend.

    lines  what its box says: the name, then smaller what there is to know of it
    slot   the number of its colour; 0 is grey
    needs  what it takes in, by name; the label of each edge, or ""
    """

    lines: tuple[str, ...]
    slot: int
    needs: Mapping[str, str]


def layers(nodes: Mapping[str, GraphNode]) -> list[list[str]]:
    """Names by wave: each needs only what stands in earlier ones. The last node stands alone at the end."""
    *names, last = nodes
    depth: dict[str, int] = {}
    while len(depth) < len(names):
        ready = [name for name in names if name not in depth and all(need in depth for need in nodes[name].needs)]
        assert ready, "members use each other in a circle"
        depth |= {name: 1 + max((depth[need] for need in nodes[name].needs), default=-1) for name in ready}
    waves = [[name for name in names if depth[name] == wave] for wave in range(max(depth.values()) + 1)]
    return [*waves, [last]]


def member_graph(nodes: Mapping[str, GraphNode]) -> str:
    """The graph as SVG, its waves from top to bottom, the last node below all; colours follow the page's mode."""
    waves: list[list[str]] = []
    for names in layers(nodes):
        most = math.ceil(len(names) / math.ceil(len(names) / SIDE_BY_SIDE))
        waves += [names[first : first + most] for first in range(0, len(names), most)]
    places: dict[str, Place] = {}
    for number, names in enumerate(waves):
        box = min(168.0, WIDTH / len(names) - 8)
        # boxes that stand alone go left and right in turn, so that there is room for the edges that pass them
        aside = 0.0 if len(names) > 1 or number == len(waves) - 1 else WIDTH * (0.2 if number % 2 else -0.2)
        for place, name in enumerate(names):
            places[name] = (WIDTH * (place + 0.5) / len(names) + aside, 4.0 + number * (ROW + GAP), box)
    rows = [[places[name] for name in names] for names in waves]
    height = len(waves) * (ROW + GAP) - GAP + 8
    said = "; ".join(f"{name} takes {', '.join(node.needs)}" for name, node in nodes.items() if node.needs)
    parts = [
        _edge(places[need], places[name], rows, label)
        for name, node in nodes.items()
        for need, label in node.needs.items()
    ]
    parts += [_box(places[name], node) for name, node in nodes.items()]
    label = html.escape(f"Graph of members: {said}")
    return (
        f'<svg class="figure graph" role="img" aria-label="{label}" viewBox="0 0 {WIDTH} {height}">'
        f"{''.join(parts)}</svg>"
    )


def _edge(start: Place, end: Place, rows: Sequence[Sequence[Place]], label: str) -> str:
    """Draw from a box down to another, round those between: an edge that comes out behind one seems to begin there."""
    x, y = start[0], start[1] + ROW
    way = f"M{x:.1f} {y:.1f}"
    for row in [*(row for row in rows if start[1] < row[0][1] < end[1]), [end]]:
        top = row[0][1]
        to = end[0] if row == [end] else _passage(row, x + (end[0] - x) * (top - y) / (end[1] - y))
        middle = (y + top) / 2
        way += f" C{x:.1f} {middle:.1f} {to:.1f} {middle:.1f} {to:.1f} {top:.1f}"
        if row != [end]:
            way += f" V{top + ROW:.1f}"
        x, y = to, top + ROW
    title = f"<title>{html.escape(label)}</title>" if label else ""
    return f'<path class="edge" d="{way}">{title}</path>'


def _passage(row: Sequence[Place], wanted: float) -> float:
    """Where an edge gets through a row of boxes, as near as can be to where it wants to."""
    lefts = [0.0, *(centre + width / 2 for centre, _, width in row)]
    rights = [*(centre - width / 2 for centre, _, width in row), WIDTH]
    rooms = [min(8.0, (right - left) / 2) for left, right in zip(lefts, rights, strict=True)]
    ways = (min(max(wanted, left + room), right - room) for left, right, room in zip(lefts, rights, rooms, strict=True))
    return min(ways, key=lambda at: abs(at - wanted))


def _box(place: Place, node: GraphNode) -> str:
    centre, top, width = place
    colour = f"var(--s{node.slot})" if node.slot else "var(--baseline)"
    letters = max(6, int(width / 6.4))
    texts = [
        f'<text x="{centre:.1f}" y="{top + 18 + 15 * number:.1f}"{" class=small" if number else ""}>'
        f"{html.escape(_short(line, letters))}</text>"
        for number, line in enumerate(node.lines[:2])
    ]
    whole = html.escape(" · ".join(node.lines))
    return (
        f'<g><title>{whole}</title><rect x="{centre - width / 2:.1f}" y="{top:.1f}" width="{width:.1f}" height="{ROW}"'
        f' rx="5" style="stroke: {colour}"/>{"".join(texts)}</g>'
    )


def _short(text: str, letters: int) -> str:
    return text if len(text) <= letters else f"{text[: letters - 1]}…"


def nodes_of(
    uses: Mapping[str, Sequence[str]],
    scores: Mapping[str, str],
    weights: Mapping[str, str],
    slots: Mapping[str, int],
    blend: str,
) -> dict[str, GraphNode]:
    """Nodes from what each member uses, by name, and the blend of those that have a weight.

    scores   by member name, and of "blend"; weights by member name, as they are shown
    """

    def below(name: str) -> str:
        return " · ".join(
            [*([scores[name]] if name in scores else []), *([f"× {weights[name]}"] if name in weights else [])]
        )

    strangers = dict.fromkeys(other for others in uses.values() for other in others if other not in uses)
    nodes = {name: GraphNode((name, "of another run"), 0, {}) for name in strangers}
    for name, others in uses.items():
        nodes[name] = GraphNode((name, below(name)), slots.get(name, 0), dict.fromkeys(others, ""))
    weighed = {name: f"weight {weight}" for name, weight in weights.items() if name in nodes}
    nodes[f" {blend}"] = GraphNode((blend, scores.get("blend", "")), 0, weighed)  # no member's name begins with a space
    return nodes
