"""`davy analyser`: analyse cameras of an aggregator in a process of its own."""
