"""Ways to damage a sound file or folder: by chance, as disks and networks do, and on purpose."""

from __future__ import annotations

import io
import json
import os
import pickle
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.random import Generator

Damage = Callable[[Generator, Path, str], str]
"""Damages what is at the path; the text is a path that code in it would make a folder at. Returns what was done."""

_METADATA = ("zarr.json", ".zarray", ".zgroup", ".zattrs", ".zmetadata")


class Runs:
    """Unpickled, makes a folder."""

    def __init__(self, canary: str) -> None:
        self.canary = canary

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (self.canary,)


def target(rng: Generator, path: Path) -> Path:
    """The file itself, or one in the folder: half of the time one with metadata."""
    if not path.is_dir():
        return path
    files = sorted(file for file in path.rglob("*") if file.is_file())
    metadata = [file for file in files if _is_json(file)]
    chosen = metadata if metadata and rng.random() < 0.5 else files
    return chosen[rng.integers(len(chosen))]


def _is_json(file: Path) -> bool:
    return file.name in _METADATA or file.suffix in (".json", ".done") or file.name == "done"


# --- bytes, whatever they mean


def _truncated(rng: Generator, content: bytes) -> bytes:
    return content[: rng.integers(len(content))]


def _flipped(rng: Generator, content: bytes) -> bytes:
    found = bytearray(content)
    for place in rng.integers(len(found), size=rng.integers(1, 9)):
        found[place] ^= 1 << rng.integers(8)
    return bytes(found)


def _flipped_at_the_edges(rng: Generator, content: bytes) -> bytes:
    """Where headers and directories stand."""
    found = bytearray(content)
    for place in rng.integers(-min(200, len(found)), min(200, len(found)), size=3):
        found[place] = rng.integers(256)
    return bytes(found)


def _cut_out(rng: Generator, content: bytes) -> bytes:
    first, last = np.sort(rng.integers(len(content), size=2))
    return content[:first] + content[last:]


def _zeroed(rng: Generator, content: bytes) -> bytes:
    first, last = np.sort(rng.integers(len(content), size=2))
    return content[:first] + bytes(int(last - first)) + content[last:]


def _swapped(rng: Generator, content: bytes) -> bytes:
    place = rng.integers(len(content))
    return content[place:] + content[:place]


def _prolonged(rng: Generator, content: bytes) -> bytes:
    return content + rng.bytes(int(rng.integers(1, 2000)))


def _inflated(rng: Generator, content: bytes) -> bytes:
    """A number of four or eight bytes becomes the largest, or large."""
    width = int(rng.choice([4, 8]))
    place = int(rng.integers(max(1, min(len(content), 400) - width)))
    number = int(rng.choice([2**31 - 1, 2**32 - 1, 10**9, 2**24])) if width == 4 else int(rng.choice([2**62, 10**15]))
    return content[:place] + number.to_bytes(width, "little") + content[place + width :]


def _of_bytes(change: Callable[[Generator, bytes], bytes]) -> Damage:
    def damage(rng: Generator, path: Path, canary: str) -> str:
        file = target(rng, path)
        content = file.read_bytes()
        file.write_bytes(change(rng, content) if content else b"\0")
        return f"{change.__name__.strip('_')}: {file.name}"

    return damage


OF_BYTES = tuple(
    map(
        _of_bytes,
        (_truncated, _flipped, _flipped_at_the_edges, _cut_out, _zeroed, _swapped, _prolonged, _inflated),
    )
)


# --- files, whatever is in them


def _emptied(rng: Generator, path: Path, canary: str) -> str:
    file = target(rng, path)
    file.write_bytes(b"")
    return f"emptied: {file.name}"


def _deleted(rng: Generator, path: Path, canary: str) -> str:
    file = target(rng, path)
    file.unlink()
    return f"deleted: {file.name}"


