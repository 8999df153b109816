"""What docs/keras.md shows is what happens."""

import pytest
from pages import failures_of


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # of Keras, when it converts
def test_the_page_shows_what_happens(keras, tmp_path):
    failed, attempted, told = failures_of("keras.md", path=tmp_path / "model.keras")
    assert attempted > 10
    assert not failed, told
