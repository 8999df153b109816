"""3,000 random callables of the corpus, asked in random order: no understated error."""

import sys

from corpus import main

sys.exit(main(["3000", "--seed", "1", "--pair-every", "10"]))
