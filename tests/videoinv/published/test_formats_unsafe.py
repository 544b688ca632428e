"""Files that are no checkpoints, damaged ones, and pickles that would run code: all refused."""

import io
import os
import pickle
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import torch

from videoinv.errors import CheckpointError, UnsafePickleError
from videoinv.published.load import load_model

from ...parity import official, published, synth

SMALL = published.SMALL


class Calls:
    """Pickles as a call of any function."""

    def __init__(self, function: object, *arguments: object) -> None:
        self.call = (function, arguments)

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return self.call


@pytest.fixture
def marker(tmp_path: Path) -> Path:
    """The file that appears if any of the pickles below runs its code."""
    path = tmp_path / "executed"
    yield path
    assert not path.exists()


def attack(marker: Path, kind: str) -> object:
    command = f"touch {marker}"
    match kind:
        case "os.system":
            return Calls(os.system, command)
        case "subprocess":
            return Calls(subprocess.call, ["touch", str(marker)])
        case "exec":
            return Calls(exec, f"open({str(marker)!r}, 'w')")
        case "getattr":
            return Calls(getattr, Calls(__import__, "os"), "system")
        case _:
            return Calls(torch.load, Calls(io.BytesIO, pickle.dumps(Calls(os.system, command))))


ATTACKS = {
    "os.system": r"(posix|nt)\.system",
    "subprocess": r"(subprocess|commands)\.call",
    "exec": r"(builtins|__builtin__)\.exec",
    "getattr": r"(builtins|__builtin__)\.(getattr|__import__)",
    "nested load": r"torch\.(serialization\.)?load|_?io\.BytesIO",
}


@pytest.mark.parametrize("kind", ATTACKS)
@pytest.mark.parametrize("where", ["top", "opts", "state_dict"])
@pytest.mark.parametrize("archive", ["zip", "legacy"])
def test_torch_archives(tmp_path: Path, marker: Path, kind: str, where: str, archive: str) -> None:
    bad = attack(marker, kind)
    state = synth.state_dict(published.w_encoder(SMALL))
    content = {
        "top": bad,
        "opts": {"state_dict": state, "opts": {"nested": [{"deep": bad}]}},
        "state_dict": {"state_dict": {**state, "encoder.linear.weight": bad}},
    }[where]
    path = tmp_path / "m.pt"
    torch.save(content, path, _use_new_zipfile_serialization=archive == "zip")
    with pytest.raises(UnsafePickleError, match=f"{ATTACKS[kind]}.*refused, nothing was run"):
        load_model(path, device="cpu")


@pytest.mark.parametrize("kind", ATTACKS)
@pytest.mark.parametrize("protocol", [2, 4, 5])
def test_plain_pickles(tmp_path: Path, marker: Path, kind: str, protocol: int) -> None:
    path = tmp_path / "g.pkl"
    path.write_bytes(pickle.dumps({"G_ema": [attack(marker, kind)]}, protocol))
    with pytest.raises(UnsafePickleError, match=f"{ATTACKS[kind]}.*nothing was run"):
        load_model(path, device="cpu")


def test_a_pickle_of_instructions_in_text_is_no_checkpoint(tmp_path: Path, marker: Path) -> None:
    path = tmp_path / "g.pkl"
    path.write_bytes(f"cos\nsystem\n(S'touch {marker}'\ntR.".encode())
    with pytest.raises(CheckpointError, match="no checkpoint: it starts with"):
        load_model(path, device="cpu")


def test_the_source_in_an_nvlabs_pickle_is_not_run(tmp_path: Path, marker: Path) -> None:
    weights = synth.state_dict(published.nvlabs(SMALL, ""))
    source = f"open({str(marker)!r}, 'w')"
    path = official.save_nvlabs(tmp_path / "g.pkl", weights, source)
    before = set(sys.modules)
    model = load_model(path, device="cpu")
    assert torch.equal(model.generator.mean_codes[0], weights["mapping.w_avg"])
    assert not {
        name for name in set(sys.modules) - before if name.startswith(("dnnlib", "torch_u"))
    }


