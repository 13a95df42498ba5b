"""Curvature: products against dense second derivatives, the networks of an ensemble at once, spectra by Lanczos."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from scipy.sparse.linalg import eigsh
from torch import nn
from torch.nn.functional import cross_entropy

from pigmm.training import (
    EnsembleConfig,
    Objective,
    dense_matrix,
    gauss_newton_product,
    hessian_product,
    initial_parameters,
    lanczos_quadrature,
    largest_eigenvalues,
    load_dataset,
    module_parameters,
    open_ensemble,
    pooled_objective,
    stored_parameters,
    train_ensemble,
)
from pigmm.training.curvature import spectrum
from pigmm.training.data import normalise

TINY = EnsembleConfig(hidden=(3, 3), activation="tanh", bias=True, seed=1)


def batch(count=20):
    images = load_dataset("mnist-5k")
    return torch.from_numpy(normalise(images.train_inputs[::100][:count])), torch.tensor(
        images.train_labels[::100][:count]
    )


def plain(config):
    """The same network as a torch module."""
    layers = [nn.Linear(columns, rows, bias=config.bias) for rows, columns in config.shapes]
    activation = {"relu": nn.ReLU, "tanh": nn.Tanh}[config.activation]
    parts = [layers[0]]
    for layer in layers[1:]:
        parts += [activation(), layer]
    return nn.Sequential(*parts)


def module_with(module, parameters):
    torch.nn.utils.vector_to_parameters(parameters, module.parameters())
    return module


def double_backward(module, inputs, targets, vector):
    """The Hessian times a vector, the way everybody writes it."""
    parameters = list(module.parameters())
    gradient = torch.autograd.grad(cross_entropy(module(inputs), targets), parameters, create_graph=True)
    flat = torch.cat([part.reshape(-1) for part in gradient])
    return torch.cat([p.reshape(-1) for p in torch.autograd.grad(flat @ vector, parameters)])


@pytest.mark.parametrize("config", [TINY, EnsembleConfig(hidden=(4, 5, 4), layers="all")], ids=["tanh, biases", "relu"])
def test_products_of_all_networks_are_those_of_each(config):
    inputs, targets = batch()
    objective = Objective.of_config(config)
    parameters = initial_parameters(config, range(3))
    vectors = torch.randn(parameters.shape, generator=torch.Generator().manual_seed(0))
    together = hessian_product(objective, parameters, inputs, targets, vectors)
    for row, p, v in zip(together, parameters, vectors, strict=True):
        alone = double_backward(module_with(plain(config), p), inputs, targets, v)
        assert torch.allclose(row, alone, rtol=1e-3, atol=1e-5 * float(alone.abs().max()))
        own = Objective.of_module(module_with(plain(config), p))
        assert torch.allclose(hessian_product(own, p, inputs, targets, v), row, rtol=1e-3, atol=1e-6)
    # several vectors at once
    both = hessian_product(objective, parameters, inputs, targets, torch.stack([vectors, -2 * vectors]))
    assert torch.allclose(both[1], -2 * together, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("activation", ["relu", "tanh", "gelu", "identity"])
@pytest.mark.parametrize("bias", [True, False])
def test_products_written_out_are_those_of_automatic_differentiation(activation, bias):
    config = EnsembleConfig(hidden=(4, 5), activation=activation, bias=bias, layers="all")
    objective = Objective.of_config(config)
    inputs, targets = batch(7)
    rng = torch.Generator().manual_seed(0)
    parameters = 0.1 * torch.randn((3, objective.size), generator=rng, dtype=torch.float64)
    vectors = torch.randn(parameters.shape, generator=rng, dtype=torch.float64)
    written = hessian_product(objective, parameters, inputs.double(), targets, vectors)
    automatic = hessian_product(replace(objective, network=None), parameters, inputs.double(), targets, vectors)
    torch.testing.assert_close(written, automatic, rtol=1e-10, atol=1e-13)
    alone = hessian_product(objective, parameters[1], inputs.double(), targets, vectors[1])
    torch.testing.assert_close(alone, automatic[1], rtol=1e-10, atol=1e-13)


def test_a_module_is_taken_in_evaluation_mode_and_stays_in_its_own():
    module = nn.Sequential(nn.Linear(4, 3), nn.Dropout(0.9))
    objective = Objective.of_module(module)
    parameters, inputs = module_parameters(module), torch.ones(5, 4)
    assert torch.equal(objective.model(parameters, inputs), module[0](inputs))
    assert module.training


def test_the_dense_hessian_is_torchs():
    inputs, targets = batch()
    small = inputs[:, ::60].double()
    module = nn.Sequential(nn.Linear(small.shape[1], 4), nn.Tanh(), nn.Linear(4, 10)).double()
    objective, parameters = Objective.of_module(module), module_parameters(module)
    expected = torch.autograd.functional.hessian(
        lambda p: objective.loss(objective.model(p, small), targets), parameters
    )
    assert np.allclose(dense_matrix(objective, parameters, small, targets), expected.numpy(), atol=1e-12)
    rows = objective.block("2.weight")
    assert np.allclose(
        dense_matrix(objective, parameters, small, targets, block="2.weight"), expected[rows, rows].numpy(), atol=1e-12
    )


def test_the_gauss_newton_matrix_is_the_second_moment_of_scores():
    """For cross-entropy: the mean, over examples and the model's own labels, of the products of the score."""
    inputs, _ = batch(6)
    small = inputs[:, ::80].double()
    module = nn.Sequential(nn.Linear(small.shape[1], 3), nn.Tanh(), nn.Linear(3, 4)).double()
    objective, parameters = Objective.of_module(module), module_parameters(module)
    expected = 0
    for x in small:
        probabilities = torch.softmax(objective.model(parameters, x[None])[0], 0)
        for label, probability in enumerate(probabilities):
            score = torch.func.grad(
                lambda p, x=x, label=label: -torch.log_softmax(objective.model(p, x[None])[0], 0)[label]
            )
            expected = expected + probability * torch.outer(score(parameters), score(parameters)) / len(small)
    labels = torch.zeros(len(small), dtype=torch.int64)
    found = dense_matrix(objective, parameters, small, labels, product=gauss_newton_product)
    assert np.allclose(found, expected.numpy(), atol=1e-12)
    assert np.linalg.eigvalsh(found)[0] > -1e-12