def _replaced(rng: Generator, path: Path, canary: str) -> str:
    """By what is no regular file, or by other content."""
    file = target(rng, path)
    other = path.parent / "elsewhere"
    kind = str(rng.choice(["pipe", "folder", "link to itself", "pickle", "noise", "nothing known", "link to another"]))
    if kind == "link to another":
        file.rename(other)
        file.symlink_to(other)
        return f"moved away and linked: {file.name}"
    file.unlink()
    if kind == "pipe":
        os.mkfifo(file)
    elif kind == "folder":
        file.mkdir()
    elif kind == "link to itself":
        file.symlink_to(file)
    else:
        contents = {
            "pickle": pickle.dumps(Runs(canary), protocol=int(rng.integers(2, 6))),
            "noise": rng.bytes(int(rng.integers(1, 5000))),
            "nothing known": b"import os\nos.mkdir(%r)\n" % canary,
        }
        file.write_bytes(contents[kind])
    return f"replaced by a {kind}: {file.name}"


OF_FILES: tuple[Damage, ...] = (_emptied, _deleted, _replaced)


def _folder_deleted(rng: Generator, path: Path, canary: str) -> str:
    folders = sorted(folder for folder in path.rglob("*") if folder.is_dir()) or [path]
    folder = folders[rng.integers(len(folders))]
    shutil.rmtree(folder)
    return f"folder deleted: {folder.name}"


def _exchanged(rng: Generator, path: Path, canary: str) -> str:
    """Two files in each other's place."""
    one, other = target(rng, path), target(rng, path)
    first, second = one.read_bytes(), other.read_bytes()
    one.write_bytes(second)
    other.write_bytes(first)
    return f"exchanged: {one.relative_to(path)} and {other.relative_to(path)}"


OF_FOLDERS: tuple[Damage, ...] = (_folder_deleted, _exchanged)


# --- JSON


def _planted(rng: Generator, canary: str) -> Any:
    code = f"__import__('os').mkdir({canary!r})"
    values: list[Any] = [
        None, True, [], {}, "", 0, -1, 1, 1.5, 10**6, 2**31, 2**63, 10**30, 1e308, float("nan"), float("-inf"),
        "x" * 10**5, "\x1b[31m", "<script>", "=1+1", "pickle", "numcodecs.pickle", "|O", "object", code,
        {"id": "pickle"}, [{"id": "pickle"}], [{"name": "numcodecs.pickle"}], [[[[]]]], [0] * 1000, [10**9] * 3,
        [2] * 40, "9" * 5000,
    ]  # fmt: skip
    return values[rng.integers(len(values))]


def _places(content: Any) -> list[tuple[Any, Any]]:
    """(container, key) of every value."""
    found: list[tuple[Any, Any]] = []
    pairs = content.items() if isinstance(content, dict) else enumerate(content) if isinstance(content, list) else ()
    for key, value in pairs:
        found.append((content, key))
        found += _places(value)
    return found


def mutated(rng: Generator, content: Any, canary: str) -> Any:
    """JSON with some values replaced, taken away, renamed or multiplied; the argument changes too."""
    for _ in range(rng.integers(1, 4)):
        places = _places(content)
        if not places:
            return _planted(rng, canary)
        container, key = places[rng.integers(len(places))]
        value, how = container[key], rng.random()
        if isinstance(value, str) and value.startswith("{") and how < 0.9:  # JSON in JSON
            container[key] = json.dumps(mutated(rng, json.loads(value), canary))
            continue
        if how < 0.2:
            del container[key]
        elif how < 0.3 and isinstance(container, dict):
            container[str(_planted(rng, canary))[:1000]] = container.pop(key)
        elif how < 0.5 and isinstance(value, int | float) and not isinstance(value, bool):
            container[key] = value * 10 ** int(rng.integers(1, 20))
        elif how < 0.6 and isinstance(value, list | str):
            container[key] = value * 10 ** int(rng.integers(1, 6)) if len(value) < 100 else value * 2
        else:
            container[key] = _planted(rng, canary)
    return content


def _json_text(rng: Generator, content: Any) -> bytes:
    text = json.dumps(content)
    how = rng.random()
    if how < 0.1:
        return ('{"a":' * 10**5).encode()
    if how < 0.15:
        return b"[" * 10**5 + b"]" * 10**5
    if how < 0.2:
        return text.encode("utf-16")
    if how < 0.25:
        return text.replace("a", "\\u0061").encode()
    return text.encode()


