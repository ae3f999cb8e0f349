"""The page Photo, but for its layout: files, faces, the search, options, what it gives out."""
