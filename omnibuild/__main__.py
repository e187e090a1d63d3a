"""``python -m omnibuild``."""

import sys

from omnibuild.cli.main import main

sys.exit(main())
