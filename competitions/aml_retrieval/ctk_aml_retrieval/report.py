"""What only this competition can show: where the right pictures rank, and what the blend finds for a caption."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from markupsafe import Markup

from ctk.contract import Section
from ctk.ops import target_ranks, topk
from ctk.report import (
    BASELINE,
    FONT_SIZE,
    INK,
    MUTED,
    SERIES,
    axes,
    best_baseline,
    data_uri,
    figure_svg,
    spoken,
)
from ctk.samples import Array

if TYPE_CHECKING:
    from ctk.contract import Results

SIDE = 96
"""Pictures are embedded with at most so many pixels a side."""
BEST = 5
"""Pictures shown for a caption."""
EACH = 4
"""Captions of each kind: found, nearly found, missed."""
NEAR = 10
"""The last rank that is a near miss."""
SEED = 0
"""Of the draw of captions."""


def sections(results: Results) -> list[Section]:
    """The ranks of the right pictures, and a look at some captions; nothing for samples without a gallery or target."""
    valid = results.valid
    blended = results.blended
    if blended is None or valid.gallery is None or valid.target is None or not len(valid):
        return []
    if not np.isfinite(blended).all():
        return [Section("Ranks", "<p>The blend's predictions are not all finite, so nothing can be ranked.</p>")]
    ranks = cosine_ranks(results, blended)
    return [ranks_section(results, ranks), pictures_section(results, blended, ranks)]


def cosine_ranks(results: Results, prediction: Array) -> Array:
    """Rank of each validation caption's picture in the validation gallery by cosine, (N,) float32; 1 is best."""
    gallery, target = results.valid.gallery, results.valid.target
    assert gallery is not None
    assert target is not None
    return target_ranks(_unit(prediction), _unit(gallery.vectors), torch.from_numpy(target.astype(np.int64))).numpy()


# Ranks -------------------------------------------------------------------------------------------------------------


def ranks_section(results: Results, ranks: Array) -> Section:
    """Histogram of the blend's ranks, the best baseline's beside it, with what it says in a table."""
    assert results.valid.gallery is not None
    size = len(results.valid.gallery)
    shown = {"blend": ranks}
    baseline = best_baseline(results)
    if baseline is not None:
        shown[spoken(results, baseline)] = cosine_ranks(results, results.oof[baseline])
    head = Markup("").join(Markup('<th scope="col" class="number">{}</th>').format(name) for name in shown)
    body = Markup("").join(
        Markup('<tr><th scope="row">{}</th>{}</tr>').format(
            what, Markup("").join(Markup('<td class="number">{}</td>').format(value) for value in values)
        )
        for what, values in (
            ("median rank", [f"{np.median(each):,.0f}" for each in shown.values()]),
            *(
                (
                    f"among the first {cutoff}" if cutoff > 1 else "ranked first",
                    [_percent(each, cutoff) for each in shown.values()],
                )
                for cutoff in (1, 5, 10, 50)
                if cutoff < size
            ),
        )
    )
    html = Markup(
        '<p class="note">Rank of a caption\'s own picture among the {size:,} pictures of the validation gallery, by'
        " cosine, over {captions:,} captions. By chance the median would be {chance:,.0f}.</p>"
        '<ul class="legend">{legend}</ul><div class="pair ranks">'
        "<figure><figcaption>Captions by rank</figcaption>{svg}</figure>"
        '<div class="scroll"><table><thead><tr><th></th>{head}</tr></thead><tbody>{body}</tbody></table></div></div>'
    ).format(
        size=size,
        captions=len(ranks),
        chance=(size + 1) / 2,
        legend=Markup("").join(
            Markup('<li><i class="dot s{}"></i>{}</li>').format(int(not number), name)
            for number, name in enumerate(shown)
        ),
        svg=Markup(histogram(shown, size)),
        head=head,
        body=body,
    )
    return Section("Ranks", str(html), css=".ranks { align-items: center; }")


def rank_bins(size: int) -> list[int]:
    """The last rank of each bin: 1, 2, 5, 10, 20, 50, ... and the size of the gallery."""
    steps = [step * 10**power for power in range(len(str(size))) for step in (1, 2, 5)]
    return [last for last in steps if last < size] + [size]


