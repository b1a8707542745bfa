"""Address runs: from a place name, a road or a lead-in such as 来自 onwards, up to where the sentence goes on.

An address in running text has no label and often no punctuation inside. A run is taken as far as nothing contradicts
it; it counts only with proof: a place below the city, or a road, estate or landmark together with a door number.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Final, NamedTuple

from anonymization.batches import parts
from anonymization.lexicon import any_of, words
from anonymization.lexicon.places import COUNTY, REGION, SHORT, Place
from anonymization.recognizers.base import HAN, matches_at

LEAD: Final = re.compile(
    any_of(
        words(
            """
            来自 来自于 家住 住在 住于 住址在 现住 现住在 现居 现居住在 居住在 居住于 位于 暂住 暂住在 长期居住于
            常住 家在 老家在 户籍在 送至 送到 送往 寄至 寄到 寄往 寄回 邮寄到 邮寄至 快递到 快递至 搬至 搬到 搬往
            迁至 迁到 返回 回到 前往 务工于 租住在 租住于 租住 借住在 地处 系 籍贯 祖籍 原籍 途经 途径 行至 走到
            路过 走至 骑至 从 自 在 于 到 至 由 往 回 去 是
            """
        )
    )
)
_STRONG: Final = re.compile(
    any_of(
        words(
            """
            来自于 来自 家住 住在 住于 现住在 现住 现居 居住在 居住于 位于 租住在 租住于 租住 寄到 寄至 寄往 搬到
            搬至 迁至 暂住
            """
        )
    )
)
_PIECE_END: Final = re.compile(r"[,;。!?\n\t:、<>《》\"“”【】]|[ ]{2,}")
_STOP: Final = re.compile(
    any_of(
        words(
            """
            因 主因 于\\d 于今 于昨 于上 于我 于当 于家 于入 于本 于前 而 被 遭 突发 突然 发生 出现 就诊 入院 来院
            来诊 住院 入住 急诊 务农 打工 务工 上班 工作(?!站) 居住 生活(?!区|广场|馆|超市) 经商 经营 旅游 出差 途中
            回来 返回 返乡 不慎 摔倒 摔伤 跌倒 跌伤 车祸 时被 时突 时不 时出 时发 时无 时自 处被 处发 处不 处与 由家
            由其 由救 由急 由120 并于 并且 后于 后来 后因 后出 后突 后发 人[,。;]?$ 人士 人氏 人, 居民 村民 市民
            职工 员工 退休 患者 病人 的 了 过(?!街) 着(?!火) 无业 反复 咳嗽 腹痛 发热 电话 联系 手机 邮编
            收件 收(?!费)[,。(]? 查收 未 否认 有(?!限|色|机|家|岸|巢|味) 无(?![锡为极棣限名]) 没有 曾 已 一直 目前 自行
            自述 今日 昨日 前来 来我 求医 求诊 看病 与其 和其 平素 父亲 母亲 其父 其母 妻子 丈夫 儿子 女儿 家人 子女
            家属(?![院区楼]) 你们 我们 他们 大家 为[你您我他她] 麻烦 谢谢 即可 方可 可以 转来 转至 转入 转院 转诊
            """
        )
    )
)
_NUMBER: Final = "0-9零〇一二三四五六七八九十百"
_DOOR: Final = re.compile(
    rf"[A-Za-z]?[{_NUMBER}]{{1,5}}[A-Za-z]?(?:[-—~#/][A-Za-z0-9]{{1,5}}){{0,4}}[ ]?"
    r"(?:号楼|号院|号门|号库|号铺|号(?!线|切口|方|针|染色|缝|刀|铁)|弄|幢|栋|懂|座(?!位)|单元|室(?![性壁间早上])|楼(?!梯)|层(?!面)|组(?!织|别|淋)|排|厂房|房(?![室颤颤性间])|铺)"
    r"|[A-Za-z][0-9]?(?:座|栋|幢|区|馆|口|楼)|(?<![0-9-])(?!(?:19|20)[0-9]{2}-)[0-9]{1,4}[-#][0-9]{1,4}(?:[-#][0-9]{1,4})?(?![0-9.:/~-]|[a-zA-Z%×*月年日])"
)
_MORE_DOORS: Final = re.compile(r"(?<=[0-9])(?:、[0-9]{1,4}){1,6}(?:号楼|[号栋幢座室层楼房]|单元)")
"""Behind the first of some numbers: 大厦1|、2层."""
_DOOR_START: Final = re.compile(
    rf"[A-Za-z{_NUMBER}]"
    rf"(?=[A-Za-z{_NUMBER}\-—~#/ ]{{0,32}}[号弄幢栋懂座单室楼层组排厂房铺区馆口]|[0-9]{{0,3}}[-#][0-9])"
)
_ROAD: Final = re.compile(
    rf"[{HAN}]{{2,}}?(?:大道|大街|中路|东路|西路|南路|北路|[{_NUMBER}]路|马路|公路|国道|省道|路口|路|街|巷|弄堂|胡同|里弄|支路|环路)"
)
_SITE: Final = re.compile(
    any_of(
        words(
            """
            小区 花园 花苑 家园 新村 公寓 大厦 大楼 广场 商场 商城 市场 超市 酒店 宾馆 饭店 山庄 别墅 公馆 名城 名苑
            名邸 雅苑 豪庭 工业区 工业园 工业园区 开发区 科技园 产业园 软件园 创业园 园区 高新区 经济区 物流园 基地
            厂区 社区 村委会 居委会 自然村 行政村 中学 小学 大学 学院 幼儿园 学校 校区 医院 卫生院 派出所 银行 车站
            火车站 汽车站 地铁站 机场 码头 港口 大桥 加油站 收费站 公司 工厂 集团 中心 大酒店 宿舍 大院 家属院
            家属区 家属楼 公园 景区 影城 写字楼 综合楼 办公楼 步行街 城中村 安置房 经济适用房 国际 驿站 便利店 专卖店
            服务站 加油 物流 仓库 车间 食堂 交叉口 路口 红绿灯 对面 旁边 附近 隔壁 后门 东门 西门 南门 北门 soho
            SOHO
            """
        )
    )
)
_VILLAGE: Final = re.compile(
    rf"[{HAN}]{{1,6}}?(?:村(?!民|医)|屯(?!粮)|寨|庄|湾|坪|坞|嘎查|苏木|农场|林场|牧场|渔场|街道|镇(?![静痛定咳吐])|乡(?!下))"
)
_REGION_TAIL: Final = re.compile(r"(?:省|市|区|县|自治区)")
_INSTITUTION: Final = re.compile(
    r"(?:省|市|区|县)?(?:第[一二三四五六七八九十]{1,3}|人民|中心|中医|妇幼|附属|儿童|肿瘤|口腔|胸科|传染病|精神|红十字|协和|医科)?"
    rf"[{HAN}]{{0,6}}?(?:医院|保健院|疗养院|诊所|卫生服务中心|急救中心|体检中心|大学|医学院|卫生院|卫生局|疾控|公安局|法院|电视台|日报|晚报|政府|委员会)"
)
_BRACKET: Final = re.compile(r"[()]")
_ASIDE: Final = re.compile(rf"\([{HAN}A-Za-z0-9]{{1,14}}\)")
_VAGUE: Final = re.compile(
    "[省市县]?(?:" + any_of(words("农村 山区 郊区 地区 一带 当地 本地 乡下 城区 市区 附近 人")) + ")?$"
)
_LONGEST: Final = 70
_NEAR: Final = 4
"""Characters that may stand between a place's name and that of a place in it."""


class Run(NamedTuple):
    """An address run: half-open span and how sure it is (0..1)."""

    start: int
    end: int
    score: float


def runs(text: str, found: Sequence[Place]) -> Iterator[Run]:
    """Yield address runs of a normalised text, or of each text in a batch, whose place names are `found`.

    Runs do not overlap. Each text of a batch is read alone: a run hides what stands before it in its own text only.
    """
    leads, doors = _leads(text), list(matches_at(_DOOR, text, _DOOR_START))
    if not (found or leads or doors):
        return
    begins = [place.start for place in found], [door.start() for door in doors]
    for first, last in parts(text):
        yield from _runs(
            text,
            first,
            found[bisect_left(begins[0], first) : bisect_right(begins[0], last)],
            leads[bisect_left(leads, first) : bisect_right(leads, last)],
            doors[bisect_left(begins[1], first) : bisect_right(begins[1], last)],
        )


def _runs(
    text: str, beyond: int, found: Sequence[Place], leads: Sequence[int], doors: Sequence[re.Match[str]]
) -> Iterator[Run]:
    for index, place in enumerate(found):
        if place.start < beyond:
            continue
        lead = next((end for end in leads if beyond <= end <= place.start <= end + 12), None)
        start = place.start
        if lead is not None and run_end(text, lead, found) >= place.end:
            start = lead
        elif place.rank == SHORT and not _goes_on(found, index):
            continue
        end = run_end(text, place.end, found)
        inside = [other for other in found[index:] if other.end <= end]
        if _is_proved(text, place, end, inside, start == lead):
            beyond = end
            yield Run(start, end, 0.8)
    for start in leads:
        end = run_end(text, start, found)
        if start >= beyond and end - start >= 4 and _is_site(text[start:end]):
            beyond = end
            yield Run(start, end, 0.7)
    for match in doors:
        if match.start() >= beyond:
            run = _from_door(text, match, beyond, found)
            if run is not None:
                beyond = run.end
                yield run


def _leads(text: str) -> list[int]:
    """Return where a place must follow: behind 来自, 家住, 寄到 …"""
    return [match.end() for match in _STRONG.finditer(text)]


def _is_site(value: str) -> bool:
    """Tell whether words behind a lead-in are a place below the city: a site with a name of its own, or a door."""
    site = _SITE.search(value, 2) or _VILLAGE.search(value) or _ROAD.search(value)
    return not _INSTITUTION.match(value) and (site is not None or _DOOR.search(value) is not None)


def run_end(text: str, start: int, found: Sequence[Place]) -> int:
    """Return where an address that has begun before `start` ends: at punctuation, or where a sentence goes on."""
    stop = _PIECE_END.search(text, start)
    limit = min(stop.start() if stop else len(text), start + _LONGEST)
    names = [place for place in found if place.start >= start and place.end <= limit and place.rank != SHORT]
    for match in _STOP.finditer(text, start, limit):
        if not any(name.start < match.end() and match.start() < name.end for name in names):
            limit = match.start()
            break
    bracket = _BRACKET.search(text, start, limit)
    if bracket is not None and not _ASIDE.match(text, bracket.start(), limit):
        limit = bracket.start()
    end = start + len(text[start:limit].rstrip(" ()-/."))
    while end > start and text[end - 1] in "时在于至和与及":
        end -= 1
    if text.startswith(")", end) and "(" in text[start:end]:
        return end + 1
    more = _MORE_DOORS.match(text, end)
    return more.end() if more else end


def _goes_on(found: Sequence[Place], index: int) -> bool:
    return any(0 <= other.start - found[index].end <= _NEAR for other in found[index + 1 : index + 2])


def _is_proved(text: str, place: Place, end: int, inside: Sequence[Place], led: bool) -> bool:
    rest = text[place.end : end]
    last = max(other.end for other in inside)
    institution = _INSTITUTION.match(text, last, end)
    if institution is not None and not _DOOR.search(text, institution.end(), end):
        return False
    if place.rank == COUNTY or any(other.rank == COUNTY for other in inside):
        return True
    has_door = _DOOR.search(text, place.end, end) is not None
    has_site = _SITE.search(rest) is not None
    has_road = _ROAD.search(rest) is not None or _VILLAGE.search(rest) is not None
    if place.rank == REGION and any(
        other.rank == SHORT and 0 <= other.start - before.end <= _NEAR for before, other in pairwise(inside)
    ):
        return True
    if led and len(rest) >= 2 and not _VAGUE.match(rest):
        return True
    return has_door or has_road or (has_site and (led or (place.rank == REGION and len(rest) >= 4)))


def _from_door(text: str, door: re.Match[str], least: int, found: Sequence[Place]) -> Run | None:
    """Take a run that has a door number but no place name: back to the lead-in, a road or estate must stand between."""
    start = door.start()
    while start > max(least, door.start() - 30) and not _PIECE_END.match(text[start - 1]):
        start -= 1
    lead = None
    for lead in LEAD.finditer(text, start, door.start()):
        if _STRONG.match(lead.group()):
            break
    led = lead is not None and _STRONG.match(lead.group()) is not None
    begin = lead.end() if lead is not None else start
    between = text[begin : door.start()]
    site = _ROAD.search(between) or _SITE.search(between) or _VILLAGE.search(between)
    if site is None or (len(between) > 16 and not led):
        return None
    return Run(begin, run_end(text, door.end(), found), 0.75 if led else 0.65)
