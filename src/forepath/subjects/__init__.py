"""What we study: language models and fakes, read at named sites, writing trajectories that no batch changes.

`huggingface.load` opens a model; `sampling.sample` writes with it. Torch loads with those modules, not with this one.
"""
