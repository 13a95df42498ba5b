"""A hook of mkdocs: TeX becomes MathML while the pages are built, and the pages fetch nothing from the network.

Formulas are what stands between dollar signs, or in the brackets that pymdownx.arithmatex writes. What cannot be
converted stops the build.
"""

import html
import re
import unicodedata
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import latex2mathml.converter
from mkdocs.exceptions import PluginError

NAMESPACE = "http://www.w3.org/1998/Math/MathML"
ElementTree.register_namespace("", NAMESPACE)

# What latex2mathml does not know, in terms of what it does.
REPLACEMENTS = (
    (r"(\\begin|\\end)\{aligned\}", r"\1{align*}"),
    (r"(\\(?:big|Big|bigg|Bigg)[lr]?)\s*\\langle(?![a-zA-Z])", r"\1⟨"),
    (r"(\\(?:big|Big|bigg|Bigg)[lr]?)\s*\\rangle(?![a-zA-Z])", r"\1⟩"),
)
# Number of arguments; a missing one is left out silently.
ARGUMENTS = {"mfrac": 2, "msub": 2, "msup": 2, "munder": 2, "mover": 2, "mroot": 2, "msubsup": 3, "munderover": 3}
SCRIPTED = ("msub", "msup", "msubsup")
FENCES = "|‖⟨⟩()[]{}"
OPENING_FENCES = "⟨([{"
NAMED_OPERATOR = re.compile("[A-Za-z]{2,}")
# Browsers no longer change letters by an attribute.
ALPHABETS = {"double-struck": "DOUBLE-STRUCK", "script": "SCRIPT", "fraktur": "FRAKTUR", "bold": "BOLD"}
# Operators that are taken for letters.
RELATIONS = {"~": "∼", "±": "±", "∓": "∓"}
NEGATIVE_SPACES = {"negativethinmathspace": "-0.167em", "negativemediummathspace": "-0.222em"}

SKIPPED = r"<!--.*?-->|<(?P<name>script|style|pre|code|textarea|math|svg)\b.*?</(?P=name)\s*>"
MARKUP = re.compile(rf"""{SKIPPED}|</?[a-zA-Z!](?:"[^"]*"|'[^']*'|[^>"'])*>""", re.DOTALL)
FORMULA = re.compile(r"\$\$(.+?)\$\$|\\\[(.+?)\\\]|\\\((.+?)\\\)|\$([^$]+?)\$", re.DOTALL)
DELIMITER = re.compile(r"\$|\\[\[\](){}]|\\(?:begin|end|frac|sum)\b")

# Scripts of the notebook's template that are dead, or wait for diagrams from elsewhere.
DEAD_SCRIPT = re.compile(
    r"<!--[^>]*mathjax[^>]*-->"
    r"|<script src=\"\">\s*</script>"
    r"|<script type=\"text/x-mathjax-config\">.*?</script>"
    r"|<script type=\"module\">(?:(?!</script>).)*?mermaid(?:(?!</script>).)*?</script>",
    re.DOTALL | re.IGNORECASE,
)
FETCHED = re.compile(
    r"<(?:script|img|iframe|source|video|audio|embed)\b[^>]*\ssrc\s*=\s*[\"']?(?:https?:)?//[^>]*>"
    r"|<link\b(?![^>]*rel=\"canonical\")[^>]*\shref\s*=\s*[\"']?(?:https?:)?//[^>]*>"
    r"|url\(\s*[\"']?(?:https?:)?//[^)]*\)"
    r"|@import[^;]*//[^;]*;"
    r"|\bimport\s*\(\s*[\"'`]https?:[^)]*\)"
    r"|\bfrom\s*[\"']https?:[^\"']*[\"']",
    re.IGNORECASE,
)


def mathml(tex: str, *, display: bool = False) -> str:
    """MathML of a formula; ValueError if it cannot be converted."""
    source = tex.strip()
    for pattern, replacement in REPLACEMENTS:
        source = re.sub(pattern, replacement, source)
    try:
        converted = latex2mathml.converter.convert(source, display="block" if display else "inline")
        root = ElementTree.fromstring(converted)
    except Exception as error:  # its exceptions have no common base
        raise ValueError(f"cannot convert the formula {tex!r}: {error!r}") from error
    for element in root.iter():
        name = element.tag.rpartition("}")[2]
        text = element.text or ""
        missing = name in ARGUMENTS and len(element) != ARGUMENTS[name]
        if missing or "\\" in text or (text == "&" and name == "mi"):
            raise ValueError(f"cannot convert the formula {tex!r}: {text or name}")
    _adapt(root)
    return ElementTree.tostring(root, encoding="unicode")