def json_file(rng: Generator, path: Path) -> Path | None:
    """The file, or one of JSON in the folder."""
    if not path.is_dir():
        return path
    files = sorted(file for file in path.rglob("*") if file.is_file() and _is_json(file))
    return files[rng.integers(len(files))] if files else None


def _json(rng: Generator, path: Path, canary: str) -> str:
    file = json_file(rng, path)
    assert file is not None
    file.write_bytes(_json_text(rng, mutated(rng, json.loads(file.read_bytes()), canary)))
    return f"JSON: {file.name}"


OF_JSON: tuple[Damage, ...] = (_json, _json, _json, _json)


def _forged(rng: Generator, path: Path, canary: str) -> str:
    """JSON of an ensemble, with its own checksum and the one that the skeleton has of it made anew."""
    from pigmm.training.store.layout import RECORD, checksum, sealed, unsealed

    store = path if (path / "zarr.json").exists() else path / "ensemble.zarr"
    record = store / RECORD
    file = json_file(rng, path)
    assert file is not None
    content = json.loads(file.read_bytes())
    is_sealed = isinstance(content, dict) and "checksum" in content
    if is_sealed:
        content.pop("checksum")
    content = mutated(rng, content, canary)
    file.write_bytes(sealed(content) if is_sealed and isinstance(content, dict) else _json_text(rng, content))
    if file != record and file.name in _METADATA:
        sound = unsealed(json.loads(record.read_bytes()))
        sums = {**sound["files"], file.relative_to(store).as_posix(): checksum(file.read_bytes())}
        record.write_bytes(sealed({**sound, "files": sums}))
    return f"forged: {file.name}"


def _forged_configuration(rng: Generator, path: Path, canary: str) -> str:
    """Another configuration, wherever a RUN has it, and checksums that fit."""
    from pigmm.training.store.layout import RECORD, checksum, sealed, unsealed

    metadata, record = path / "ensemble.zarr" / "zarr.json", path / "ensemble.zarr" / RECORD
    config = json.loads((path / "config.json").read_bytes())
    name = str(rng.choice([name for name, value in config.items() if not isinstance(value, str)]))
    changed = mutated(rng, {name: config[name]}, canary)
    config[name] = changed[name] if isinstance(changed, dict) and name in changed else 10**6
    text = json.dumps(config)
    (path / "config.json").write_text(text)
    content = json.loads(metadata.read_bytes())
    content["attributes"]["configuration"] = text
    metadata.write_text(json.dumps(content))
    sound = unsealed(json.loads(record.read_bytes()))
    sums = {**sound["files"], "zarr.json": checksum(metadata.read_bytes())}
    record.write_bytes(sealed({**sound, "configuration": config, "files": sums}))
    return f"forged configuration: {name}"


FORGED: tuple[Damage, ...] = (_forged,) * 4 + (_forged_configuration,) * 4


# --- .npy


def npy(header: str, entries: bytes, version: tuple[int, int] = (1, 0), declared: int | None = None) -> bytes:
    """A file of numpy's with any header."""
    width = 2 if version == (1, 0) else 4
    text = header.encode("latin1", "replace")
    length = (len(text) if declared is None else declared).to_bytes(width, "little")
    return b"\x93NUMPY" + bytes(version) + length + text + entries


