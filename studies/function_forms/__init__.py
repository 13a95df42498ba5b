"""What wide ReLU networks learn first: Fisher spectra, eigenvectors and functions, and gradient descent on them."""