def test_bytes_of_a_storage_are_read_as_safely(tmp_path: Path, marker: Path) -> None:
    """NVlabs' tensors are archives inside the pickle: a second door."""
    buffer = io.BytesIO()
    torch.save(attack(marker, "os.system"), buffer, _use_new_zipfile_serialization=False)
    path = tmp_path / "g.pkl"
    storage = Calls(torch.storage._load_from_bytes, buffer.getvalue())
    path.write_bytes(pickle.dumps({"G_ema": storage}))
    with pytest.raises(CheckpointError):
        load_model(path, device="cpu")


def test_a_pickle_cannot_change_what_it_was_given(tmp_path: Path) -> None:
    """BUILD sets attributes; the next file must not see them."""
    path = tmp_path / "g.pkl"
    state = b"}\x8c\x08__call__\x8c\x01xs"
    given = b"\x8c\x0btorch._utils\x8c\x12_rebuild_tensor_v2\x93"
    path.write_bytes(b"\x80\x04" + given + b"N" + state + b"\x86b.")
    with pytest.raises(CheckpointError):
        load_model(path, device="cpu")
    assert "x" not in vars(torch._utils._rebuild_tensor_v2).values()


@pytest.mark.parametrize("name", ["../../evil.py", "/etc/cron.d/evil", "m/..\\..\\evil"])
def test_archives_that_reach_outside_themselves(tmp_path: Path, name: str) -> None:
    path = tmp_path / "m.pt"
    torch.save({"state_dict": {}}, path)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(name, "x")
    with pytest.raises(CheckpointError, match="outside itself"):
        load_model(path, device="cpu")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"<!DOCTYPE html><html><title>Google Drive - Quota exceeded</title>", "web page"),
        (b"\n  <HTML><body>Sign in</body></html>", "web page"),
        (b"Just a note.\n", "starts with b'Just a note"),
        (b"", "starts with b''"),
        (b"\x80\x04", "damaged"),
        (b"\x80\x04]\x94.", "without a network 'G_ema'"),
        (b"\x10\x00\x00\x00\x00\x00\x00\x00{broken", "damaged"),
    ],
    ids=["html", "login", "text", "empty", "cut pickle", "list pickle", "cut safetensors"],
)
def test_files_that_are_no_checkpoint(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "m.pt"
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match=message):
        load_model(path, device="cpu")


@pytest.mark.parametrize("kept", [0.2, 0.9, 0.999])
@pytest.mark.parametrize("zipped", [True, False])
def test_truncated_archives(tmp_path: Path, kept: float, zipped: bool) -> None:
    path = official.psp_family(tmp_path / "m.pt", "psp", SMALL)
    if not zipped:
        content = torch.load(path, weights_only=False)
        torch.save(content, path, _use_new_zipfile_serialization=False)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * kept)])
    with pytest.raises(CheckpointError, match=r"truncated|damaged"):
        load_model(path, device="cpu")


def test_a_zip_of_other_things_is_described(tmp_path: Path) -> None:
    path = tmp_path / "m.pt"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("model/restyle.pt", "x")
    with pytest.raises(CheckpointError, match=r"holds model/restyle\.pt"):
        load_model(path, device="cpu")


def test_a_program_is_refused(tmp_path: Path) -> None:
    torch.jit.script(torch.nn.Linear(2, 2)).save(tmp_path / "m.pt")
    with pytest.raises(UnsafePickleError, match="TorchScript program"):
        load_model(tmp_path / "m.pt", device="cpu")


def test_a_checkpoint_that_is_no_dictionary(tmp_path: Path) -> None:
    torch.save([torch.zeros(2)], tmp_path / "m.pt")
    with pytest.raises(CheckpointError, match="holds a list at its top"):
        load_model(tmp_path / "m.pt", device="cpu")


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="No such file"):
        load_model(tmp_path / "absent.pt")
