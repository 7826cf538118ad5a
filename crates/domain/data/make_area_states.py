"""Writes area_states.csv from libphonenumber's geographic data, as the Python package `phonenumbers` carries it
(Apache-2.0). Run: pip install phonenumbers && python make_area_states.py > area_states.csv
"""
import phonenumbers
from phonenumbers.geodata import GEOCODE_DATA

STATES = {
    "Alabama": "AL", "Alaska": "AK", "Arizona": "AZ", "Arkansas": "AR", "California": "CA", "Colorado": "CO",
    "Connecticut": "CT", "Delaware": "DE", "Florida": "FL", "Georgia": "GA", "Hawaii": "HI", "Idaho": "ID",
    "Illinois": "IL", "Indiana": "IN", "Iowa": "IA", "Kansas": "KS", "Kentucky": "KY", "Louisiana": "LA", "Maine": "ME",
    "Maryland": "MD", "Massachusetts": "MA", "Michigan": "MI", "Minnesota": "MN", "Mississippi": "MS", "Missouri": "MO",
    "Montana": "MT", "Nebraska": "NE", "Nevada": "NV", "New Hampshire": "NH", "New Jersey": "NJ", "New Mexico": "NM",
    "New York": "NY", "North Carolina": "NC", "North Dakota": "ND", "Ohio": "OH", "Oklahoma": "OK", "Oregon": "OR",
    "Pennsylvania": "PA", "Rhode Island": "RI", "South Carolina": "SC", "South Dakota": "SD", "Tennessee": "TN",
    "Texas": "TX", "Utah": "UT", "Vermont": "VT", "Virginia": "VA", "Washington State": "WA", "Washington": "WA",
    "West Virginia": "WV", "Wisconsin": "WI", "Wyoming": "WY", "Washington D.C.": "DC", "District of Columbia": "DC",
}

print(f"# From libphonenumber's geographic data (Apache-2.0), phonenumbers {phonenumbers.__version__}.")
print("# State of the United States (ISO 3166-2), area codes separated by spaces. Others have no hours of their own here.")


def state_of(name):
    """`Florida`, `New York, NY`, `Houston, TX`"""
    ending = name.rpartition(", ")[2]
    return STATES.get(name) or (ending if ending in STATES.values() else None)


# What the area code itself is said to be; where nothing is said of it, what all its exchanges are said to be.
own, parts = {}, {}
for key, names in GEOCODE_DATA.items():
    state = state_of(names.get("en", "")) if key.startswith("1") and len(key) >= 4 else None
    if state:
        (own if len(key) == 4 else parts).setdefault(key[1:4], set()).add(state)
by_state = {}
for code in sorted(own.keys() | parts.keys()):
    states = own.get(code) or parts[code]
    if len(states) == 1:
        by_state.setdefault(*states, []).append(code)
for state, codes in sorted(by_state.items()):
    print(f"US-{state},{' '.join(codes)}")
