"""Jobs: uploaded videos, and ZIP archives of images and videos, processed one by one."""

from davy_enhancer.jobs.rest import add_jobs
from davy_enhancer.jobs.runner import Jobs

__all__ = ["Jobs", "add_jobs"]
