"""Measuring and showing what a fill is worth."""
