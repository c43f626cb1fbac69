"""``python -m ctk``: the command line."""

from ctk.cli.main import main

if __name__ == "__main__":
    main()
