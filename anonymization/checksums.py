"""Check digits: resident number (GB 11643), bank card (Luhn), IBAN (mod 97), unified social credit code (GB 32100)."""

from __future__ import annotations

from datetime import date
from typing import Final

_RESIDENT_WEIGHTS: Final = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_RESIDENT_CHECK: Final = "10X98765432"
_CREDIT_ALPHABET: Final = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_CREDIT_WEIGHTS: Final = (1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28)


def resident_id_has_valid_date(number: str) -> bool:
    """Tell whether the birth date inside an 18- or 15-digit resident number exists and lies in 1850..2100."""
    digits = number[6:14] if len(number) == 18 else "19" + number[6:12]
    try:
        born = date(int(digits[:4]), int(digits[4:6]), int(digits[6:8]))
    except ValueError:
        return False
    return 1850 <= born.year <= 2100


def resident_id_is_valid(number: str) -> bool:
    """Tell whether 18 characters are a resident number with a real date and the right check character."""
    number = number.upper()
    if len(number) != 18 or not (number[:17].isascii() and number[:17].isdigit()):
        return False
    total = sum(int(digit) * weight for digit, weight in zip(number[:17], _RESIDENT_WEIGHTS, strict=True))
    return _RESIDENT_CHECK[total % 11] == number[17] and resident_id_has_valid_date(number)


def luhn_is_valid(digits: str) -> bool:
    """Tell whether a string of ASCII digits ends in the right Luhn digit; a run of one repeated digit is refused."""
    if not (digits.isascii() and digits.isdigit()) or len(set(digits)) == 1:
        return False
    total = 0
    for position, character in enumerate(reversed(digits)):
        value = int(character)
        if position % 2:
            value = value * 2 - 9 if value > 4 else value * 2
        total += value
    return total % 10 == 0


def iban_is_valid(number: str) -> bool:
    """Tell whether 15 to 34 ASCII capitals and digits are an IBAN with the right check digits (ISO 13616, mod 97)."""
    if not 15 <= len(number) <= 34 or not (number.isascii() and number.isalnum() and number.isupper()):
        return False
    return int("".join(str(int(character, 36)) for character in number[4:] + number[:4])) % 97 == 1


def social_credit_code_is_valid(code: str) -> bool:
    """Tell whether 18 characters are a unified social credit code with the right check character."""
    code = code.upper()
    if len(code) != 18 or any(character not in _CREDIT_ALPHABET for character in code):
        return False
    total = sum(_CREDIT_ALPHABET.index(c) * w for c, w in zip(code[:17], _CREDIT_WEIGHTS, strict=True))
    return _CREDIT_ALPHABET[(31 - total % 31) % 31] == code[17]
