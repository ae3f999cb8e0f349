"""`python -m blendgan`, the same as `blendgan`."""

from blendgan.cli.main import main

main()
