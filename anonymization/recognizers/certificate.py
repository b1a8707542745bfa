"""Certificates and permits: passport, Hong Kong, Macau and Taiwan permits, military, driving and doctor's licences."""

from __future__ import annotations

import re
from typing import ClassVar

from anonymization.checksums import social_credit_code_is_valid
from anonymization.entities import Entity
from anonymization.lexicon import any_of, words
from anonymization.recognizers.base import RIGHT, START, Form, FormRecognizer

_LABELS = words(
    """
    护照 通行证 回乡证 台胞证 居留证 居留许可 居住证 军官证 士兵证 士官证 文职干部证 军人证 警官证 驾驶证 驾照
    行驶证 学生证
    执业证 执业证书 执业医师证 执业医师证书 医师执业证书 医师资格证书 护士执业证书 执业编号 执业证号 医师编码
    国家医保医师代码
    资格证 资格证书 残疾证 户口本 户口簿 老年证 老年优待证 结婚证 出生证 准迁证 工作证 胸牌号 工号 员工号 医保编号
    个人编号
    社会保险号 医疗保险号 社会保障号 社会保障号码 社保编号 电脑号 医保电脑号 公费医疗证 医保证
    Passport passport License Licence license licence
    """
)
_JOINT = r"\s{0,2}(?:号码?|编号|编码|[Nn]o\.?)?\s{0,2}[】\])]?\s{0,2}[:;#为是]?\s{0,2}"
_CODE = "[0-9A-HJ-NPQRTUWXY]"
_MILITARY = "军政后联南北沈兰成济广海空参装武士文警"


class CertificateRecognizer(FormRecognizer):
    """Finds certificate numbers after their label, and passports and permits by their own form."""

    ENTITIES = (Entity.CERTIFICATE,)
    NUMBER_HINT = re.compile(r"\d{4}(?:\d\d|[\- ]?\d{3})")
    FORMS: ClassVar = (
        Form(
            "labelled",
            rf"(?:{any_of(_LABELS)})(?:\([^()\n]{{1,12}}\))?{_JOINT}(?:[Nn]o\.?\s?)?"
            r"(?P<v>[\u4e00-\u9fff]{0,2}字?第?[A-Za-z]{0,3}\d[0-9A-Za-z\- ]{3,20}[0-9A-Za-z](?:\(\d{1,2}\))?号?)"
            r"(?![0-9A-Za-z])",
            0.9,
            needs=("证", "护照", "驾照", "户口", "号", "代码", "编码", "许可", "assport", "icen"),
        ),
        Form("military", rf"(?P<v>[{_MILITARY}]字第\s?\d{{4,8}})\s?号?", 0.9, needs=("字第",)),
        Form("passport", rf"[EGDSPKH]{START}[A-HJ-NP-Z]?\d{{7,8}}{RIGHT}", 0.55),
        Form("permit", rf"[CWHM]{START}[A-HJ-NP-Z]?\d{{7,8}}(?:\d{{2}})?{RIGHT}", 0.5),
        Form("permanent_residence", rf"[A-Z]{START}[A-Z]{{2}}\d{{12}}{RIGHT}", 0.7),
        Form("hong_kong", rf"[A-Z]{START}[A-Z]?\d{{6}}\([0-9A]\)", 0.8, needs=("(",)),
        Form("doctor", rf"[1-4]{START}[1-4]0\d{{12}}{RIGHT}", 0.55),
    )


class SocialCreditCodeRecognizer(FormRecognizer):
    """Finds unified social credit codes by their check character (GB 32100), in groups too, or by label."""

    ENTITIES = (Entity.SOCIAL_CREDIT_CODE,)
    NUMBER_HINT = re.compile(r"\d{6}")
    FORMS: ClassVar = (
        Form(
            "checked",
            rf"{_CODE}{START}{_CODE}[ \-]?\d{{6}}[ \-]?{_CODE}{{8,9}}[ \-]?{_CODE}{{1,2}}{RIGHT}",
            0.9,
            check=lambda value: social_credit_code_is_valid(re.sub("[ -]", "", value)),
        ),
        Form(
            "labelled",
            r"(?:社会信用代码|信用代码|纳税人识别号|税号)(?:\([^()\n]{1,8}\))?[:为是\s]{0,3}(?P<v>[0-9A-Z]{15,20})(?![0-9A-Za-z])",
            0.9,
            needs=("信用代码", "税"),
        ),
    )
