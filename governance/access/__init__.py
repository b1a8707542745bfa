"""Access by purpose: who reads which mart for which project, under which approval (docs/decisions/0015).

Row security and the purpose gate are SQL (``include/sql/040_access.sql``); here stands what fills and proves them.
"""
