"""Long work: whole videos, and zip archives of pictures and videos. Uploaded, done one after the other, fetched."""

from davy_enhancer.jobs.rest import add_jobs
from davy_enhancer.jobs.runner import Jobs

__all__ = ["Jobs", "add_jobs"]
