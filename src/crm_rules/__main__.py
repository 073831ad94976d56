"""`python -m crm_rules` and the command `crm-rules`."""

from __future__ import annotations

import sys

from crm_rules.cli.main import main

__all__ = ["main"]

if __name__ == "__main__":
    sys.exit(main())
