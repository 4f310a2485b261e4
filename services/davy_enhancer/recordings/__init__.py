"""Enhance recorded video again, by another model or strength: the segments of a camera, on many processes or machines."""
