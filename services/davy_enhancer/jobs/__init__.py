"""Jobs: uploaded videos, and ZIP archives of images and videos, processed one by one.

It imports nothing: the process of a job needs no web framework.
"""
