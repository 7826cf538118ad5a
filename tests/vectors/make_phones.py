"""Writes phones.jsonl and area_zones.jsonl: what Python's `phonenumbers` makes of tricky inputs, and where it says that
North American area codes are.

    pip install phonenumbers==9.0.43
    python make_phones.py

phones.jsonl: `[text, country, e164, why]`, `e164` null unless the number is valid, `why` one of
  valid                          usable
  not-valid                      a possible length, but no such range is in use (all of the made-up 555 numbers with area code 555)
  local-only                     a subscriber number without its area code
  too-short too-long length      not a possible length
  no-country                     there is no such country code, or none is known
  not-a-number short-idd short-nsn long-nsn   not parsed at all
area_zones.jsonl: `[area code, [zone, ...]]`, gathered by asking `phonenumbers.timezone` about every exchange of every area code;
that is not how crates/domain/data/make_area_zones.py does it, which reads the prefix table itself.
All numbers are made up: examples of libphonenumber, 555 numbers, or drawn from a seed.
"""
import json
import os
import random

import phonenumbers
from phonenumbers import PhoneNumberFormat as Format
from phonenumbers import PhoneNumberType as Type
from phonenumbers import ValidationResult, timezone

SEED = 164
HERE = os.path.dirname(os.path.abspath(__file__))
# Practices' countries: the North American plan, trunk zeros, none, Italy's zero that stays, Argentina's 9 and 15,
# Mexico's old 1, Brazil's carrier codes, several lengths.
COUNTRIES = ["US", "CA", "PR", "JM", "GB", "IE", "ES", "FR", "DE", "AT", "IT", "SM", "VA", "CH", "NL", "BE", "PT", "SE", "NO", "DK",
             "FI", "PL", "CZ", "HU", "RO", "GR", "TR", "RU", "UA", "IL", "AE", "SA", "EG", "ZA", "NG", "KE", "IN", "PK", "CN",
             "HK", "TW", "JP", "KR", "SG", "ID", "PH", "VN", "TH", "AU", "NZ", "MX", "GT", "CO", "VE", "PE", "CL", "AR", "UY",
             "BR", "DO"]
TYPES = [Type.MOBILE, Type.FIXED_LINE, Type.TOLL_FREE, Type.VOIP]
WHY = {
    ValidationResult.TOO_SHORT: "too-short",
    ValidationResult.TOO_LONG: "too-long",
    ValidationResult.INVALID_LENGTH: "length",
    ValidationResult.INVALID_COUNTRY_CODE: "no-country",
    ValidationResult.IS_POSSIBLE_LOCAL_ONLY: "local-only",
}
ERRORS = {0: "no-country", 1: "not-a-number", 2: "short-idd", 3: "short-nsn", 4: "long-nsn"}


def digits_of(text, zero):
    return "".join(chr(ord(zero) + int(c)) if c.isascii() and c.isdigit() else c for c in text)


def decorations(text):
    """The same number as other people write it."""
    yield text
    yield f" {text} "
    yield text.replace("-", ".").replace(" ", ".")
    yield text.replace(" ", "\u00a0").replace("-", "\u2011")
    yield text.replace("-", "\u2013").replace(" ", "\u2009")
    yield text.replace(" ", "").replace("-", "")
    yield text.replace("(", "( ").replace(")", " )")
    yield text.replace(" ", "/")
    yield digits_of(text, "０").replace("+", "＋").replace("-", "－")
    yield digits_of(text, "٠")
    yield digits_of(text, "۰")
    yield digits_of(text, "०")
    yield f"tel:{text.replace(' ', '-')}"
    yield f"{text} x12"
    yield f"{text} ext. 1234"
    yield f"{text};ext=7"
    yield f"{text} #55"
    yield f"{text}, 9"
    yield f"{text}x"
    yield f"{text} (mobile)"
    yield f"{text} cell"
    yield f"{text} do not text"
    yield f"Cell: {text}"
    yield f"call {text} after 5"
    yield f"{text} / {text}"
    yield f"{text} or {text}"
    yield f"{text};{text}"
    yield f"{text}\n"
    yield text[:-1]
    yield text[1:]
    yield f"{text}0"
    yield f"{text}00"
    yield f"0{text}"
    yield f"1{text}"
    yield f"+{text}"
    yield f"00{text.lstrip('+')}"
    yield f"011{text.lstrip('+')}"
    yield f"+{text.lstrip('+')}"
    yield text.replace("0", "O")
    yield text.replace("1", "l")
    yield f"\u200e{text}\u200e"
    yield f"'{text}"
    yield f"{text}.0"


