"""Learned paths between two levels of one network: FTN (Lee et al. 2020), and what it is measured against."""
