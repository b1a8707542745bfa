"""Log-ins of the web UI (the FAB auth manager reads this file; it holds no secret).

Accounts stand in Airflow's database. For the hospital's directory set ``AUTH_TYPE = AUTH_LDAP`` and the ``AUTH_LDAP_*``
options, for single sign-on ``AUTH_OAUTH``; see the FAB provider's documentation. Attempts are limited by default.
"""

from flask_appbuilder.const import AUTH_DB

AUTH_TYPE = AUTH_DB
AUTH_USER_REGISTRATION = False  # accounts are made by an administrator
FAB_PASSWORD_COMPLEXITY_ENABLED = True
WTF_CSRF_ENABLED = True
