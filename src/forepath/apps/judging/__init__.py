"""`forepath judge`: the table that a sceptical reviewer would ask for, from a finished run. Composition only.

`judge` is the door. What it finds is one JSON document, which `tables` prints and `page` draws. Every fit, every new
sample and every number of it is kept in the run as it is made, so that a killed judge goes on where it was.
"""
