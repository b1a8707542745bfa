"""The beginning of deidentify: pseudonyms of new persons, and which shards have texts to scrub."""

from __future__ import annotations

from anonymization.policy import load_policy
from governance.contracts import load_catalogue
from governance.database import connect
from governance.deidentification.pseudonyms import add_project_salts, add_pseudonyms
from governance.deidentification.scrubbing import count_pending
from governance.keys import open_keyring
from governance.lineage.deidentify import scrubbing_events
from governance.lineage.store import LineageStore
from governance.projects import salt_names
from governance.settings import Settings


def prepare_deidentification(dsn: str, settings: Settings, run_id: str) -> list[int]:
    """Give new persons their pseudonyms and say which shards have texts to scrub.

    Args:
        dsn: connection string of the role ``deidentify``.
    """
    policy, catalogue = load_policy(settings.policy), load_catalogue(settings.contracts)
    keyring = open_keyring(settings.keyring)
    with connect(dsn, application="xinglin deidentify") as connection:
        add_pseudonyms(connection, keyring, policy)
        add_project_salts(connection, keyring, salt_names(settings.projects))
        pending = count_pending(connection, catalogue, policy.version)
        LineageStore(connection).emit(scrubbing_events(catalogue, run_id))
    return list(range(settings.shards)) if pending else []
