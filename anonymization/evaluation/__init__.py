"""Measures recognition against answers: reading corpora, scoring, other engines to compare with, and the report."""

from anonymization.evaluation.reading import CorpusError, read_corpus
from anonymization.evaluation.scoring import Evaluation, GoldNote, GoldSpan, Score, evaluate

__all__ = ["CorpusError", "Evaluation", "GoldNote", "GoldSpan", "Score", "evaluate", "read_corpus"]
