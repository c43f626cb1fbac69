"""The competition's files into samples."""
