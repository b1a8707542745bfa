"""Which command of this program is evidence for which item of a security standard, and what comes from elsewhere."""
