"""Analysis of enhanced frames: motion, light, lens, people, and rules about places."""
