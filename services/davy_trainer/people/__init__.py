"""Training of the detector of people: the network, its data and its losses."""
