"""One file per figure: data and Axes in, Axes out."""