def histogram(ranks: dict[str, Array], size: int) -> str:
    """Shares of captions by bins of rank as SVG, a bar each of ``ranks``, their medians marked."""
    last = rank_bins(size)
    first = [1] + [each + 1 for each in last[:-1]]
    figure, plot = axes(height=3.1)
    width = 0.8 / len(ranks)
    for number, (name, values) in enumerate(ranks.items()):
        counts = np.bincount(np.searchsorted(last, values), minlength=len(last))
        at = np.arange(len(last)) + (number - (len(ranks) - 1) / 2) * width
        colour = BASELINE if number else SERIES[0]
        plot.bar(at, counts / len(values), width * 0.94, color=colour)
        median = float(np.median(values))
        plot.axvline(_place(median, first, last), color=colour, linewidth=1.1, linestyle=(0, (3, 2)), zorder=3)
        plot.annotate(
            f"{name} median {median:,.0f}",
            (_place(median, first, last), 1),
            xycoords=("data", "axes fraction"),
            xytext=(4 if median < size / 3 else -4, -9 - 12 * number),
            textcoords="offset points",
            ha="left" if median < size / 3 else "right",
            color=INK if not number else MUTED,
            fontsize=FONT_SIZE,
        )
    plot.set_xticks(range(len(last)), [f"{each:,}" for each in last])
    plot.yaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
    plot.set_ylim(top=plot.get_ylim()[1] * 1.18)
    plot.set_xlabel("rank, up to", color=MUTED, fontsize=FONT_SIZE, loc="right")
    return figure_svg(figure, "Histogram of the ranks of the right pictures: " + ", ".join(ranks))


def _place(rank: float, first: list[int], last: list[int]) -> float:
    """Where a rank lies on the axis of bins; within a bin on a log scale."""
    at = min(int(np.searchsorted(last, rank)), len(last) - 1)
    low, high = np.log(first[at]), np.log(last[at] + 1)
    return float(at - 0.5 + np.clip((np.log(rank + 0.5) - low) / (high - low), 0, 1))


def _percent(ranks: Array, cutoff: int) -> str:
    return f"{np.mean(ranks <= cutoff):.1%}"


# Pictures ----------------------------------------------------------------------------------------------------------


def pictures_section(results: Results, blended: Array, ranks: Array) -> Section:
    """Some captions, each with the pictures that the blend likes best and the right one marked."""
    valid = results.valid
    assert valid.gallery is not None
    assert valid.target is not None
    gallery = valid.gallery
    captions = valid.notes.get("caption", valid.ids.astype(str))
    pictures = Pictures(results.files)
    best = min(BEST, len(gallery))

    def query(row: int, found: Array) -> Markup:
        assert valid.target is not None
        right = int(valid.target[row])
        tiles = [pictures.tile(str(gallery.names[each]), f"{at}", each == right) for at, each in enumerate(found, 1)]
        if right not in found:
            tiles.append(Markup('<li class="gap" aria-hidden="true">…</li>'))
            tiles.append(pictures.tile(str(gallery.names[right]), _rank(ranks[row]), True))
        return Markup(
            '<article class="query"><p><q>{}</q><span class="note">rank {}</span></p><ol>{}</ol></article>'
        ).format(str(captions[row]), _rank(ranks[row]), Markup("").join(tiles))

    kinds = []
    for kind, rows in chosen(ranks, valid.target).items():
        found = topk(_unit(blended[rows]), _unit(gallery.vectors), best)[1].numpy()
        items = Markup("").join(query(row, each) for row, each in zip(rows, found, strict=True))
        kinds.append(Markup('<h3>{}</h3><div class="queries">{}</div>').format(kind, items))
    html = Markup(
        '<p class="note">Up to {each} captions of each kind, drawn at random (seed {seed}), no picture twice. The'
        " {best} best pictures for each, best first; the right one is outlined and labelled, and stands"
        " apart where it is not among them.</p>{kinds}"
    ).format(each=EACH, seed=SEED, best=best, kinds=Markup("").join(kinds))
    return Section("Pictures found", str(html), css=CSS)


