"""What to say where the libraries that train are not installed: `pip install pigmm` is light, without PyTorch."""


def missing_extra(error: ModuleNotFoundError) -> ModuleNotFoundError:
    """The error of a missing library with the way to install it.

    >>> missing_extra(ModuleNotFoundError("No module named 'torch'", name="torch"))
    ModuleNotFoundError("torch is needed to train networks, but is not installed: pip install 'pigmm[training]'")
    """
    extra, purpose = ("cluster", "on a cluster") if error.name in ("dask", "distributed") else ("training", "")
    task = f"train networks {purpose}".strip()
    message = f"{error.name} is needed to {task}, but is not installed: pip install 'pigmm[{extra}]'"
    return ModuleNotFoundError(message, name=error.name)
