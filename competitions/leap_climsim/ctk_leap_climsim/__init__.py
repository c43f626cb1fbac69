"""LEAP - Atmospheric Physics using AI (ClimSim) as a competition of ctk."""
