"""Trains the name screen of `anonymization/model/`: a small convolutional network that the taggers have taught.

    python training/train_name_screen.py --dialogues sample_internal_medicine.csv --jieba jieba/dict.txt

For each character it says how likely one of the two taggers would see a person there, so that only sentences that may
hold a name reach them. Text: as for the name gate (`train_name_gate.py`), and rows of words of jieba's dictionary (MIT)
and lines of forms with made-up addresses, employers and numbers, so that names are told by themselves and not by one
register alone. The labels are the planted names and what LAC or cutword find. Needs jax and onnx; draws with one seed.
"""

from __future__ import annotations

import argparse
import random
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from importlib import resources
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import onnx
from name_makers import NameMaker, listed_given_names
from onnx import TensorProto, helper, numpy_helper
from templates import COMPLAINTS, FORM_LINES
from train_name_gate import SEED, clinical, dialogues, filled, planted

from anonymization.divisions import divisions
from anonymization.model.tagger import tagger

TARGET = Path(__file__).parents[1] / "anonymization" / "model"
DILATIONS = (1, 2, 4)
GAP = sum(DILATIONS)
"""Characters on each side that a character's answer depends on; as many zeros stand between two sentences."""
EMBEDDED, WIDTH = 64, 96
_PIECE = 160
_SENTENCE = re.compile(r"[^。!?;\n]+[。!?;\n]?")
_PLACE_ENDS = ("花园", "公寓", "新村", "小区", "雅居", "苑", "家园", "大厦", "广场", "村", "里", "城")
_ROAD_ENDS = ("路", "街", "大道", "巷", "东路", "横街", "二街", "南路", "北街", "胡同", "弄")
_VILLAGE_ENDS = (
    "村",
    "子村",
    "沟村",
    "营村",
    "庄",
    "屯",
    "山",
    "沟",
    "家庄村",
    "村3组",
    "店村",
    "沿村",
    "门村",
    "桥村",
)
_FIRMS = (
    "有限公司",
    "股份有限公司",
    "小学",
    "中学",
    "食品厂",
    "物业管理有限公司",
    "制造厂",
    "商行",
    "医院",
    "派出所",
    "大学",
    "供电局",
)
Array = np.ndarray
Parameters = dict[str, Any]


class Example(NamedTuple):
    """A normalised text and the half-open spans of its names; `taught`: the taggers are asked for more."""

    text: str
    names: list[tuple[int, int]]
    taught: bool


class Words:
    """Words of jieba's dictionary, drawn by frequency: foreign names apart from those that are no names."""

    def __init__(self, dictionary: Path, draw: random.Random) -> None:
        rows = [line.split(" ") for line in dictionary.read_text(encoding="utf-8").splitlines()]
        plain = [(word, int(count)) for word, count, kind in rows if not kind.startswith("nr") and len(word) > 1]
        single = [(word, int(count)) for word, count, kind in rows if not kind.startswith("nr") and len(word) == 1]
        self._draw = draw
        self.foreign = [word for word, _, kind in rows if kind == "nrt" and len(word) > 2]
        self._words = [word for word, _ in (*plain, *single)]
        sums = np.cumsum([min(count, 5000) ** 0.6 for _, count in (*plain, *single)])
        self._sums = (sums / sums[-1]).tolist()

    def row(self, count: int) -> str:
        """Return some words in a row."""
        return "".join(self._draw.choices(self._words, cum_weights=self._sums, k=count))


