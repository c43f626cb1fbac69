"""Synthetic data in ClimSim's layout: random columns of air, stepped by climt's compiled schemes. climt is an extra."""
