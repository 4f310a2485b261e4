"""Pictures for the measurement: folders, the simulator, relit and well-lit photographs."""
