"""The study of docs/study.md: all systems at equal cost.

`plan` says what is trained, `costs` for how many steps (`cost_measuring` measures them), `running`
trains it (`same_settings` tells what is not of the study), `measuring` measures it, `records` keeps
what it came to, and `claims`, `tables` and `pictures` show that.
"""
