"""A disk that fills up while an ensemble is trained: what is finished stays, and training goes on to the same bits.

The limits are real ones, of the kernel: a small file system of its own where this process may mount one, and the
largest size of a file.
"""

from __future__ import annotations

import resource
import subprocess
import sys
from pathlib import Path

import pytest

from pigmm.training import EnsembleConfig, train_ensemble
from pigmm.training.store.store import EnsembleStore

CONFIG = EnsembleConfig(networks=12, block_size=4, epochs=2, layers="all")

# Trains until the limit stops it, copies the store, lifts the limit, goes on, and copies it again.
PROGRAM = """
import resource, shutil, sys
from pathlib import Path
from pigmm.training import EnsembleConfig, train_ensemble

limit, configuration, disk, results = sys.argv[1], sys.argv[2], Path(sys.argv[3]), Path(sys.argv[4])
config = EnsembleConfig.model_validate_json(configuration)
_, hard = resource.getrlimit(resource.RLIMIT_FSIZE)

def reach_limit(done, total):
    if done == 20:  # in the third block
        if limit == "disk":
            (disk / "others").write_bytes(bytes(shutil.disk_usage(disk).free - 200_000))
        else:
            resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))

try:
    train_ensemble(config, disk / "e.zarr", reach_limit)
except OSError as error:
    print(error)
(disk / "others").unlink(missing_ok=True)
resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
shutil.copytree(disk / "e.zarr", results / "full.zarr")
train_ensemble(config, disk / "e.zarr", progress=False)
shutil.copytree(disk / "e.zarr", results / "resumed.zarr")
"""

# In a mount namespace of its own; a user who is not root has to become it in a namespace of users first.
MOUNT = 'mount -t tmpfs -o size=4m tmpfs "$1" && shift && exec "$@"'
NAMESPACES = (["unshare", "--mount"], ["unshare", "--mount", "--map-root-user"])


def small_disk(place: Path) -> list[str]:
    """What a command begins with that is to find 4 MB at `place`; skips where nothing may be mounted."""
    for namespace in NAMESPACES:
        prefix = [*namespace, "sh", "-c", MOUNT, "sh", str(place)]
        try:
            if subprocess.run([*prefix, "true"], capture_output=True).returncode == 0:
                return prefix
        except FileNotFoundError:
            pytest.skip("unshare is not installed, so that no small disk can be mounted")
    pytest.skip("this user may not mount a small disk")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> EnsembleStore:
    """Trained without an interruption."""
    path = tmp_path_factory.mktemp("whole") / "e.zarr"
    train_ensemble(CONFIG, path, progress=False)
    return EnsembleStore.resume(path, CONFIG)


@pytest.mark.parametrize(
    ("limit", "reason"), [("disk", "[Errno 28] No space left on device"), ("file size", "[Errno 27] File too large")]
)
def test_a_full_disk_costs_the_block_that_was_written(
    tmp_path: Path, limit: str, reason: str, whole: EnsembleStore
) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    prefix = small_disk(disk) if limit == "disk" else []
    command = [sys.executable, "-c", PROGRAM, limit, CONFIG.model_dump_json(), str(disk), str(tmp_path)]
    done = subprocess.run([*prefix, *command], capture_output=True, text=True, check=True)
    assert done.stdout == (
        f"{reason} while networks 8 to 11 were written; what was finished before is kept, and the same call or command "
        f"goes on: '{disk}/e.zarr'\n"
    )

    full, resumed = (EnsembleStore.resume(tmp_path / f"{name}.zarr", CONFIG) for name in ("full", "resumed"))
    assert full.missing_blocks() == CONFIG.blocks[2:]
    for store, blocks in ((full, CONFIG.blocks[:2]), (resumed, CONFIG.blocks)):
        for block in blocks:
            # four layers, four metrics
            assert len(whole.files(block)) == 8
            for file in whole.files(block):
                assert (store.path / file.relative_to(whole.path)).read_bytes() == file.read_bytes()
    assert not resumed.missing_blocks()
    assert not list(resumed.path.rglob("*.partial"))


def test_no_room_for_an_empty_store_names_it(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))
    try:
        with pytest.raises(OSError, match="File too large while the empty arrays were written, and the same") as full:
            train_ensemble(CONFIG, tmp_path / "e.zarr", progress=False)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert full.value.filename == str(tmp_path / "e.zarr")
    assert list(tmp_path.iterdir()) == []
