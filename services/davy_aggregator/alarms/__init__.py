"""Alarms of the site: raised, acknowledged, shelved, escalated."""
