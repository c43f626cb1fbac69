"""SuperTuxKart VLM and CLIP (UT Austin, homework 4) as competitions of ctk."""
