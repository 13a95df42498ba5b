"""The compiled steps of training one small network: patches -> first_layer -> layers -> loss -> optimiser -> steps.

Layouts (see `arrays`), with T the units of a tile (the length of the tuple `tile`); all sizes are padded with zeros,
which stay zeros:
- weights of the first layer: (tile of units, patch, T, 16 pixels);
- weights of the others: (input unit, tile of units, 16), of which T are used;
- activations and their gradients: (unit, image of the batch), images in multiples of 16.
A tile of units is a block of T vectors in registers, over images, pixels or units as the product requires.
"""
