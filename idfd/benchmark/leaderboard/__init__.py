"""Many results side by side: tables, ranks, significance and the pictures that tell them apart."""
