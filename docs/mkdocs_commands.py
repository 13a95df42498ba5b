"""A hook of mkdocs: the page on the command line ends with what the commands say of themselves."""

import subprocess
import sys
from typing import Any

PAGE = "command_line.md"


def reference() -> str:
    """The commands with their arguments and options, in Markdown, by typer's own generator."""
    command = [sys.executable, "-m", "typer", "pigmm.studies.cli.main", "utils", "docs", "--name", "pigmm"]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return text.partition("\n")[2]  # the page has a title


def on_page_markdown(markdown: str, *, page: Any, **kwargs: Any) -> str:
    """Called by mkdocs with each page before it is rendered."""
    return markdown + reference() if page.file.src_uri == PAGE else markdown
