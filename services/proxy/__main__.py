"""``python -m services.proxy`` writes the files anew that the proxy shows while the hub is away."""

import sys

from services.proxy.page import write

if __name__ == "__main__":
    sys.exit(write())
