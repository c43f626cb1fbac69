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
    places: dict[str, tuple[float, float, float]] = {}
    for number, names in enumerate(waves):
        box = min(168.0, WIDTH / len(names) - 8)
        # boxes that stand alone go left and right in turn, so that none hides the edges that pass it
        aside = 0.0 if len(names) > 1 or number == len(waves) - 1 else WIDTH * (0.2 if number % 2 else -0.2)
        for place, name in enumerate(names):
            places[name] = (WIDTH * (place + 0.5) / len(names) + aside, 4.0 + number * (ROW + GAP), box)
    height = len(waves) * (ROW + GAP) - GAP + 8
    said = "; ".join(f"{name} takes {', '.join(node.needs)}" for name, node in nodes.items() if node.needs)
    parts = [
        _edge(places[need], places[name], label) for name, node in nodes.items() for need, label in node.needs.items()
    ]
    parts += [_box(places[name], node) for name, node in nodes.items()]
    label = html.escape(f"Graph of members: {said}")
    return (
        f'<svg class="figure graph" role="img" aria-label="{label}" viewBox="0 0 {WIDTH} {height}">'
        f"{''.join(parts)}</svg>"
    )


def _edge(start: tuple[float, float, float], end: tuple[float, float, float], label: str) -> str:
    x, y, (to, below, _) = start[0], start[1] + ROW, end
    middle = (y + below) / 2
    title = f"<title>{html.escape(label)}</title>" if label else ""
    way = f"M{x:.1f} {y:.1f} C{x:.1f} {middle:.1f} {to:.1f} {middle:.1f} {to:.1f} {below:.1f}"
    return f'<path class="edge" d="{way}">{title}</path>'


def _box(place: tuple[float, float, float], node: GraphNode) -> str:
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
