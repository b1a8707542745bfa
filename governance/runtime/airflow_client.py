"""A small client of Airflow's REST API: what the demo, the command line and the tests ask of it."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote

import httpx

from governance.errors import RuntimeFailure

_HEALTHY = ("metadatabase", "scheduler", "dag_processor")
_UNFINISHED = {"queued", "running"}
_PATIENCE = 30  # seconds for which a reading that the server failed at is asked for again


@dataclass(frozen=True)
class DagRun:
    """One run of a DAG; ``state`` is queued, running, success or failed."""

    dag_id: str
    run_id: str
    state: str
    queued_at: datetime
    started_at: datetime | None
    ended_at: datetime | None

    @property
    def is_finished(self) -> bool:
        """Whether no task of it will run any more."""
        return self.state not in _UNFINISHED

    @property
    def seconds(self) -> float:
        """Seconds from its first to its last task; 0 while it runs."""
        return (self.ended_at - self.started_at).total_seconds() if self.started_at and self.ended_at else 0.0


@dataclass(frozen=True)
class TaskInstance:
    """One task of a run; ``map_index`` is -1 unless it is mapped, ``state`` None means: not scheduled yet."""

    task_id: str
    map_index: int
    state: str | None
    try_number: int
    seconds: float | None


class AirflowClient:
    """Calls with one login; a token is fetched on first use and again when it has run out.

    Every method raises RuntimeFailure when the server refuses or cannot be reached.
    """

    def __init__(self, url: str, user: str, password: str) -> None:
        self._login = {"username": user, "password": password}
        self._http = httpx.Client(base_url=url, timeout=30, trust_env=False)
        self._token: str | None = None
        self._warm = False

    def is_healthy(self) -> bool:
        """Whether database, scheduler and DAG processor are healthy (False while the server does not answer).

        The first call also makes the server build its API for tasks (10 s of work, else paid by the first task, which
        then runs into its time limit of 5 s and tries again).
        """
        try:
            if not self._warm:
                self._http.get("/execution/health", timeout=60)
                self._warm = True
            answer = self._http.get("/api/v2/monitor/health")
        except httpx.HTTPError:
            return False
        if answer.status_code != httpx.codes.OK:
            return False
        parts = answer.json()
        return all((parts.get(name) or {}).get("status") == "healthy" for name in _HEALTHY)

    def can_log_in(self) -> bool:
        """Whether the server accepts the login."""
        try:
            self._fetch_token()
        except (httpx.HTTPError, RuntimeFailure):
            return False
        return True

    def dags(self) -> dict[str, bool]:
        """DAG ids known to the scheduler, and whether each is paused."""
        return {entry["dag_id"]: bool(entry["is_paused"]) for entry in self._get("/dags", limit=100)["dags"]}

    def import_errors(self) -> list[tuple[str, str]]:
        """DAG files that could not be imported: file name and last line of the error."""
        entries = self._get("/importErrors", limit=100)["import_errors"]
        return [(entry["filename"], entry["stack_trace"].strip().splitlines()[-1]) for entry in entries]

    def trigger(self, dag_id: str, conf: dict[str, Any] | None = None) -> DagRun:
        """Start a run of a DAG now."""
        body = {"logical_date": None, "conf": conf or {}}
        return _dag_run(self._call("POST", f"/dags/{_path(dag_id)}/dagRuns", json=body))

    def run(self, dag_id: str, run_id: str) -> DagRun:
        """A run as it is now."""
        return _dag_run(self._get(f"/dags/{_path(dag_id)}/dagRuns/{_path(run_id)}"))

    def runs(self, dag_id: str, *, since: datetime | None = None) -> list[DagRun]:
        """The newest hundred runs of a DAG, oldest first; only those queued at or after ``since``."""
        entries = self._get(f"/dags/{_path(dag_id)}/dagRuns", limit=100, order_by="-id")["dag_runs"]
        found = [_dag_run(entry) for entry in reversed(entries)]
        return [run for run in found if since is None or run.queued_at >= since]

    def task_instances(self, run: DagRun) -> list[TaskInstance]:
        """All task instances of a run, mapped ones each."""
        answer = self._get(f"{_of(run)}/taskInstances", limit=1000)
        return [
            TaskInstance(
                task_id=entry["task_id"],
                map_index=int(entry["map_index"]),
                state=entry["state"],
                try_number=int(entry["try_number"]),
                seconds=entry["duration"],
            )
            for entry in answer["task_instances"]
        ]

    def triggering_runs(self, run: DagRun) -> list[tuple[str, str]]:
        """The runs (dag_id, run_id) whose asset events started this run."""
        events = self._get(f"{_of(run)}/upstreamAssetEvents")["asset_events"]
        return [(event["source_dag_id"], event["source_run_id"]) for event in events]

    def asset_events(self, run: DagRun) -> list[dict[str, Any]]:
        """The asset events that a run emitted."""
        answer = self._get("/assets/events", source_dag_id=run.dag_id, source_run_id=run.run_id, limit=100)
        return list(answer["asset_events"])

    def fail(self, run: DagRun) -> None:
        """Declare a run failed; its tasks are not run any more."""
        self._call("PATCH", f"/dags/{_path(run.dag_id)}/dagRuns/{_path(run.run_id)}", json={"state": "failed"})

    def xcom(self, run: DagRun, task_id: str, *, map_index: int = -1, key: str = "return_value") -> Any:
        """A value that a task left."""
        where = f"{_of(run)}/taskInstances/{_path(task_id)}/xcomEntries/{_path(key)}"
        return self._get(where, map_index=map_index, deserialize=True)["value"]

    def xcom_count(self, run: DagRun) -> Counter[str]:
        """How many values each task of a run left."""
        entries = self._get(f"{_of(run)}/taskInstances/~/xcomEntries", limit=1000)["xcom_entries"]
        return Counter(entry["task_id"] for entry in entries)

    def log_lines(self, run: DagRun, task: TaskInstance) -> list[str]:
        """The log of a task instance's last try, a line a record."""
        where = f"{_of(run)}/taskInstances/{_path(task.task_id)}/logs/{max(task.try_number, 1)}"
        content = self._get(where, map_index=task.map_index, full_content=True)["content"]
        return [line for entry in content for line in _log_lines(entry)]

    def set_pool(self, name: str, slots: int, description: str) -> None:
        """Make a pool of that many slots, or set those of the one that is there."""
        body = {"name": name, "slots": slots, "description": description, "include_deferred": False}
        if name in {entry["name"] for entry in self._get("/pools", limit=100)["pools"]}:
            self._call("PATCH", f"/pools/{_path(name)}", json=body)
        else:
            self._call("POST", "/pools", json=body)

    # -- inside -------------------------------------------------------------------------------------------------

    def _get(self, path: str, **query: Any) -> Any:
        return self._call("GET", path, params=query)

    def _call(self, method: str, path: str, **arguments: Any) -> Any:
        try:
            answer = self._send(method, path, arguments)
            if answer.status_code == httpx.codes.UNAUTHORIZED:
                self._token = None
                answer = self._send(method, path, arguments)
            # Airflow 3.3 fails to show an asset event while a run that it started waits without a start date
            for _ in range(_PATIENCE if method == "GET" else 0):
                if answer.status_code != httpx.codes.INTERNAL_SERVER_ERROR:
                    break
                time.sleep(1)
                answer = self._send(method, path, arguments)
        except httpx.HTTPError as error:
            name = type(error).__name__
            raise RuntimeFailure(f"Airflow did not answer {method} {path} ({name}); see its logs") from error
        if answer.is_error:
            status, words = answer.status_code, answer.text[:300]
            raise RuntimeFailure(f"Airflow refused {method} {path} with status {status}: {words}")
        return answer.json()

    def _fetch_token(self) -> None:
        login = self._http.post("/auth/token", json=self._login)
        if login.is_error:
            raise RuntimeFailure(f"Airflow refused the login of '{self._login['username']}' ({login.status_code})")
        self._token = str(login.json()["access_token"])

    def _send(self, method: str, path: str, arguments: dict[str, Any]) -> httpx.Response:
        if self._token is None:
            self._fetch_token()
        headers = {"Authorization": f"Bearer {self._token}", "Accept": "application/json"}
        return self._http.request(method, f"/api/v2{path}", headers=headers, **arguments)


def _log_lines(entry: Any) -> list[str]:
    """A structured log record as text: the event, and type and message of the errors that it carries."""
    if not isinstance(entry, dict):
        return [str(entry)]
    errors = [f"{error.get('exc_type')}: {error.get('exc_value')}" for error in entry.get("error_detail") or []]
    return [str(entry.get("event", "")), *errors]


def _path(part: str) -> str:
    return quote(part, safe="~")


def _of(run: DagRun) -> str:
    return f"/dags/{_path(run.dag_id)}/dagRuns/{_path(run.run_id)}"


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _dag_run(entry: dict[str, Any]) -> DagRun:
    queued = _time(entry.get("queued_at")) or _time(entry.get("run_after"))
    if queued is None:
        raise RuntimeFailure(f"Airflow's run {entry.get('dag_run_id')} has no time; the API is of another version")
    return DagRun(
        dag_id=entry["dag_id"],
        run_id=entry["dag_run_id"],
        state=entry["state"],
        queued_at=queued,
        started_at=_time(entry.get("start_date")),
        ended_at=_time(entry.get("end_date")),
    )
