"""The enhancer: operators, networks, the runtime without torch, the forward model of light, quality measures, CLIP."""