def spellings(region, rng):
    """Examples of a region in all their formats."""
    for kind in TYPES:
        number = phonenumbers.example_number_for_type(region, kind)
        if number is None:
            continue
        forms = [
            phonenumbers.format_number(number, Format.E164),
            phonenumbers.format_number(number, Format.INTERNATIONAL),
            phonenumbers.format_number(number, Format.NATIONAL),
            phonenumbers.format_number(number, Format.RFC3966),
            phonenumbers.format_out_of_country_calling_number(number, "US"),
            phonenumbers.format_out_of_country_calling_number(number, "GB"),
            phonenumbers.national_significant_number(number),
        ]
        for form in dict.fromkeys(forms):
            yield form, region
            yield form, rng.choice(COUNTRIES)
        form = rng.choice(forms)
        every = list(decorations(form))
        for shape in rng.sample(every, 9):
            yield shape, region


def north_american(rng):
    """Area codes and exchanges in use and not, in the shapes of the sample schedules."""
    shapes = ["({}) {}-{}", "( {}) {}-{}", "{}-{}-{}", "{}.{}.{}", "{}{}{}", "1{}{}{}", "1-{}-{}-{}", "+1 {} {} {}", "+1{}{}{}",
              "001 {} {} {}", "({}){}{}", "{} {} {}", "{}/{}-{}", "1 ({}) {}-{} x{}", "{}-{}-{}.0"]
    for _ in range(560):
        area = rng.choice(["602", "928", "850", "212", "555", "800", "900", "000", "911", f"{rng.randint(0, 999):03}"])
        exchange = rng.choice(["555", "555", "000", "211", f"{rng.randint(0, 999):03}"])
        line = rng.choice(["0001", "0100", "0191", "1212", f"{rng.randint(0, 9999):04}"])
        yield rng.choice(shapes).format(area, exchange, line, rng.randint(1, 99)), "US"


BY_HAND = [
    ("( 555) 000-0001", "US"), ("(555) 000-0001", "US"), ("( 602) 555-0166 x12", "US"), ("1-800-FLOWERS", "US"),
    ("1 800 FLOWERS", "US"), ("800-CALL-NOW", "US"), ("+1-800-GOT-MILK", "GB"), ("(602) 555-CARE", "US"), ("6025550191", "ZZ"),
    ("+16025550191", "ZZ"), ("6025550191", ""), ("911", "US"), ("112", "ES"), ("5550191", "US"), ("1", "US"), ("+", "US"),
    ("++16025550191", "US"), ("+1", "US"), ("+1 1", "US"), ("011", "US"), ("011 44", "US"), ("00", "GB"), ("00 1", "GB"), ("0000000000", "US"),
    ("1111111111", "US"), ("9999999999", "US"), ("1234567890", "US"), ("+0 602 555 0191", "US"), ("+999 555 0191 22", "US"),
    ("+800 1234 5678", "US"), ("+808 1234 5678", "US"), ("+870 773 111 632", "US"), ("+979 123 456 789", "US"), ("+888 123 456 78901", "US"),
    ("tel:+1-602-555-0191", "US"), ("tel:602-555-0191;phone-context=+1", "US"), ("tel:555-0191;phone-context=+1-602", "US"),
    ("tel:0191;phone-context=example.com", "US"), ("tel:602-555-0191;isub=12345;phone-context=+1", "US"), ("sms:+16025550191", "US"),
    ("+39 06 1234 5678", "US"), ("06 1234 5678", "IT"), ("6 1234 5678", "IT"), ("+39 6 1234 5678", "US"), ("+39 312 345 6789", "US"),
    ("0549 886377", "SM"), ("+378 0549 886377", "IT"), ("0549 886377", "IT"), ("06 69812345", "VA"),
    ("011 15 2345-6789", "AR"), ("+54 9 11 2345 6789", "US"), ("+54 11 15 2345 6789", "US"), ("+54 11 2345 6789", "US"), ("15 2345-6789", "AR"),
    ("0343 15 555 1212", "AR"), ("+54 9 343 555 1212", "US"), ("0343 155551212", "AR"),
    ("+52 1 55 1234 5678", "US"), ("+52 55 1234 5678", "US"), ("044 55 1234 5678", "MX"), ("045 55 1234 5678", "MX"), ("01 55 1234 5678", "MX"),
    ("1 55 1234 5678", "MX"), ("55 1234 5678", "MX"), ("+44 (0)20 7946 0018", "US"), ("+44(0)7911 123456", "GB"), ("(020) 7946 0018", "GB"),
    ("020 7946 0018", "US"), ("0044 20 7946 0018", "GB"), ("+49 (0) 30 123456", "DE"), ("030/123456", "DE"), ("0 30 / 12 34 56-78", "DE"),
    ("+33 (0)6 12 34 56 78", "FR"), ("06.12.34.56.78", "FR"), ("8 (912) 345-67-89", "RU"), ("+7 912 345 67 89", "US"), ("8 10 1 602 555 0191", "RU"),
    ("0 21 11 91234 5678", "BR"), ("+55 11 91234-5678", "US"), ("0 15 11 91234-5678", "BR"), ("(11) 91234-5678", "BR"), ("+61 (02) 5550 1234", "US"),
    ("0011 1 602 555 0191", "AU"), ("+81 (0)90-1234-5678", "JP"), ("010 1 602 555 0191", "JP"), ("09012345678", "JP"), ("010-1234-5678", "KR"),
    ("+972-050-234-5678", "IL"), ("+91 098765 43210", "IN"), ("091 98765 43210", "IN"), ("(0)600 123 456", "ES"), ("600 12 34 56", "ES"), ("34600123456", "ES"),
    ("0034600123456", "ES"), ("+34 928 123 456", "ES"), ("+225 01 23 45 67 89", "US"), ("+385 91 234 5678", "US"), ("+358 (0)50 1234567", "FI"),
    ("602-555-0191 / 602-555-0192", "US"), ("602-555-0191, 602-555-0192", "US"), ("602-555-0191 or 602-555-0192", "US"), ("6025550191;6025550192", "US"),
    ("602-555-0191 (mother)", "US"), ("602-555-0191 mobile", "US"), ("602-555-0191 do not call", "US"), ("mom 602-555-0191", "US"),
    ("602-555-0191 ext 12345678901", "US"), ("602-555-0191 extension 12", "US"), ("602-555-0191 int. 12", "US"), ("602-555-0191 ｅｘｔ 12", "US"),
    ("602-555-0191,,12", "US"), ("602-555-0191 доб. 12", "US"), ("602-555-0191~12", "US"), ("602-555-0191 x 12 x 13", "US"), ("602-555-0191#", "US"),
    ("12/02/2026", "US"), ("2026-12-02", "US"), ("09:15", "US"), ("$602.55", "US"), ("6.025550191E9", "US"), ("6025550191.0", "US"), ("=6025550191", "US"),
    ("#N/A", "US"), ("call her mother", "US"), ("xxx-xxx-xxxx", "US"), ("(___) ___-____", "US"), ("602 555 O191", "US"), ("602 555 l191", "US"),
    ("６０２－５５５－０１９１", "US"), ("＋１６０２５５５０１９１", "US"), ("٦٠٢٥٥٥٠١٩١", "US"), ("+١ ٦٠٢ ٥٥٥ ٠١٩١", "US"), ("६०२५५५०१९१", "US"), ("৬০২৫৫৫০১৯১", "US"),
    ("𝟼𝟶𝟸𝟻𝟻𝟻𝟶𝟷𝟿𝟷", "US"), ("⑥⓪②⑤⑤⑤⓪①⑨①", "US"), ("\u202a+1 602 555 0191\u202c", "US"), ("602\u00ad555\u00ad0191", "US"), ("602\u2060555\u20600191", "US"),
    ("*67 602 555 0191", "US"), ("*602 555 0191", "US"), ("1*602*555*0191", "US"), ("(602) 555-0191 / office", "US"), ("[602] 555-0191", "US"), ("{602}555-0191", "US"),
]


