"""Institutions: hospitals, schools, companies and offices that a text names; generic ones (当地医院) are no finds."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

import ahocorasick_rs

from anonymization.divisions import divisions
from anonymization.entities import Entity
from anonymization.lexicon import any_of, words
from anonymization.recognizers.base import HAN, Finding, ScanRecognizer, matches_at

_HOSPITAL: Final = words(
    """
    附属医院 人民医院 中心医院 总医院 医院 卫生院 卫生服务中心 卫生服务站 保健院 保健所 疗养院 卫生所 门诊部 诊所
    体检中心 防治院 防治所 疾控中心 疾病预防控制中心 急救中心 血液中心 血站 护理院 养老院 敬老院 福利院
    """
)
_SCHOOL: Final = words(
    """
    大学 学院 中学 小学 幼儿园 学校
    """
)
_COMPANY: Final = words(
    """
    股份有限公司 有限责任公司 有限公司 集团公司 分公司 总公司 公司 集团 工厂 厂 合作社 事务所 研究所 研究院 设计院
    酒店 宾馆 饭店 超市 商场 银行 支行 派出所 公安局 法院 检察院 居委会 村委会 街道办事处 办事处
    """
)
_KINDS: Final = {
    **dict.fromkeys(_COMPANY, "company"),
    **dict.fromkeys(_SCHOOL, "school"),
    **dict.fromkeys(_HOSPITAL, "hospital"),
}
_TAIL: Final = re.compile(any_of(list(_KINDS)))
_LABEL: Final = re.compile(
    r"(?:工作单位(?:及地址|名称)?|就职单位|所在单位|单位名称|工作单位或住址|就读学校|学校|服务单位|[Ee]mployer)"
    r"[ \t]{0,4}(?:[】\]]:?|[:为是])[ \t]{0,4}(?P<v>[^,;。\n\t ]{2,40})"
)
_LABEL_START: Final = re.compile("[工就所单学服Ee](?=[作职读在位校务m])")
_AT_WORK: Final = re.compile(
    rf"(?:就职于|任职于|供职于|就读于|工作于|毕业于|受雇于|就职在|任教于)(?P<v>[{HAN}A-Za-z0-9]{{2,30}}?(?:{any_of(list(_KINDS))}|[厂局所店部队社馆站]))"
)
_STOP_WORDS: Final = words(
    """
    就诊于 转诊至 转诊到 入住 收住 就诊 住院于 转入 转至 转往 转到 送至 送往 送到 送入 前往 外送 求诊于 复诊于 治疗于
    手术于 诊断于 检查于 毕业于 任职于 就职于 工作于 就读于 来自 曾在 曾于 先后在 先后于 自行到 自行至 再到 又到 再至
    遂至 遂到 急送 邀请 请求 联系 由 经 被 在 于 至 到 往 赴 去 从 及 和 与 或 的 为 是 因 后 前 并 向 本院 我院 外院
            患者 病人 家属 家长 医师 医生
    """
)
_STOP: Final = re.compile(any_of(_STOP_WORDS) + "|(?<=[0-9一二三四五六七八九十今昨当次半])[日月年天]")
_TOWARDS: Final = words(
    """
    就诊于 转诊至 转诊到 入住 收住 住院于 转入 转至 转往 转到 送至 送往 送到 送入 前往 外送 求诊于 复诊于 治疗于
    手术于 诊断于 检查于 先后在 先后于 自行到 自行至 再到 又到 再至 遂至 遂到 急送 曾在 曾于 在 于 至 到 往 赴
    """
)

_UNIVERSITY: Final = re.compile(
    r"(?:医科|医药|师范|理工|农业|工业|科技|财经|政法|民族|交通|工程|林业|海洋|石油|外国语|中医药)$"
)
_FUNCTION: Final = re.compile(
    "[病症癫癜癌瘤血炎结核权威决定确认专预备的了是有不个家些么这那哪什怎吗呢呀啊就都还也很太更最好多少每各该我你他她它们要想能会可去来过着]"
)
_EXTENDED: Final = re.compile(
    rf"(?:(?:[{HAN}]{{0,4}}医学院|临床学院)?(?:第[一二三四五六七八九十]{{1,3}})?附属[{HAN}]{{0,10}}?(?:医院|学校|中学|小学)|第[一二三四五六七八九十]{{1,3}}(?:临床学院|医院))(?:[东西南北]院区?)?"
)
_BRAND_NAMES: Final = words(
    """
    协和 同济 湘雅 华西 瑞金 仁济 齐鲁 西京 天坛 阜外 安贞 积水潭 宣武 同仁 新华 岭南 南方 武警 解放军 301 军区 陆军
    空军 海军 红十字 华侨 博爱 仁爱 仁和 康宁 慈济 邵逸夫 珠江 长征 长海 中日友好 友谊 地坛 佑安 博仁 和睦家 爱尔 美年
    爱康
    """
)
_BRANDS: Final = re.compile(any_of(_BRAND_NAMES))
_ORDINAL: Final = re.compile(r"(?:第[一二三四五六七八九十百零\d]{1,4}|[一二三四五六七八九十]{1,2}院|附属|附院|大学)")
_BRANCH: Final = re.compile(rf"(?:\([{HAN}]{{1,8}}院区\)|[{HAN}]{{1,4}}(?:院区|分院|校区)|[东西南北]院)")
_GENERIC: Final = words(
    """
    当地 本地 外地 某 该 此 我 本 外 其他 其它 其余 别的 另一 附近 上级 下级 基层 正规 专业 专科 专门 综合 综合性 三甲
    三级 二级 一级 甲等 大型 大 小 各 各大 省级 市级 县级 镇级 乡镇 公立 私立 民营 公办 一家 哪家 这家 那家 几家 多家
    一些 任何 有 没有 肿瘤 儿童 妇产 妇幼 妇科 男科 眼科 口腔 精神 传染病 胸科 骨科 皮肤 肛肠 中医 西医 中西医 结合
    人民 中心 第一 教学 军队 社区 乡 村 镇 县 市 省 区 国营 私人 个体 个人 保险 医药 制药 贸易 科技 建筑 物流 网络
    服装 食品 上市 外资 国企 合资 装修 公共 高等 医科 医学 老年 职业 重点 普通 寄宿 私营 全 整 家 国内 国外 所在 同一
    原 新 老 旧 住 到 去 看 进 出 入 在 是 大家 一个 个 一 两 二 三 四 五
    """
)
_GENERIC_WORD: Final = re.compile(f"(?:{any_of(_GENERIC)})*")
_GENERIC_PART: Final = re.compile(any_of(_GENERIC))


@lru_cache(maxsize=1)
def _places() -> ahocorasick_rs.AhoCorasick:
    table = divisions()
    names = set(table.provinces) | set(table.cities) | {name for name in table.counties if len(name) >= 3}
    return ahocorasick_rs.AhoCorasick(sorted(names), matchkind=ahocorasick_rs.MatchKind.LeftmostLongest)


class OrganizationRecognizer(ScanRecognizer):
    """Finds named institutions and employers."""

    ENTITIES = (Entity.ORGANIZATION,)

    def scan(self, text: str) -> Iterator[Finding]:
        """Yield institutions by label, by work context, and by a proper name before a kind of institution."""
        labelled, at_work = matches_at(_LABEL, text, _LABEL_START), _AT_WORK.finditer(text)
        for matches, score, form in ((labelled, 0.85, "label"), (at_work, 0.8, "at_work")):
            for match in matches:
                start, end = match.span("v")
                if not _GENERIC_WORD.fullmatch(re.sub(_TAIL, "", match["v"])) and not re.match(
                    "(?:无|不详|退休|同上|自由|务农|个体)", match["v"]
                ):
                    yield Finding(Entity.ORGANIZATION, start, end, score, form)
        covered = -1
        places: list[tuple[int, int]] | None = None
        for match in _TAIL.finditer(text):
            if match.start() < covered:
                continue
            if places is None:
                places = [(start, end) for _, start, end in _places().find_matches_as_indexes(text)]
            found = self._named(text, match, places)
            if found is not None:
                covered = found.end
                yield found

    def _named(self, text: str, tail: re.Match[str], places: list[tuple[int, int]]) -> Finding | None:
        start = tail.start()
        while start > max(0, tail.start() - 24) and (text[start - 1].isalnum() or text[start - 1] in "()·"):
            start -= 1
        first = bisect_left(places, (start, 0))
        near = [place for place in places[first : first + 12] if place[1] <= tail.start()]
        proper = [*near, *(brand.span() for brand in _BRANDS.finditer(text, start, tail.start()))]
        led = False
        for stop in _STOP.finditer(text, start, tail.start()):
            if not any(begin <= stop.start() and stop.end() <= end for begin, end in proper):
                start, led = stop.end(), stop.group() in _TOWARDS
        start += _leading(text[start : tail.start()])
        head = text[start : tail.start()]
        place = next((begin for begin, _ in near if begin >= start), None)
        if place is not None and not _BRANDS.match(head) and not _ORDINAL.search(text, start, place):
            start = place
            head = text[start : tail.start()]
        score = self._score(head, tail, place is not None, led)
        return Finding(Entity.ORGANIZATION, start, _branch_end(text, tail.end()), score, "named") if score else None

    @staticmethod
    def _score(head: str, tail: re.Match[str], has_place: bool, led: bool) -> float:
        if not head or _GENERIC_WORD.fullmatch(head):
            return 0.0
        if _KINDS[tail.group()] == "company":
            strong = "有限" in tail.group() or tail.group() in {
                "分公司",
                "总公司",
                "集团公司",
                "支行",
                "派出所",
                "村委会",
                "居委会",
            }
            return 0.75 if (strong and len(head) >= 2) or (has_place and len(head) >= 3) else 0.0
        if has_place or _BRANDS.match(head) or _ORDINAL.search(head):
            return 0.75 if len(head) >= 2 else 0.0
        if tail.group() == "大学":
            return 0.75 if len(head) >= 4 and _UNIVERSITY.search(head) else 0.0
        own = _GENERIC_PART.sub("", head)
        return (
            0.65
            if _KINDS[tail.group()] == "hospital" and led and 2 <= len(own) <= 4 and not _FUNCTION.search(own)
            else 0.0
        )


_LEAD: Final = re.compile(
    r"^(?:[0-9]+|[()·A-Za-z]|今|昨|曾|先|再|又|遂|已|均|现|拟|将|一|其|次|我|们|你|您|他|她|可|请|建议|最好|还|要|会|能|想|找|看|跟|让|给|对)+"
)


def _leading(head: str) -> int:
    match = _LEAD.match(head)
    return match.end() if match else 0


def _branch_end(text: str, end: int) -> int:
    """Take what belongs to the name behind its first kind: 某大学|附属第一医院|东院区."""
    for pattern in (_EXTENDED, _BRANCH):
        match = pattern.match(text, end)
        if match:
            end = match.end()
    return end
