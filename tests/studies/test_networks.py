"""One network: how its tensors are read, what is found in them, and that nothing is found where nothing is."""

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.numpy import save_file

from pigmm.fitting import analyse_matrix
from pigmm.studies import analyse_network
from pigmm.studies.cli.main import main
from pigmm.studies.networks.pieces import reading_of


def normal(seed, *shape):
    return np.random.default_rng(seed).normal(size=shape)


@pytest.mark.parametrize(
    ("layer", "gates"), [(torch.nn.RNN, 1), (torch.nn.GRU, 3), (torch.nn.LSTM, 4)], ids=["rnn", "gru", "lstm"]
)
@pytest.mark.parametrize("options", [{}, {"bidirectional": True, "num_layers": 2}, {"proj_size": 6}])
def test_gates_of_recurrent_layers(layer, gates, options):
    if "proj_size" in options and layer is not torch.nn.LSTM:
        pytest.skip("only the LSTM of torch has projections")
    state = layer(5, 8, **options).state_dict()
    table = analyse_network(state, randomisations=0)
    recurrent = [name for name in state if "_hh_" in name and state[name].ndim == 2]
    for name in recurrent:
        pieces = [f"{name}[{k}]" for k in range(gates)] if gates > 1 else [name]
        assert set(pieces) <= set(table.index)
        first = analyse_matrix(state[name][:8], randomisations=0)
        assert table.likelihood_ratio[pieces[0]] == first.likelihood_ratio
    assert all(name in table.attrs["passed_over"] for name in state if state[name].ndim == 1)


def test_attention_convolutions_and_options():
    shapes = {
        "attention.in_proj_weight": (96, 32),
        "h.0.attn.c_attn.weight": (32, 96),
        "conv.weight": (16, 8, 3, 3),
        "depthwise.weight": (16, 1, 3, 3),
        "stacked": (40, 10),
        "bias": (16,),
    }
    table = analyse_network({n: normal(k, *s) for k, (n, s) in enumerate(shapes.items())}, split={"stack*": 4})
    counts = table.groupby(lambda name: name.partition("[")[0]).size().to_dict()
    assert counts == {"attention.in_proj_weight": 3, "h.0.attn.c_attn.weight": 3, "conv.weight": 9, "stacked": 4}
    assert "depthwise.weight[0]" in table.attrs["passed_over"]
    assert (table.loc["attention.in_proj_weight[1]", ["rows", "columns", "group"]] == [32, 32, "S_N"]).all()
    with pytest.raises(ValueError, match=r"split st\*=3 must divide the rows of stacked"):
        reading_of("stacked", shapes, {"st*": 3})


def test_products():
    query, key = normal(0, 12, 30), normal(1, 12, 30)
    table = analyse_network({"q": query, "k": key}, products=["k^T q"], randomisations=0)
    alone = analyse_matrix(key.T @ query, randomisations=0)
    assert table.likelihood_ratio["k^T q"] == pytest.approx(alone.likelihood_ratio, rel=1e-9)
    both = analyse_network({"k.0": key, "q.0": query, "q.1": query}, products=["k.*^T q.*"], randomisations=0)
    assert list(both.index) == ["k.0", "q.0", "q.1", "k.0^T q.0"]
    with pytest.raises(ValueError, match=r"got 'v\.\*\^T q\.\*', which matches none"):
        analyse_network({"q.0": query}, products=["v.*^T q.*"])
    with pytest.raises(ValueError, match=r"names 'v', which is no matrix"):
        analyse_network({"q": query}, products=["q v"])
    with pytest.raises(ValueError, match="must have shapes that fit"):
        analyse_network({"q": query, "k": key}, products=["k q"])


def test_files_give_what_arrays_give(tmp_path):
    weights = {"a.weight": normal(2, 20, 20).astype(np.float32), "b.weight": normal(3, 20, 7).astype(np.float32)}
    save_file(weights, tmp_path / "model.safetensors")
    torch.save({name: torch.tensor(array) for name, array in weights.items()}, tmp_path / "model.pt")
    np.savez(tmp_path / "model.npz", **weights)
    reference = analyse_network(weights, randomisations=19)
    for name in ("model.safetensors", "model.pt", "model.npz"):
        assert analyse_network(tmp_path / name, randomisations=19).loc[reference.index].equals(reference)


