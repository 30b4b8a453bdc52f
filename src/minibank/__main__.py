"""`python -m minibank` is the command `minibank`."""

import sys

from minibank.cli import main

sys.exit(main())