def chosen(ranks: Array, target: Array) -> dict[str, list[int]]:
    """Rows of captions to show, by kind: at most EACH, drawn with SEED, no picture twice; no kind is empty."""
    kinds = {
        "Ranked first": ranks <= 1,
        f"Near misses, to rank {NEAR}": (ranks > 1) & (ranks <= NEAR),
        f"Misses, beyond rank {NEAR}": ranks > NEAR,
    }
    order = np.random.default_rng(SEED).permutation(len(ranks))
    rows: dict[str, list[int]] = {}
    seen: set[int] = set()
    for kind, holds in kinds.items():
        for row in order[holds[order]]:
            if len(rows.get(kind, ())) < EACH and int(target[row]) not in seen:
                seen.add(int(target[row]))
                rows.setdefault(kind, []).append(int(row))
    return rows


class Pictures:
    """Pictures of the gallery as tiles of a page; a picture that cannot be shown becomes a box with its name."""

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder
        self._uris: dict[str, str | None] = {}

    def tile(self, name: str, place: str, right: bool) -> Markup:
        """A list item with the picture, its place and, where it is the right one, words that say so."""
        uri = self.uri(name)
        if uri is None:
            shown = Markup('<span class="absent">{}</span>').format(name)
        else:
            shown = Markup('<img src="{}" alt="{}" title="{}">').format(uri, name, name)
        label = Markup("<b>✓ right</b>") if right else Markup("")
        return Markup('<li{}><span class="tile">{}</span><span class="place">{} {}</span></li>').format(
            Markup(' class="right"') if right else "", shown, place, label
        )

    def uri(self, name: str) -> str | None:
        """The picture, at most SIDE pixels a side, as a data URI; None where there is none that can be read."""
        if name not in self._uris:
            self._uris[name] = self._read(name)
        return self._uris[name]

    def _read(self, name: str) -> str | None:
        from PIL import Image, ImageOps

        if self.folder is None:
            return None
        if Path(name).is_absolute() or ".." in Path(name).parts:
            return None
        try:
            with Image.open(self.folder / name, formats=["PNG", "JPEG"]) as file:
                kind = file.format
                file.draft("RGB", (2 * SIDE, 2 * SIDE))
                picture = ImageOps.exif_transpose(file).convert("RGB" if kind == "JPEG" else "RGBA")
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
            return None
        picture.thumbnail((SIDE, SIDE))
        buffer = io.BytesIO()
        if kind == "JPEG":
            picture.save(buffer, "JPEG", quality=82, optimize=True)
            return data_uri(buffer.getvalue(), "image/jpeg")
        picture.save(buffer, "PNG", optimize=True)
        return data_uri(buffer.getvalue(), "image/png")


CSS = """
.queries { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 28rem), 1fr)); gap: 1.75rem 3rem;
  margin: .75rem 0 2.5rem; }
.query { min-width: 0; }
.query > p { display: flex; justify-content: space-between; gap: 1rem; align-items: baseline; margin: 0 0 .5rem; }
.query q { font-family: var(--serif); font-size: 1.0625rem; line-height: 1.35; overflow-wrap: anywhere; }
.query .note { white-space: nowrap; }
.query ol { list-style: none; display: flex; gap: .5rem; padding: 0; margin: 0; }
.query li { flex: 0 1 4rem; min-width: 0; }
.query li.gap { flex: 0 0 .6rem; align-self: center; color: var(--muted); padding-bottom: 1.4rem; }
.query .tile { display: flex; align-items: center; justify-content: center; aspect-ratio: 1; background: var(--tile);
  border: 1px solid var(--line); border-radius: 4px; padding: 6%; overflow: hidden; }
.query img { width: 100%; height: 100%; object-fit: contain; display: block; }
.query .right .tile { outline: 3px solid var(--right); border-color: transparent; }
.query .absent { font-size: .6875rem; line-height: 1.2; color: #4a5056; overflow-wrap: anywhere; max-height: 100%; }
.query .place { display: block; text-align: center; font-size: .75rem; color: var(--muted); margin-top: .25rem;
  white-space: nowrap; }
.query .right .place b { color: var(--right); font-weight: 600; }
@media (max-width: 44rem) { .query ol { gap: .3rem; } .query .place { font-size: .6875rem; } }
"""


def _rank(rank: float) -> str:
    return f"{rank:,.0f}" if rank == int(rank) else f"{rank:,.1f}"


def _unit(vectors: Array) -> torch.Tensor:
    return torch.nn.functional.normalize(torch.from_numpy(np.array(vectors, dtype=np.float32)), dim=1)
