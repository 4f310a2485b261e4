"""A simulated coal mine: seeded, moving, dark, with its evenly lit ground truth. `davy_simulator.world.Mine` is the door."""
