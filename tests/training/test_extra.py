"""Without PyTorch the light part works, and what trains says how to install the rest."""

import subprocess
import sys

HIDDEN = """
import sys
class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name in ("torch", "torchvision", "mlxtend"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Hidden())
"""


def run(code):
    return subprocess.run([sys.executable, "-c", HIDDEN + code], capture_output=True, text=True)


def test_configuration_and_reading_need_no_torch():
    done = run("from pigmm.training import EnsembleConfig, open_ensemble; print(EnsembleConfig().networks)")
    assert (done.returncode, done.stdout.strip()) == (0, "1000")


def test_training_names_what_is_missing():
    done = run("from pigmm.training import train_ensemble")
    assert done.returncode == 1
    assert "needed to train networks" in done.stderr
    assert "pip install 'pigmm[training]'" in done.stderr


def test_the_command_line_says_so_in_one_line(tmp_path):
    done = run(
        f"from pigmm.studies.cli.main import main; main(['study', {str(tmp_path / 'run')!r}, '--networks', '2'])"
    )
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert "pip install 'pigmm[training]'" in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_cluster_names_what_is_missing(tmp_path):
    code = (
        "from pigmm.training import EnsembleConfig, train_ensemble;"
        f"train_ensemble(EnsembleConfig(networks=2), {str(tmp_path / 'e.zarr')!r}, workers=2)"
    )
    hidden = HIDDEN.replace('("torch", "torchvision", "mlxtend")', '("distributed",)')
    done = subprocess.run([sys.executable, "-c", hidden + code], capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.endswith(
        "distributed is needed to train networks on a cluster, but is not installed: pip install 'pigmm[cluster]'\n"
    )
    assert not (tmp_path / "e.zarr").exists()


def test_dask_is_imported_only_for_a_cluster(tmp_path):
    code = (
        "import sys; from pigmm.training import EnsembleConfig, train_ensemble;"
        f"train_ensemble(EnsembleConfig(networks=2, epochs=1), {str(tmp_path / 'e.zarr')!r}, False);"
        "print('distributed' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
