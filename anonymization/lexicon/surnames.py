"""Surnames of China: single and compound, and those that are everyday words as well."""

from __future__ import annotations

from typing import Final

from anonymization.lexicon import words

COMMON_BY_SIZE: Final = (
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林罗郑梁谢宋唐许韩冯邓曹彭曾萧肖田董袁潘于蒋蔡余杜叶程苏魏吕丁任沈姚卢姜"
    "崔钟谭陆汪范金石廖贾夏韦付傅方白邹孟熊秦邱江尹薛闫阎段雷侯龙史陶黎贺顾毛郝龚邵万钱严覃武戴莫孔向汤常温康施文"
    "牛樊葛邢安齐易乔伍庞颜倪庄聂章鲁岳翟殷詹申欧耿关兰焦俞左柳甘祝包宁尚符舒阮柯纪梅童凌毕单季裴霍涂成苗谷盛曲翁"
    "冉骆蓝路游辛靳管柴蒙鲍华喻祁蒲房滕屈饶解牟艾尤阳时穆农司卓古吉缪简车项连芦麦褚娄窦戚岑景党宫费卜冷晏席卫米柏"
    "宗瞿桂全佟应臧闵苟邬边卞姬师和仇栾隋商刁沙荣巫寇桑郎甄丛仲虞敖巩明佘池查麻苑迟邝官封谈匡鞠惠荆乐冀郁胥南班储"
    "原栗燕楚鄢劳谌奚皮粟冼蔺楼盘满闻位厉伊仝区郜海阚花权强帅屠豆朴盖练廉禹井祖漆巴丰支卿国狄平计索宣晋相初门云容"
    "敬来扈晁芮都普阙浦戈伏鹿薄邸雍辜羊阿乌母裘亓修邰赫杭况那宿鲜印逯隆茹诺战慕危玉银亢嵇公哈湛宾戎勾茅利於呼居揭"
    "干但尉冶斯元束檀衣信展阴昝智幸奉植衡富尧闭由郗"
)
"""Single surnames of the common kind, the ones that most people bear first."""
COMMON: Final = frozenset(COMMON_BY_SIZE)
RARE: Final = frozenset(
    "禤逄矫宓伦缪訾钭亓鄞郯鄯酆鄂邗邛邴邾郇郓郅佴佼侴倌傕厍坚堵墨妫姒娥孛岐岱嵩巢庾弓慎戢扶斛旷昂昌暴曦权殳毋沃泉"
    "渠潭濮炅烟牧犁玄琚琴璩畅睢督硕禄禾童笪筱箕粘糜綦练缑罕羿翦肇臧芒苌荀莘莱菅蒯蓟蓬蔚訚詹谯豫贡贲赖蹇遆邸鉏钮镡"
    "闾隗隽靖鞏鞠须颉骑骞骧鬲鲧麴藏虢仉苻郏郜缐撒喇暨逯乜阙佟"
)
"""Single surnames that few people bear; they are believed where a form field announces a name."""
COMPOUND: Final = frozenset(
    words(
        """
        欧阳 上官 司马 司徒 诸葛 夏侯 皇甫 尉迟 令狐 慕容 东方 端木 公孙 轩辕 独孤 南宫 宇文 长孙 司空 闻人 澹台 公冶
        宗政 濮阳 淳于 单于 太叔 申屠 仲孙 钟离 鲜于 闾丘 司寇 子车 亓官 颛孙 巫马 公西 漆雕 乐正 壤驷 公良 拓跋 夹谷
        宰父 谷梁 段干 百里 东郭 南门 呼延 羊舌 微生 梁丘 左丘 东门 西门 第五 万俟 赫连 完颜 爱新 叶赫 那拉 纳兰 耶律
        钮祜 达奚 贺兰 哥舒 仆固 尔朱
    """
    )
)
WORDLIKE: Final = frozenset(
    "于和同向从时经由为对到与等应有能可以若常须当及并且给令全任代单安方关成万连何还平明通相原都来国强海花云南门路"
    "时位来由但信来普区那查解"
)
"""Single surnames that running text mostly uses as words: they need more proof than other surnames."""


STRONG: Final = frozenset(
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林罗郑梁谢宋唐许韩冯邓曹彭曾萧肖田董袁潘于蒋蔡余杜叶程苏魏吕丁任沈姚卢姜"
    "崔钟谭陆汪范金石廖贾夏韦付傅方白邹孟熊秦邱江尹薛闫阎段雷侯龙史陶黎贺顾毛郝龚邵万钱严武戴莫孔汤温康施牛樊葛邢"
    "乔伍庞颜倪庄聂章鲁岳翟殷詹申欧耿关兰焦俞左柳甘祝包尚符舒阮柯纪梅童凌毕裴霍涂苗谷盛翁冉骆蓝游辛靳管柴蒙鲍喻祁"
    "蒲房滕屈饶解牟艾尤阳穆农卓吉缪简岑党宫费卜晏席卫柏瞿桂佟臧苟邬卞姬仇栾隋商刁沙荣巫寇桑甄丛赖冼利区农蒙揭练邝植虞敖巩佘池麻苑迟邝"
)
"""Single surnames that are sure enough to be believed in running text."""


def is_surname(character: str) -> bool:
    """Tell whether one character is a surname, common or rare."""
    return character in COMMON or character in RARE


def surname_length(text: str, start: int = 0) -> int:
    """Return the length of the surname at a place in a text: 2, 1, or 0 for none."""
    if text[start : start + 2] in COMPOUND:
        return 2
    return 1 if is_surname(text[start : start + 1] or " ") else 0
