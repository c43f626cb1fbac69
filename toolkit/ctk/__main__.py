"""``python -m ctk``: the command line."""

from ctk.cli import main

if __name__ == "__main__":
    main()
