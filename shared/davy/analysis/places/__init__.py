"""Rules about places: from tracks and pictures of one camera to conditions of alarms."""
