"""What training did: learning curves, changes of the departures, trajectories of the models."""