class Places:
    """Made-up addresses, employers and numbers."""

    def __init__(self, maker: NameMaker, draw: random.Random) -> None:
        table = divisions()
        self._cities = sorted({name for name, _ in table.cities.values()} | set(table.cities))
        self._counties = sorted(table.counties)
        towns = resources.files("anonymization") / "data" / "towns.txt"
        self._towns = towns.read_text(encoding="utf-8").split()
        self._draw, self._maker = draw, maker

    def _named(self) -> str:
        return self._maker.given() + (self._maker.given() if self._draw.random() < 0.3 else "")

    def address(self) -> str:
        """Return an address or the tail of one, in a town or of a village."""
        draw = self._draw
        if draw.random() < 0.45:
            village = self._maker.surname() if draw.random() < 0.4 else draw.choice(("", "大", "老", "新", "上", "东"))
            parts = [draw.choice(self._cities), draw.choice(self._counties), draw.choice(self._towns)][
                draw.randint(0, 3) :
            ]
            return "".join(parts) + village + self._named() + draw.choice(_VILLAGE_ENDS)
        parts = [draw.choice(self._cities), draw.choice(self._counties)][draw.randint(0, 2) :]
        if draw.random() < 0.7:
            parts += [self._named(), draw.choice(_ROAD_ENDS), f"{draw.randint(1, 900)}号"][: draw.randint(2, 3)]
        if draw.random() < 0.7:
            parts += [self._named(), draw.choice(_PLACE_ENDS), f"{draw.randint(1, 40)}栋{draw.randint(1, 3300)}房"][
                : draw.randint(2, 3)
            ]
        return "".join(parts)

    def employer(self) -> str:
        """Return the name of a firm, school or office."""
        town = self._draw.choice(self._cities) if self._draw.random() < 0.7 else ""
        return town + self._named() + self._draw.choice(_FIRMS)

    def number(self) -> str:
        """Return digits."""
        return str(self._draw.randrange(10**10, 10**11))


