"""`python -m davy`: the `davy` command."""

import sys

from davy_cli.main import main

sys.exit(main())
