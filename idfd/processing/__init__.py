"""From captures to clean triples: the steps for ``depth`` and ``photos``, and the ``pipeline``."""
