"""The competition's folder: long tables and pictures."""
