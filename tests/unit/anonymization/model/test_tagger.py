"""The shipped taggers and the gate: they load, agree with what is known of them, and refuse damaged files."""

from __future__ import annotations

import math
import shutil
from importlib import resources
from pathlib import Path

import pytest

from anonymization.errors import ModelError
from anonymization.model import name_gate as gate_module
from anonymization.model import network as network_module
from anonymization.model import tagger as tagger_module
from anonymization.model.name_gate import NameGate, candidates, context_features, name_features
from anonymization.model.tagger import Tagger, tagger
from tests.unit.anonymization.names_held_out import CLINICAL, GENERAL

MODELS = ("lac", "cutword")
SENTENCE = "据介绍,市长李明华昨天会见了来访的美国学者克林顿。"


@pytest.fixture
def copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the model files that the loaders read instead of the package's own."""
    for file in resources.files("anonymization.model").iterdir():
        if file.name.endswith((".onnx", ".npz")):
            shutil.copy(str(file), tmp_path / file.name)
    for module in (tagger_module, gate_module, network_module):
        monkeypatch.setattr(module.resources, "files", lambda _: tmp_path)
    return tmp_path


@pytest.mark.parametrize("name", MODELS)
def test_no_sentences_give_no_persons_and_an_empty_one_gives_none(name: str) -> None:
    assert tagger(name).tag([]) == []
    assert tagger(name).tag(["", SENTENCE])[0] == []


@pytest.mark.parametrize("name", MODELS)
def test_persons_of_a_sentence_are_tagged(name: str) -> None:
    found = tagger(name).tag([SENTENCE])[0]
    persons = "".join(SENTENCE[start:end] for start, end in found)
    assert "李明华" in persons and "克林顿" in persons


@pytest.mark.parametrize("name", MODELS)
def test_neighbours_in_a_batch_do_not_change_a_sentence(name: str) -> None:
    alone = tagger(name).tag([SENTENCE])[0]
    others = ["今天天气很好。" * count for count in range(1, 40)]
    assert tagger(name).tag([*others, SENTENCE])[-1] == alone


@pytest.mark.parametrize("name", MODELS)
def test_a_long_text_is_read_to_its_end(name: str) -> None:
    text = "天" * 1000 + SENTENCE
    assert any(start > 1000 for start, _ in tagger(name).tag([text])[0])


@pytest.mark.parametrize("file", ["lac.onnx", "lac.npz"])
def test_a_missing_or_damaged_tagger_is_an_error_that_says_what_to_do(copied: Path, file: str) -> None:
    (copied / file).write_bytes((copied / file).read_bytes()[:1000])
    with pytest.raises(ModelError, match=r"lac.*Reinstall"):
        Tagger("lac")
    (copied / file).unlink()
    with pytest.raises(ModelError, match=r"lac.*Reinstall"):
        Tagger("lac")


def test_a_network_with_another_tag_table_is_refused(copied: Path) -> None:
    shutil.copy(copied / "cutword.npz", copied / "lac.npz")
    with pytest.raises(ModelError, match="differ"):
        Tagger("lac")


def test_a_damaged_gate_is_an_error(copied: Path) -> None:
    (copied / "name_gate.npz").write_bytes(b"PK")
    with pytest.raises(ModelError, match=r"name_gate.*Reinstall"):
        NameGate()


def test_the_gate_tells_a_name_from_words_that_start_with_a_surname() -> None:
    gate = NameGate()
    found = gate.score("与邢桂珍沟通后,高血压、黄疸、白细胞均已复查", 0.5)
    assert [(each.start, each.end) for each in found] == [(1, 4)]


def test_the_gate_scores_by_the_features_that_training_sees() -> None:
    gate, seen = NameGate(), 0
    for text in (*CLINICAL, *GENERAL, "王五^张三 丰\n李雷3,欧阳修文a", "李雷"):
        for first, last in ((0, len(text)), (2, len(text) - 1)):
            passage = text[first:last]
            expected = {
                (start + first, end + first): sum(
                    gate._weights.get(feature, 0.0)
                    for feature in (
                        *name_features(passage[start:end], family, gate._pairs),
                        *context_features(passage, start, end, family, gate._pairs),
                    )
                )
                for start, end, family in candidates(passage)
            }
            for found in gate.score(text, 0.25, first, last):
                odds = math.log(found.probability / (1 - found.probability))
                assert odds == pytest.approx(expected[found.start, found.end])
                seen += 1
    assert seen > 50