def inputs():
    rng = random.Random(SEED)
    yield from BY_HAND
    yield from north_american(rng)
    for region in COUNTRIES:
        yield from spellings(region, rng)


def judge(raw, country):
    try:
        number = phonenumbers.parse(raw, country or None)
    except phonenumbers.NumberParseException as error:
        return None, ERRORS[error.error_type]
    number.extension = None
    possible = phonenumbers.is_possible_number_with_reason(number)
    if possible not in (ValidationResult.IS_POSSIBLE, ValidationResult.IS_POSSIBLE_LOCAL_ONLY):
        return None, WHY[possible]
    if not phonenumbers.is_valid_number(number):
        return None, WHY.get(possible, "not-valid")
    return phonenumbers.format_number(number, Format.E164), "valid"


def write(name, rows):
    with open(os.path.join(HERE, name), "w", encoding="utf-8", newline="\n") as file:
        for row in rows:
            file.write(json.dumps(row, ensure_ascii=False, separators=(",", ":")) + "\n")


def area_zones():
    everywhere = 6
    for area in range(200, 1000):
        zones = set()
        for exchange in range(200, 1000):
            number = phonenumbers.PhoneNumber(country_code=1, national_number=area * 10**7 + exchange * 10**4 + 1234)
            found = timezone.time_zones_for_geographical_number(number)
            if found != ("Etc/Unknown",) and len(found) < everywhere:
                zones.update(found)
        if zones:
            yield [area, sorted(zones)]


def main():
    every = list(dict.fromkeys(inputs()))
    write("phones.jsonl", ([raw, country, *judge(raw, country)] for raw, country in every))
    write("area_zones.jsonl", area_zones())


if __name__ == "__main__":
    main()
