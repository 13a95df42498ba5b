"""How the networks did: accuracy, dead units, output classes, networks that did not train."""
