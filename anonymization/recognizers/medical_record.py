"""Numbers that a hospital gives: patient, visit, admission, specimen, examination, pathology, prescription, device.

The label decides: the same eight digits are a date, a dose or a record number. The table of labels is `LABELS`.
"""

from __future__ import annotations

import re
from typing import ClassVar, Final

from anonymization.entities import Entity
from anonymization.lexicon import any_of, words
from anonymization.recognizers.base import START, Form, FormRecognizer

LABELS: Final = words(
    """
    住院 门诊 门急诊 急诊 病案 病历 病理 检查 检验 影像 放射 超声 内镜 胃镜 肠镜 心电图 脑电图 标本 样本 样品 条码
    条形码 申请单? 申请 登记 就诊 就诊卡 诊疗卡 就医卡 健康卡 医保卡? 医疗证 社保卡? 社会保障卡? 医疗保险 新农合 参合
    合作医疗 流水 就诊流水 处方 发票 收据 结算 手术 手术单 麻醉 档案 健康档案 随访 患者 病人 病员 原病理 外院病理 会诊
    切片 蜡块 冰冻 细胞学? 报告单? X线 X光 X片 CT MRI? PET(?:-?CT)? DR B超 US ECG ECT 输血 血袋 献血 储血 建档 预约
    收费 医嘱 转诊 转院 床 床位 病床 胶片 检测 实验 试管 玻片 采血 采样 受理 体检 登录 挂号 排队 取药 器械 设备 植入物
    机身 仪器 起搏器 序列 接种 出生证明? 出生医学证明 死亡证明 受试者 筛选 入组 随机
    """
)

"""What may stand before 号: the kinds of number that point to one patient's record."""

_PREFIXES: Final = frozenset(words("ZY MZ BL BA JZ CT MR US DR DX MG PS ZYH MZH BLH PAT ACC BK XD LC YX PX SF HZ"))
_ABBREVIATIONS = (
    r"(?:M(?<![0-9A-Za-z]M)RN|m(?<![0-9A-Za-z]m)rn|P(?<![0-9A-Za-z]P)(?:ID|atient\s(?:ID|No))|H(?<![0-9A-Za-z]H)(?:IS\s?ID|ospital\s(?:ID|No))|"
    r"E(?<![0-9A-Za-z]E)MPI|R(?<![0-9A-Za-z]R)ecord\s(?:ID|No)|A(?<![0-9A-Za-z]A)(?:CC|ccession(?:\s(?:No|Number))?)|"
    r"C(?<![0-9A-Za-z]C)(?:ase|hart)\sNo|I(?<![0-9A-Za-z]I)D)"
)
_AFTER_ABBREVIATION = r"\s{0,2}(?:号码?|No)?\.?\s{0,2}[:#=为是]?\s{0,2}"
_KIND = any_of(LABELS)
_FIRST = "".join(sorted({label[0] for label in LABELS}))
_SECOND = "".join(sorted({label[1] for label in LABELS if len(label) > 1}))
_KIND_START = re.compile(rf"[{_FIRST}](?=[{_SECOND}\s唯编号IN标])(?=[^\s唯编号IN标]{{0,8}}[\s唯编号IN标])")
"""The first two characters of a label, and what a suffix begins with not far behind."""
_SUFFIX = r"(?:\s{0,20}(?:唯一)?(?:编\s{0,20})?(?:号\s{0,20}码?|编码|ID|NO\.?|No\.?|标识)(?:\(\S{1,8}?\))?)"
_JOINT = r"\s{0,2}[】\]]?[:;#=为是]?\s{0,2}"
_VALUE = r"(?P<v>(?:[A-Za-z]{1,6}[\-_ ]?)?\d[0-9A-Za-z]*(?:[\-_/][0-9A-Za-z]+){0,4})(?![0-9A-Za-z])"
_NOT_MEASURE = r"(?!\s{0,20}(?:岁|次|天|日|月|年|个|级|期|例|%|mg|ml|mm|cm|枚|条|片|层|楼|室))"


def _is_number(value: str) -> bool:
    return sum(character.isdigit() for character in value) >= 4


def _is_long_number(value: str) -> bool:
    return sum(character.isdigit() for character in value) >= 6


def _is_short_number(value: str) -> bool:
    return sum(character.isdigit() for character in value) >= 3


class MedicalRecordRecognizer(FormRecognizer):
    """Finds record numbers by their labels, and the prefixed forms that hospitals print without one."""

    ENTITIES = (Entity.MEDICAL_RECORD_NUMBER,)
    FORMS: ClassVar = (
        Form(
            "labelled",
            rf"(?:{_KIND}){_SUFFIX}{_JOINT}{_VALUE}{_NOT_MEASURE}",
            0.9,
            start=_KIND_START,
            check=_is_short_number,
        ),
        Form(
            "labelled_second",
            rf"(?:{_KIND}){_SUFFIX}{_JOINT}(?:[A-Za-z]{{1,4}}[\-_]?)?\d[0-9A-Za-z\-]{{0,40}}\s{{0,20}}[、,/;和及]\s{{0,20}}{_VALUE}{_NOT_MEASURE}",
            0.7,
            start=_KIND_START,
            check=_is_number,
        ),
        Form(
            "numbered",
            rf"(?:编\s?号|单\s?号|条\s?码|编\s?码)[:#为是]?\s{{0,2}}{_VALUE}{_NOT_MEASURE}",
            0.7,
            needs=("号", "码"),
            check=_is_long_number,
        ),
        Form(
            "labelled_without_hao",
            rf"(?:住院|门诊|病案|病历|病理|检查|登记|就诊)\s{{0,2}}[:#]\s{{0,2}}{_VALUE}{_NOT_MEASURE}",
            0.7,
            check=_is_number,
        ),
        Form(
            "serial",
            r"(?:S/N|SN|UDI|出厂编号|序列编号|机号|REF|Serial\s?(?:No|Number))\.?\s{0,2}[:#=为是]?\s{0,2}"
            r"(?P<v>(?:\(\d{2}\))?[A-Za-z]{0,4}[\-_]?\d[0-9A-Za-z()]*(?:[\-_/][0-9A-Za-z]+){0,4})(?![0-9A-Za-z])",
            0.8,
            needs=("SN", "S/N", "UDI", "机号", "编号", "REF", "erial"),
            check=_is_number,
        ),
        Form(
            "bed",
            r"(?:床\s?[位号]|病\s?床)\s?(?:号|编号)?\s{0,2}[:#为是]\s{0,2}(?P<v>[A-Za-z\u4e00-\u9fff]{0,3}\d{1,4}(?:[\-+][0-9A-Za-z]{1,3})?)床?(?![0-9A-Za-z])",
            0.6,
            needs=("床",),
        ),
        Form("abbreviation", rf"{_ABBREVIATIONS}{_AFTER_ABBREVIATION}{_VALUE}{_NOT_MEASURE}", 0.8, check=_is_number),
        Form(
            "prefixed",
            rf"[A-Z]{START}[A-Z]{{1,2}}[\-_]?\d{{6,14}}(?:-\d{{1,4}})?(?![0-9A-Za-z])",
            0.65,
            check=lambda value: value.rstrip("0123456789-_") in _PREFIXES,
        ),
        Form(
            "pathology_year",
            r"(?:1(?<!\d1)9|2(?<!\d2)0)\d{2}-\d{4,8}(?:-\d{1,3})?(?![0-9A-Za-z\-])",
            0.6,
        ),
    )
