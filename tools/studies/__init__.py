"""The study of docs/study.md: all systems at equal cost.

`plan` says what is trained, `running` trains it (`records` has how far each run is), `measuring`
measures it, `claims`, `tables` and `pictures` show what came out.
"""
