"""The competition's networks: one of a row alone, one of a row among those of its scene."""
