"""``python -m governance.projects [--check]``: write the dbt models of the research projects, or check them."""

import sys

from governance.errors import GovernanceError
from governance.projects.build import main
from governance.settings import Settings

try:
    sys.exit(main(sys.argv[1:], Settings.from_environment()))
except GovernanceError as failure:
    sys.exit(str(failure))
