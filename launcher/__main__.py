"""Entry point of the launcher: `python -I launcher/__main__.py --instance DIR`."""

import os
import sys

if __name__ == "__main__":
    # With -I neither the current directory nor this file's parent is importable.
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

    from launcher.server import main

    sys.exit(main(sys.argv[1:]))
