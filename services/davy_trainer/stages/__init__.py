"""The stages of training, one file each: self-supervision, pairing, enhancement, cue refinement."""
