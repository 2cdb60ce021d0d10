"""
What sessions did, as figures: usage, performance, behaviour and quality, day by day.

Everything is counted from the journal alone: `governance.analytics.fold` is the pure fold over
its rows, `governance.analytics.projection` keeps its result on the store's shelf, so that only
what is new is read, and `governance.analytics.report` makes periods, measures and trends of it.
"""
