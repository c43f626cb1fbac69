"""The competition's files into the store: Kaggle's tables, or ClimSim's pairs of netCDF files."""
