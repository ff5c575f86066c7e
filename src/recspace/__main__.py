"""`python -m recspace` is the command `recspace`."""

from recspace.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
