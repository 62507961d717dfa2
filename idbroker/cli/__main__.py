"""``python -m idbroker.cli``."""

from idbroker.cli.main import main

main()
