"""Certificates and permits: passport, Hong Kong, Macau and Taiwan permits, military, driving and doctor's licences."""

from __future__ import annotations

from typing import ClassVar

from anonymization.checksums import social_credit_code_is_valid
from anonymization.entities import Entity
from anonymization.lexicon import any_of, words
from anonymization.recognizers.base import RIGHT, START, Form, FormRecognizer

_LABELS = words(
    """
    护照 通行证 回乡证 台胞证 居留证 居住证 军官证 士兵证 警官证 驾驶证 驾照 行驶证
    执业证 执业证书 执业医师证 执业医师证书
    资格证 资格证书 残疾证 户口本 户口簿 Passport passport License Licence license licence
    """
)
_JOINT = r"\s{0,2}(?:号码?|编号|编码)?\s{0,2}[:;为是]?\s{0,2}"


class CertificateRecognizer(FormRecognizer):
    """Finds certificate numbers after their label, and passports and permits by their own form."""

    ENTITIES = (Entity.CERTIFICATE,)
    FORMS: ClassVar = (
        Form(
            "labelled",
            rf"(?:{any_of(_LABELS)}){_JOINT}(?:[Nn]o\.?\s?)?"
            r"(?P<v>[\u4e00-\u9fff]{0,2}字?第?[A-Za-z]{0,3}\d[0-9A-Za-z\-]{5,20})(?![0-9A-Za-z])",
            0.9,
            needs=("证", "护照", "驾照", "户口", "assport", "icen"),
        ),
        Form("military", r"(?P<v>[军政后联南北沈兰成济广海空参装武]字第\d{6,8})号?", 0.9, needs=("字第",)),
        Form("passport", rf"[EGDSP]{START}[A-HJ-NP-Z]?\d{{7,8}}{RIGHT}", 0.55),
        Form("permit", rf"[CWHM]{START}\d{{8}}(?:\d{{2}})?{RIGHT}", 0.5),
    )


class SocialCreditCodeRecognizer(FormRecognizer):
    """Finds unified social credit codes by their check character (GB 32100)."""

    ENTITIES = (Entity.SOCIAL_CREDIT_CODE,)
    FORMS: ClassVar = (
        Form(
            "checked",
            rf"[0-9A-HJ-NPQRTUWXY]{START}[0-9A-HJ-NPQRTUWXY]\d{{6}}[0-9A-HJ-NPQRTUWXY]{{10}}{RIGHT}",
            0.9,
            check=social_credit_code_is_valid,
        ),
    )
