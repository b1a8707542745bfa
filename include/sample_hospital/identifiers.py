"""Invented identifiers that cannot belong to a living person or to a subscriber.

- Identity number: first two digits 99. GB/T 2260 has no province 99 (its codes run from 11 to 82), and the permanent
  residence card of foreigners (which does start with 9) carries a province code in its second and third digit, where
  ours have 9x. The check digit (GB 11643) is valid, so checks and recognizers treat the number like any other.
- Mobile: segments 154, 163, 164 and 169. No operator's range holds them in libphonenumber's numbering metadata for
  China; that may change when the regulator allots them. They still match ``1[3-9]\\d{9}``.
- Fixed line: area codes 010 and 020 with seven digits behind them, where these cities have eight.
- Licence plate: Ningxia or Qinghai with the city letters W to Z, to our knowledge issued to no city.
- Bank card: issuer number 620000 with a valid Luhn digit, to our knowledge issued to no bank (no register was asked).
- QQ: eleven digits from 99 up, above the numbers issued so far. E-mail: domains that RFC 2606 reserves.
"""

from __future__ import annotations

from datetime import date
from random import Random

from include.sample_hospital.randomness import scramble

MOBILE_SEGMENTS = ("154", "163", "164", "169")
MAIL_DOMAINS = ("example.com", "mail.example.com", "example.org", "example.net")
_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
CHECK_CHARACTERS = "10X98765432"


def check_digit(first17: str) -> str:
    """Return the GB 11643 check character for the first 17 digits of an identity number."""
    return CHECK_CHARACTERS[sum(int(digit) * weight for digit, weight in zip(first17, _WEIGHTS, strict=True)) % 11]


def resident_id(index: int, birth: date, male: bool) -> str:
    """Return the identity number of person ``index``: unique, checked, region 99xxxx, odd sequence for men."""
    region = f"99{index * 7919 % 10_000:04d}"
    sequence = (index // 10_000) * 2 + 2 + int(male)
    first17 = f"{region}{birth:%Y%m%d}{sequence:03d}"
    return first17 + check_digit(first17)


def outside_resident_id(rng: Random, birth: date, male: bool) -> str:
    """Return the identity number of somebody who is nobody's record (a relative); its sequence is 500 or more."""
    sequence = 500 + rng.randrange(200) * 2 + int(male)
    first17 = f"99{rng.randrange(10_000):04d}{birth:%Y%m%d}{sequence:03d}"
    return first17 + check_digit(first17)


def mobile(rng: Random) -> str:
    """Return an 11-digit mobile of an unallotted segment; a 9 in the fourth place is kept for canaries."""
    return f"{rng.choice(MOBILE_SEGMENTS)}{rng.randrange(9)}{rng.randrange(10_000_000):07d}"


def landline(rng: Random) -> str:
    """Return a fixed line that cannot exist: seven digits behind a city of eight, as written on forms."""
    area, number = rng.choice(("010", "020", "020", "020")), f"8{rng.randrange(1_000_000):06d}"
    return rng.choice((f"{area}-{number}", f"{area}-{number}", f"({area}){number}", f"{area} {number}"))


def license_plate(rng: Random) -> str:
    letters = "ABCDEFGHJKLMNPQRSTUVWXYZ"
    body = f"{rng.choice(letters)}{rng.randrange(10_000):04d}"
    return f"{rng.choice('宁青')}{rng.choice('WXYZ')}{rng.choice(('', '·'))}{body}"


def bank_card(rng: Random) -> str:
    """Return a 19-digit card number with a valid Luhn digit and issuer number 620000."""
    body = f"620000{rng.randrange(10**12):012d}"
    total = 0
    for position, digit in enumerate(reversed(body)):
        value = int(digit) * (2 if position % 2 == 0 else 1)
        total += value - 9 if value > 9 else value
    return body + str(-total % 10)


def wechat(rng: Random) -> str:
    letters = "abcdefghjkmnpqrstuvwxyz"
    stem = "".join(rng.choice(letters) for _ in range(rng.randint(2, 5)))
    return rng.choice((f"wxid_{stem}{rng.randrange(10**6):06d}", f"{stem}_{rng.randrange(10**4):04d}"))


def qq(rng: Random) -> str:
    return f"99{rng.randrange(10**9):09d}"


def email(rng: Random) -> str:
    letters = "abcdefghjkmnpqrstuvwxyz"
    stem = "".join(rng.choice(letters) for _ in range(rng.randint(4, 8)))
    return f"{stem}{rng.randrange(1000)}@{rng.choice(MAIL_DOMAINS)}"


def spoken_number(rng: Random, digits: str) -> str:
    """Return a mobile as people write it in notes: plain, with spaces or with dashes."""
    style = rng.random()
    if style < 0.62:
        return digits
    separator = " " if style < 0.8 else "-"
    return separator.join((digits[:3], digits[3:7], digits[7:]))


# ---- the systems' own patient numbers: each a different one-to-one image of the person's index


def his_number(index: int, which: int = 0) -> str:
    """Eight digits; ``which`` = 1 is the second number of a person registered twice."""
    return str(scramble(index * 2 + which, 90_000_000, 1) + 10_000_000)


def lis_number(index: int) -> str:
    return f"L{scramble(index, 100_000_000, 2):08d}"


def emr_number(index: int) -> str:
    return f"{scramble(index, 9_000_000, 3) + 1_000_000:07d}"


def path_number(index: int) -> str:
    return f"BL{scramble(index, 10_000_000, 4):07d}"


def pacs_number(index: int) -> str:
    return f"PX{scramble(index, 100_000_000, 5):08d}"


def follow_up_number(index: int) -> str:
    return f"SF{scramble(index, 10_000_000, 6):07d}"


def unknown_lis_number() -> str:
    """Return a well-formed number that no person has (people's indexes end far below)."""
    return lis_number(99_000_000)


def admission_number(index: int, which: int) -> str:
    """住院号 of the person's ``which``-th hospital stay (fewer than 100)."""
    return f"ZY{scramble(index * 100 + which, 100_000_000, 7):08d}"
