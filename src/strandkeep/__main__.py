"""`python -m strandkeep` is the command `strandkeep`."""

from strandkeep.cli import main

main()
