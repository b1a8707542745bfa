"""OpenLineage events of the Python stages, with the standard's own client classes and facets.

Names: job namespace ``xinglin``; data set namespaces ``warehouse`` (``<schema>.<table>``) and ``deliveries`` (the
contract's file pattern). A run's UUID is derived from the run id and the job, so that a repeated emission of the same
run is recognisable.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime

from openlineage.client.event_v2 import InputDataset, Job, OutputDataset, Run, RunEvent, RunState
from openlineage.client.facet_v2 import (
    column_lineage_dataset,
    error_message_run,
    output_statistics_output_dataset,
    parent_run,
)

JOBS = "xinglin"
WAREHOUSE = "warehouse"
DELIVERIES = "deliveries"
PRODUCER = "urn:xinglin:governance"
_RUNS = uuid.uuid5(uuid.NAMESPACE_URL, PRODUCER)


@dataclass(frozen=True)
class ColumnSource:
    """One source column of an output column, and how it becomes it.

    Attributes:
        how: ``identity`` or the protection that was applied (``tokenize``, ``encrypt``, ``scrub`` …).
        masking: whether the value is no longer readable.
    """

    namespace: str
    dataset: str
    column: str
    how: str = "identity"
    masking: bool = False


@dataclass(frozen=True)
class Output:
    """A data set that a job wrote: its columns with their sources, and its rows."""

    dataset: str
    columns: dict[str, list[ColumnSource]] = field(default_factory=dict)
    rows: int | None = None


def run_uuid(run_id: str, job: str) -> str:
    """UUID of a job's run, the same whenever it is asked for."""
    return str(uuid.uuid5(_RUNS, f"{run_id}/{job}"))


def job_event(
    state: str,
    job: str,
    run_id: str,
    *,
    inputs: list[tuple[str, str]] | None = None,
    outputs: list[Output] | None = None,
    error: str | None = None,
    at: datetime | None = None,
) -> RunEvent:
    """One event of a job's run.

    Args:
        state: ``START``, ``COMPLETE`` or ``FAIL``.
        inputs: (namespace, name) of the data sets read.
        error: message of a failed run; must hold no patient's value.
    """
    facets: dict[str, object] = {
        "parent": parent_run.ParentRunFacet(
            run=parent_run.Run(runId=run_uuid(run_id, "lifecycle")),
            job=parent_run.Job(namespace=JOBS, name="lifecycle"),
            producer=PRODUCER,
        )
    }
    if error is not None:
        facets["errorMessage"] = error_message_run.ErrorMessageRunFacet(
            message=error, programmingLanguage="python", producer=PRODUCER
        )
    return RunEvent(
        eventTime=(at or datetime.now(UTC)).isoformat(),
        producer=PRODUCER,
        eventType=RunState[state],
        run=Run(runId=run_uuid(run_id, job), facets=facets),
        job=Job(namespace=JOBS, name=job),
        inputs=[InputDataset(namespace=namespace, name=name) for namespace, name in inputs or []],
        outputs=[_output(output) for output in outputs or []],
    )


def _output(output: Output) -> OutputDataset:
    lineage = column_lineage_dataset
    facets: dict[str, object] = {}
    if output.columns:
        fields = {
            name: lineage.Fields(
                inputFields=[
                    lineage.InputField(
                        namespace=s.namespace,
                        name=s.dataset,
                        field=s.column,
                        transformations=[
                            lineage.Transformation(
                                type="DIRECT",
                                subtype="IDENTITY" if s.how == "identity" else "TRANSFORMATION",
                                description=s.how,
                                masking=s.masking,
                            )
                        ],
                    )
                    for s in sources
                ]
            )
            for name, sources in output.columns.items()
        }
        facets["columnLineage"] = lineage.ColumnLineageDatasetFacet(fields=fields, producer=PRODUCER)
    statistics = {}
    if output.rows is not None:
        statistics["outputStatistics"] = output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet(
            rowCount=output.rows, producer=PRODUCER
        )
    return OutputDataset(namespace=WAREHOUSE, name=output.dataset, facets=facets, outputFacets=statistics)
