"""safetensors written by hand against the reference package, and bfloat16 against torch."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from safetensors import safe_open
from safetensors.numpy import load, save

from forepath.errors import RunCorruptError, RunError
from forepath.store import tensors

VALUES = arrays(np.float32, array_shapes(min_dims=1, max_dims=3, min_side=0, max_side=5), elements=st.floats(width=32))


@settings(deadline=None)
@given(VALUES)
def test_float32_comes_back_to_the_bit_and_as_the_package_reads_it(tmp_path_factory, x):
    path = tmp_path_factory.getbasetemp() / "x.safetensors"
    path.write_bytes(tensors.pack({"x": x, "other": np.ones(3)}, {"other": "float16"}))
    assert tensors.unpack(path, "x").tobytes() == x.tobytes() and tensors.unpack(path, "x").shape == x.shape
    assert load(path.read_bytes())["x"].tobytes() == x.tobytes()
    path.write_bytes(save({"x": x}))
    assert tensors.unpack(path, "x").tobytes() == x.tobytes()


@settings(deadline=None)
@given(VALUES)
def test_bfloat16_rounds_as_torch_does(tmp_path_factory, x):
    torch = pytest.importorskip("torch")
    path = tmp_path_factory.getbasetemp() / "b.safetensors"
    expected = torch.from_numpy(x).to(torch.bfloat16)
    if not np.array_equal(np.isinf(x), torch.isinf(expected).numpy()):  # rounds up to infinity
        with pytest.raises(RunError, match="do not fit bfloat16"):
            tensors.pack({"x": x}, {"x": "bfloat16"})
        return
    path.write_bytes(tensors.pack({"x": x}, {"x": "bfloat16"}))
    np.testing.assert_array_equal(tensors.unpack(path, "x"), expected.float().numpy())
    with safe_open(path, framework="pt") as file:
        assert file.get_tensor("x").dtype == torch.bfloat16
        np.testing.assert_array_equal(file.get_tensor("x").float().numpy(), expected.float().numpy())


def test_the_torch_oracle_catches_plain_cutting():
    torch = pytest.importorskip("torch")
    x = np.array([1.0 + 2**-8 + 2**-9], np.float32)
    cut = (x.view(np.uint32) & 0xFFFF0000).view(np.float32)
    assert cut != torch.from_numpy(x).to(torch.bfloat16).float().numpy()


def test_nan_and_infinity_stay_what_they_are(tmp_path):
    x = np.array([np.nan, -np.nan, np.inf, -np.inf, 0.0, -0.0], np.float32)
    for dtype in tensors.CODES:
        path = tmp_path / dtype
        path.write_bytes(tensors.pack({"x": x}, {"x": dtype}))
        np.testing.assert_array_equal(tensors.unpack(path, "x"), x)


def test_a_value_too_large_is_refused_not_made_infinite():
    for dtype, value in (("float16", 7e4), ("bfloat16", 3.4e38), ("float32", 1e39)):
        with pytest.raises(RunError, match=f"1 finite values do not fit {dtype}"):
            tensors.pack({"x": np.array([1.0, value])}, {"x": dtype})


@pytest.mark.parametrize("keep", [0, 4, 20, -1])
def test_a_torn_file_is_corrupt(tmp_path, keep):
    path = tmp_path / "x"
    path.write_bytes(tensors.pack({"x": np.ones((4, 4))}, {})[:keep])
    with pytest.raises(RunCorruptError, match="not readable safetensors"):
        tensors.unpack(path, "x")


def test_a_hostile_header_is_corrupt(tmp_path):
    path = tmp_path / "x"
    for header in (
        {"x": {"dtype": "F32", "shape": [10**6], "data_offsets": [0, 8]}},
        {"x": {"dtype": "U8", "shape": [8], "data_offsets": [0, 8]}},
        {"x": {"dtype": "F32", "shape": [2], "data_offsets": [0]}},
        {"x": {"dtype": "F32", "shape": [2], "data_offsets": [8, 0]}},
        {"x": [1]},
        [1],
    ):
        text = json.dumps(header).encode()
        path.write_bytes(len(text).to_bytes(8, "little") + text + bytes(8))
        with pytest.raises((RunCorruptError, RunError)):
            tensors.unpack(path, "x")
    path.write_bytes((2**63).to_bytes(8, "little") + bytes(8))
    with pytest.raises(RunCorruptError, match="longer than the file"):
        tensors.unpack(path, "x")
