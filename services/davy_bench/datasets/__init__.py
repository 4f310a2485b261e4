"""Pictures that methods are scored on: folders, the simulator, relit and well-lit photographs."""
