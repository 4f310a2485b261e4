"""Davy with OpenCV, in five lines.

python examples/opencv_in_five_lines.py dark.jpg light.jpg        # needs OpenCV: `pip install '.[aggregator]'`
"""

import sys

import cv2

import davy

cv2.imwrite(sys.argv[2], davy.Enhancer().enhance(cv2.imread(sys.argv[1])))
