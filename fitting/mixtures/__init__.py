"""Models that are not Gaussian but made of Gaussian ones: mixtures of several, and one with a scale for each matrix."""