def test_hessian_and_gauss_newton_of_a_linear_model_agree():
    """Logistic regression: the outputs have no second derivative."""
    inputs, targets = batch()
    module = nn.Linear(784, 10)
    objective, parameters = Objective.of_module(module), module_parameters(module)
    vector = torch.randn(objective.size, generator=torch.Generator().manual_seed(1))
    one, other = (f(objective, parameters, inputs, targets, vector) for f in (hessian_product, gauss_newton_product))
    assert torch.allclose(one, other, rtol=1e-3, atol=1e-5)


def test_parameters_of_a_stored_ensemble(tmp_path):
    config = EnsembleConfig(hidden=(4, 4), networks=3, epochs=1, layers="all", bias=True)
    train_ensemble(config, tmp_path / "e.zarr", progress=False)
    ensemble = open_ensemble(tmp_path / "e.zarr")
    assert torch.equal(stored_parameters(ensemble, 0.0), initial_parameters(config, range(3)))
    last = stored_parameters(ensemble)
    objective = Objective.of_config(config)
    assert np.array_equal(last[1, objective.block("weight_1")].reshape(4, 4), ensemble.weight_1[1, -1])
    # the loss of the model is the stored one
    images = load_dataset("mnist-5k")
    inputs, targets = torch.from_numpy(normalise(images.test_inputs)), torch.tensor(images.test_labels)
    losses = [float(objective.loss(objective.model(p, inputs), targets)) for p in last]
    assert losses == pytest.approx(ensemble.test_loss[:, -1].values, rel=1e-4)
    with pytest.raises(ValueError, match=r"epoch must be one of the stored ones, 0 to 1, got 0\.5"):
        stored_parameters(ensemble, 0.5)
    with pytest.raises(ValueError, match="all layers"):
        stored_parameters(ensemble.drop_vars("weight_0"))


