"""Models and results of tests in a terminal and in a notebook: one heading and one table."""

from __future__ import annotations

import html
from abc import ABC, abstractmethod

import pandas as pd


class Shown(ABC):
    """A value with a heading and a table, shown as text (`summary`) and as HTML (in notebooks).

    >>> class Two(Shown):
    ...     def to_frame(self):
    ...         return pd.DataFrame({"value": [2]}, index=["two"])
    ...
    ...     def _heading(self):
    ...         return "A number < 3"
    >>> print(Two().summary())
    A number < 3
         value
    two      2
    >>> Two()._repr_html_().startswith("<p>A number &lt; 3</p><table")
    True
    """

    @abstractmethod
    def to_frame(self) -> pd.DataFrame:
        """The content as a table."""

    @abstractmethod
    def _heading(self) -> str:
        """One line that names the value."""

    def summary(self) -> str:
        """The heading, and the table below it, as text."""
        return f"{self._heading()}\n{self.to_frame().to_string()}"

    def _repr_html_(self) -> str:
        return f"<p>{html.escape(self._heading())}</p>{self.to_frame().to_html()}"
