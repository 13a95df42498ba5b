"""Files of networks: shards, types that numpy lacks, limits, and what is refused by name."""

import json
import pickle
import warnings
from collections import Counter

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file
from safetensors.torch import save_file as save_torch

from pigmm.studies import analyse_network, compare_networks
from pigmm.studies.networks.reading.tensors import loaded


def normal(seed, *shape):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


@pytest.fixture
def sharded(tmp_path):
    """A folder with a network in two files, and the network."""
    weights = {f"h.{k}.weight": normal(k, 12, 12 + k) for k in range(4)}
    places = {name: f"model-{1 + k // 2}-of-2.safetensors" for k, name in enumerate(weights)}
    for file in set(places.values()):
        save_file({name: weights[name] for name, place in places.items() if place == file}, tmp_path / file)
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": places}))
    return tmp_path, weights


def test_shards_are_one_network(sharded):
    folder, weights = sharded
    reference = analyse_network(weights, replicates=9)
    files = sorted(folder.glob("*.safetensors"))
    for given in (folder, folder / "model.safetensors.index.json", files):
        assert analyse_network(given, replicates=9).equals(reference)
    assert list(analyse_network([files[0], files[0].rename(folder / "copy.safetensors")][1:]).index) == [*weights][:2]


def test_the_same_names_in_two_files(tmp_path):
    for name in ("a", "b"):
        np.savez(tmp_path / f"{name}.npz", w=normal(5, 8, 8), **{name: normal(6, 8, 9)})
    found = analyse_network([tmp_path / "a.npz", tmp_path / "b.npz"], replicates=0)
    assert list(found.index) == ["a: w", "a", "b: w", "b"]


def test_incomplete_shards_are_refused_by_name(sharded):
    folder, _ = sharded
    index = folder / "model.safetensors.index.json"
    content = json.loads(index.read_text())
    for places, message in (
        ({"h.0.weight": "model-3-of-2.safetensors"}, "names model-3-of-2.safetensors, which is not beside it"),
        ({"h.9.weight": "model-1-of-2.safetensors"}, "the tensor h.9.weight is not in model-1-of-2.safetensors"),
        ({"h.0.weight": "../model-1-of-2.safetensors"}, "files must lie beside the index"),
        ([], "weight_map must be an object"),
    ):
        index.write_text(json.dumps(content | {"weight_map": places}))
        with pytest.raises(ValueError, match=message):
            analyse_network(folder)


@pytest.mark.parametrize("kind", [torch.bfloat16, torch.float16])
def test_types_of_half_precision(tmp_path, kind):
    weights = {"a": torch.tensor(normal(7, 9, 9)).to(kind), "b": torch.tensor(normal(8, 5, 9)).to(kind)}
    reference = analyse_network({name: array.float().numpy() for name, array in weights.items()}, replicates=0)
    save_torch(weights, tmp_path / "m.safetensors")
    torch.save(weights, tmp_path / "m.pt")
    for file in ("m.safetensors", "m.pt"):
        assert analyse_network(tmp_path / file, replicates=0).equals(reference)


def test_one_tensor_at_a_time(tmp_path, monkeypatch):
    """The limit is for a tensor, not for the file."""
    weights = {f"w{k}": normal(k, 20, 20) for k in range(5)}
    torch.save({name: torch.tensor(array) for name, array in weights.items()}, tmp_path / "m.pt")
    save_file(weights, tmp_path / "m.safetensors")
    np.savez(tmp_path / "m.npz", **weights)
    monkeypatch.setenv("PIGMM_READ_LIMIT", "5kB")
    for file in ("m.pt", "m.safetensors", "m.npz"):
        assert len(analyse_network(tmp_path / file, replicates=0)) == 5
    monkeypatch.setenv("PIGMM_READ_LIMIT", "1kB")
    with pytest.raises(ValueError, match="w0"):
        analyse_network(tmp_path / "m.npz", replicates=0)


def test_what_is_no_matrix_of_weights_is_named_and_the_others_go_on(tmp_path):
    weights = {f"w{k}": normal(k, 8, 8) for k in range(20)}
    weights["w7"][2, 3] = np.nan
    weights |= {"zero": np.zeros((8, 8), np.float32), "codes": np.ones((8, 8), np.int8), "mask": np.ones((9, 9), bool)}
    weights["rank one"] = np.outer(normal(30, 8), normal(31, 9)).astype(np.float32)
    weights["tiny"] = normal(32, 3, 8)
    np.savez(tmp_path / "m.npz", **weights)
    table = analyse_network(tmp_path / "m.npz", replicates=0)
    passed_over = table.attrs["passed_over"]
    assert set(table.index[table.note != ""]) == {"w7", "zero", "rank one"}
    assert "finite" in table.note["w7"]
    assert set(passed_over) == {"codes", "mask", "tiny"}
    assert passed_over["codes"].startswith(
        "int8: integers are codes of quantised weights, whose scales stand elsewhere"
    )
    assert passed_over["mask"] == "bool: weights are real numbers"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch warns that it will drop the type
        quantised = torch.quantize_per_tensor(torch.zeros(8, 8), 0.1, 0, torch.qint8)
    found = analyse_network({"good": weights["w0"], "q": quantised}, replicates=0).attrs["passed_over"]
    assert found["q"].startswith("torch.qint8: integers are codes")


def test_damaged_and_dangerous_files(tmp_path):
    save_file({"w": normal(0, 30, 30)}, tmp_path / "whole.safetensors")
    half = (tmp_path / "whole.safetensors").read_bytes()[:2000]
    (tmp_path / "half.safetensors").write_bytes(half)
    (tmp_path / "m.pt").write_bytes(pickle.dumps({"w": slice(3)}))
    for file in ("half.safetensors", "m.pt"):
        with pytest.raises(ValueError, match=file) as refused:
            analyse_network(tmp_path / file)
        assert "\n" not in str(refused.value)


def test_a_tensor_is_read_once_for_all_its_pieces_and_heads(tmp_path, monkeypatch):
    gates = {"weight_ih_l0": normal(40, 32, 6), "weight_hh_l0": normal(41, 32, 8)}
    factors = {"q": normal(42, 12, 9), "k": normal(43, 12, 9)}
    for number, file in enumerate(("before", "after")):
        weights = {name: array + number * normal(44, *array.shape) for name, array in (gates | factors).items()}
        save_file(weights, tmp_path / f"{file}.safetensors")
    read = Counter()

    def counting(stored):
        read[stored.name] += 1
        return loaded(stored)

    monkeypatch.setattr("pigmm.studies.networks.reading.plan.loaded", counting)
    options = {"products": ["q^T k"], "heads": 6, "replicates": 0}
    table = compare_networks(tmp_path / "before.safetensors", tmp_path / "after.safetensors", **options)
    assert len(table) == 4 + 4 + 2 + 6
    assert read == {"weight_ih_l0": 2, "weight_hh_l0": 2, "q": 4, "k": 4}  # of both; factors again for products
