"""The report's graph of members: waves, what a box says, names that could be markup."""

import re

import pytest

from ctk.report.member_graph import GraphNode, layers, member_graph, nodes_of

USES = {"table": [], "nn": [], "over": ["nn", "far"], "top": ["over", "table"]}


def nodes():
    return nodes_of(USES, {"nn": "0.2", "blend": "0.1"}, {"top": "0.75", "table": "0.25"}, {"nn": 1}, "blend mean")


def test_each_wave_needs_only_earlier_ones_and_the_blend_is_last():
    assert layers(nodes()) == [["far", "table", "nn"], ["over"], ["top"], [" blend mean"]]


def test_every_use_and_every_weight_is_an_edge():
    drawn = member_graph(nodes())
    assert drawn.count('class="edge"') == 4 + 2
    assert "<title>weight 0.75</title>" in drawn
    assert "of another run" in drawn


def test_names_are_escaped():
    drawn = member_graph({"<b>": GraphNode(("<b>", ""), 0, {}), "blend": GraphNode(("&", ""), 0, {"<b>": ""})})
    assert "<b>" not in drawn
    assert "&lt;b&gt;" in drawn


def points(way):
    """Points along an edge."""
    x = y = 0.0
    for kind, numbers in re.findall(r"([MCV])([\d. ]+)", way):
        at = list(map(float, numbers.split()))
        if kind == "M":
            x, y = at
            continue
        x1, y1, x2, y2, x3, y3 = at if kind == "C" else [x, y, x, at[0], x, at[0]]
        for t in (number / 20 for number in range(21)):
            a, b, c, d = (1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t**2 * (1 - t), t**3
            yield a * x + b * x1 + c * x2 + d * x3, a * y + b * y1 + c * y2 + d * y3
        x, y = x3, y3


@pytest.mark.parametrize("waves", [[4, 1], [5, 2, 1], [1, 1, 1], [3, 3], [1, 2, 3, 2], [7]], ids=str)
def test_no_edge_goes_behind_a_box(waves):
    """Where it came out below, it would seem to be that box's."""
    names = [[f"{wave}-{number}" for number in range(count)] for wave, count in enumerate(waves)]
    drawn = {
        name: GraphNode((name,), 0, dict.fromkeys(names[wave - 1] if wave else [], ""))
        for wave, layer in enumerate(names)
        for name in layer
    }
    svg = member_graph(drawn | {"blend": GraphNode(("blend",), 0, dict.fromkeys(drawn, ""))})
    number = r'="([\d.]+)"'
    found = re.findall(f"<rect x{number} y{number} width{number} height{number}", svg)
    boxes = [tuple(map(float, box)) for box in found]
    assert len(boxes) == sum(waves) + 1
    for x, y in (point for way in re.findall(r' d="(.+?)"', svg) for point in points(way)):
        assert not [box for box in boxes if 0 < x - box[0] < box[2] and 0.1 < y - box[1] < box[3] - 0.1]
