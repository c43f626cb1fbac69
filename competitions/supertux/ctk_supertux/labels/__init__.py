"""From an info file to the karts of a view, its questions and its captions."""
