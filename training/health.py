"""Networks that did not learn."""

from __future__ import annotations

import json

import xarray as xr

from .config import EnsembleConfig

#: Of the way from chance to no error: what a network must have gone to count as trained.
LEAST_SHARE = 1 / 9


def untrained(ensemble: xr.Dataset) -> xr.DataArray:
    """Find the networks that died or never trained: less than a ninth of the way from chance to no error, or NaN.

    Chance is 1 / classes. With ten classes the bound is 0.2: to be below it is to know less than two of them. A network
    without biases whose ReLUs are all off gives constant logits and answers every image with one class, which is right
    for the share of that class: 10 %, or 11.4 % in the full MNIST. A network at initialisation stays near that too
    (0.16 is the highest of 200 on the bundled digits). Networks that learn are far above (after 50 epochs there 0.84 is
    the mean, and all but 4 of 200 are above 0.65). With 1,000 test images the sampling error of an accuracy, 1.3 %,
    hardly reaches from one side to the other. A network whose weights diverged is at chance, or NaN, and counted too.

    Args:
        ensemble: dataset with `test_accuracy` (network, epoch), as train_ensemble returns. The number of classes is
            that of its attribute `configuration`; ten without one.

    Returns:
        (network,) bool.

    >>> accuracy = [[0.1, 0.1135], [0.1, 0.91], [0.1, float("nan")]]
    >>> untrained(xr.Dataset({"test_accuracy": (("network", "epoch"), accuracy)})).values.tolist()
    [True, False, True]
    """
    configuration = json.loads(ensemble.attrs.get("configuration", "{}"))
    chance = 1 / EnsembleConfig(**configuration).classes
    final = ensemble["test_accuracy"].isel(epoch=-1, drop=True)
    return (~(final >= chance + (1 - chance) * LEAST_SHARE)).drop_attrs().rename("untrained")