def _npy_content(rng: Generator, canary: str) -> bytes:
    kinds = [
        "<f8", "<f8", "<f8", "|O", "O", "<V8", "<U10", "<m8[ns]", "<c16", "|b1", "<f2", "<f16", "pickle",
        "[('a','<f8')]", "", "<i8", "|S0", "<f8,<f8", "(1000000,)<f8",
    ]  # fmt: skip
    shapes = [
        "(6, 4, 4)", "()", "(4,)", "(0, 4, 4)", "(-1, 4, 4)", "(4.0, 4)", "(100000000000000000000, 4, 4)",
        "(1000000, 1000, 1000)", "(2147483647, 2, 2)", "None", "'abc'", "(True, 4, 4)", "(" * 200 + ")" * 200,
        "(" * 5000 + ")" * 5000, f"__import__('os').mkdir({canary!r})", "(2,)" * 3, "(1,) * 5", "(" + "1," * 70 + ")",
        "{}", "(4, 4, 4, 4)", "(2**62, 2**62)", "(0, 10**15)", "(0, 1000000000000, 1000000000000)",
    ]  # fmt: skip
    kind, shape = kinds[rng.integers(len(kinds))], shapes[rng.integers(len(shapes))]
    descr = kind if kind.startswith("[") else repr(kind)
    header = f"{{'descr': {descr}, 'fortran_order': {rng.choice(['False', 'True', '3', 'None'])}, 'shape': {shape}, }}"
    if rng.random() < 0.15:
        header = "(" * 9000 if rng.random() < 0.5 else header[: rng.integers(len(header))] + "\n\0'\"\\"
    entries = pickle.dumps(Runs(canary)) if "O" in kind else rng.bytes(int(rng.choice([0, 768, 800])))
    version = [(1, 0), (1, 0), (2, 0), (3, 0), (9, 9)][rng.integers(5)]
    declared = None if rng.random() < 0.8 else int(rng.choice([0, 1, 65535]))
    return npy(header + "\n", entries, version, declared)


def _npy(rng: Generator, path: Path, canary: str) -> str:
    path.write_bytes(_npy_content(rng, canary))
    return "header of .npy"


def _npy_of_objects(rng: Generator, path: Path, canary: str) -> str:
    np.save(path, np.array([Runs(canary)] * 3, dtype=object), allow_pickle=True)
    return "objects in .npy"


OF_NPY: tuple[Damage, ...] = (_npy, _npy, _npy, _npy, _npy_of_objects, _emptied, _deleted, _replaced)


# --- zip archives


def _rezipped(path: Path, members: list[tuple[str, bytes]], method: int = zipfile.ZIP_STORED) -> None:
    import warnings

    with warnings.catch_warnings(), zipfile.ZipFile(path, "w", method) as archive:
        warnings.simplefilter("ignore")  # of names that stand twice
        for name, content in members:
            archive.writestr(name, content)


def _members(path: Path) -> list[tuple[str, bytes]]:
    with zipfile.ZipFile(path) as archive:
        return [(name, archive.read(name)) for name in archive.namelist()]


def _member_damaged(rng: Generator, path: Path, canary: str) -> str:
    """Behind a checksum that fits, and under any method of compression."""
    members = _members(path)
    chosen = int(rng.integers(len(members)))
    name, content = members[chosen]
    changes = (_truncated, _flipped, _flipped_at_the_edges, _cut_out, _zeroed, _inflated, _prolonged)
    change = changes[rng.integers(len(changes))]
    members[chosen] = name, change(rng, content) if content else b"\0"
    methods = [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]
    _rezipped(path, members, methods[rng.integers(4)])
    return f"member {change.__name__.strip('_')}: {name}"


def _member_replaced(rng: Generator, path: Path, canary: str) -> str:
    members = _members(path)
    chosen = int(rng.integers(len(members)))
    name = members[chosen][0]
    contents = [b"", rng.bytes(100), pickle.dumps(Runs(canary), 2), b"\x80\x02" + b"]" * 10**5 + b".", bytes(10**6)]
    members[chosen] = name, contents[rng.integers(len(contents))]
    _rezipped(path, members)
    return f"member replaced: {name}"


def _members_renamed(rng: Generator, path: Path, canary: str) -> str:
    members = _members(path)
    chosen = int(rng.integers(len(members)))
    names = [
        "../../outside.npy",
        "/absolute",
        "\x1b[31mred",
        "=1+1.npy",
        ".npy",
        "a" * 60000,
        members[0][0],
        "a/b/c.npy",
    ]
    name = names[rng.integers(len(names))]
    members[chosen] = name, members[chosen][1]
    if rng.random() < 0.3:
        members = members * 2
    _rezipped(path, members)
    return f"member renamed: {name[:20]!r}"


def _bomb(rng: Generator, path: Path, canary: str) -> str:
    """A member that unpacks to 120 MB from some kB."""
    members = _members(path)
    chosen = int(rng.integers(len(members)))
    method = [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2][rng.integers(2)]
    with zipfile.ZipFile(path, "w", method, compresslevel=1) as archive:
        for number, (name, content) in enumerate(members):
            with archive.open(name, "w") as file:
                file.write(content)
                for _ in range(120 if number == chosen else 0):
                    file.write(bytes(10**6))
    return f"bomb: {members[chosen][0]}"


