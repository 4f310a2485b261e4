"""Data: photographs, synthetic darkening, unpaired pictures, samples of cameras, loaders."""
