"""Which networks did not learn."""

from __future__ import annotations

import xarray as xr

from .config import CLASSES


def untrained(ensemble: xr.Dataset) -> xr.DataArray:
    """Networks that died or never trained, (network,) bool: final test accuracy below twice chance, 0.2, or NaN.

    A network without biases whose ReLUs are all off gives constant logits and answers every image with one class; that
    is right for the share of that class, at most 11.4% in the data sets here (10% where they are balanced). A network
    that tells the classes apart at all is far above: one that gets no more than three of ten right stands at 0.3. The
    bound 0.2 lies between, and with 1,000 test images the sampling error of an accuracy, 1.3%, does not reach across.
    A network whose weights diverged has accuracy at chance or NaN and is counted too.

    Args:
        ensemble: dataset with `test_accuracy` (network, epoch), as train_ensemble returns.

    >>> accuracy = [[0.1, 0.1135], [0.1, 0.91], [0.1, float("nan")]]
    >>> untrained(xr.Dataset({"test_accuracy": (("network", "epoch"), accuracy)})).values.tolist()
    [True, False, True]
    """
    return ~(ensemble["test_accuracy"].isel(epoch=-1, drop=True) >= 2 / CLASSES).rename("untrained")
