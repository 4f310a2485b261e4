"""A simulated coal mine: seeded, moving, dark, with its evenly lit ground truth. `davy.mine.world.Mine` is the door."""
