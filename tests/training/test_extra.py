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
    done = run(f"from pigmm.studies.cli import main; main(['study', {str(tmp_path / 'run')!r}, '--networks', '2'])")
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert "pip install 'pigmm[training]'" in done.stderr
    assert done.stderr.count("\n") == 1
