"""``make bench``: what set-up, collect and each stage cost, measured on this machine and compared in the same run."""
