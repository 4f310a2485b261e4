"""Recordings on a disk: segments of H.264 in fragmented MP4, written as the packets come, and read without decoding."""
