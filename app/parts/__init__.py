"""Components of our own: each a module, with its HTML, style and script beside it; nothing comes from elsewhere."""
