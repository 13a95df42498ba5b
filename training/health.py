"""Which networks did not learn."""

from __future__ import annotations

import xarray as xr

from .config import CLASSES


def untrained(ensemble: xr.Dataset) -> xr.DataArray:
    """Networks that died or never trained, (network,) bool: final test accuracy below twice chance, 0.2, or NaN.

    A network without biases whose ReLUs are all off gives constant logits and answers every image with one class, which
    is right for the share of that class: 10%, or 11.4% in the full MNIST. A network at initialisation stays near that
    too (0.16 is the highest of 200 on the bundled digits). To be below 0.2 is to know less than two classes of ten;
    networks that learn are far above (after 50 epochs there 0.84 is the mean, and all but 4 of 200 are above 0.65).
    With 1,000 test images the sampling error of an accuracy, 1.3%, hardly reaches from one side to the other. A network
    whose weights diverged is at chance, or NaN, and counted too.

    Args:
        ensemble: dataset with `test_accuracy` (network, epoch), as train_ensemble returns.

    >>> accuracy = [[0.1, 0.1135], [0.1, 0.91], [0.1, float("nan")]]
    >>> untrained(xr.Dataset({"test_accuracy": (("network", "epoch"), accuracy)})).values.tolist()
    [True, False, True]
    """
    final = ensemble["test_accuracy"].isel(epoch=-1, drop=True)
    return (~(final >= 2 / CLASSES)).drop_attrs().rename("untrained")
