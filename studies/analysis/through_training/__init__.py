"""The effects of training: learning curves, changes of the departures, trajectories of the models."""
