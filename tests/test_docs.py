"""The pages: formulas become MathML or stop the build, examples run as written, links lead somewhere."""

import importlib
import importlib.util
import re
import runpy
import textwrap
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = sorted([*DOCS.glob("*.md"), *DOCS.glob("api/*.md")])
TUTORIAL = DOCS / "tutorial.py"
PAPERS = sorted((ROOT / "derivations").glob("[0-9]*.py"))


def script(name, *needed):
    """A script of the docs as a module."""
    for package in needed:
        pytest.importorskip(package, reason="needs the extra `docs`")
    specification = importlib.util.spec_from_file_location(name, DOCS / f"{name}.py")
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def hook():
    """docs/mkdocs_math.py as a module."""
    return script("mkdocs_math", "latex2mathml", "mkdocs")


def prose(path):
    """The Markdown of a page or of a paper, without code."""
    text = path.read_text()
    if path.suffix == ".py":
        cells = [cell for cell in re.split(r"(?m)^# %%", text) if cell.startswith(" [markdown]")]
        text = "\n\n".join(re.sub(r"(?m)^# ?", "", cell.partition("\n")[2]) for cell in cells)
    return re.sub(r"(?s)```.*?```|`[^`\n]*`", "", text)


@pytest.mark.parametrize(
    ("tex", "parts"),
    [
        (r"G^H_{13}", ["<msubsup><mi>G</mi>", "<mn>13</mn>", "<mi>H</mi>"]),
        (r"\mathrm{tr}\, M", ["<mi>tr</mi>"]),
        (r"\operatorname{Cov}(a)", [">Cov</mo>"]),
        (r"\gcd(a, b)", [">gcd</mo>"]),
        (r"\langle x \rangle", ['stretchy="false">⟨</mo>', 'stretchy="false">⟩</mo>']),
        (r"\Big\langle x \Big\rangle", ['stretchy="true" symmetric="true">⟨</mo>']),
        (r"\Big( x \Big)^3", ["<msup><mrow><mi /><mo"]),
        (r"\tfrac12", ['<mstyle displaystyle="false"', "<mfrac>"]),
        (r"\lvert x \rvert", ['stretchy="false">|</mo>']),
        (r"h \!\cdot h", ['width="-0.167em"']),
        (r"\begin{aligned} a &= b \\ c &= d \end{aligned}", ["<mtable", "text-align: -webkit-right", "<mi>d</mi>"]),
        (r"\begin{cases} a & b \\ c & d \end{cases}", ["<mtable>", "{</mo>"]),
        (r"\overline{X Y}", ['<mrow style="border-top: ']),
        (r"N^{\underline n}", ['<mrow style="border-bottom: ']),
        (r"\hat x \sim (-1)", ["<mo>∼</mo>", '<mo form="prefix">−</mo>']),
        (r"\Lambda", ['<mi mathvariant="normal">Λ</mi>']),
        (r"\mathbb R, \mathcal N, \mathcal L, \mathbf x", ["<mi>ℝ</mi>", "<mi>𝒩</mi>", "<mi>ℒ</mi>", "𝐱"]),
        (r"N < 2d", ["&lt;"]),
        (r"\text{predicted} - \text{measured}", [">predicted</mi><mo>−</mo>"]),
    ],
)
def test_formulas_become_mathml(tex, parts, hook):
    converted = hook.mathml(tex)
    assert converted.startswith('<math xmlns="http://www.w3.org/1998/Math/MathML" display="inline">')
    for part in parts:
        assert part in converted
    assert "\\" not in converted


@pytest.mark.parametrize("tex", [r"\unknown x", r"\frac{a", "x^", "a & b", r"\begin{aligned} a"])
def test_what_cannot_be_converted_is_an_error(tex, hook):
    with pytest.raises(ValueError, match="cannot convert"):
        hook.mathml(tex)


@pytest.mark.parametrize("text", ["costs 3$ only", r"a \(x", r"raw \frac{1}{2}", "$$x$"])
def test_a_delimiter_without_a_partner_is_an_error(text, hook):
    with pytest.raises(ValueError, match="outside of formulas"):
        hook.convert_page(f"<body><p>{text}</p></body>")


def test_only_the_text_of_a_page_is_converted(hook):
    kept = '<pre><b>$x$</b></pre><code>$y$</code><script>"$z$"</script><!-- $c$ --><a title="$t > 0$" href="#$h$">'
    page = hook.convert_page(rf"<head><title>$</title></head><body>{kept}$a &lt; b$ \(c\)</a><p>$$d$$ \[e\]</p></body>")
    assert kept in page
    assert page.count("<math") == 4
    assert page.count('display="block"') == 2
    assert page.startswith("<head><title>$</title></head>")


@pytest.mark.parametrize(
    "content",
    [
        '<script async src="https://example.org/a.js"></script>',
        '<link rel="stylesheet" href="//example.org/a.css">',
        "<style>@font-face { src: url('https://example.org/a.woff') }</style>",
        '<script type="module">const a = (await import("https://example.org/a.mjs")).default</script>',
        '<img alt="" src="http://example.org/a.png">',
    ],
)
def test_fetching_from_the_network_is_an_error(content, hook):
    with pytest.raises(ValueError, match="fetched"):
        hook.check_fetches_nothing(content)


def test_links_and_files_beside_the_page_are_fine(hook):
    hook.check_fetches_nothing('<a href="https://example.org">x</a><script src="a.js"></script><img src="data:,">')


