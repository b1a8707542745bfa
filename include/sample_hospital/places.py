"""Addresses, workplaces and institutions. Provinces, cities and districts are real (region codes need them); roads,
estates, firms and hospitals are invented by combination.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from include.sample_hospital.randomness import Weighted

OUR_HOSPITAL = "杏林医科大学附属第一医院"

_CITIES: list[tuple[tuple[str, str, str], float]] = [
    (("广东省", "广州市", "越秀区 荔湾区 海珠区 天河区 白云区 黄埔区 番禺区 花都区 增城区"), 46),
    (("广东省", "佛山市", "禅城区 南海区 顺德区 三水区 高明区"), 9),
    (("广东省", "东莞市", "南城街道 莞城街道 虎门镇 长安镇"), 5),
    (("广东省", "清远市", "清城区 清新区 英德市 佛冈县"), 4),
    (("广东省", "肇庆市", "端州区 鼎湖区 四会市"), 3),
    (("广东省", "湛江市", "赤坎区 霞山区 廉江市 雷州市"), 3),
    (("广东省", "梅州市", "梅江区 兴宁市 五华县"), 3),
    (("广东省", "汕头市", "金平区 龙湖区 潮阳区"), 3),
    (("广东省", "惠州市", "惠城区 惠阳区 博罗县"), 3),
    (("广西壮族自治区", "梧州市", "万秀区 长洲区 岑溪市"), 2),
    (("湖南省", "郴州市", "北湖区 苏仙区 宜章县"), 2),
    (("江西省", "赣州市", "章贡区 南康区 于都县"), 2),
    (("湖北省", "荆州市", "沙市区 荆州区 监利市"), 1),
    (("河南省", "信阳市", "浉河区 平桥区 固始县"), 1),
    (("四川省", "成都市", "武侯区 锦江区 青羊区"), 1),
    (("贵州省", "遵义市", "红花岗区 汇川区 桐梓县"), 1),
    (("北京市", "北京市", "海淀区 朝阳区 丰台区"), 0.6),
    (("上海市", "上海市", "徐汇区 浦东新区 杨浦区"), 0.6),
    (("新疆维吾尔自治区", "喀什地区", "喀什市 疏附县"), 0.4),
    (("西藏自治区", "拉萨市", "城关区 堆龙德庆区"), 0.2),
]
_CITY = Weighted(_CITIES)
_ROAD_A = [
    "橘井",
    "杏坛",
    "青囊",
    "岐黄",
    "悬壶",
    "石榴",
    "棠溪",
    "鹿鸣",
    "望岭",
    "沉香",
    "云麓",
    "榕荫",
    "荔枝湾",
    "珠海桥",
    "五眼井",
    "同福",
    "万松",
    "清水濠",
    "龙津",
    "百步梯",
    "登云",
    "黄竹",
    "莲塘",
    "凤凰",
]
_ROAD_B = ["路", "大道", "东路", "西路", "南街", "北街", "中路", "横街", "二马路", "新街"]
_ESTATE = ["云溪", "翠湖", "锦绣", "望江", "金桂", "碧云", "丽景", "汇雅", "怡康", "南苑"]
_ESTATE_B = ["花园", "小区", "苑", "新村", "公寓", "雅居"]
_FIRM_A = ["岭海", "粤晟", "恒瀚", "南桥", "鼎禾", "云帆", "九穗", "明润", "海岱", "正弘", "禾嘉", "新棠"]
_FIRM_B = [
    "精密机械",
    "纺织服装",
    "电子科技",
    "物流",
    "食品",
    "建筑工程",
    "生物技术",
    "商贸",
    "家具",
    "传媒",
    "物业管理",
]
_FIRM_C = ["有限公司", "股份有限公司", "有限责任公司", "厂"]
_SCHOOL = ["第三十七中学", "实验小学东校区", "职业技术学校", "第九幼儿园"]
_ORDINAL = ["九", "十一", "十四", "十七", "十九", "二十三", "二十六"]


@dataclass(frozen=True, slots=True)
class Address:
    """A postal address; ``full`` starts with the province, ``city`` is what may stay after generalisation."""

    full: str
    city: str
    street: str


def address(rng: Random) -> Address:
    province, city, districts = _CITY.draw(rng)
    district = rng.choice(districts.split())
    road = f"{rng.choice(_ROAD_A)}{rng.choice(_ROAD_B)}{rng.randint(1, 899)}号"
    style = rng.random()
    if style < 0.55:
        estate = rng.choice(_ESTATE) + rng.choice(_ESTATE_B)
        house = f"{estate}{rng.randint(1, 36)}栋{rng.randint(1, 33)}{rng.randint(1, 8):02d}房"
    elif style < 0.8:
        house = f"{rng.randint(1, 20)}号楼{rng.randint(1, 6)}单元{rng.randint(1, 28)}{rng.randint(1, 6):02d}室"
    else:
        house = rng.choice(("", "之二", "后座", f"{rng.randint(2, 9)}楼"))
    prefix = city if province == city else province + city
    return Address(full=f"{prefix}{district}{road}{house}", city=city, street=f"{district}{road}{house}")


def employer(rng: Random, age: int, city: str) -> str:
    """Return the workplace; empty for small children, a school or none for the old."""
    if age < 6 or (age >= 60 and rng.random() < 0.8):
        return "" if age < 6 else rng.choice(("退休", "无", ""))
    if age < 18:
        return city + rng.choice(_SCHOOL)
    style = rng.random()
    if style < 0.12:
        return rng.choice(("自由职业", "个体", "务农"))
    if style < 0.2:
        return city + rng.choice(_SCHOOL)
    return f"{city}{rng.choice(_FIRM_A)}{rng.choice(_FIRM_B)}{rng.choice(_FIRM_C)}"


def outside_hospital(rng: Random, city: str) -> str:
    style = rng.random()
    if style < 0.45:
        return f"{city}第{rng.choice(_ORDINAL)}人民医院"
    if style < 0.7:
        return f"{city}{rng.choice(_FIRM_A)}妇幼保健院"
    if style < 0.85:
        return f"{rng.choice(_FIRM_A)}医科大学附属{rng.choice(('口腔', '肿瘤', '第三', '中西医结合'))}医院"
    return f"{city}{rng.choice(_ROAD_A)}社区卫生服务中心"
