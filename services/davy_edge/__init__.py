"""The edge: captures, enhances and sends the pictures of the cameras beside it; keeps events until the cloud has them."""
