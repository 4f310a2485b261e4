"""Values and rules without input or output: frames, addresses, topics, errors, ports."""
