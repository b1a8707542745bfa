"""Presidio recognizers for Chinese clinical text. `build_recognizers()` gives one of each."""

from __future__ import annotations

from anonymization.recognizers.address import AddressRecognizer
from anonymization.recognizers.age import AgeRecognizer
from anonymization.recognizers.bank_card import BankCardRecognizer
from anonymization.recognizers.base import Finding, Form, FormRecognizer, ScanRecognizer
from anonymization.recognizers.certificate import CertificateRecognizer, SocialCreditCodeRecognizer
from anonymization.recognizers.contact import EmailRecognizer, QqRecognizer, WebRecognizer, WechatRecognizer
from anonymization.recognizers.dates import DateRecognizer
from anonymization.recognizers.english import (
    EnglishNameRecognizer,
    EnglishNumberRecognizer,
    EnglishTextRecognizer,
    IbanRecognizer,
    SsnRecognizer,
)
from anonymization.recognizers.licence_plate import LicensePlateRecognizer
from anonymization.recognizers.medical_record import MedicalRecordRecognizer
from anonymization.recognizers.occupation import OccupationRecognizer
from anonymization.recognizers.organization import OrganizationRecognizer
from anonymization.recognizers.person import PersonRecognizer
from anonymization.recognizers.phone import PhoneRecognizer
from anonymization.recognizers.resident_id import ResidentIdRecognizer

RECOGNIZERS: tuple[type[ScanRecognizer], ...] = (
    ResidentIdRecognizer,
    PhoneRecognizer,
    MedicalRecordRecognizer,
    BankCardRecognizer,
    CertificateRecognizer,
    SocialCreditCodeRecognizer,
    LicensePlateRecognizer,
    EmailRecognizer,
    WechatRecognizer,
    QqRecognizer,
    WebRecognizer,
    SsnRecognizer,
    IbanRecognizer,
    EnglishNameRecognizer,
    EnglishNumberRecognizer,
    EnglishTextRecognizer,
    OccupationRecognizer,
    DateRecognizer,
    AgeRecognizer,
    AddressRecognizer,
    OrganizationRecognizer,
    PersonRecognizer,
)
"""Every recognizer of the project, in no order that matters."""


def build_recognizers(language: str = "zh", *, name_model: bool = True) -> list[ScanRecognizer]:
    """Build one recognizer of each kind for a Presidio registry of the given language.

    Without `name_model` names are found by rules alone. Raises ModelError when a model cannot be loaded.
    """
    others = (recognizer for recognizer in RECOGNIZERS if recognizer is not PersonRecognizer)
    built = [recognizer(supported_language=language) for recognizer in others]
    return [*built, PersonRecognizer(language, model=name_model)]


__all__ = ["RECOGNIZERS", "Finding", "Form", "FormRecognizer", "ScanRecognizer", "build_recognizers"]
