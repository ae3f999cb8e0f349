"""The page Networks: two networks of one architecture, mixed by one share, and a picture that they restore."""
