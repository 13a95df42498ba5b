"""The command `pigmm network`; light, so that help needs no library of ours."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from ..notation.plain_text import say
from .options import PdfOption


def network(
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE...",
            help="Of one network: .safetensors, .pt/.pth/.ckpt/.bin, .npz, .npy, or a folder of shards with its index.",
        ),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for tables, figure and report.")] = Path(
        "pigmm-network"
    ),
    split: Annotated[
        list[str] | None,
        typer.Option(metavar="PATTERN=PARTS", help="Cut the rows of matching tensors into equal parts; repeatable."),
    ] = None,
    product: Annotated[
        list[str] | None,
        typer.Option(
            metavar='"A^T B"',
            help="Analyse a product too; * stands for the same text in all factors; repeatable.",
        ),
    ] = None,
    heads: Annotated[
        int | None,
        typer.Option(min=1, help="Cut each product into so many heads; keys and values may have fewer of them."),
    ] = None,
    group: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PATTERN=GROUP",
            help="square (rows and columns are the same units) or rectangular, for matching matrices; repeatable.",
        ),
    ] = None,
    replicates: Annotated[
        int,
        typer.Option(
            "--replicates", min=0, help="The most randomisations of each matrix, for exact p-values; 0: none."
        ),
    ] = 999,
    seed: Annotated[int, typer.Option(min=0, help="Of the randomisations.")] = 0,
    pdf: PdfOption = False,
) -> None:
    """Analyse every matrix of one trained network, and write a report.

    Which matrices have structure beyond independent rows and columns: self-connections, symmetry or antisymmetry, units
    whose row and column are related, hub rows or columns, heavy tails. Gates of recurrent layers, packed projections of
    attention and taps of convolutions are split by themselves.

    Two files with tensors of the same names are two checkpoints of one network: then the report says which matrices
    moved from the first to the second, and what the changes show. Low-rank adapters (lora_A, lora_B) are products.

    How each tensor is read is said on standard error. The last line is the path of the report.
    """
    from ..networks.reading.options import ReadingOptions
    from ..networks.report.checkpoints_page import report_checkpoints
    from ..networks.report.page import report_network
    from ..networks.tests_of_matrices.checkpoints import are_checkpoints

    report = partial(report_network, files)
    if len(files) == 2 and are_checkpoints(*files):
        report = partial(report_checkpoints, files[0], files[1])
    say(
        report(
            output,
            ReadingOptions(
                split=dict(_part(option) for option in split or ()),
                products=product or (),
                heads=heads,
                group=dict(_group(option) for option in group or ()),
            ),
            replicates=replicates,
            seed=seed,
            pdf=pdf,
        )
    )


def _part(option: str) -> tuple[str, int]:
    pattern, _, parts = option.rpartition("=")
    if not pattern or not parts.isdecimal() or int(parts) < 1:
        raise ValueError(f"--split must be PATTERN=PARTS, such as '*.gates.weight=4', got {option!r}")
    return pattern, int(parts)


def _group(option: str) -> tuple[str, str]:
    pattern, _, group = option.rpartition("=")
    if not pattern or group not in ("square", "rectangular"):
        raise ValueError(f"--group must be PATTERN=square or PATTERN=rectangular, got {option!r}")
    return pattern, group
