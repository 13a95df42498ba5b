"""What every process of the suite needs: imported once, before it is forked. Nothing here starts a thread."""

from importlib import import_module

from pigmm.training.data import load_dataset

for name in (
    "commands",
    "pigmm.studies.cli.main",
    "pigmm.studies.networks.report.checkpoints_page",
    "pigmm.studies.networks.report.page",
    "pigmm.studies.pipeline",
    "pigmm.studies.report.figures.study",
    "pigmm.studies.report.page",
    "pigmm.studies.user_data.fit",
    "pigmm.training.ensemble",
):
    import_module(name)
load_dataset("mnist-5k")
