"""What to say where the libraries that train are not installed: `pip install pigmm` is light, without PyTorch."""


def missing_extra(error: ModuleNotFoundError) -> ModuleNotFoundError:
    """The error of a missing library with the way to install it.

    >>> missing_extra(ModuleNotFoundError("No module named 'torch'", name="torch"))
    ModuleNotFoundError("torch is needed to train networks, but is not installed: pip install 'pigmm[training]'")
    """
    message = f"{error.name} is needed to train networks, but is not installed: pip install 'pigmm[training]'"
    return ModuleNotFoundError(message, name=error.name)
