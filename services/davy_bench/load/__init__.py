"""Load of a site on real wires: edges that push ready pictures, viewers that watch, and the cost of both."""
