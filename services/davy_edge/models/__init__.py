"""The edge's half of a rollout: fetch, verify, try, swap, watch, and go back by itself."""
