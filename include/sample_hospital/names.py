"""Names of invented people: common, rare and compound surnames, one to three characters, minority and foreign forms."""

from __future__ import annotations

from random import Random

from include.sample_hospital.randomness import Weighted

_COMMON = (
    "李王张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧程曹袁邓许傅沈曾彭吕苏卢蒋蔡贾丁魏薛叶阎余潘杜戴夏钟汪田任姜范方石姚谭廖邹熊"
    "金陆郝孔白崔康毛邱秦江史顾侯邵孟龙万段雷钱汤尹黎易常武乔贺赖龚文"
)
_RARE = "冼禤麦欧植仇解单查盖区翟晏佘逄郗亓矫那覃农韦岑蒙莫闭甘简揭邝利练伦缪植冷鲜粟仝宓逯郜"
_COMPOUND = (
    "欧阳",
    "司马",
    "上官",
    "诸葛",
    "司徒",
    "东方",
    "皇甫",
    "尉迟",
    "令狐",
    "夏侯",
    "慕容",
    "端木",
    "公孙",
    "轩辕",
)
_MINORITY_MALE = (
    "买买提",
    "艾力",
    "阿不都",
    "吐尔逊",
    "玉素甫",
    "依明",
    "扎西",
    "次仁",
    "巴特尔",
    "苏和",
    "木合塔尔",
    "努尔兰",
)
_MINORITY_FEMALE = (
    "阿依古丽",
    "古丽娜尔",
    "热依汗",
    "帕提古丽",
    "卓玛",
    "央金",
    "其其格",
    "乌兰",
    "玛依拉",
    "阿娜尔",
    "娜仁",
    "迪丽拜尔",
)
_FOREIGN_MALE = ("JOHN SMITHSON", "KENJI TANABE", "Pavel Novikov", "MARTIN OKAFORD", "Lukas Brandt")
_FOREIGN_FEMALE = ("ANNA MULLERSON", "YUKO TANABE", "Elena Sokolovna", "GRACE OKAFORD", "Marie Dubreuil")

_MALE = (
    "伟强磊军洋勇杰涛超明刚平辉鹏华飞斌波宇浩凯健俊帆雷成龙志建国文武林德海山仁良光天达安岩中茂进有坚和彪"
    "博诚先敬震振壮会思群豪心邦承乐绍功松善厚庆"
)
_FEMALE = (
    "芳娜敏静秀娟英华慧巧美淑惠珠翠雅芝玉萍红娥玲芬燕彩春菊兰凤洁梅琳素云莲真环雪荣爱妹霞香月莺媛艳瑞凡佳"
    "嘉琼勤珍贞莉桂娣叶璧璐娅琦晶妍茜秋珊莎锦黛青倩婷姣婉娴瑾颖露瑶怡婵雁"
)
_RARE_GIVEN = "翀祎昶旻晗煜玥垚淼焱骞赟珩瑄琬钰雯霏霁曦彧禹妤姝窈"

_SURNAME = Weighted(
    [(name, 60.0 / (rank + 4)) for rank, name in enumerate(_COMMON)]
    + [(name, 0.12) for name in _RARE]
    + [(name, 0.25) for name in _COMPOUND]
)


def surname(rng: Random) -> str:
    return _SURNAME.draw(rng)


def given(rng: Random, male: bool, length: int) -> str:
    pool = _MALE if male else _FEMALE
    return "".join(rng.choice(_RARE_GIVEN if rng.random() < 0.04 else pool) for _ in range(length))


def han_name(rng: Random, male: bool, family: str | None = None) -> str:
    """Return a Han name; a child or sibling keeps the family name given."""
    return (family or surname(rng)) + given(rng, male, 1 if rng.random() < 0.22 else 2)


def minority_name(rng: Random, male: bool) -> str:
    first = rng.choice(_MINORITY_MALE if male else _MINORITY_FEMALE)
    return f"{first}·{rng.choice(_MINORITY_MALE)}"


def foreign_name(rng: Random, male: bool) -> str:
    return rng.choice(_FOREIGN_MALE if male else _FOREIGN_FEMALE)


def family_of(name: str) -> str | None:
    """Return the surname of a Han name, or None for names of another form."""
    if "·" in name or not ("\u4e00" <= name[0] <= "\u9fff"):
        return None
    return name[:2] if name[:2] in _COMPOUND else name[0]
