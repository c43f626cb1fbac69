"""Columns of a table as numbers, for models that take nothing else, and as features for all of them."""
