"""From captures to clean triples: ``depth`` and ``photos`` hold the steps, ``pipeline`` runs them."""
