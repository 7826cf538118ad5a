"""Writes area_zones.csv from libphonenumber's time-zone data, as the Python package `phonenumbers` carries it
(Apache-2.0). Run: pip install phonenumbers && python make_area_zones.py > area_zones.csv
"""
import phonenumbers
from phonenumbers.tzdata import TIMEZONE_DATA

print(f"# From libphonenumber's time-zone data (Apache-2.0), phonenumbers {phonenumbers.__version__}.")
print("# zones separated by ';', area codes of the North American Numbering Plan separated by spaces")
# A prefix with this many zones is a toll-free or personal number: it tells nothing.
NOWHERE = 6
by_zones = {}
for code in sorted({key[1:4] for key in TIMEZONE_DATA if key.startswith("1") and len(key) >= 4}):
    zones = set(TIMEZONE_DATA.get("1" + code, ()))
    for key, found in TIMEZONE_DATA.items():
        if key.startswith("1" + code) and len(found) < NOWHERE:
            zones |= set(found)
    by_zones.setdefault(";".join(sorted(zones)), []).append(code)
for zones, codes in sorted(by_zones.items()):
    print(f"{zones},{' '.join(codes)}")
