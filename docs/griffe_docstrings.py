"""An extension of griffe, which reads docstrings: examples become blocks of code, and `#:` comments docstrings."""

import re
from itertools import takewhile
from typing import Any

import griffe

# from a prompt to the next empty line
EXAMPLE = re.compile(r"^>>> .*(?:\n(?!\s*$).*)*", re.MULTILINE)


# what Markdown shows as it stands
CODE = re.compile(r"(```.*?```|`[^`\n]*`)", re.DOTALL)


def fenced(text: str) -> str:
    """A docstring with its doctests, and the lines that they print, fenced as code."""
    return EXAMPLE.sub(lambda example: f"```pycon\n{example.group()}\n```", text)


def without_tags(text: str) -> str:
    """A docstring whose angle brackets, such as those of <w^2>, are not taken for tags of HTML."""
    parts = CODE.split(text)
    parts[::2] = [part.replace("<", "&lt;") for part in parts[::2]]
    return "".join(parts)


def comment_above(lines: list[str]) -> str:
    """What the last lines say if they are comments that begin with `#:`."""
    comments = takewhile(lambda line: line.startswith("#:"), reversed(lines))
    return "\n".join(line.removeprefix("#:").strip() for line in reversed(list(comments)))


class Docstrings(griffe.Extension):
    """Make what is read of a source ready for the pages."""

    def on_object(self, *, obj: griffe.Object, **kwargs: Any) -> None:
        """Called by griffe with each object that it has read."""
        if obj.docstring:
            obj.docstring.value = without_tags(fenced(obj.docstring.value))
        elif (
            obj.is_attribute
            and obj.lineno
            and (comment := comment_above(obj.lines_collection[obj.filepath][: obj.lineno - 1]))
        ):
            obj.docstring = griffe.Docstring(without_tags(comment), parent=obj)
