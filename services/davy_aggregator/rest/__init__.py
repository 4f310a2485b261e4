"""The REST interface and the console, one file per resource."""
