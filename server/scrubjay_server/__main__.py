"""`python -m scrubjay_server` is the command `scrubjay`."""

from scrubjay_server.cli import main

if __name__ == "__main__":
    main()
