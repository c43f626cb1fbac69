"""The site builds with every warning an error, and its pages fetch nothing from elsewhere."""

import os
import re
import subprocess
import sys

import pytest
from pages import ROOT

FETCHING = re.compile(r"<(?:script|img|link|iframe|source)\b[^>]*?\b(?:src|href)=[\"']?((?:https?:)?//[^\"'> ]+)")
REMOTE_STYLE = re.compile(r"(?:@import|url\()\s*[\"']?(?:https?:)?//[^)\"']+")


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", folder],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def test_the_site_builds_and_no_page_fetches_anything_from_elsewhere(site):
    pages = list(site.rglob("*.html"))
    assert len(pages) > 20
    for page in pages:
        found = [url for url in FETCHING.findall(page.read_text(encoding="utf-8")) if "canonical" not in url]
        assert found == [], page
    for style in site.rglob("*.css"):
        assert not REMOTE_STYLE.search(style.read_text(encoding="utf-8")), style


def test_formulas_are_drawn_and_the_picture_stands_in_its_page(site):
    assert "<math" in (site / "ops/info_nce/index.html").read_text(encoding="utf-8")
    assert "<svg viewBox=" in (site / "guide/runs/index.html").read_text(encoding="utf-8")


def test_on_a_phone_cells_of_words_stand_below_one_another_and_numbers_stay_a_table(site):
    config = (site / "reference/config/index.html").read_text(encoding="utf-8")
    assert "<table>" not in config
    row = re.search(r"<tr>\s*<td><code>seeds</code></td>(.*?)</tr>", config, re.DOTALL)[1]
    assert re.findall(r"<td([^>]*)>", row) == [' data-label="type"', ' data-label="default"', ""]
    folder = (site / "guide/runs/index.html").read_text(encoding="utf-8")
    assert re.search(r"<table data-stack=\"\">.*?config\.yaml", folder, re.DOTALL)
    assert "<table>" in (site / "guide/search-samplers/index.html").read_text(encoding="utf-8")
    assert "[data-stack] td[data-label]::before" in (site / "assets/site.css").read_text(encoding="utf-8")


def test_readmes_are_pages_whose_links_stay_on_the_site(site):
    page = (site / "ops/kernels/info_nce/index.html").read_text(encoding="utf-8")
    assert "Milakov and Gimelshein" in page
    assert not re.search(r"href=\"[^\"]*(?:README\.md|\.cpp|\.py)\"", page)


def test_every_distribution_beside_the_toolkit_has_a_page_and_is_listed(site):
    listed = (site / "plugins/index.html").read_text(encoding="utf-8")
    projects = [path.parent for kind in ("competitions", "plugins") for path in ROOT.glob(f"{kind}/*/README.md")]
    assert projects
    for project in projects:
        name = project.name.replace("_", "-")
        assert (site / f"plugins/{name}/index.html").exists()
        assert f'href="{name}/"' in listed
