"""``python -m idfd`` is the ``idfd`` command."""

from idfd.cli.main import main

main()
