"""The two competitions as the toolkit knows them."""
