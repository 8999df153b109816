"""5,000 random functions of the corpus: no understated error, nearly all converge."""

import sys

import pytest

sys.exit(pytest.main(["-q", "-p", "no:cacheprovider", "tests/test_corpus.py", "--corpus", "5000"]))