def _directory_changed(rng: Generator, path: Path, canary: str) -> str:
    """Encryption, method, sizes, as the local header or the central directory declares them."""
    content = bytearray(path.read_bytes())
    signature = [b"PK\x01\x02", b"PK\x03\x04"][rng.integers(2)]
    places = [place for place in range(len(content)) if content[place : place + 4] == signature]
    place = places[rng.integers(len(places))] + (8 if signature == b"PK\x01\x02" else 6)
    what = str(rng.choice(["encrypted", "method", "checksum", "size", "compressed size"]))
    if what == "encrypted":
        content[place] |= 1
    elif what == "method":
        content[place + 2 : place + 4] = int(rng.choice([1, 6, 8, 9, 12, 14, 93, 95, 99])).to_bytes(2, "little")
    else:
        begin = place + {"checksum": 8, "compressed size": 12, "size": 16}[what]
        content[begin : begin + 4] = int(rng.choice([0, 1, 10**6, 2**31 - 1, 2**32 - 1])).to_bytes(4, "little")
    path.write_bytes(content)
    return f"directory of the archive: {what}"


OF_ARCHIVES: tuple[Damage, ...] = (_member_damaged, _member_replaced, _members_renamed, _directory_changed)


def _npz_member(rng: Generator, path: Path, canary: str) -> str:
    _rezipped(path, [("a.npy", _npy_content(rng, canary))], [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED][rng.integers(2)])
    return "header of a member"


OF_NPZ: tuple[Damage, ...] = (_npz_member, _npz_member, _npz_member, _bomb)


# --- safetensors


