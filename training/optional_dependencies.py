"""The error where the libraries that train are not installed: `pip install pigmm` is light, without PyTorch."""


def missing_extra(error: ModuleNotFoundError) -> ModuleNotFoundError:
    """Add to the error of a missing library how to install it.

    Args:
        error: of the import.

    Returns:
        The error to raise in its place.

    >>> missing_extra(ModuleNotFoundError("No module named 'torch'", name="torch"))
    ModuleNotFoundError("torch is needed to train networks, but is not installed: pip install 'pigmm[training]'")
    """
    extra, purpose = ("cluster", "on a cluster") if error.name in ("dask", "distributed") else ("training", "")
    task = f"train networks {purpose}".strip()
    message = f"{error.name} is needed to {task}, but is not installed: pip install 'pigmm[{extra}]'"
    return ModuleNotFoundError(message, name=error.name)
