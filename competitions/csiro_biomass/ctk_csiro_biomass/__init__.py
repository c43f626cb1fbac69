"""CSIRO Image2Biomass (Kaggle, 2025) as a competition of ctk."""
