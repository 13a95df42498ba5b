"""One network: how its tensors are read, what is found in them, and that nothing is found where nothing is."""

import numpy as np
import pandas as pd
import pytest
import scipy.stats
import torch
from markupsafe import Markup
from safetensors.numpy import save_file

from pigmm.fitting import analyse_matrix
from pigmm.studies import analyse_network, compare_networks
from pigmm.studies.cli.main import main
from pigmm.studies.networks.reading.options import ReadingOptions
from pigmm.studies.networks.reading.pieces import reading_of
from pigmm.studies.networks.reading.plan import plan_of
from pigmm.studies.networks.reading.readings import readings
from pigmm.studies.networks.report.headline import Headline
from pigmm.studies.networks.report.page import _parameters
from pigmm.studies.networks.report.sections import sections
from pigmm.studies.networks.tests_of_matrices.alike import alike
from pigmm.studies.networks.tests_of_matrices.analysis import analyse_plan
from pigmm.studies.networks.tests_of_matrices.checkpoints import change_sentences
from pigmm.training import EnsembleConfig, train_ensemble


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
    table = analyse_network(state, replicates=0)
    recurrent = [name for name in state if "_hh_" in name and state[name].ndim == 2]
    for name in recurrent:
        pieces = [f"{name}[{k}]" for k in range(gates)] if gates > 1 else [name]
        assert set(pieces) <= set(table.index)
        first = analyse_matrix(state[name][:8], replicates=0)
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


def test_known_layers_of_transformers():
    shapes = {
        "a.qkv_proj.weight": (48, 24),  # 24 of queries, 12 of keys and 12 of values
        "b.query_key_value.weight": (72, 24),  # in an order that differs between families
        "c.self_attn.q_proj.weight": (24, 24),
        "d.attention.self.key.weight": (24, 24),
        "e.attention.output.dense.weight": (24, 24),
        "f.output.dense.weight": (24, 96),
        "h.0.attn.c_attn.weight": (24, 72),
        "h.0.mlp.c_fc.weight": (24, 96),
    }
    plan = plan_of({name: np.broadcast_to(0.0, shape) for name, shape in shapes.items()})
    assert [plan.matrices[f"a.qkv_proj.weight[{k}]"] for k in range(3)] == [(24, 24), (12, 24), (12, 24)]
    assert plan.matrices["b.query_key_value.weight"] == (72, 24)
    assert plan.matrices["h.0.mlp.c_fc.weight"] == (96, 24)
    words = {name[0]: reading.why.partition(":")[0] for name, reading in plan.readings.items()}
    assert words["a"] == "query, key and value, packed; fewer heads of keys and values than of queries"
    assert [words[k] for k in "cdef"] == ["query", "key", "output of attention", "one matrix"]
    packed = normal(21, 24, 72)
    queries, keys = packed[:, :24].T, packed[:, 24:48].T  # GPT-2 stores inputs as rows
    table = analyse_network(
        {"h.0.attn.c_attn.weight": packed}, products=["h.*.attn.c_attn.weight[0]^T h.*.attn.c_attn.weight[1]"],
        replicates=0,
    )  # fmt: skip
    alone = analyse_matrix(queries.T @ keys, replicates=0)
    assert table.z_trace.iloc[-1] == pytest.approx(alone.z_trace, rel=1e-9)


def test_the_pairing_of_rows_and_columns_is_said_whatever_shows_it():
    """The diagonal follows the column means: neither trace, symmetry nor the means of rows and columns see it."""
    matrix = normal(50, 64, 64)
    means = np.linspace(-1, 1, 64)
    matrix += means + 2 * np.diag(means)
    table = analyse_network({"w": matrix, "optimizer_state.0.exp_avg": normal(51, 9, 9)}, replicates=199)
    assert table.p_value["w"] < 1e-3 < 0.05 < min(table.p_row_column["w"], table.p_symmetry["w"])
    assert "rows and columns of a unit related" in table.structure["w"]
    assert table.attrs["passed_over"] == {"optimizer_state.0.exp_avg": "state of the optimiser"}


def test_tied_embeddings_are_analysed_once():
    weights = {"wte.weight": normal(22, 30, 8), "h.0.weight": normal(23, 8, 8)}
    tied = analyse_network(weights | {"lm_head.weight": weights["wte.weight"].copy()}, replicates=0)
    assert list(tied.index) == [*weights]
    assert tied.attrs["passed_over"] == {"lm_head.weight": "tied: the same as wte.weight"}
    other = analyse_network(weights | {"lm_head.weight": normal(24, 30, 8)}, replicates=0)
    assert list(other.index) == [*weights, "lm_head.weight"]


