"""Probes ask the running lab one question and return what they saw. They never judge."""
