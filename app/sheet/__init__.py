"""The page Sheet, but for its layout: what it shows, its controls, its cells."""