def test_structure_is_named_and_noise_is_not():
    weights = {f"noise.{k}": normal((4, k), 64, 64) for k in range(6)}
    weights["inhibited"] = normal(5, 64, 64) - np.eye(64)
    weights["antisymmetric"] = normal(6, 64, 64) - 0.3 * normal(6, 64, 64).T
    weights["hubs"] = normal(7, 64, 20) + 2 * normal(8, 64, 1)
    weights["heavy"] = np.random.default_rng(9).standard_t(2.5, size=(64, 64))
    found = analyse_network(weights, randomisations=199).structure
    named = {name: words for name, words in found.items() if words}
    assert named == {
        "inhibited": "negative self-connections",
        "antisymmetric": "excess of antisymmetry, rows and columns of a unit related",  # M - a M^T relates these too
        "hubs": "hub rows",
    }


def test_false_alarms_are_one_network_in_twenty():
    """Familywise, over all tests of all matrices; entries of Laplace's law."""
    alarms = 0
    for k in range(60):
        rng = np.random.default_rng((10, k))
        weights = {f"w{j}": rng.laplace(size=(12, 12)) for j in range(3)} | {"r": rng.laplace(size=(10, 14))}
        alarms += bool(analyse_network(weights, randomisations=39, seed=k).structure.any())
    assert alarms <= 9  # of 60 with probability 0.05 each, more have probability 0.0011


def test_a_matrix_that_cannot_be_analysed_is_named_and_the_others_go_on():
    weights = {"good": normal(11, 8, 8), "constant": np.ones((8, 8)), "broken": np.full((8, 8), np.nan)}
    table = analyse_network(weights, randomisations=0)
    assert not table.note["good"]
    assert "must vary" in table.note["constant"]
    assert "finite" in table.note["broken"]
    assert table.p_value.notna().tolist() == [True, False, False]
    with pytest.raises(ValueError, match=r"at least 4 rows and columns, got bias: 1 axis: a vector"):
        analyse_network({"bias": np.ones(5)})


def test_command_writes_table_figure_and_page(tmp_path, capsys):
    np.savez(
        tmp_path / "model.npz", hh=normal(12, 20, 20) - 2 * np.eye(20), gates=normal(13, 40, 10), bias=normal(14, 8)
    )
    command = ["network", str(tmp_path / "model.npz"), "--split", "gates=4", "--product", "hh^T hh"]
    output = tmp_path / "out"
    for _ in range(2):  # the second time into the same folder
        with pytest.raises(SystemExit) as outcome:
            main([*command, "--randomisations", "19", "-o", str(output)])
        assert outcome.value.code == 0
    assert capsys.readouterr().out.split() == [str(output / "report.html")] * 2
    table = pd.read_csv(output / "tables" / "network.csv", index_col="matrix")
    assert list(table.index) == ["hh", *(f"gates[{k}]" for k in range(4)), "hh^T hh"]
    assert table.structure["hh"] == "negative self-connections"
    page = (output / "report.html").read_text()
    assert "In 1 of 5 matrices the row of a unit is related to its column" in page
    assert "is it symmetric" in table.note["hh^T hh"]
    assert "hh^T hh: matrix must vary in every irrep" in page
    assert (output / "figures" / "network.svg").exists()


def test_command_refuses(tmp_path, capsys):
    (tmp_path / "mine.txt").write_text("mine")
    np.save(tmp_path / "m.npy", normal(15, 8, 8))
    for arguments, message in (
        (["-o", str(tmp_path)], "output must be a new or empty folder"),
        (["--split", "x"], "--split must be PATTERN=PARTS"),
        (["--product", "a"], "must name two matrices"),
    ):
        with pytest.raises(SystemExit) as outcome:
            main(["network", str(tmp_path / "m.npy"), "-o", str(tmp_path / "new"), *arguments])
        assert outcome.value.code == 2
        assert message in capsys.readouterr().err