def test_low_rank_adapters_are_products():
    a, b = normal(25, 4, 20), normal(26, 20, 4)
    weights = {"q.lora_A.weight": a, "q.lora_B.weight": b, "v.lora_A.default.weight": a, "bias": normal(27, 20)}
    table = analyse_network(weights | {"v.lora_B.default.weight": b - 3 * np.eye(20)[:, :4]}, replicates=99)
    assert list(table.index) == [
        "q.lora_B.weight q.lora_A.weight", "v.lora_B.default.weight v.lora_A.default.weight"
    ]  # fmt: skip
    alone = analyse_matrix(b @ a, replicates=0)
    assert table.z_trace.iloc[0] == pytest.approx(alone.z_trace, rel=1e-9)
    assert "low-rank" in table.read_as.iloc[0]


@pytest.mark.thorough
def test_products_of_independent_factors_show_nothing():
    """Their entries are not independent: the F law of G2/G3 and those of the hubs would alarm."""
    alarms = f_law = 0
    for k in range(40):
        weights = {f"{name}.weight": normal((28, k, j), 4, 40) for j, name in enumerate("qk")}
        table = analyse_network(weights, products=["q.weight^T k.weight"], replicates=99, seed=k)
        product = table.iloc[-1]
        alarms += product.structure != ""
        f_law += min(product.p_symmetry, product.p_row_hubs) < 0.001
    assert alarms <= 7  # of 40 with probability 0.05 at most
    assert f_law >= 10


def test_groups_are_chosen_by_option():
    weights = {"a": normal(29, 12, 12), "b": normal(30, 12, 12), "c": normal(31, 12, 13)}
    table = analyse_network(weights, group={"b": "rectangular"}, replicates=0)
    assert table.group.tolist() == ["S_N", "S_M x S_N", "S_M x S_N"]
    assert table.z_trace.isna().tolist() == [False, True, True]
    with pytest.raises(ValueError, match=r"group \*=square must hold for square matrices, got c of shape \(12, 13\)"):
        analyse_network(weights, group={"*": "square"})


def test_options_that_change_nothing_are_refused():
    weights = {"a.weight": normal(77, 8, 8)}
    with pytest.raises(ValueError, match=r"split 'b\.\*' must match a name in the network, got none of 1 that does"):
        analyse_network(weights, split={"b.*": 2})
    with pytest.raises(ValueError, match=r"group 'b\.\*' must match a name in the network"):
        analyse_network(weights, group={"b.*": "square"})
    with pytest.raises(ValueError, match="heads must come with a product that is cut into them, got heads=4 alone"):
        analyse_network(weights, heads=4)


