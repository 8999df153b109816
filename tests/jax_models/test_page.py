"""What docs/flax.md shows is what happens."""

from pages import failures_of


def test_the_page_shows_what_happens(jax, flax):
    failed, attempted, told = failures_of("flax.md")
    assert attempted > 10
    assert not failed, told
