"""What every process of the suite needs: imported once, before it is forked. Nothing here starts a thread."""

from pigmm.training.data import load_dataset

load_dataset("mnist-5k")
