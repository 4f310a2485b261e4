"""`davy trainer`: runs of the training commands on request, by schedule and by drift, up to a signed model and its rollout."""
