"""Training samples: raw keyframes from the edges, received, stored and exported."""