def form_lines(maker: NameMaker, places: Places, draw: random.Random, rounds: int) -> Iterator[Example]:
    """Yield lines of forms, most of them without a name."""
    makers: dict[str, Callable[[], str]] = {
        "{n}": maker.name,
        "{a}": places.address,
        "{u}": places.employer,
        "{d}": places.number,
        "{c}": lambda: draw.choice(COMPLAINTS),
    }
    for _ in range(rounds):
        for line in FORM_LINES:
            text, names = "", []
            for part in re.split(r"(\{[naudc]\})", line):
                value = makers[part]() if part in makers else part
                if part == "{n}":
                    names.append((len(text), len(text) + len(value)))
                text += value
            cut = draw.randint(0, len(text) // 3) if draw.random() < 0.2 and not names else 0
            yield Example(text[cut:], names, taught=False)


def word_rows(words: Words, maker: NameMaker, draw: random.Random, count: int) -> Iterator[Example]:
    """Yield words in a row, with or without a name, in front of it or behind punctuation."""
    for _ in range(count):
        before, after = words.row(draw.randint(0, 5)), words.row(draw.randint(0, 5))
        chance = draw.random()
        name = maker.name() if chance < 0.45 else draw.choice(words.foreign) if chance < 0.65 else ""
        mark = draw.choice(["", "", "", ",", ":", "、", "。", "(", " "])
        other = draw.choice(["", "", "", ",", ":", "、", ")", " "])
        start = len(before) + len(mark)
        text = before + mark + name + other + after
        yield Example(text, [(start, start + len(name))] if name else [], taught=True)


def sentences(text: str, names: Sequence[tuple[int, int]], *, taught: bool) -> Iterator[Example]:
    """Cut a text into sentences of at most 160 characters."""
    for match in _SENTENCE.finditer(text):
        for start in range(match.start(), match.end(), _PIECE):
            end = min(match.end(), start + _PIECE)
            inside = [(max(a, start) - start, min(b, end) - start) for a, b in names if a < end and start < b]
            yield Example(text[start:end], inside, taught)


def gathered(arguments: argparse.Namespace) -> list[Example]:
    """Return all text to learn from."""
    draw = random.Random(SEED)
    maker = NameMaker(draw, listed_given_names(arguments.jieba))
    words, places = Words(arguments.jieba, draw), Places(maker, draw)
    texts = dialogues(arguments.dialogues)
    found: list[Example] = []
    for text in texts:
        found.extend(sentences(text, [], taught=True))
    for source in (planted(texts, maker, draw), filled(maker, draw, 100)):
        for text, spans in source:
            found.extend(sentences(text, spans, taught=False))
    found.extend(Example(text, [], taught=False) for text in clinical(draw, 8000))
    found.extend(form_lines(maker, places, draw, 500))
    found.extend(word_rows(words, maker, draw, 60_000))
    return [example for example in found if example.text]


def labelled(examples: list[Example]) -> Iterator[tuple[str, Array]]:
    """Yield each text with 1 where a name stands; the taggers are asked where they teach."""
    asked = [index for index, example in enumerate(examples) if example.taught]
    lines = [examples[index].text for index in asked]
    both = (tagger(name).tag(lines) for name in ("lac", "cutword"))
    taught = {index: [*one, *other] for index, one, other in zip(asked, *both, strict=True)}
    for index, example in enumerate(examples):
        label = np.zeros(len(example.text), np.float32)
        for start, end in (*example.names, *taught.get(index, ())):
            label[start:end] = 1.0
        yield example.text, label


def packed(
    data: list[tuple[str, Array]], codes: dict[str, int], order: np.random.Generator, length: int
) -> list[Array]:
    """Return [rows, length] of character codes, labels and weights: sentences in one row, zeros between them."""
    rows: list[tuple[list[int], list[float], list[float]]] = [([], [], [])]
    for place in order.permutation(len(data)).tolist():
        text, label = data[place]
        if len(rows[-1][0]) + len(text) + GAP > length:
            rows.append(([], [], []))
        ids, labels, weights = rows[-1]
        ids += [codes.get(character, 1) for character in text] + [0] * GAP
        labels += [*label.tolist(), *[0.0] * GAP]
        weights += [1.0] * len(text) + [0.0] * GAP
    tables = [np.zeros((len(rows), length), kind) for kind in (np.int32, np.float32, np.float32)]
    for index, parts in enumerate(rows):
        for table, values in zip(tables, parts, strict=True):
            table[index, : len(values)] = values
    return tables


def started(size: int, seed: int) -> Parameters:
    """Return the first weights."""
    draw = np.random.default_rng(seed)
    parameters: Parameters = {"table": jnp.asarray(draw.normal(0, 0.1, (size, EMBEDDED)), jnp.float32)}
    width = EMBEDDED
    for layer, _ in enumerate(DILATIONS):
        scale = (2.0 / (3 * width)) ** 0.5
        parameters[f"W{layer}"] = jnp.asarray(draw.normal(0, scale, (3 * width, WIDTH)), jnp.float32)
        parameters[f"B{layer}"] = jnp.zeros(WIDTH, jnp.float32)
        width = WIDTH
    parameters["W"] = jnp.asarray(draw.normal(0, 0.1, (WIDTH, 1)), jnp.float32)
    parameters["B"] = jnp.full(1, -3.0, jnp.float32)
    return parameters


def scores(parameters: Parameters, ids: Any) -> Any:
    """Return the log odds [rows, length] of a person at each character."""
    hidden = parameters["table"][ids] * (ids > 0)[..., None]
    for layer, step in enumerate(DILATIONS):
        padded = jnp.pad(hidden, ((0, 0), (step, step), (0, 0)))
        length = hidden.shape[1]
        joined = jnp.concatenate([padded[:, shift : shift + length] for shift in (0, step, 2 * step)], axis=-1)
        hidden = jax.nn.relu(joined @ parameters[f"W{layer}"] + parameters[f"B{layer}"])
    return (hidden @ parameters["W"] + parameters["B"])[..., 0]


def loss(parameters: Parameters, ids: Any, labels: Any, weights: Any) -> Any:
    """Return the mean cross entropy; a missed name counts as two."""
    odds = scores(parameters, ids)
    each = jax.nn.softplus(odds) - labels * odds
    return (each * weights * (1.0 + labels)).sum() / weights.sum()


@partial(jax.jit, donate_argnums=(0, 1, 2))
def step(parameters: Parameters, first: Parameters, second: Parameters, rate: Any, count: Any, batch: Any) -> Any:
    """Take one step of Adam."""
    value, slope = jax.value_and_grad(loss)(parameters, *batch)
    first = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, first, slope)
    second = jax.tree.map(lambda v, g: 0.99 * v + 0.01 * g * g, second, slope)
    fix = (1 - 0.9**count), (1 - 0.99**count)
    parameters = jax.tree.map(
        lambda p, m, v: p - rate * (m / fix[0]) / (jnp.sqrt(v / fix[1]) + 1e-8), parameters, first, second
    )
    return parameters, first, second, value