def test_dead_scripts_are_taken_out(hook):
    dead = (
        '<!-- Load mathjax -->\n<script src=""> </script><script type="text/x-mathjax-config">init();</script>'
        '<script type="module">const mermaid = (await import("https://example.org/m.mjs")).default;</script>'
    )
    kept = '<script type="module">useful()</script>'
    assert hook.DEAD_SCRIPT.sub("", kept + dead + kept).replace("\n", "") == kept + kept


@pytest.mark.parametrize("path", [*PAGES, TUTORIAL, *PAPERS], ids=lambda path: path.stem)
def test_every_formula_is_converted(path, hook):
    hook.convert_text(prose(path))


def tiny_study(path):
    """What a study leaves behind, as far as the page reads it."""
    pytest.importorskip("torch")
    from pigmm.training import EnsembleConfig, train_ensemble

    config = EnsembleConfig(dataset="mnist-5k", hidden=(10, 10, 10), networks=2, epochs=1, seed=0)
    train_ensemble(config, path, progress=False)


def test_examples_of_the_first_page_run(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    np.save("matrices.npy", np.random.default_rng(0).normal(size=(200, 6, 6)))
    blocks = re.findall(r"```python\n(.*?)```", (DOCS / "index.md").read_text(), flags=re.DOTALL)
    assert len(blocks) == 3
    tiny_study(tmp_path / "runs" / "first" / "ensemble.zarr")
    for block, expected in zip(blocks, ("weight_1", "mu_1", "GHH"), strict=True):
        names = {}
        exec(compile(block, "index.md", "exec"), names)
        printed = capsys.readouterr().out
        assert expected in printed
        assert "np.float64" not in printed
        if "last" in names:
            assert names["last"].shape == (2, 10, 10)


def test_the_model_of_one_matrix_runs(capsys):
    """The example with `given_trivial` says what the page says."""
    (block,) = (
        b for b in re.findall(r"```python\n(.*?)```", (DOCS / "networks.md").read_text(), re.DOTALL) if "given" in b
    )
    names = {}
    exec(compile(block, "networks.md", "exec"), names)
    printed = capsys.readouterr().out
    assert "G0" not in printed
    model, table = names["model"], names["table"]
    assert model["G2"] > 1.5 * model["G3"]
    assert len(table) == 52
    assert names["symmetries"].p_bootstrap["S_N x S_N"] == 0.001
    assert names["test"].global_p_value > 0.05
    np.testing.assert_allclose(model.sample(2, seed=0).trace(axis1=1, axis2=2), names["matrix"][0].trace())


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_linked_pages_exist(path):
    for target in re.findall(r"\]\((?!https?:)([^)#]+)(?:#[^)]*)?\)", path.read_text()):
        assert (path.parent / target).exists(), target


def test_every_page_is_in_the_navigation_and_the_other_way_round():
    listed = re.findall(r"^ +- .*: (\S+\.(?:md|py))$", (ROOT / "mkdocs.yml").read_text(), flags=re.MULTILINE)
    pages = [*PAGES, TUTORIAL, *PAPERS]
    assert sorted(listed) == sorted(str(path.relative_to(ROOT)).removeprefix("docs/") for path in pages)


@pytest.mark.parametrize("room", ["invariants", "fitting", "spectra", "training", "studies"])
def test_every_public_name_is_on_one_api_page(room):
    pages = [path.read_text() for path in DOCS.glob("api/*.md")]
    listed = [
        name
        for page in pages
        if f"\n::: pigmm.{room}\n" in page
        for name in re.findall(r"^ {8}- (\w+)$", page, flags=re.MULTILINE)
    ]
    # a function with the name of its module has a section of its own
    listed += [name for page in pages for name in re.findall(rf"\n::: pigmm\.{room}\.\S+\.(\w+)\n", page)]
    assert sorted(listed) == sorted(importlib.import_module(f"pigmm.{room}").__all__)


def test_the_tutorial_runs(monkeypatch, capsys):
    pytest.importorskip("matplotlib").use("agg")
    found = runpy.run_path(str(TUTORIAL))
    assert "at the smallest 0.005" in capsys.readouterr().out
    # the diagonal refutes S_N x S_N
    assert found["best"] == found["restricted_fits"](found["matrices"])["independent, diagonal apart"]


def test_what_the_api_pages_make_of_a_source(tmp_path):
    """Examples become code with what they print, and `#:` comments are what is said of a constant."""
    extension = script("griffe_docstrings", "griffe")
    import griffe

    source = """
        #: How many,
        #: in all.
        SIZE = 3
        OTHER = 4  #: not said above

        def twice(x):
            '''Twice.

            >>> for x in (1, 2):
            ...     twice(x)
            2
            4

            After <w^2>, not `<w>`.
            '''
        """
    (tmp_path / "small.py").write_text(textwrap.dedent(source))
    module = griffe.load("small", search_paths=[tmp_path], extensions=griffe.load_extensions(extension.Docstrings))
    fenced = "```pycon\n>>> for x in (1, 2):\n...     twice(x)\n2\n4\n```"
    assert module["twice"].docstring.value == f"Twice.\n\n{fenced}\n\nAfter &lt;w^2>, not `<w>`."
    assert module["SIZE"].docstring.value == "How many,\nin all."
    assert module["OTHER"].docstring is None


def test_every_command_is_on_its_page():
    text = script("mkdocs_commands").reference()
    for command in ("study", "train", "fit", "paper", "compare", "report", "invariants", "derive"):
        assert f"\n## `pigmm {command}`\n" in text
    assert "--networks" in text
