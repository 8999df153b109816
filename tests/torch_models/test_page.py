"""What docs/torch.md shows is what happens."""

import doctest
import re
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "torch.md"
BLOCK = re.compile(r"^```\{code-block\} pycon\n(.*?)^```$", flags=re.MULTILINE | re.DOTALL)


def test_the_sessions_of_the_page_print_what_they_show(torch):
    torch.manual_seed(0)
    text = "\n".join(BLOCK.findall(PAGE.read_text(encoding="utf-8")))
    session = doctest.DocTestParser().get_doctest(text, {}, PAGE.name, str(PAGE), 0)
    told: list[str] = []
    assert len(session.examples) > 10
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    assert runner.run(session, out=told.append).failed == 0, "".join(told)
