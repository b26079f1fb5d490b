"""What a change changed, and what it did not: two sets of labelled trajectories, compared.

Start at `comparing.compare`: it pairs the trajectories (`pairing`), reads every measure off them (`measures`,
`guards`), and says of each whether it moved and whether it stayed; `comparison` is what comes back, as rows, text and
pages. `fluency` is what a text costs the base model; `foreseeing` predicts shifts from activations alone, `deciding`
samples only as long as it must, `realigning` repairs a forecaster for a changed subject, `sweeping` maps the side
effects of many interventions.
"""
