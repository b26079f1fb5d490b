"""Forecast while a subject writes, and say when it leaves the path or heads for what is feared.

Start at `monitor.Monitor`: it makes a `follower.Follower` per conversation, which hears the text (`listening`), reads
activations, keeps the evidence against the forecast (`evidence`), the odds of each theme to come (`hazards`), the
user's rules (`rules`) and the doubt about itself (`guard`), and yields plain `readings`. `gathering` and `fitting` make
forecasters for the middle of texts; `threshold` and `judging` say what the alarms are worth.
"""
