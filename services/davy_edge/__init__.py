"""The edge: captures, enhances and sends frames of local cameras; keeps events until the aggregator acknowledges them."""
