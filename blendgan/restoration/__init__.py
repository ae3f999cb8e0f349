"""Networks that restore pictures: recognised by their tensors, run in tiles, mixed by α or by region."""
