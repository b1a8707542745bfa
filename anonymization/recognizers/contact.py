"""Electronic addresses: e-mail, WeChat, QQ, URL, IP, MAC. Each starts at an ASCII boundary: Han text stays."""

from __future__ import annotations

import ipaddress
import re
from typing import ClassVar

from anonymization.entities import Entity
from anonymization.recognizers.base import RIGHT, Form, FormRecognizer

_JOINT = r"\s{0,2}[】\]]?(?:[:;=]|为|是|同)?\s{0,2}"
_MEDICAL_WORDS = frozenset({"wechat", "weixin", "qrcode"})


def _octets(value: str) -> bool:
    """Refuse impossible addresses, and lists such as "2.3.4.5": fewer than seven digits in all and no port behind."""
    address, _, port = value.partition(":")
    parts = address.split(".")
    return all(int(part) <= 255 for part in parts) and (port != "" or sum(map(len, parts)) >= 7)


def _is_ipv6(value: str) -> bool:
    """Refuse times of day ("10:20:30") and ratios: a letter, a doubled colon, or eight groups must be there."""
    try:
        ipaddress.IPv6Address(value)
    except ValueError:
        return False
    return any(character.isalpha() for character in value) or value.count(":") == 7


class EmailRecognizer(FormRecognizer):
    """Finds e-mail addresses beside Han characters too."""

    ENTITIES = (Entity.EMAIL,)
    FORMS: ClassVar = (
        Form(
            "address",
            r"(?<![0-9A-Za-z._%+\-])[0-9A-Za-z][0-9A-Za-z._%+\-]{0,63}\s?@\s?(?:[0-9A-Za-z\-]{1,63}\.){1,5}[A-Za-z]{2,18}(?![0-9A-Za-z])",
            0.95,
            around=(re.compile("@"), 67, 345),
        ),
        Form(
            "spelled",
            r"(?<![0-9A-Za-z._%+\-])[0-9A-Za-z][0-9A-Za-z._%+\-]{1,63}\s?(?:\(at\)|\[at\]|#)\s?(?:[0-9A-Za-z\-]{1,63}\.){1,4}(?:com|cn|net|org)",
            0.8,
            around=(re.compile(r"[(\[#](?:(?<=#)|(?<=\()at\)|(?<=\[)at\])"), 67, 270),
        ),
    )


class WechatRecognizer(FormRecognizer):
    """Finds WeChat names after their label."""

    ENTITIES = (Entity.WECHAT,)
    FORMS: ClassVar = (
        Form(
            "labelled",
            rf"(?:微\s?信|[Ww]e[Cc]hat|[Ww]ei[Xx]in|VX|vx|V信|薇信|加[Vv])(?:号码?|ID|id|账号|名)?(?:同号|也?是)?{_JOINT}"
            r"(?P<v>[A-Za-z0-9][A-Za-z0-9_\-]{4,29})(?![A-Za-z0-9_\-])",
            0.9,
            start=re.compile(r"[微WwVv薇加](?=[\s信eXxVv])"),
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
            start=re.compile("[Qq](?=[Qq])"),
        ),
    )


class WebRecognizer(FormRecognizer):
    """Finds URLs, IPv4 and IPv6 addresses, and the addresses of network devices (MAC)."""

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
            r"(?:(?<![0-9A-Za-z@.])|(?<=\d\.))www\.[0-9A-Za-z\-]+(?:\.[0-9A-Za-z\-]+)+(?:/[!#-&*+\-./0-9:=?@A-Z_a-z~]*)?",
            0.9,
            Entity.URL,
            flags=re.IGNORECASE,
            start=re.compile(r"[Ww](?=[Ww]{2}\.)"),
        ),
        Form(
            "ipv4",
            r"\d(?:(?<![0-9A-Za-z.]\d)|(?<=[^\d.]\d\.\d)\d|(?<=\A\d\.\d)\d)\d{0,2}(?:\.\d{1,3}){3}"
            r"(?::\d{2,5}(?!\d)|(?![0-9A-Za-z]|\.\d))",
            0.7,
            Entity.IP_ADDRESS,
            around=(re.compile(r"[.](?=\d{1,3}\.\d{1,3}\.\d)"), 6, 24),
            check=_octets,
        ),
        Form(
            "ipv4_labelled",
            r"(?<![A-Za-z])[Ii][Pp](?:地址|[ ][Aa]ddress)?[: ]{0,3}"
            r"(?P<v>\d{1,3}(?:\.\d{1,3}){3}(?::\d{2,5})?)(?![0-9A-Za-z]|\.\d)",
            0.9,
            Entity.IP_ADDRESS,
            needs=("IP", "ip", "Ip"),
            check=lambda value: _octets(value.partition(":")[0] + ":0"),
        ),
        Form(
            "ipv6",
            r"[0-9A-Fa-f](?<![0-9A-Za-z_.].)(?<![0-9A-Fa-f]:.)[0-9A-Fa-f]{0,3}(?::[0-9A-Fa-f]{0,4}){2,7}(?![0-9A-Za-z_:])",
            0.7,
            Entity.IP_ADDRESS,
            around=(re.compile(r":(?=[0-9A-Fa-f]{0,4}:)"), 8, 44),
            check=_is_ipv6,
        ),
        Form(
            "mac",
            rf"[0-9A-Fa-f](?<![0-9A-Za-z_].)(?<![0-9A-Fa-f][:\-].)[0-9A-Fa-f]([:\-])[0-9A-Fa-f]{{2}}(?:\1[0-9A-Fa-f]{{2}}){{4}}(?!\1){RIGHT}",
            0.8,
            Entity.IP_ADDRESS,
            around=(re.compile(r"[:\-](?=[0-9A-Fa-f]{2}[:\-][0-9A-Fa-f]{2}[:\-])"), 6, 24),
            check=lambda value: not value.replace("-", ":").replace(":", "").isdecimal() or ":" in value,
        ),
    )
