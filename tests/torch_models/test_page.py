"""What docs/torch.md shows is what happens."""

from pages import failures_of


def test_the_sessions_of_the_page_print_what_they_show(torch):
    torch.manual_seed(0)
    failed, attempted, told = failures_of("torch.md")
    assert attempted > 10
    assert not failed, told
