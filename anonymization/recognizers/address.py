"""Addresses: after a label, from a division's name onwards, and by the grammar of roads, estates and door numbers.

A city or province alone is what generalisation would leave, so it is no find; anything below the city is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Final

from anonymization.entities import Entity
from anonymization.lexicon import any_of, words
from anonymization.lexicon.places import Place, places
from anonymization.lexicon.traditional import simplified
from anonymization.recognizers.base import HAN, Finding, ScanRecognizer, matches_at, matches_near
from anonymization.recognizers.place_run import runs

_WHOSE: Final = words(
    """
    现 家庭 户籍 户口 常住 居住 通讯 通信 联系 联络 单位 工作 收件 寄件 邮寄 详细 出生 原籍 来源 暂住 经常居住 患者
    家属 联系人
    """
)
_LABELS: Final = [
    *(f"{whose}{kind}址" for whose in _WHOSE for kind in ("住", "地", "")),
    *words(
        """
        迁居现址 搬至现址 现址 现住 现居
        户籍地 户籍所在地 户口所在地 户口地 出生地 常住地 居住地 籍贯 祖籍 原籍 住址 地址 家住 住处 居所
        暂住 居住于 居住在 长居 久居 定居 住在 住于 迁居 迁至 搬至 搬到 Address address
        """
    ),
]
_LABEL: Final = re.compile(
    rf"(?:{any_of(_LABELS)})(?:\([^)\n]{{1,8}}\))?[ \t]{{0,4}}[】\]]?(?P<j>(?<=[】\]])|[:为是于在]|)[ \t]{{0,4}}"
)
_LABEL_END: Final = re.compile(
    r"[,;。!?\n\t]|[ ]{2,}|[ ](?=[\u4e00-\u9fff]{2,6}[:])|$|"
    + any_of(words("邮编 电话 联系 手机 工作 单位 职业 婚姻 民族 身份证 入院 性别 年龄 姓名 病史 与患者"))
)
_HAN_NUMBER: Final = "一二三四五六七八九十"
_NO_PLACE: Final = "是的了要去有就不我你他她会能吗呢很因从被把这那哪但而又也都还让给说做看吃"
_ZONES: Final = any_of(
    words(
        """
        特别行政区 自治区 自治州 自治县 自治旗 开发区 高新区 经开区 工业园 工业园区 科技园 产业园 大学城 新区 林场
        农场 牧场 渔场 街道 街道办 社区 小区 花园 花苑 家园 新村 公寓 大厦 大楼 广场 山庄 豪庭 雅苑 雅居 名苑 名城
        公馆 别墅 宿舍 大院 家属院 家属区 家属楼 村委会 居委会 胡同
        """
    )
)
_UNIT: Final = (
    rf"(?:(?:(?![{_NO_PLACE}])[{HAN}A-Za-z]){{1,10}}?(?:{_ZONES}|[省市区县盟旗镇乡村屯寨庄组社街路巷弄道里坊苑园圩墟堡沟湾])"
    rf"(?:[东西南北中]{{1,2}})?(?:[{_HAN_NUMBER}0-9]{{1,3}}(?:路|街|巷|横|里|区|期|村|组|队))?)"
)
_DOOR_WORDS: Final = any_of(words("号楼 号院 号 弄 巷 幢 栋 座 单元 层 楼 室 房 户 门 组 队 社 大院 支弄 #"))
_DOOR: Final = (
    rf"(?:[A-Za-z]?[0-9{_HAN_NUMBER}百]{{1,5}}(?:[-—~#之][A-Za-z0-9{_HAN_NUMBER}]{{1,5}}){{0,4}}[ \t]?"
    rf"(?:号附\d{{1,4}}号|号之[{_HAN_NUMBER}\d]{{1,2}}|{_DOOR_WORDS})?[A-Za-z]?(?:座|栋|室|房)?)"
)
_TAIL: Final = re.compile(
    rf"(?:[ \t]?(?:{_UNIT}|{_DOOR}|[东西南北后前]座|之[{_HAN_NUMBER}\d]{{1,2}}|[(][{HAN}0-9]{{2,12}}[)]))+"
)
_HAS_DETAIL: Final = re.compile(
    r"(?<!地)区|[县旗镇乡村屯寨庄街路巷弄]|街道|社区|小区|花园|新村|公寓|大厦|胡同|农场|[市州盟][\u4e00-\u9fff]+市"
    r"|\d(?:号|栋|幢|单元|室|房|组|弄)"
)
_ROAD: Final = re.compile(
    rf"(?P<v>[{HAN}]{{2,8}}?(?:大道|大街|胡同|[路街巷弄道])"
    rf"(?:[东西南北中]{{1,2}}(?:路|街|段)?|[{_HAN_NUMBER}]{{1,3}}(?:路|街|巷))?[ \t]?"
    rf"(?:{_DOOR}弄[ \t]?)?[0-9]{{1,5}}(?:[-之][0-9]{{1,4}})?号(?!线|切口|[方针]))"
)
_ROAD_HINT: Final = re.compile(
    rf"[道街同路巷弄](?=[东西南北中路街段巷{_HAN_NUMBER}0-9]{{0,5}}[ \t]?[A-Za-z0-9{_HAN_NUMBER}百])"
)
_VILLAGE: Final = re.compile(
    rf"(?P<v>[{HAN}]{{2,5}}?(?:街道|镇|乡)[{HAN}]{{1,6}}?(?:村委会|社区|村|屯|寨|庄)"
    rf"(?:[0-9{_HAN_NUMBER}]{{1,3}}(?:组|社|队|号|屯))?)"
)
_VILLAGE_HINT: Final = re.compile(rf"[道镇乡](?=[{HAN}]{{1,6}}?[村社屯寨庄])")
_BUILDING_START: Final = re.compile(r"[0-9](?=[0-9]{0,3}[号栋幢座])")
_BUILDING: Final = re.compile(
    rf"[0-9]{{1,4}}(?:号楼|栋|幢|座)[ \t]?(?:[0-9{_HAN_NUMBER}]{{1,2}}单元[ \t]?)?"
    r"[0-9]{0,2}(?:层|楼)?[0-9]{2,4}(?:室|房|户|号)?(?![0-9])"
)
_ESTATE: Final = re.compile(
    rf"(?:[{HAN}]{{2,6}}(?:小区|花园|花苑|家园|新村|公寓|大厦|山庄|苑|园|城|庭|府|居|湾)"
    rf"(?:[0-9{_HAN_NUMBER}]{{1,2}}(?:期|区|组团))?)?[ \t]?[A-Z]?$"
)
_HOME: Final = re.compile(
    r"[男女](?:性|孩|婴)?(?:[,、 \t]|(?=\d))(?:[^。!?;\n]{0,24}[,、 \t])?"
    rf"(?P<v>(?![本当外为系是])[{HAN}]{{2,12}})人(?=[,。;、 \t\n]|$)"
)
"""Where somebody is from, as admission notes begin: 男,4岁,双塔山人,主因 …"""
_HOME_KIND: Final = re.compile(
    r"(?<!农)[省市县区旗盟州镇乡村屯庄寨营沟山河湾岭坡店堡桥坪坝塘峪淀集铺庙台口城子](?<!独生子)$"
)
_HOME_START: Final = re.compile(r"[男女](?=(?:性|孩|婴)?[,、 \t\d])")
_LEAD_IN: Final = re.compile(
    "^.*(?:"
    + any_of(
        words(
            "现址 迁居 迁至 住在 家住 住于 现住 来自 位于 就在 搬到 搬至 返回 回到 前往 送至 送到 寄到 寄至 地址 住址"
        )
    )
    + rf"|[于在自至到住往由从的为是及与和经])(?=[{HAN}]{{2}})"
)
_NOT_ROADS: Final = re.compile(
    "(?:"
    + any_of(
        words(
            """
            气道 呼吸道 消化道 胃肠道 泌尿道 尿道 阴道 肠道 胆道 产道 耳道 鼻道 通道 隧道 食道 管道 旁道 信道 味道
            知道 一路 通路 环路 电路 回路 旁路 后路 前路 思路
            """
        )
    )
    + ")$"
)
_EMPTY: Final = re.compile(
    any_of(
        words(
            """
            不详 同上 无 未知 保密 如上 见上 本地 当地 本市 本院 外地 农村 城市 城镇 家中 养老院 老家 市区 城区 郊区
            山区 乡下 乡村 县城 哪里 那里 这里 医院 宿舍 学校 单位 一起 楼上
            """
        )
    )
)


class AddressRecognizer(ScanRecognizer):
    """Finds addresses below the city, labelled or not."""

    ENTITIES = (Entity.ADDRESS,)

    def scan(self, text: str) -> Iterator[Finding]:
        """Yield addresses; overlapping finds of several rules are left to the caller."""
        yield from addresses(simplified(text))


@lru_cache(maxsize=1)
def addresses(text: str) -> tuple[Finding, ...]:
    """Return the addresses of a normalised, simplified text; the last answer is kept: the name model asks as well."""
    found = list(places(text))
    return (
        *_labelled(text),
        *(Finding(Entity.ADDRESS, run.start, run.end, run.score, "run") for run in runs(text, found)),
        *_homes(text, found),
        *_by_grammar(text),
    )


def _homes(text: str, found: Sequence[Place]) -> Iterator[Finding]:
    for match in matches_at(_HOME, text, _HOME_START):
        start, end = match.span("v")
        if _HOME_KIND.search(match["v"]) or any(start <= place.start and place.end == end for place in found):
            yield Finding(Entity.ADDRESS, start, end, 0.65, "home")


def _labelled(text: str) -> Iterator[Finding]:
    for match in _LABEL.finditer(text):
        start = match.end()
        stop = _LABEL_END.search(text, start)
        end = min(stop.start() if stop else len(text), start + 60)
        value = text[start:end].rstrip(" 、.(")
        if len(value) < 2 or _EMPTY.match(value) or ":" in value:
            continue
        if match["j"] == ":" or _HAS_DETAIL.search(value) or any(places(value)):
            if match["j"] != ":":
                taken = _TAIL.match(text, start)
                if taken is None:
                    continue
                end = max(taken.end(), start + 2)
                value = text[start:end].rstrip()
            yield Finding(Entity.ADDRESS, start, start + len(value), 0.9, "label")


def _by_grammar(text: str) -> Iterator[Finding]:
    if "号" in text:
        for match in matches_near(_ROAD, text, _ROAD_HINT, 10, 64):
            start, end = match.span("v")
            lead = _LEAD_IN.match(match["v"])
            start += lead.end() if lead else 0
            name = re.split(r"[0-9]", text[start:end], maxsplit=1)[0]
            if len(name) >= 3 and not _NOT_ROADS.search(name):
                tail = _TAIL.match(text, end)
                yield Finding(Entity.ADDRESS, start, tail.end() if tail else end, 0.75, "road")
    for match in matches_near(_VILLAGE, text, _VILLAGE_HINT, 7, 16):
        start, end = match.span("v")
        lead = _LEAD_IN.match(match["v"])
        yield Finding(Entity.ADDRESS, start + (lead.end() if lead else 0), end, 0.65, "village")
    for match in matches_at(_BUILDING, text, _BUILDING_START):
        estate = _ESTATE.search(text[max(0, match.start() - 12) : match.start()])
        before = estate.group() if estate else ""
        lead = _LEAD_IN.match(before)
        start = match.start() - len(before) + (lead.end() if lead else 0)
        yield Finding(Entity.ADDRESS, start, match.end(), 0.65, "building")
