"""Vectors and blocks of both kinds against numpy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numba import njit
from numba.core.errors import TypingError

from pigmm import simd
from pigmm.simd import aligned_empty, aligned_zeros, lanes

KINDS = [np.float64, np.float32]


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.uint8])
@pytest.mark.parametrize("count", [1, 37])
def test_aligned_arrays_begin_a_cache_line(count: int, dtype: Any) -> None:
    for array in (aligned_empty(count, dtype), aligned_zeros(count, dtype)):
        assert array.ctypes.data % 64 == 0
        assert array.shape == (count,)
        assert array.dtype == dtype
    assert not array.any()


@pytest.mark.parametrize("dtype", KINDS)
def test_arithmetic(dtype: Any) -> None:
    @njit
    def apply(w: Any, out: Any) -> None:
        x, y, z = simd.load(w, 1), simd.load(w, 20), simd.broadcast(simd.at(w, 3))
        simd.store(out, 0, simd.add(x, y))
        simd.store(out, 16, simd.subtract(x, y))
        simd.store(out, 32, simd.multiply(x, y))
        simd.store(out, 48, simd.divide(x, y))
        simd.store(out, 64, simd.fma(x, y, z))
        simd.store(out, 80, simd.absolute(x))
        simd.store(out, 96, simd.where_greater(x, y, y, z))
        simd.stream(out, 112, x)
        simd.prefetch(w, 40)
        simd.put(out, 128, simd.at(w, 2))

    w, out = aligned_empty(48, dtype), aligned_zeros(129, dtype)
    w[:] = np.random.default_rng(0).choice([-9, -4, -2, -1, 1, 2, 4, 8], len(w))  # whole numbers: exact
    apply(w, out)
    width = lanes(dtype)
    x, y, z = w[1 : 1 + width], w[20 : 20 + width], w[3]
    expected = x + y, x - y, x * y, x / y, x * y + z, np.abs(x), np.where(x > y, y, z), x
    for k, values in enumerate(expected):
        np.testing.assert_array_equal(out[16 * k : 16 * k + width], values)
    assert out[128] == w[2]


def test_an_address_stands_for_float64_and_bytes_become_float32() -> None:
    @njit
    def apply(address: Any, pixels: Any, doubles: Any, singles: Any) -> None:
        simd.store(doubles, 0, simd.load(address, 8))
        simd.store(singles, 0, simd.load(pixels, 16))

    numbers, pixels = aligned_empty(16), aligned_empty(32, np.uint8)
    numbers[:], pixels[:] = np.arange(16), np.arange(224, 256)
    doubles, singles = aligned_zeros(8), aligned_zeros(16, np.float32)
    apply(numbers.ctypes.data, pixels, doubles, singles)
    np.testing.assert_array_equal(doubles, numbers[8:])
    np.testing.assert_array_equal(singles, pixels[16:])


def test_two_kinds_do_not_mix() -> None:
    @njit
    def mixed(x: Any, y: Any) -> None:
        simd.store(x, 0, simd.add(simd.load(x, 0), simd.load(y, 0)))

    with pytest.raises(TypingError):
        mixed(aligned_zeros(8), aligned_zeros(16, np.float32))


def test_inverses_to_two_units_in_the_last_place() -> None:
    @njit
    def apply(x: Any, inverses: Any, roots: Any) -> None:
        for place in range(0, len(x), 16):
            vector = simd.load(x, place)
            simd.store(inverses, place, simd.inverse(vector))
            simd.store(roots, place, simd.inverse_root(vector))

    x, inverses, roots = (aligned_zeros(64_000, np.float32) for _ in range(3))
    x[:] = np.geomspace(1e-30, 1e30, len(x))
    apply(x, inverses, roots)
    for result, power in ((inverses, -1.0), (roots, -0.5)):
        exact = x.astype(np.float64) ** power
        assert (np.abs(result - exact) / exact).max() < 2 * 2**-23


@pytest.mark.parametrize(
    ("dtype", "size", "entries"),
    [(np.float32, *sizes) for sizes in [(16, 16), (16, 10), (10, 16), (8, 16), (1, 3)]]
    + [(np.float64, *sizes) for sizes in [(8, 8), (8, 5), (3, 8)]],
)
def test_transposed_blocks(dtype: Any, size: int, entries: int) -> None:
    width = lanes(dtype)

    @njit
    def apply(rows: Any, columns: Any, x: Any, y: Any) -> None:
        simd.store_block(y, 0, width, simd.transposed(simd.load_block(rows, x, 0, width), columns))

    x, y = aligned_zeros(width**2, dtype), aligned_zeros(width**2, dtype)
    x[:] = np.arange(width**2)
    apply((0,) * size, (0,) * entries, x, y)
    block = x.reshape(width, width)[:size].T[:entries]
    np.testing.assert_array_equal(y.reshape(width, width)[:entries, :size], block)
    assert not y.reshape(width, width)[:entries, size:].any()


@pytest.mark.parametrize("dtype", KINDS)
def test_transposed_squares_between_any_places(dtype: Any) -> None:
    @njit
    def apply(x: Any, y: Any) -> None:
        simd.transpose(x, 3, 21, y, 5, 17)

    width = lanes(dtype)
    x, y = aligned_zeros(400, dtype), aligned_zeros(400, dtype)
    x[:] = np.arange(len(x))
    apply(x, y)
    rows, columns = np.mgrid[:width, :width]
    np.testing.assert_array_equal(y[5 + 17 * columns + rows], x[3 + 21 * rows + columns])
    assert np.count_nonzero(y) == width**2


@pytest.mark.parametrize(
    ("dtype", "size"), [(np.float32, size) for size in (1, 3, 4, 8, 10, 12, 16)] + [(np.float64, s) for s in (1, 3, 8)]
)
def test_blocks_of_vectors(dtype: Any, size: int) -> None:
    width = lanes(dtype)

    @njit
    def apply(tile: Any, x: Any, y: Any, places: Any, out: Any) -> None:
        vector, nothing = simd.load(x, 0), simd.zeros(tile, dtype)
        simd.store(out, 0, simd.sums(simd.add_products(nothing, vector, y, 0, width)))
        simd.store_block(out, 16, width, simd.add_multiples(nothing, vector, y, 0, 3))
        rows = simd.add_rows(simd.load_block(tile, y, 0, width), y, 1, width)
        simd.store_block(out, 272, width, simd.add_row_products(rows, y, 0, width, 2, 5))
        simd.store_block(out, 528, width, simd.add_pair_products(nothing, y, places, 1, 4))

    rng = np.random.default_rng(size)
    x, y, out = aligned_zeros(16, dtype), aligned_zeros(300, dtype), aligned_zeros(784, dtype)
    x[:], y[:] = (rng.integers(-9, 9, array.size) for array in (x, y))  # whole numbers: exact
    places = rng.integers(0, 200, 2 * size + 1)
    apply((0,) * size, x, y, places, out)

    def rows(first: int, stride: int) -> Any:
        return np.array([y[first + k * stride :][:width] for k in range(size)])

    def block(first: int) -> Any:
        return out[first : first + size * width].reshape(size, width)

    np.testing.assert_array_equal(out[:size], rows(0, width) @ x[:width])
    assert not out[size:width].any()
    np.testing.assert_array_equal(block(16), np.outer(y[: 3 * size : 3], x[:width]))
    np.testing.assert_array_equal(block(272), rows(0, width) + rows(1, width) + rows(0, width) * rows(2, 5))
    pairs = places[1:].reshape(size, 2)
    np.testing.assert_array_equal(block(528), [y[a + 4 :][:width] * y[b + 4 :][:width] for a, b in pairs])