def _safetensors(rng: Generator, path: Path, canary: str) -> str:
    content = path.read_bytes()
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    kinds = ["F8_E4M3", "F8_E5M2", "BF16", "F4", "C64", "BOOL", "U64", "F64", "F6_E2M3"]
    if rng.random() < 0.3:
        tensor = header[["a", "b"][rng.integers(2)]]
        tensor["dtype"] = kinds[rng.integers(len(kinds))]
        size = {"F8_E4M3": 1, "F8_E5M2": 1, "BF16": 2, "BOOL": 1}.get(tensor["dtype"], 8)
        first, last = tensor["data_offsets"]
        tensor["shape"] = [(last - first) // size]
        text = json.dumps(header).encode()
    else:
        text = _json_text(rng, mutated(rng, header, canary))
    sizes = (0, 1, 2**40, 2**63, 2**64 - 1)
    declared = len(text) if rng.random() < 0.9 else sizes[rng.integers(len(sizes))]
    path.write_bytes(declared.to_bytes(8, "little") + text + content[8 + length :])
    return "header of .safetensors"


OF_SAFETENSORS: tuple[Damage, ...] = (_safetensors, _emptied, _replaced)


# --- torch


def _tensors(rng: Generator, path: Path, canary: str) -> str:
    """What torch itself can write and cannot be matrices, or not without care."""
    import torch

    matrix = torch.arange(16.0).reshape(4, 4)
    nested: Any = matrix
    for _ in range(200):
        nested = {"a": nested}
    shared: Any = {"a": matrix}
    for _ in range(40):
        shared = {"a": shared, "b": shared}
    circular: dict[str, Any] = {"w": matrix}
    circular["again"] = circular
    made: dict[str, Callable[[], Any]] = {
        "sparse": lambda: matrix.to_sparse(),
        "sparse rows": lambda: matrix.to_sparse_csr(),
        "quantised": lambda: torch.quantize_per_tensor(matrix, 0.1, 0, torch.qint8),
        "meta": lambda: torch.empty(10**6, 10**6, device="meta"),
        "conjugate": lambda: torch.complex(matrix, matrix).conj(),
        "imaginary part": lambda: torch.complex(matrix, matrix).conj().imag,
        "expanded": lambda: torch.zeros(1).expand(10**6, 10**6),
        "strided": lambda: torch.zeros(10).as_strided((5, 5), (1, 1)),
        "transposed": lambda: matrix.T,
        "bfloat16": lambda: matrix.bfloat16(),
        "float8": lambda: matrix.to(torch.float8_e4m3fn),
        "no entries": lambda: torch.zeros(0, 10**6, 10**6),
        "gradient": lambda: matrix.clone().requires_grad_(),
        "parameter": lambda: torch.nn.Parameter(matrix),
        "circular": lambda: circular,
        "shared": lambda: shared,
        "nested": lambda: nested,
        "keys": lambda: {1: matrix, "\x1b[31m": matrix, "": matrix, (1, 2): matrix},
        "not finite": lambda: matrix / 0,
        "module": lambda: torch.nn.Linear(4, 4),
        "pickled": lambda: Runs(canary),
        "pickled in it": lambda: {"w": matrix, "hook": Runs(canary)},
        "many": lambda: {str(n): torch.zeros(1, 1) for n in range(1000)},
        "storage": lambda: matrix.untyped_storage(),
        "text": lambda: {"w": "x" * 10**6, "n": 10**30},
        "huge": lambda: torch.zeros(3000, 5000),
    }
    name = str(rng.choice(list(made)))
    old = rng.random() < 0.3
    try:
        torch.save({"w": made[name]()}, path, _use_new_zipfile_serialization=not old)
    except Exception as error:  # some of them the old format cannot hold
        path.write_bytes(b"\x80")
        return f"torch could not save {name} ({type(error).__name__})"
    return f"tensors: {name}{', old format' if old else ''}"


def _declared_sizes(rng: Generator, path: Path, canary: str) -> str:
    """Numbers in the pickle of an archive become larger."""
    members = _members(path)
    changed = []
    for name, content in members:
        if name.endswith("data.pkl"):
            places = [place for place in range(len(content) - 1) if content[place : place + 2] == b"K\x04"]
            place = places[rng.integers(len(places))] if places else 0
            number = int(rng.choice([0, 2**31 - 1, 10**6, 65536]))
            content = content[:place] + b"J" + number.to_bytes(4, "little") + content[place + 2 :]
        changed.append((name, content))
    _rezipped(path, changed)
    return "sizes in the pickle"


def _pickle(rng: Generator, path: Path, canary: str) -> str:
    """A pickle that calls something, where that of the checkpoint stands."""
    buffer = io.BytesIO()
    payload: Any = Runs(canary)
    for _ in range(rng.integers(0, 3)):
        payload = {"w": payload}
    pickle.Pickler(buffer, protocol=int(rng.integers(0, 6))).dump(payload)
    members = [(name, buffer.getvalue() if name.endswith(".pkl") else content) for name, content in _members(path)]
    _rezipped(path, members)
    return "pickle that calls os.mkdir"


OF_TORCH: tuple[Damage, ...] = (*(_tensors,) * 8, _declared_sizes, _declared_sizes, _pickle, _pickle, _bomb)


# --- zarr


def _unpickling(rng: Generator, path: Path, canary: str) -> str:
    """A chunk that is a pickle, and a codec that would unpickle it."""
    arrays = sorted(file for file in path.rglob("*") if file.name in (".zarray", "zarr.json"))
    file = arrays[rng.integers(len(arrays))]
    content = json.loads(file.read_bytes())
    name = str(rng.choice(["pickle", "numcodecs.pickle", "msgpack2", "json2", "vlen-utf8", "pick\\u006ce"]))
    if file.name == ".zarray":
        content |= [{"compressor": {"id": name}}, {"filters": [{"id": name}]}, {"dtype": "|O", "compressor": None}][
            rng.integers(3)
        ]
    else:
        content["codecs"] = [*content.get("codecs", []), {"name": name, "configuration": {}}]
    text = json.dumps(content).replace("\\\\u006ce", "\\u006ce")
    file.write_bytes(text.encode("utf-16" if rng.random() < 0.2 else "utf-8"))
    for chunk in file.parent.rglob("*"):
        if chunk.is_file() and chunk.name[:1].isdigit():
            chunk.write_bytes(pickle.dumps(Runs(canary)))
    return f"codec {name}: {file.relative_to(path)}"


OF_ZARR: tuple[Damage, ...] = (_unpickling, _unpickling)
