"""The report's graph of members: waves, what a box says, names that could be markup."""

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
