"""The page in a real browser: sorting, the panel of an invariant, both colour schemes, a phone, no network."""

from __future__ import annotations

import csv
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest

from pigmm.studies.analysis.selection import where
from pigmm.studies.comparison.page import write_comparison
from pigmm.studies.networks.report.page import report_network
from pigmm.studies.notation.symbols import formula_key
from pigmm.studies.report.html import cell
from pigmm.studies.runs.files import read_table
from pigmm.studies.user_data.fit import fit_paths

sync_api = pytest.importorskip("playwright.sync_api", reason="needs playwright, of the extra `test`")

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium, and found none on the PATH")

LAPTOP, PHONE = {"width": 1300, "height": 900}, {"width": 400, "height": 800}
SCHEMES = ("light", "dark")


@pytest.fixture(scope="module")
def browser() -> Iterator[sync_api.Browser]:
    with sync_api.sync_playwright() as playwright:
        # a container has no user namespaces for Chromium's own sandbox; the pages are our own
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def moved_alone(finished_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of a study, without the files beside it."""
    return Path(shutil.copy(finished_run / "report.html", tmp_path_factory.mktemp("alone")))


@pytest.fixture
def page(browser: sync_api.Browser, moved_alone: Path) -> Iterator[sync_api.Page]:
    """The report on a laptop; an error of its script, or a request but for the page itself, fails the test."""
    opened = browser.new_page(viewport=LAPTOP)
    requests: list[str] = []
    errors: list[str] = []
    opened.on("request", lambda request: requests.append(request.url))
    opened.on("pageerror", lambda error: errors.append(str(error)))
    opened.goto(moved_alone.as_uri())
    yield opened
    opened.close()
    assert not errors
    assert [url for url in requests if not url.startswith("blob:")] == [moved_alone.as_uri()]


def test_a_table_is_sorted_by_the_headings_of_its_columns(page: sync_api.Page) -> None:
    table = page.locator("details", has_text="The largest departures at the last epoch").first
    table.locator("summary").click()
    table.locator(".filters").wait_for()
    column = [text.strip() for text in table.locator("th").all_text_contents()].index("z")
    heading = table.locator("th").nth(column)
    cells = table.locator(f"tbody td:nth-child({column + 1})")

    def values() -> list[float]:
        return [float(text.replace("−", "-")) for text in cells.all_text_contents()]

    before = values()
    assert before != sorted(before)
    assert min(before) < 0 < max(before)
    heading.get_by_role("button").click()
    assert values() == sorted(before)
    assert heading.get_attribute("aria-sort") == "ascending"
    heading.get_by_role("button").press("Enter")
    assert values() == sorted(before, reverse=True)
    assert heading.get_attribute("aria-sort") == "descending"


def test_all_rows_of_a_table_are_searched_and_filtered(page: sync_api.Page, finished_run: Path) -> None:
    with (finished_run / "tables" / "comparison.csv").open() as file:
        rows = list(csv.DictReader(file))
    table = page.locator("details", has=page.locator('a[href="tables/comparison.csv"]'))
    table.locator("summary").click()
    table.locator(".filters").wait_for()
    count = table.locator(".count")
    assert count.inner_text().startswith(f"{len(rows)} of {len(rows)} rows match.")
    layer, epoch = rows[-1]["layer"], f"{float(rows[-1]['epoch']):g}"
    table.get_by_label("layer").select_option(layer)
    table.get_by_label("epoch").select_option(epoch)
    chosen = [row for row in rows if row["layer"] == layer and float(row["epoch"]) == float(epoch)]
    assert 0 < len(chosen) < len(rows)
    assert count.inner_text().startswith(f"{len(chosen)} of {len(rows)} rows match.")
    wanted = chosen[-1]["graph"]
    table.get_by_label("Search the table").fill(wanted)
    found = [row for row in chosen if wanted in row["graph"]]
    assert table.locator("tbody tr").count() == len(found) < len(chosen)
    place = [text.strip() for text in table.locator("th").all_text_contents()].index("graph")
    assert set(table.locator(f"tbody td:nth-child({place + 1})").all_text_contents()) == {wanted}


def test_numbers_are_written_as_in_the_rows_without_a_script(page: sync_api.Page) -> None:
    values = [0.0, 0.1235, -12.0, 1234.0, 12340.0, 1.234e20, 0.0001, 0.00001235, -1e-7, 9999.0, 1e4]
    assert page.evaluate("values => values.map(written)", values) == [cell(value) for value in values]


@pytest.fixture(scope="module")
def pages(moved_alone: Path, finished_run: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A page of each command."""
    folder = tmp_path_factory.mktemp("pages")
    generator = np.random.default_rng(0)
    np.savez(folder / "m.npz", words=generator.normal(size=(120, 4, 4)), more=generator.normal(size=(120, 3, 5)))
    return {
        "study": moved_alone,
        "fit": fit_paths([folder / "m.npz"], folder / "fit", replicates=0),
        "compare": write_comparison([finished_run], folder / "compare"),
        "network": report_network([folder / "m.npz"], folder / "network", replicates=19, progress=False),
    }


@pytest.mark.parametrize(
    "size", [{"width": 1280, "height": 800}, {"width": 390, "height": 844}], ids=["laptop", "phone"]
)
@pytest.mark.parametrize("name", ["study", "fit", "compare", "network"])
def test_the_first_screen_holds_the_answer(
    name: str, size: dict[str, int], pages: dict[str, Path], browser: sync_api.Browser
) -> None:
    page = browser.new_page(viewport=size)
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(pages[name].as_uri())
    sentences = page.locator(".answer p:not(.quiet)")
    assert sentences.count() == 3
    assert page.locator(".interactive").is_visible()
    assert page.evaluate("document.documentElement.scrollWidth") == size["width"]
    for shown in (page.locator("h1"), page.locator(".first svg"), *sentences.all()):
        box = shown.bounding_box()
        assert box is not None
        assert box["y"] + box["height"] <= size["height"]
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= size["width"]
    page.locator("main h2").last.scroll_into_view_if_needed()
    contents = page.locator("nav").bounding_box()
    assert contents is not None
    assert contents["y"] == pytest.approx(0, abs=1), "the contents stay in sight"
    page.close()
    assert not errors


def heights(page: sync_api.Page, layer: int) -> dict[str, float]:
    """Where the points of a layer lie in the overview, upwards, by the keys of their invariants."""
    return page.evaluate(
        """layer => Object.fromEntries([...document.querySelectorAll("#z_score_overview svg [data-invariant]")]
          .filter((element) => element.id.includes(`invariant:layer_${layer}:`))
          .map((element) => [element.dataset.invariant, -Number(element.querySelector("use").getAttribute("y"))]))""",
        layer,
    )


def test_a_slider_shows_the_invariants_at_every_epoch(page: sync_api.Page, finished_run: Path) -> None:
    table = where(read_table(finished_run / "tables" / "comparison.csv"), subset="all", layer=1)
    slider = page.get_by_label("Epoch", exact=True)
    slider.wait_for()
    told = page.locator("#z_score_overview output")
    drawn = heights(page, 1)

    def check(epoch: float) -> None:
        rows = where(table, epoch=epoch).dropna(subset="z")
        z = rows.set_index(rows.formula.map(formula_key)).z
        z = z[z.index.isin(drawn.keys())]
        places = pd.Series(heights(page, 1))[z.index]
        # the higher z, the higher the point; two decimals are kept
        order = z.round(2).sort_values().index
        assert (places[order].diff().dropna() >= -1e-6).all()
        assert np.corrcoef(places[z.abs() < 4], z[z.abs() < 4])[0, 1] > 0.99999
        assert told.inner_text().startswith(f"{epoch:g}. Beyond 2: ")
        assert f"{(z.abs() > 2).sum()} of {len(z)} in layer 1" in told.inner_text()

    check(2)
    slider.focus()
    page.keyboard.press("Home")
    check(0)
    assert slider.get_attribute("aria-valuetext") == "epoch 0"
    assert heights(page, 1) != drawn
    page.keyboard.press("ArrowRight")
    check(1)
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert heights(page, 1) == pytest.approx(drawn, abs=0.05)
    page.emulate_media(media="print")
    assert not slider.is_visible()


def test_numbers_are_read_as_they_are_written(page: sync_api.Page) -> None:
    texts = ["−1.5e−05", "< 0.0001", "≤ 0.005", "0.005", "0.1 → 0.25 ± 0.02", "12 of 348", "[0.12, 0.57]", "+3.0"]
    read = page.evaluate("texts => texts.map(numberIn)", texts)
    assert read == pytest.approx([-1.5e-5, 1e-4, 0.005, 0.005, 0.25, 12, 0.12, 3])
    assert read[1] < 1e-4
    # labels of graphs and names are no numbers
    assert page.evaluate("texts => texts.map(numberIn).every(Number.isNaN)", ["01 12", "layer 1", "–", ""])


def test_an_invariant_that_is_pointed_at_is_marked_everywhere(page: sync_api.Page) -> None:
    panel = page.locator("#invariant")
    assert not panel.is_visible()
    mention = page.locator("table span[data-invariant]").first
    key = mention.get_attribute("data-invariant")
    alike = page.locator(f'[data-invariant="{key}"][tabindex]')
    in_plots = page.locator(f'svg [data-invariant="{key}"][tabindex]')
    assert in_plots.count() >= 2
    mention.hover()
    assert panel.is_visible()
    assert page.locator(".lit").count() == alike.count()
    assert page.locator(".ring").count() == in_plots.count()
    panel_text = panel.inner_text()
    assert "degree" in panel_text
    assert panel.locator("svg").count() == 1
    # a row for each layer that has such matrices, under the headings of the columns
    assert panel.locator("tbody tr").count() >= 1
    page.mouse.move(5, 5)
    assert not panel.is_visible()
    assert page.locator(".lit").count() == 0


def test_points_of_a_plot_are_reached_by_pointer_and_keyboard(page: sync_api.Page) -> None:
    panel = page.locator("#invariant")
    points = page.locator("#z_score_overview svg [data-invariant][tabindex]")
    assert points.count() == page.locator("#z_score_overview svg [data-invariant]").count() > 348
    points.nth(3).click()
    page.mouse.move(5, 5)
    assert panel.is_visible(), "a click pins the panel"
    page.keyboard.press("Escape")
    assert not panel.is_visible()
    assert page.locator('#z_score_overview svg [tabindex="0"]').count() == 1, "one stop of the tabulator"
    page.locator('#z_score_overview svg [tabindex="0"]').focus()
    page.keyboard.press("ArrowRight")
    assert panel.is_visible()
    focused = page.evaluate("document.activeElement.dataset.invariant")
    assert focused == points.nth(1).get_attribute("data-invariant") == panel.get_attribute("data-key")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert panel.is_visible()
    panel.get_by_role("button", name="Close").click()
    assert not panel.is_visible()


def test_the_panel_says_what_the_tables_say(page: sync_api.Page, finished_run: Path) -> None:
    with (finished_run / "tables" / "largest_departures.csv").open() as file:
        first = next(row for row in csv.DictReader(file) if row["layer"] == "1" and row["subset"] == "all")
    page.locator(f'#z_score_overview [aria-label="{first["formula"]}"]').first.focus()
    page.keyboard.press("Enter")
    panel = page.locator("#invariant")
    assert first["graph"] in panel.inner_text()
    row = panel.locator("tbody tr", has_text="layer 1").locator("td").all_text_contents()
    z = float(first["z"])
    assert row[-2] == f"{z:+.1f}".replace("-", "−")
    degree, nodes = int(first["degree"]), int(first["nodes"])
    assert ("among the 39" in panel.inner_text()) == (nodes <= 2 or nodes >= 2 * degree - 1)


def test_figures_and_rows_are_saved_from_a_page_that_was_moved_alone(page: sync_api.Page, finished_run: Path) -> None:
    with page.expect_download() as waiting:
        page.get_by_role("link", name="Save the figure as SVG.").first.click()
    saved = waiting.value
    name = saved.suggested_filename
    found = ElementTree.fromstring(Path(saved.path()).read_text())
    original = ElementTree.parse(finished_run / "figures" / name).getroot()
    namespace = "{http://www.w3.org/2000/svg}"
    assert len(found.findall(f".//{namespace}path")) == len(original.findall(f".//{namespace}path"))
    assert "var(" not in Path(saved.path()).read_text()
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Save these rows as CSV").first.click()
    rows = list(csv.reader(Path(waiting.value.path()).read_text().splitlines()))
    shown = page.locator(".scroll").first
    assert rows[0] == shown.locator("th").all_text_contents()
    assert len(rows) == 1 + shown.locator("tbody tr").count()


@pytest.mark.parametrize("scheme", SCHEMES)
def test_text_can_be_read_in_both_colour_schemes(scheme: str, browser: sync_api.Browser, moved_alone: Path) -> None:
    opened = browser.new_page(viewport=LAPTOP, color_scheme=scheme)
    opened.goto(moved_alone.as_uri())
    opened.locator("table span[data-invariant]").first.hover()
    assert contrast(opened, "body", "body") > 7
    for selector, ground in (
        ("figcaption", "body"), ("a", "body"), ("th button", ".scroll"), (".rows", "body"), ("span.lit", "span.lit"),
        ("#invariant .quiet", "#invariant"), ("#learning svg", "#learning .sheet"),
    ):  # fmt: skip
        assert contrast(opened, selector, ground) >= 4.5, selector
    light = opened.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(251, 251, 249)"
    assert light == (scheme == "light")
    opened.close()


def contrast(page: sync_api.Page, selector: str, ground: str) -> float:
    """The ratio of WCAG 2 between the colour of a text (or the fill of a figure's) and what it stands on."""
    style = "getComputedStyle(document.querySelector({!r}))"
    ink = page.evaluate(style.format(selector) + (".fill" if selector.endswith("svg") else ".color"))
    return ratio(luminance(ink), luminance(page.evaluate(style.format(ground) + ".backgroundColor")))


def luminance(colour: str) -> float:
    channels = [int(value) / 255 for value in re.findall(r"\d+", colour)[:3]]
    linear = [value / 12.92 if value <= 0.03928 else ((value + 0.055) / 1.055) ** 2.4 for value in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def ratio(one: float, other: float) -> float:
    return (max(one, other) + 0.05) / (min(one, other) + 0.05)


def test_nothing_but_figures_and_tables_scrolls_sideways_on_a_phone(page: sync_api.Page) -> None:
    page.set_viewport_size(PHONE)
    for details in page.locator("details").all():
        details.evaluate("element => { element.open = true }")
    assert page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]
    page.locator("table span[data-invariant]").first.click()
    box = page.locator("#invariant").bounding_box()
    assert box is not None
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= PHONE["width"]


def test_without_a_script_the_page_is_complete(browser: sync_api.Browser, moved_alone: Path) -> None:
    context = browser.new_context(java_script_enabled=False)
    opened = context.new_page()
    opened.goto(moved_alone.as_uri())
    assert opened.locator("figure svg").count() == opened.locator("figure").count() > 10
    assert opened.locator("th button").count() == 0
    assert not opened.locator("#invariant").is_visible()
    assert not opened.get_by_label("Epoch", exact=True).is_visible()
    context.close()