def _adapt(element: ElementTree.Element) -> None:
    """Make use of nothing but what browsers have: letters joined to names, spaces, fences, columns."""
    letters = [child.text or "" for child in element if child.get("mathvariant") == "normal" and not len(child)]
    if element.tag.endswith("}mrow") and len(letters) == len(element) > 1:
        joined = "".join(letters)
        element.clear()
        element.tag, element.text = f"{{{NAMESPACE}}}mi", joined  # of several letters, hence upright
        return
    children = list(element)
    if len(children) == 2 and children[1].text == "―":  # a bar over or under, which as an operator would not stretch
        edge = "top" if element.tag.endswith("}mover") else "bottom"
        element.remove(children.pop())
        element.tag = f"{{{NAMESPACE}}}mrow"
        element.set("style", f"border-{edge}: 0.06em solid; padding-{edge}: 0.08em")
    for place, child in enumerate(children):
        name, text = child.tag.rpartition("}")[2], child.text or ""
        _adapt(child)
        if name == "mtext" and text.strip():  # which counts as a space, so that operators at its sides would have none
            child.tag = f"{{{NAMESPACE}}}mi"
            child.set("mathvariant", "normal")
        if name == "mspace":
            child.set("width", NEGATIVE_SPACES.get(child.get("width", ""), child.get("width", "")))
        if name == "mtd":
            align = child.attrib.pop("columnalign", "center")
            side = "" if align == "center" else f"text-align: {align}; text-align: -webkit-{align}; "
            child.set("style", f"{side}padding: 0.35em {0 if side else 0.4}em")
        if name in ("mi", "mo") and len(text) == 1 and text in FENCES and child.get("stretchy") != "true":
            child.tag = f"{{{NAMESPACE}}}mo"
            child.set("lspace", "0")
            child.set("rspace", "0")
            if "minsize" in child.attrib:
                child.set("stretchy", "true")
                child.set("symmetric", "true")
            else:
                child.set("stretchy", "false")
        if (alphabet := ALPHABETS.get(child.get("mathvariant", ""))) and text.isascii() and text.isalpha():
            del child.attrib["mathvariant"]
            child.text = "".join(_letter(alphabet, letter) for letter in text)
        if name == "mi" and len(text) == 1 and "Α" <= text <= "Ω":
            child.set("mathvariant", "normal")
        if name in SCRIPTED and len(child) and "minsize" in child[0].attrib:  # else it would not be enlarged
            base = ElementTree.Element(f"{{{NAMESPACE}}}mrow")
            base.extend([ElementTree.Element(f"{{{NAMESPACE}}}mi"), child[0]])
            child[0] = base
        if name == "mo" and text in ("/", "∂", "!"):
            child.set("lspace", "0")
            child.set("rspace", "0")
        if name == "mi" and text in RELATIONS:
            child.tag, child.text = f"{{{NAMESPACE}}}mo", RELATIONS[text]
        if name == "mo" and text in ("−", "+") and place and (children[place - 1].text or "") in tuple("([{⟨,="):
            child.set("form", "prefix")  # a sign
        if name in ("mi", "mo") and NAMED_OPERATOR.fullmatch(text):
            following = children[place + 1] if place + 1 < len(children) else None
            tight = following is None or (following.text or "")[:1] in tuple(OPENING_FENCES)
            child.tag = f"{{{NAMESPACE}}}mo"
            child.attrib.clear()
            child.set("form", "prefix")
            child.set("lspace", "0" if place == 0 or _is_fence(children[place - 1]) else "0.167em")
            child.set("rspace", "0" if tight else "0.167em")


def _letter(alphabet: str, letter: str) -> str:
    """A letter of another alphabet; some have been characters for longer than the rest."""
    name = f"{alphabet} {'CAPITAL' if letter.isupper() else 'SMALL'} {letter.upper()}"
    try:
        return unicodedata.lookup(f"MATHEMATICAL {name}")
    except KeyError:
        return unicodedata.lookup(name.replace("FRAKTUR", "BLACK-LETTER"))


def _is_fence(element: ElementTree.Element) -> bool:
    return element.tag.endswith("}mspace") or (element.text or "") in tuple(FENCES)


def convert_text(text: str) -> str:
    """HTML text without markup, its formulas converted; ValueError for a delimiter without a partner."""
    for rest in FORMULA.split(text)[:: FORMULA.groups + 1]:
        if found := DELIMITER.search(rest):
            raise ValueError(f"{found[0]!r} outside of formulas: {' '.join(rest.split())[:200]!r}")

    def replace(match: re.Match[str]) -> str:
        display = match[1] or match[2]
        return mathml(html.unescape(display or match[3] or match[4]), display=bool(display))

    return FORMULA.sub(replace, text)


def convert_page(page: str) -> str:
    """A page with the formulas of its text converted: code, scripts and attributes stay as they are."""
    head, body_tag, body = page.partition("<body")
    if not body_tag:
        head, body = "", page
    pieces, end = [], 0
    for match in MARKUP.finditer(body):
        pieces += [convert_text(body[end : match.start()]), match[0]]
        end = match.end()
    return "".join([head, body_tag, *pieces, convert_text(body[end:])])


def check_fetches_nothing(content: str) -> None:
    """ValueError if a page or a style has scripts, styles, fonts or images from the network."""
    if found := FETCHED.search(content):
        raise ValueError(f"fetched from the network: {found[0][:200]}")


def on_post_page(output: str, *, page: Any, config: Any) -> str:
    """A finished page, its formulas converted and the dead scripts taken out."""
    output = DEAD_SCRIPT.sub("", output)
    try:
        converted = convert_page(output)
        check_fetches_nothing(converted)
    except ValueError as error:
        raise PluginError(f"{page.file.src_uri}: {error}") from error
    return converted


def on_post_build(*, config: Any) -> None:
    """The styles of the theme fetch nothing either."""
    for path in sorted(Path(config["site_dir"]).rglob("*.css")):
        try:
            check_fetches_nothing(path.read_text())
        except ValueError as error:
            raise PluginError(f"{path.name}: {error}") from error
