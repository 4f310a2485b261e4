"""What is looked for in enhanced frames: one small file per analyser."""
