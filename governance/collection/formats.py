"""The file formats that a contract may name, and who reads them."""

from __future__ import annotations

from governance.collection.csv_files import CsvReader
from governance.collection.ndjson_files import NdjsonReader
from governance.collection.reading import FileReader

READERS: dict[str, type[FileReader]] = {"csv": CsvReader, "ndjson": NdjsonReader}
