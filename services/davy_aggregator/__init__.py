"""The aggregator: takes frames and events of every edge, keeps the newest and the important, shows them."""
