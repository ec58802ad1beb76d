"""The literals of a job's filter, as Python values and as SQL text."""

import datetime


def python_value(term: dict):
    return datetime.date.fromisoformat(term["value"]) if term["kind"] == "date" else term["value"]


def sql_condition(job: dict) -> str:
    """The filter as SQL, or an empty string; `date '…'` is understood by every SQL peer."""
    terms = []
    for term in job["filter"]:
        literal = f"date '{term['value']}'" if term["kind"] == "date" else str(term["value"])
        terms.append(f"{term['column']} {term['op']} {literal}")
    return " and ".join(terms)
