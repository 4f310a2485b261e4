"""`python -m davy_cli`: the `davy` command."""

import sys

from davy_cli.main import main

sys.exit(main())
