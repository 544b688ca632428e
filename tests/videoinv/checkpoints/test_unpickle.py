import io
import os
import pickle
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra import numpy as arrays

from videoinv.checkpoints.unpickle import RestrictedUnpickler, load_numpy_pickle
from videoinv.errors import CheckpointError, UnsafePickleError


class Exploit:
    """Unpickling it creates a folder, when the unpickler lets it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self):
        return os.mkdir, (str(self.folder),)


@given(arrays.arrays(arrays.integer_dtypes() | arrays.floating_dtypes(), arrays.array_shapes()))
def test_arrays_survive(tmp_path_factory, array):
    path = tmp_path_factory.mktemp("pickles") / "array.pkl"
    path.write_bytes(pickle.dumps({"layer": OrderedDict(kernel=array)}, protocol=3))
    np.testing.assert_array_equal(load_numpy_pickle(path)["layer"]["kernel"], array)


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("wrap", [lambda x: x, lambda x: [1, {"a": (x,)}]], ids=["bare", "nested"])
def test_code_is_refused_by_name_and_not_run(tmp_path, protocol, wrap):
    path, folder = tmp_path / "evil.pkl", tmp_path / "made"
    path.write_bytes(pickle.dumps(wrap(Exploit(folder)), protocol))
    with pytest.raises(UnsafePickleError, match=r"mkdir"):
        load_numpy_pickle(path)
    assert not folder.exists()


def test_an_array_of_objects_cannot_smuggle_code(tmp_path):
    path, folder = tmp_path / "evil.pkl", tmp_path / "made"
    path.write_bytes(pickle.dumps(np.array([Exploit(folder)], dtype=object), protocol=3))
    with pytest.raises(UnsafePickleError):
        load_numpy_pickle(path)
    assert not folder.exists()


def test_a_frozen_dict_becomes_a_dict(tmp_path):
    pickled = b"\x80\x02cflax.core.frozen_dict\nFrozenDict\n}X\x01\x00\x00\x00aK\x01s\x85R."
    path = tmp_path / "frozen.pkl"
    path.write_bytes(pickled)
    assert load_numpy_pickle(path) == {"a": 1}


@pytest.mark.parametrize("content", [b"", b"hello", pickle.dumps(list(range(99)))[:-9]])
def test_a_damaged_pickle_is_a_checkpoint_error(tmp_path, content):
    path = tmp_path / "damaged.pkl"
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match="no pickle of numpy arrays, or a damaged one"):
        load_numpy_pickle(path)


def test_what_is_allowed_is_the_callers_choice():
    pickled = io.BytesIO(pickle.dumps(OrderedDict(a=1)))
    assert RestrictedUnpickler(pickled, {("collections", "OrderedDict"): dict}).load() == {"a": 1}
    pickled.seek(0)
    with pytest.raises(UnsafePickleError, match=r"collections\.OrderedDict"):
        RestrictedUnpickler(pickled, {}).load()
