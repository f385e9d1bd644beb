"""Numbers in, frozen results out. Statistics are statsmodels' and scipy's wherever they have them."""
