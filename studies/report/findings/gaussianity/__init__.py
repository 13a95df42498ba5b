"""How far are the weights from Gaussian, and from their law at initialisation?"""