def fitted(data: list[tuple[str, Array]], codes: dict[str, int], epochs: int) -> Parameters:
    """Train and return the weights."""
    order = np.random.default_rng(SEED)
    parameters = started(len(codes) + 2, SEED)
    first = jax.tree.map(jnp.zeros_like, parameters)
    second = jax.tree.map(jnp.zeros_like, parameters)
    count, total = 0, 0
    for epoch in range(epochs):
        tables = packed(data, codes, order, 1024)
        batches = len(tables[0]) // 16
        total = total or batches * epochs
        mean = 0.0
        for batch in range(batches):
            count += 1
            rate = 2e-3 * min(1.0, count / 200) * max(0.02, 1.0 - count / total)
            part = tuple(jnp.asarray(table[16 * batch : 16 * batch + 16]) for table in tables)
            parameters, first, second, value = step(parameters, first, second, rate, float(count), part)
            mean += float(value)
        print(f"epoch {epoch + 1}: loss {mean / batches:.5f} over {sum(len(text) for text, _ in data):,} characters")
    return parameters


def write(parameters: Parameters, codes: dict[str, int]) -> None:
    """Write name_screen.onnx and name_screen.npz."""
    table = np.asarray(parameters["table"]).copy()
    table[0] = 0.0
    scale = float(np.abs(table).max()) / 127.0
    weights = [numpy_helper.from_array(np.round(table / scale).astype(np.int8), "table")]
    weights.append(numpy_helper.from_array(np.float32(scale), "scale"))
    nodes = [
        helper.make_node("Gather", ["table", "ids"], ["coded"]),
        helper.make_node("Cast", ["coded"], ["decoded"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["decoded", "scale"], ["embedded"]),
        helper.make_node("Transpose", ["embedded"], ["H"], perm=[0, 2, 1]),
    ]

    def half(name: str, value: Array) -> str:
        weights.append(numpy_helper.from_array(value.astype(np.float16), f"{name}_f16"))
        nodes.append(helper.make_node("Cast", [f"{name}_f16"], [name], to=TensorProto.FLOAT))
        return name

    source = "H"
    for layer, dilation in enumerate(DILATIONS):
        kernel = np.asarray(parameters[f"W{layer}"]).reshape(3, -1, WIDTH).transpose(2, 1, 0)
        names = [half(f"W{layer}", kernel), half(f"B{layer}", np.asarray(parameters[f"B{layer}"]))]
        pads = [dilation, dilation]
        nodes.append(
            helper.make_node("Conv", [source, *names], [f"C{layer}"], dilations=[dilation], pads=pads, kernel_shape=[3])
        )
        nodes.append(helper.make_node("Relu", [f"C{layer}"], [f"R{layer}"]))
        source = f"R{layer}"
    last = np.asarray(parameters["W"]).T[:, :, None]
    nodes.append(helper.make_node("Conv", [source, half("W", last), half("B", np.asarray(parameters["B"]))], ["odds"]))
    graph = helper.make_graph(
        nodes,
        "name_screen",
        [helper.make_tensor_value_info("ids", TensorProto.INT64, [1, "time"])],
        [helper.make_tensor_value_info("odds", TensorProto.FLOAT, [1, 1, "time"])],
        weights,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)], ir_version=8)
    onnx.checker.check_model(model)
    onnx.save(model, str(TARGET / "name_screen.onnx"))
    ordered = sorted(codes, key=codes.__getitem__)
    characters = np.array([ord(character) for character in ordered], dtype=np.int32)
    np.savez_compressed(TARGET / "name_screen.npz", characters=characters)
    print(f"{(TARGET / 'name_screen.onnx').stat().st_size:,} bytes, {len(codes):,} characters")


def main() -> None:
    """Gather, label, train, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dialogues", type=Path, required=True, help="CSV with columns ask and answer")
    parser.add_argument("--jieba", type=Path, required=True, help="dict.txt of jieba 0.42.1")
    parser.add_argument("--epochs", type=int, default=8)
    arguments = parser.parse_args()
    examples = gathered(arguments)
    data = list(labelled(examples))
    counts = Counter(character for text, _ in data for character in text)
    codes = {character: 2 + index for index, (character, count) in enumerate(counts.most_common()) if count >= 3}
    named = sum(bool(label.any()) for _, label in data)
    print(f"{len(data):,} sentences, {named:,} with a name, {len(codes):,} characters")
    write(fitted(data, codes, arguments.epochs), codes)


if __name__ == "__main__":
    main()
