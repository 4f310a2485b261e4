"""Pictures and video: JPEG, planes, images, video files."""
