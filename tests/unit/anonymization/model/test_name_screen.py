"""The name screen lets through what the taggers find and holds back what they need not read."""

from __future__ import annotations

import shutil
from importlib import resources
from pathlib import Path

import numpy as np
import pytest

from anonymization.errors import ModelError
from anonymization.model import name_screen as screen_module
from anonymization.model import network as network_module
from anonymization.model.name_screen import NameScreen, name_screen
from anonymization.model.tagger import tagger
from anonymization.recognizers.person_model import _FAINT, NameModel
from tests.unit.anonymization.names_held_out import CLINICAL, GENERAL

FORMS = (
    "现住址:贵阳市南明区榕荫大道318号碧水雅居7栋1502房",
    "工作单位:柳州市宏远机械制造有限公司",
    "身份证号:000000197001010000",
    "民族:汉族 婚姻:已婚 职业:工人",
    "饮食宜清淡,少吃辛辣食物,保持良好的心态。",
)


@pytest.fixture
def copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the screen's files that the loader reads instead of the package's own."""
    for file in resources.files("anonymization.model").iterdir():
        if file.name.startswith("name_screen.") and not file.name.endswith(".py"):
            shutil.copy(str(file), tmp_path / file.name)
    for module in (screen_module, network_module):
        monkeypatch.setattr(module.resources, "files", lambda _: tmp_path)
    return tmp_path


def test_no_texts_give_no_odds_and_each_character_has_its_own() -> None:
    assert name_screen().odds([]) == []
    assert [len(odds) for odds in name_screen().odds(["", "患者", "𠮷\ud800a", ""])] == [0, 2, 3, 0]


def test_neighbours_do_not_change_a_text() -> None:
    alone = name_screen().odds([GENERAL[0]])[0]
    others = ["今天天气很好。" * count for count in range(1, 80)]
    together = name_screen().odds([*others, GENERAL[0], *others])
    np.testing.assert_allclose(together[len(others)], alone, atol=1e-4)


def test_what_a_tagger_takes_for_a_person_passes_the_screen() -> None:
    sentences = [sentence.replace("[", "").replace("]", "") for sentence in (*CLINICAL, *GENERAL)]
    passed = found = 0
    for name in ("lac", "cutword"):
        for odds, persons in zip(name_screen().odds(sentences), tagger(name).tag(sentences), strict=True):
            found += len(persons)
            passed += sum(odds[start:end].max() >= _FAINT for start, end in persons)
    assert found > 50
    assert passed >= 0.98 * found


def test_lines_without_a_name_do_not_reach_the_taggers(monkeypatch: pytest.MonkeyPatch) -> None:
    model, read = NameModel(), []
    for which in (model._slow, model._quick):
        monkeypatch.setattr(which, "tag", lambda lines: read.extend(lines) or [[] for _ in lines])
    for line in FORMS:
        assert list(model.find(line, ())) == []
    assert read == []
    assert list(model.find("下午和晏国富通了电话。", ())) or read


def test_a_name_that_is_known_already_is_not_asked_about_but_another_beside_it_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model, read = NameModel(), []
    for which in (model._slow, model._quick):
        monkeypatch.setattr(which, "tag", lambda lines: read.extend(lines) or [[] for _ in lines])
    line = "市长李明华出席会议并讲话。"
    list(model.find(line, [(2, 5)]))
    assert read == []
    list(model.find("市长李明华、学者克林顿出席会议并讲话。", [(2, 5)]))
    assert len(read) == 2


@pytest.mark.parametrize("file", ["name_screen.onnx", "name_screen.npz"])
def test_a_missing_or_damaged_screen_is_an_error_that_says_what_to_do(copied: Path, file: str) -> None:
    (copied / file).write_bytes((copied / file).read_bytes()[:1000])
    with pytest.raises(ModelError, match=r"name_screen.*Reinstall"):
        NameScreen()
    (copied / file).unlink()
    with pytest.raises(ModelError, match=r"name_screen.*Reinstall"):
        NameScreen()


def test_a_network_with_fewer_characters_than_its_table_is_refused(copied: Path) -> None:
    with np.load(copied / "name_screen.npz") as table:
        characters = table["characters"]
    more = np.arange(0xA000, 0xA040, dtype=np.int32)
    np.savez(copied / "name_screen.npz", characters=np.concatenate([characters, more]))
    with pytest.raises(ModelError, match=r"name_screen.*Reinstall"):
        NameScreen()
