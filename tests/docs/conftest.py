"""What reads the pages is shared by the tests of them."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
