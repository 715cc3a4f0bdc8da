"""How much worse a model gets when the photo is shaken, moved or noisy."""
