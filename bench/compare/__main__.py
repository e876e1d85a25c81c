"""``python -m bench.compare`` from the root of the checkout; the same as ``python bench/compare/run.py``."""

import runpy
import sys
from pathlib import Path

if __name__ == "__main__":
    here = Path(__file__).parent
    sys.path.insert(0, str(here))
    runpy.run_path(str(here / "run.py"), run_name="__main__")
