"""Electronic addresses: e-mail, WeChat, QQ, URL, IP. Each starts at an ASCII boundary: no Han text is swallowed."""

from __future__ import annotations

import re
from typing import ClassVar

from anonymization.entities import Entity
from anonymization.recognizers.base import RIGHT, Form, FormRecognizer

_JOINT = r"\s{0,2}[】\]]?(?:[:;=]|为|是|同)?\s{0,2}"
_MEDICAL_WORDS = frozenset({"wechat", "weixin", "qrcode"})


def _octets(value: str) -> bool:
    """Refuse impossible addresses, and lists such as "2.3.4.5": four numbers with fewer than seven digits in all."""
    parts = value.split(".")
    return all(int(part) <= 255 for part in parts) and sum(map(len, parts)) >= 7


class EmailRecognizer(FormRecognizer):
    """Finds e-mail addresses beside Han characters too."""

    ENTITIES = (Entity.EMAIL,)
    FORMS: ClassVar = (
        Form(
            "address",
            r"(?<![0-9A-Za-z._%+\-])[0-9A-Za-z][0-9A-Za-z._%+\-]{0,63}\s?@\s?(?:[0-9A-Za-z\-]{1,63}\.){1,5}[A-Za-z]{2,18}(?![0-9A-Za-z])",
            0.95,
            needs=("@",),
        ),
        Form(
            "spelled",
            r"(?<![0-9A-Za-z._%+\-])[0-9A-Za-z][0-9A-Za-z._%+\-]{1,63}\s?(?:\(at\)|\[at\]|#)\s?(?:[0-9A-Za-z\-]{1,63}\.){1,4}(?:com|cn|net|org)",
            0.8,
            needs=("at", "#"),
        ),
    )


class WechatRecognizer(FormRecognizer):
    """Finds WeChat names after their label."""

    ENTITIES = (Entity.WECHAT,)
    FORMS: ClassVar = (
        Form(
            "labelled",
            rf"(?:微\s?信|[Ww]e[Cc]hat|[Ww]ei[Xx]in|VX|vx|V信)(?:号码?|ID|id|账号)?{_JOINT}"
            r"(?P<v>[A-Za-z0-9][A-Za-z0-9_\-]{4,29})(?![A-Za-z0-9_\-])",
            0.9,
            needs=("信", "echat", "eChat", "eixin", "VX", "vx"),
            check=lambda value: value.lower() not in _MEDICAL_WORDS,
        ),
    )


class QqRecognizer(FormRecognizer):
    """Finds QQ numbers after their label."""

    ENTITIES = (Entity.QQ,)
    FORMS: ClassVar = (
        Form(
            "labelled",
            rf"[Qq]{{2}}(?:群|号码?|账号)?{_JOINT}(?P<v>[1-9]\d{{4,11}}){RIGHT}",
            0.9,
            needs=("QQ", "qq", "Qq"),
        ),
    )


class WebRecognizer(FormRecognizer):
    """Finds URLs and IPv4/IPv6 addresses."""

    ENTITIES = (Entity.URL, Entity.IP_ADDRESS)
    FORMS: ClassVar = (
        Form(
            "url",
            r"(?<![0-9A-Za-z])(?:https?|ftp)://[!#-&*+\-./0-9:=?@A-Z_a-z~]+",
            0.95,
            Entity.URL,
            needs=("://",),
            flags=re.IGNORECASE,
        ),
        Form(
            "www",
            r"(?<![0-9A-Za-z@.])www\.[0-9A-Za-z\-]+(?:\.[0-9A-Za-z\-]+)+(?:/[!#-&*+\-./0-9:=?@A-Z_a-z~]*)?",
            0.9,
            Entity.URL,
            needs=("www.",),
            flags=re.IGNORECASE,
        ),
        Form(
            "ipv4",
            r"\d(?<![0-9A-Za-z.]\d)\d{0,2}(?:\.\d{1,3}){3}(?![0-9A-Za-z]|\.\d)",
            0.7,
            Entity.IP_ADDRESS,
            needs=(".",),
            check=_octets,
        ),
        Form(
            "ipv6",
            rf"[0-9A-Fa-f](?<![0-9A-Za-z_].)[0-9A-Fa-f]{{0,3}}:(?:[0-9A-Fa-f]{{1,4}}:){{4,6}}[0-9A-Fa-f]{{1,4}}{RIGHT}",
            0.7,
            Entity.IP_ADDRESS,
            needs=(":",),
        ),
    )
