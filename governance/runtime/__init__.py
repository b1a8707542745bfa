"""The embedded runtime: PostgreSQL and Airflow on one machine, with nothing installed but Python.

``postgres`` one server, ``provision`` what it must hold, ``airflow`` the scheduler's processes, ``stack`` all of it
together, ``demo`` the whole lifecycle with a summary. A server deployment (docker-compose) uses none of this.
"""
