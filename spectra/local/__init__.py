"""Local statistics of spectra: spacings, ratios, number variance and eigenvectors, against those of random matrices."""
