"""The competition's networks, one a file. All read raw inputs in the order of train.csv and hold their statistics."""
