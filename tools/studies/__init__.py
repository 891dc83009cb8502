"""The study of docs/study.md: all systems at equal cost.

plan            what is trained
costs           for how many steps; cost_measuring measures what a step costs
running         trains a run; same_settings finds run directories with other settings
measuring       measures a run
records         keeps its figures
results         reads the figures of all runs
claims, tables, summary, pictures    show them
"""