def test_outermost_eigenvalues_and_density():
    rng = np.random.default_rng(7)
    a = rng.normal(size=(200, 200))
    matrix = (a + a.T) / np.sqrt(400) + 4 * np.outer(v := np.ones(200) / np.sqrt(200), v)
    exact = np.linalg.eigvalsh(matrix)
    values, vectors = largest_eigenvalues(lambda x: matrix @ x, 200, 3)
    assert np.allclose(values, exact[-3:])
    assert np.allclose(matrix @ vectors, vectors * values)
    assert np.allclose(largest_eigenvalues(lambda x: matrix @ x, 200, 2, which="SA")[0], exact[:2])
    nodes, weights = lanczos_quadrature(lambda x: matrix @ x, 200, steps=40, vectors=60)
    assert weights.sum() == pytest.approx(1)
    for power in (1, 2, 4):
        moments = (weights * nodes**power).sum(axis=1) * 60
        assert moments.mean() == pytest.approx((exact**power).mean(), abs=4 * moments.std() / np.sqrt(60) + 1e-9)


def test_lanczos_that_does_not_converge_is_told(monkeypatch):
    values = np.linspace(0, 1, 500)
    monkeypatch.setattr(spectrum, "eigsh", partial(eigsh, maxiter=1))
    with pytest.raises(ArithmeticError, match=r"Lanczos found \d of 5 eigenvalues: ask for fewer"):
        largest_eigenvalues(lambda x: values * x, 500, 5)


def test_an_invariant_subspace_ends_lanczos():
    nodes, weights = lanczos_quadrature(lambda x: 3 * x, 20, steps=10, vectors=2)
    assert np.allclose(nodes, 3)
    assert weights.sum() == pytest.approx(1)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: largest_eigenvalues(lambda x: x, 5, 5), ValueError, "count must be at least 1 and below the size 5"),
        (lambda: largest_eigenvalues(lambda x: x * np.nan, 5, 1), ValueError, "product must be finite"),
        (lambda: largest_eigenvalues(lambda x: np.roll(x, 1), 50, 1), ValueError, "symmetric operator"),
        (lambda: lanczos_quadrature(lambda x: x, 5, steps=0), ValueError, "steps and vectors"),
        (lambda: Objective.of_config(TINY).block("weight_9"), ValueError, "block must be one of weight_0, bias_0"),
        (lambda: Objective.of_config(TINY).checked(torch.ones(5)), ValueError, r"parameters must be \(\d+,\)"),
        (
            lambda: hessian_product(
                Objective.of_config(TINY), initial_parameters(TINY, [0]), *batch(2), torch.ones(2, 3)
            ),
            ValueError,
            "vectors must have the shape of the parameters",
        ),
    ],
)
def test_refusals(call, error, message):
    with pytest.raises(error, match=message):
        call()


@pytest.mark.parametrize("factor", [7, 14])
def test_a_pooled_hessian_is_the_whole_one_on_weights_that_are_equal_on_squares(factor):
    config = EnsembleConfig(hidden=(2, 2), activation="tanh", bias=True, seed=3)
    inputs, targets = batch(10)
    parameters = initial_parameters(config, [0])[0].double()
    pooled = pooled_objective(config, parameters, factor)
    found = dense_matrix(pooled, torch.zeros(pooled.size, dtype=torch.float64), inputs.double(), targets)
    objective = Objective.of_config(config)
    side = 28 // factor
    square = np.kron(np.eye(side), np.ones((factor, 1)) / factor**0.5)  # of one axis: (28, side)
    first = np.kron(np.eye(2), np.kron(square, square))
    onto = np.zeros((objective.size, pooled.size))
    onto[: first.shape[0], : first.shape[1]] = first
    onto[first.shape[0] :, first.shape[1] :] = np.eye(pooled.size - first.shape[1])
    whole = dense_matrix(objective, parameters, inputs.double(), targets)
    np.testing.assert_allclose(found, onto.T @ whole @ onto, atol=1e-12)


def test_squares_that_do_not_fit_are_refused():
    config = EnsembleConfig(hidden=(2, 2))
    objective = Objective.of_config(config)
    with pytest.raises(ValueError, match="factor must divide the sides of an image, 28 and 28, got 5"):
        pooled_objective(config, torch.zeros(objective.size), 5)
    with pytest.raises(ValueError, match="parameters must be those of one network"):
        pooled_objective(config, torch.zeros(2, objective.size), 4)
