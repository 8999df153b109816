"""The multiple-testing threshold and the law of Marchenko and Pastur."""
