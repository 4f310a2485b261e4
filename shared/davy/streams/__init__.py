"""Live streams: newest-wins slots, ages, credits, accounting, supervised tasks."""
