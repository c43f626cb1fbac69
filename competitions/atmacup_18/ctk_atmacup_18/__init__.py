"""atmaCup #18 (a car's path from its camera, 2024) as a competition of ctk."""
