"""Sessions of pages whose blocks need a framework, run as doctests."""

import doctest
import re
from pathlib import Path

DOCS = Path(__file__).parent.parent / "docs"
BLOCK = re.compile(r"^```\{code-block\} pycon\n(.*?)^```$", flags=re.MULTILINE | re.DOTALL)


def failures_of(page, **names):
    """What a page shows that does not happen, and the number of its examples."""
    session = "\n".join(BLOCK.findall((DOCS / page).read_text(encoding="utf-8")))
    test = doctest.DocTestParser().get_doctest(session, names, page, page, 0)
    told = []
    result = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE).run(
        test, out=told.append
    )
    return result.failed, result.attempted, "".join(told)
