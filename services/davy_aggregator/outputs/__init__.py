"""Video of a camera for players of every kind: the packets that its edge encoded once, passed on as they are."""