def test_products_by_heads():
    queries, keys = normal(32, 12, 30), normal(33, 4, 30)  # six heads of two units, two of keys
    table = analyse_network({"q": queries, "k": keys}, products=["q^T k", "k^T q"], heads=6, replicates=0)
    for h in range(6):
        q, k = queries[2 * h : 2 * h + 2], keys[2 * (h // 3) : 2 * (h // 3) + 2]
        for name, slow in ((f"q^T k (head {h})", q.T @ k), (f"k^T q (head {h})", k.T @ q)):
            alone = analyse_matrix(slow, replicates=0)
            assert table.z_trace[name] == pytest.approx(alone.z_trace, rel=1e-9)
    whole = sum(table.index.str.contains("head"))
    assert whole == 12
    with pytest.raises(ValueError, match=r"heads=5 must divide the units that the factors of 'q\^T k' share"):
        analyse_network({"q": queries, "k": keys}, products=["q^T k"], heads=5)


def test_how_tensors_are_read_in_few_lines():
    weights = {f"l.{k}.{name}.weight": np.ones((12, 12)) for k in range(3) for name in ("query", "key")}
    options = ReadingOptions(products=["l.*.query.weight^T l.*.key.weight"], heads=2)
    plan = plan_of(weights | {"l.0.bias": np.ones(3)}, options)
    assert readings(plan) == [
        "l.*.query.weight: 3 x (12 x 12), query: rows are units of the heads, columns the stream",
        "l.*.key.weight: 3 x (12 x 12), key: rows are units of the heads, columns the stream",
        "l.*.query.weight^T l.*.key.weight (head *): 6 products",
        "l.*.bias: passed over, 1 axis: a vector",
    ]


def test_products():
    query, key = normal(0, 12, 30), normal(1, 12, 30)
    table = analyse_network({"q": query, "k": key}, products=["k^T q"], replicates=0)
    alone = analyse_matrix(key.T @ query, replicates=0)
    assert table.likelihood_ratio["k^T q"] == pytest.approx(alone.likelihood_ratio, rel=1e-9)
    both = analyse_network({"k.0": key, "q.0": query, "q.1": query}, products=["k.*^T q.*"], replicates=0)
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
    reference = analyse_network(weights, replicates=19)
    for name in ("model.safetensors", "model.pt", "model.npz"):
        assert analyse_network(tmp_path / name, replicates=19).loc[reference.index].equals(reference)


def test_structure_is_named_and_noise_is_not():
    weights = {f"noise.{k}": normal((4, k), 64, 64) for k in range(6)}
    weights["inhibited"] = normal(5, 64, 64) - np.eye(64)
    weights["antisymmetric"] = normal(6, 64, 64) - 0.3 * normal(6, 64, 64).T
    weights["hubs"] = normal(7, 64, 20) + 2 * normal(8, 64, 1)
    weights["heavy"] = np.random.default_rng(9).standard_t(2.5, size=(64, 64))
    found = analyse_network(weights, replicates=199).structure
    named = {name: words for name, words in found.items() if words}
    assert named == {
        "inhibited": "negative self-connections",
        "antisymmetric": "excess of antisymmetry, rows and columns of a unit related",  # M - a M^T relates these too
        "hubs": "hub rows",
    }


@pytest.mark.parametrize(("networks", "most"), [(15, 4), pytest.param(60, 9, marks=pytest.mark.thorough)])
def test_false_alarms_are_one_network_in_twenty(networks, most):
    """Familywise, over all tests of all matrices; entries of Laplace's law."""
    alarms = 0
    for k in range(networks):
        rng = np.random.default_rng((10, k))
        weights = {f"w{j}": rng.laplace(size=(12, 12)) for j in range(3)} | {"r": rng.laplace(size=(10, 14))}
        alarms += bool(analyse_network(weights, replicates=39, seed=k).structure.any())
    assert alarms <= most  # with probability 0.05 each, more have probability 6e-4 of 15, 0.0011 of 60


def test_a_matrix_that_cannot_be_analysed_is_named_and_the_others_go_on():
    weights = {"good": normal(11, 8, 8), "constant": np.ones((8, 8)), "broken": np.full((8, 8), np.nan)}
    table = analyse_network(weights, replicates=0)
    assert not table.note["good"]
    assert "must vary" in table.note["constant"]
    assert "finite" in table.note["broken"]
    assert table.p_value.notna().tolist() == [True, False, False]
    with pytest.raises(ValueError, match=r"at least 4 rows and columns that varies, got bias: 1 axis: a vector"):
        analyse_network({"bias": np.ones(5)})


def test_command_writes_table_figure_and_page(tmp_path, capsys):
    np.savez(
        tmp_path / "model.npz", hh=normal(12, 20, 20) - 2 * np.eye(20), gates=normal(13, 40, 10), bias=normal(14, 8)
    )
    command = ["network", str(tmp_path / "model.npz"), "--split", "gates=4", "--product", "hh^T hh"]
    output = tmp_path / "out"
    for _ in range(2):  # the second time into the same folder
        with pytest.raises(SystemExit) as outcome:
            main([*command, "--replicates", "19", "-o", str(output)])
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
    assert (output / "figures" / "matrix-0-hh.svg").exists()
    assert page.count(">In detail<") == 2  # contents and heading
    assert '<a href="#section-0">hh</a>' in page
    assert "&lt;sub" not in page  # symbols of parameters stay symbols
    fitted = pd.read_csv(output / "tables" / "parameters.csv")
    assert fitted.matrix.unique().tolist() == ["hh", *(f"gates[{k}]" for k in range(4))]
    assert (
        fitted[fitted.matrix == "hh"].parameter == ["GH_11", "GH_12", "GH_13", "GH_22", "GH_23", "GH_33", "G2", "G3"]
    ).all()


def test_the_clearest_is_that_of_most_standard_deviations():
    """The likelihood ratio does not see the trace."""
    weights = {"inhibited": normal(74, 32, 32) - 3 * np.eye(32), "antisymmetric": normal(75, 32, 32)}
    weights["antisymmetric"] -= 0.3 * weights["antisymmetric"].T
    table = analyse_network(weights, replicates=99)
    assert table.likelihood_ratio["antisymmetric"] > table.likelihood_ratio["inhibited"]
    assert Headline.of(table).paired == ("inhibited", "antisymmetric")


def test_the_headline_counts_in_words_where_there_is_nothing():
    assert Headline(3, (), (), (), {}).sentences()[1:] == [
        "None of 3 matrices has hub rows or columns, units far stronger or weaker than the others.",
        "Heavy tails (excess kurtosis above 2) are in none of 3 matrices.",
    ]


def test_every_matrix_has_its_section(monkeypatch):
    weights = {f"h.{k}": normal((70, k), 20, 20) - 2 * k * np.eye(20) for k in range(2)}
    weights |= {
        "noise": normal(73, 20, 20),
        "hubs": normal(71, 20, 30) + 3 * normal(72, 20, 1),
        "ones": np.ones((8, 8)),
    }
    plan = plan_of(weights)
    table = analyse_plan(plan, replicates=199)
    square, rectangular, noise = sections(plan, table)
    assert (square.title, square.names) == ("h.*", ("h.1", "h.0"))  # the clearest first
    assert square.about == "Negative self-connections (1). 2 matrices, each 20 x 20, one matrix."
    assert rectangular.about == "Hub rows. 20 x 30, one matrix."
    assert noise.about == "Nothing departs from independent rows and columns. 20 x 20, one matrix."
    assert [section.departs for section in (square, rectangular, noise)] == [True, True, False]
    assert square.parameters.matrix.unique().tolist() == ["h.1", "h.0"]
    # in units of the variance of the entries; row means hold most of it
    entries = weights["hubs"] / weights["hubs"].std()
    means = entries.mean(axis=1)
    expected = 30 * np.square(means - means.mean()).sum() / 19
    assert rectangular.parameters.set_index("parameter").estimate["GH0"] == pytest.approx(expected)
    assert (square.parameters.lower < square.parameters.estimate).all()
    assert (square.parameters.estimate < square.parameters.upper).all()
    assert square.portrait.name == "h.1"
    shown = _parameters(square)
    assert [row[0] for row in shown.rows] == ["1", "0"]  # by which the names differ
    assert all(isinstance(column, Markup) for column in shown.columns[1:])
    assert square.portrait.departures.z.abs().is_monotonic_decreasing
    monkeypatch.setattr("pigmm.studies.networks.report.sections.MOST_PORTRAITS", 1)
    assert [section.portrait is None for section in sections(plan, table)] == [False, True, True]


def test_a_law_that_cannot_be_fitted_is_said_in_its_section():
    """Of a large matrix that is nearly all zeros the units chosen at random vary too little."""
    sparse = np.zeros((2000, 2000))
    sparse[:4, :4] = normal(76, 4, 4)
    plan = plan_of({"sparse": sparse}, ReadingOptions(group={"*": "rectangular"}))
    (section,) = sections(plan, analyse_plan(plan, replicates=0))
    assert section.portrait is None
    assert len(section.parameters) == 3
    assert "The law of a part of sparse cannot be fitted: " in section.about


def checkpoints():
    before = {f"h.{k}.w": normal((60, k), 40, 40) for k in range(3)} | {
        "in": normal(61, 40, 30),
        "old": normal(62, 9, 9),
    }
    after = {name: matrix.copy() for name, matrix in before.items() if name != "old"}
    after["h.1.w"] += 0.05 * normal(63, 40, 40) - 0.1 * np.eye(40)
    after["in"] *= 1.5
    return before, after


def test_two_checkpoints():
    before, after = checkpoints()
    table = compare_networks(before, after, replicates=199)
    assert list(table.index) == ["h.0.w", "h.1.w", "h.2.w", "in"]
    assert table.note.tolist() == ["unchanged", "", "unchanged", ""]
    assert table.attrs["passed_over"]["old"] == "only in the checkpoint before"
    assert table.structure["h.1.w"] == "negative self-connections"
    change = after["h.1.w"] - before["h.1.w"]
    assert table.z_trace["h.1.w"] == analyse_matrix(change, replicates=0).z_trace
    assert table.relative_change["h.1.w"] == pytest.approx(np.linalg.norm(change) / np.linalg.norm(before["h.1.w"]))
    # all weights times 1.5: the law moves by half a standard deviation
    assert (table.relative_change["in"], table.cosine["in"]) == (pytest.approx(0.5), pytest.approx(1))
    assert table.distance["in"] == pytest.approx(0.5, rel=0.01)
    assert 0 < table.low["in"] <= table.distance["in"] <= table.high["in"]
    assert change_sentences(table)[0] == "2 of 4 matrices moved. in moved most, by 0.5 of its norm."
    with pytest.raises(ValueError, match="a matrix of the same name and shape in common"):
        compare_networks({"a": normal(64, 8, 8)}, {"a": normal(64, 9, 8)})


@pytest.mark.thorough
def test_the_interval_of_a_distance_covers():
    """The matrix after is that before and noise, which makes the law wider by a known distance."""
    covered = 0
    for k in range(60):
        rng = np.random.default_rng((65, k))
        before = rng.normal(size=(40, 40))
        after = before + 0.5 * rng.normal(size=(40, 40))
        table = compare_networks({"w": before}, {"w": after}, replicates=0)
        covered += table.low["w"] <= np.sqrt(1.25) - 1 <= table.high["w"]
    assert covered >= 48  # of 60 with probability 0.95, or 0.9 at this size


def test_command_compares_checkpoints(tmp_path, capsys):
    before, after = checkpoints()
    np.savez(tmp_path / "before.npz", **before)
    np.savez(tmp_path / "after.npz", **after)
    command = ["network", str(tmp_path / "before.npz"), str(tmp_path / "after.npz"), "--replicates", "19"]
    with pytest.raises(SystemExit) as outcome:
        main([*command, "-o", str(tmp_path / "out")])
    said = capsys.readouterr()
    assert (outcome.value.code, said.out.split()) == (0, [str(tmp_path / "out" / "report.html")])
    assert "h.*.w: 3 x (40 x 40), one matrix" in said.err
    page = (tmp_path / "out" / "report.html").read_text()
    assert "2 of 4 matrices moved. in moved most" in page
    assert pd.read_csv(tmp_path / "out" / "tables" / "checkpoints.csv").matrix.tolist() == [*after]


def test_command_refuses(tmp_path, capsys):
    (tmp_path / "mine.txt").write_text("mine")
    np.save(tmp_path / "m.npy", normal(15, 8, 8))
    for arguments, message in (
        (["-o", str(tmp_path)], f"{tmp_path} is not empty and not the output of `pigmm network`"),
        (["--split", "x"], "--split must be PATTERN=PARTS"),
        (["--product", "a"], "must name two matrices"),
        (["--group", "m=round"], "--group must be PATTERN=square or PATTERN=rectangular"),
    ):
        with pytest.raises(SystemExit) as outcome:
            main(["network", str(tmp_path / "m.npy"), "-o", str(tmp_path / "new"), *arguments])
        assert outcome.value.code == 2
        assert message in capsys.readouterr().err


def test_like_layers_together():
    rng = np.random.default_rng(40)
    same = {f"h.{k}.w": rng.normal(size=(48, 48)) - 0.3 * np.eye(48) for k in range(8)}
    different = {f"g.{k}.w": rng.normal(size=(48, 48)) + (-1) ** k * np.eye(48) for k in range(8)}
    gates = {f"lstm.weight_hh_l{k}": rng.normal(size=(64, 16)) for k in range(2)}
    taps = {"conv.w": rng.normal(size=(8, 9, 3))}
    found = alike(analyse_network(same | different | gates | taps, replicates=0))
    assert set(found.layers) == {"h.*.w", "g.*.w", *(f"lstm.weight_hh_l*[{k}]" for k in range(4)), "conv.w[*]"}
    of_taps = found[found.layers == "conv.w[*]"]
    assert of_taps.matrices.tolist() == [3, 3]
    assert of_taps[["mean", "low", "z", "p_value", "p_heterogeneity"]].notna().all(axis=None)
    by = found.set_index(["layers", "statistic"])
    assert (by.departs["h.*.w", "self-connections"], by.differ["h.*.w", "self-connections"]) == (True, False)
    assert (by.departs["g.*.w", "self-connections"], by.differ["g.*.w", "self-connections"]) == (False, True)
    assert by.loc[("h.*.w", "self-connections"), "low"] < by.loc[("h.*.w", "self-connections"), "mean"] < 0
    assert not found[~found.statistic.eq("self-connections")][["departs", "differ"]].any(axis=None)


def test_trained_perceptrons_relate_no_row_to_a_column(tmp_path):
    """The control of docs/networks.md, small: each hidden layer can be relabelled by itself."""
    config = EnsembleConfig(
        hidden=(24, 24), networks=8, epochs=6, block_size=8, layers="all", snapshots=10**6, learning_rate=5e-3
    )
    last = train_ensemble(config, tmp_path / "mlps.zarr", progress=False).isel(epoch=-1)
    weights = {
        f"network.{k}.{layer}": last[f"weight_{number}"].sel(network=k).to_numpy()
        for number, layer in enumerate(("first", "interior", "output"))
        for k in range(8)
    }
    table = analyse_network(weights, replicates=199)
    kinds = set(table.structure[table.structure != ""].str.split(", ").explode())
    assert kinds <= {"hub rows", "hub columns"}
    assert scipy.stats.kstest(table.p_randomisation.filter(like="interior").astype(float), "uniform").pvalue > 0.01
    together = alike(table).set_index(["layers", "statistic"])
    pairing = together.loc["network.*.interior"].z[["self-connections", "symmetric to antisymmetric"]]
    assert pairing.abs().max() < 3.5
    assert together.z["network.*.first", "row hubs"] > 5  # training moves the units of the first layer


def correlated_taps(rng, rows, columns):
    """Neighbours correlated with 0.8; entries of Laplace's law before they are mixed."""
    correlations = 0.8 ** np.abs(np.subtract.outer(range(3), range(3)))
    return rng.laplace(size=(rows, columns, 3)) @ np.linalg.cholesky(correlations).T


def test_taps_of_convolutions_are_calibrated():
    """A group for each convolution; without the correlations between its taps, p-values are far too small."""
    rng = np.random.default_rng(42)
    letters = [f"{a}{b}" for a in "abcdefgh" for b in "abcdefgh"]
    table = analyse_network({f"{name}.w": correlated_taps(rng, 16, 16) for name in letters}, replicates=0)
    found = alike(table)
    for _, group in found.groupby("statistic"):
        for name in ("p_value", "p_heterogeneity"):
            assert (group[name] <= 0.05).sum() <= 10  # of 64 with probability 0.05, more have probability 5e-4
    of_traces = found[found.statistic == "self-connections"]
    assert ((of_traces.low <= 0) & (of_traces.high >= 0)).sum() >= 54
    assert (found.p_heterogeneity <= 0.5).mean() == pytest.approx(0.5, abs=0.1)
    table.attrs["taps"] = {}
    assert (alike(table).p_value <= 0.05).mean() > 0.15


def test_what_taps_have_in_common_and_where_they_differ():
    rng = np.random.default_rng(43)
    same, different = correlated_taps(rng, 24, 24), correlated_taps(rng, 24, 24)
    for tap in range(3):
        same[range(24), range(24), tap] -= 3
    different[range(24), range(24), 1] += 4
    found = alike(analyse_network({"same": same, "different": different}, replicates=0))
    by = found.set_index(["layers", "statistic"])
    traces = by.xs("self-connections", level="statistic")
    assert traces.departs["same[*]"]
    assert not traces.differ["same[*]"]
    assert traces.differ["different[*]"]


@pytest.mark.thorough
def test_like_layers_are_calibrated():
    """Laplace's law, another scale in each layer: p-values of both kinds at 5%."""
    tables = []
    for k in range(60):
        rng = np.random.default_rng((41, k))
        weights = {f"h.{j}": (1 + j) * rng.laplace(size=(24, 24)) for j in range(4)}
        weights |= {f"g.{j}": (1 + j) * rng.laplace(size=(20, 30)) for j in range(4)}
        tables.append(alike(analyse_network(weights, replicates=0)))
    found = pd.concat(tables)
    for _, group in found.groupby(["layers", "statistic"]):
        for name in ("p_value", "p_heterogeneity"):
            assert (group[name] <= 0.05).sum() <= 10  # of 60 with probability 0.05, more have probability 3e-4
    assert 8 < (found.p_heterogeneity <= 0.05).sum() < 42  # of 420
