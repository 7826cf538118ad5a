"""Makes `twilio.json`, `telnyx.json` and `vonage.json` beside it: webhooks with the verdict of each provider's own library, and what each
provider's public description says of the request that hands over a message.

Needs Python 3, the packages `twilio`, `telnyx`, `pynacl`, `vonage-jwt` and `vonage-messages`, and Twilio's OpenAPI description (Apache-2.0), which the npm
package `@twilio-alpha/mcp` carries:

    python3 make_carriers.py package/twilio-oai/spec/json/twilio_api_v2010.json

Run it in this folder. Everything is drawn from a fixed seed, so a second run with the same libraries changes nothing. Keys,
numbers and texts are made up.
"""

import base64
import datetime
import hashlib
import json
import random
import sys
import typing
from unittest import mock
from urllib.parse import quote_plus

import jwt
import nacl.signing
from telnyx.lib import webhook_verification
from telnyx.types import message_send_params
from twilio.request_validator import RequestValidator
from vonage_jwt import VonageVerifyJwtError, verify_signature
from vonage_messages.models import Sms

CASES = 400
TOKEN = "12345"
NOW_S = 1_795_446_000
WORDS = ["STOP", "1", "yes thx", "", "á í ó", "👍🏽", "a&b=c", "100% +1", " lead", "x\ny", "“quoted”", "no más"]
NAMES = ["From", "To", "Body", "MessageSid", "SmsSid", "AccountSid", "NumMedia", "OptOutType", "ApiVersion", "Añadido", "a b"]
URLS = [
    "https://kept.example.org/hooks/twilio/oak/status",
    "https://kept.example.org:443/hooks/twilio/oak/inbound",
    "https://kept.example.org:8443/hooks/twilio/oak/inbound",
    "http://127.0.0.1/hooks/twilio/oak/status",
    "http://127.0.0.1:8080/hooks/twilio/oak/status",
]
QUERIES = ["", "", "", "foo=1&bar=2", "x=%2B1&y"]


class Form:
    """Several values of one name, as Flask's MultiDict gives them to the library."""

    def __init__(self, pairs: list[tuple[str, str]]) -> None:
        self.pairs = pairs

    def __iter__(self) -> typing.Iterator[str]:
        return iter([name for name, _ in self.pairs])

    def __len__(self) -> int:
        return len(self.pairs)

    def getall(self, name: str) -> list[str]:
        return [value for own, value in self.pairs if own == name]


def write(name: str, data: object) -> None:
    with open(f"{name}.json", "w", encoding="utf-8") as out:
        json.dump(data, out, indent=1, ensure_ascii=False)
        out.write("\n")


def encode(pairs: list[tuple[str, str]]) -> str:
    return "&".join(f"{quote_plus(name)}={quote_plus(value)}" for name, value in pairs)


def flip(rng: random.Random, text: str) -> str:
    """One bit of one byte changed, in base64."""
    raw = bytearray(base64.b64decode(text))
    raw[rng.randrange(len(raw))] ^= 1 << rng.randrange(8)
    return base64.b64encode(bytes(raw)).decode()


def twilio_case(rng: random.Random) -> dict[str, object]:
    url, query = rng.choice(URLS), rng.choice(QUERIES)
    algorithm = rng.choice(["HMAC_SHA1", "HMAC_SHA1", "HMAC_SHA1", "HMAC_SHA256"])
    token = rng.choice([TOKEN, TOKEN, TOKEN, "0f" * 16])
    validator = RequestValidator(token)
    pairs = [(rng.choice(NAMES), rng.choice(WORDS)) for _ in range(rng.randrange(0, 9))]
    is_json = rng.random() < 0.25
    text = json.dumps(dict(pairs), ensure_ascii=rng.random() < 0.5) if is_json else encode(pairs)
    if is_json:
        hashed = f"bodySHA256={validator.compute_hash(text)}"
        query = f"{query}&{hashed}" if query else hashed
    full = f"{url}?{query}" if query else url
    # Twilio signs what it called, with the port or without it.
    signed = full
    if rng.random() < 0.3:
        signed = full.replace(".org/", ".org:443/", 1) if ":" not in full[8:] else full.replace(":443", "", 1)
    signature = validator.compute_signature(signed, {} if is_json else Form(pairs), algorithm)
    settings = f"key=webhooks_sharedkey_1,algorithm={algorithm}" if algorithm == "HMAC_SHA256" else ""
    case = {"url": url, "query": query, "body": text, "json": is_json, "token": token, "settings": settings}
    case |= {"signature": signature, "ours": signed == full}
    bend = rng.choice(["none"] * 9 + ["signature", "value", "more", "url", "query", "token", "algorithm"])
    if bend == "signature":
        case["signature"] = flip(rng, signature)
    elif bend == "value" and pairs:
        pairs[-1] = (pairs[-1][0], pairs[-1][1] + "!")
        case["body"] = text = json.dumps(dict(pairs)) if is_json else encode(pairs)
    elif bend == "more":
        pairs.append(("Extra", "1"))
        case["body"] = text = json.dumps(dict(pairs)) if is_json else encode(pairs)
    elif bend == "url":
        case["url"] = url = url.replace("/oak/", "/elm/")
    elif bend == "query":
        case["query"] = query = f"{query}&z=1" if query else "z=1"
    elif bend == "token":
        case["token"], validator = "54321", RequestValidator("54321")
    elif bend == "algorithm":
        algorithm = "HMAC_SHA1" if algorithm == "HMAC_SHA256" else "HMAC_SHA256"
        case["settings"] = f"algorithm={algorithm}"
    case["ours"] = case["ours"] and bend == "none"
    full = f"{url}?{query}" if query else url
    case["accepted"] = validator.validate(full, text if is_json else Form(pairs), case["signature"], algorithm)
    return case


def described(schema: dict, schemas: dict) -> dict[str, object]:
    if "$ref" in schema:
        schema = schemas[schema["$ref"].rsplit("/", 1)[1]]
    kept = ("type", "format", "enum", "pattern", "minLength", "maxLength")
    return {name: schema[name] for name in kept if name in schema}


def twilio(path: str) -> None:
    rng = random.Random("kept twilio")
    with open(path, encoding="utf-8") as file:
        spec = json.load(file)
    schemas = spec["components"]["schemas"]
    messages = spec["paths"]["/2010-04-01/Accounts/{AccountSid}/Messages.json"]
    create = messages["post"]["requestBody"]["content"]["application/x-www-form-urlencoded"]["schema"]
    listed = schemas["api.v2010.account.message"]["properties"]
    write(
        "twilio",
        {
            "required": create.get("required", []),
            "create": {name: described(schema, schemas) for name, schema in create["properties"].items()},
            "list": sorted(parameter["name"] for parameter in messages["get"]["parameters"]),
            "message": sorted(listed),
            "statuses": schemas["message_enum_status"]["enum"],
            "webhooks": [twilio_case(rng) for _ in range(CASES)],
        },
    )


def telnyx_case(rng: random.Random, n: int) -> dict[str, object]:
    seed = rng.randbytes(32)
    key = nacl.signing.SigningKey(seed)
    public = base64.b64encode(bytes(key.verify_key)).decode()
    payload = {"id": f"m{n}", "from": {"phone_number": "+12025550143"}, "text": rng.choice(WORDS), "media": []}
    event = {"data": {"id": f"e{n}", "event_type": "message.received", "payload": payload}}
    body = json.dumps(event, ensure_ascii=rng.random() < 0.5)
    away = rng.choice([0, 0, 0, 0, 1, -1, 299, -299, 300, -300, 301, -301, 86_400])
    timestamp = str(NOW_S - away)
    signature = base64.b64encode(key.sign(f"{timestamp}|{body}".encode()).signature).decode()
    case = {"seed": seed.hex(), "public_key": public, "timestamp": timestamp, "body": body, "signature": signature}
    bend = rng.choice(["none"] * 9 + ["signature", "body", "timestamp", "key", "swap", "short", "word"])
    case["ours"] = bend == "none"
    if bend == "signature":
        case["signature"] = flip(rng, signature)
    elif bend == "body":
        case["body"] = body + " "
    elif bend == "timestamp":
        case["timestamp"] = str(int(timestamp) + 1)
    elif bend == "key":
        case["public_key"] = base64.b64encode(bytes(nacl.signing.SigningKey(rng.randbytes(32)).verify_key)).decode()
    elif bend == "swap":
        case["signature"] = base64.b64encode(key.sign(f"{body}|{timestamp}".encode()).signature).decode()
    elif bend == "short":
        case["signature"] = base64.b64encode(base64.b64decode(signature)[:63]).decode()
    elif bend == "word":
        case["timestamp"] = "now"
    headers = {"Telnyx-Signature-Ed25519": case["signature"], "Telnyx-Timestamp": case["timestamp"]}
    with mock.patch.object(webhook_verification.time, "time", lambda: float(NOW_S)):
        try:
            webhook_verification.verify_webhook_signature(case["body"], headers, case["public_key"])
            case["accepted"] = True
        except webhook_verification.WebhookVerificationError:
            case["accepted"] = False
    return case


def telnyx() -> None:
    rng = random.Random("kept telnyx")
    create = {}
    for name, hint in typing.get_type_hints(message_send_params.MessageSendParams, include_extras=True).items():
        text = str(hint)
        literal = [part.strip("' ") for part in text.split("Literal[")[1].split("]")[0].split(",")] if "Literal[" in text else []
        kind = "boolean" if "bool" in text else "array" if "Sequence" in text else "string"
        create[name.rstrip("_")] = {"type": kind} | ({"enum": literal} if literal else {})
    webhooks = [telnyx_case(rng, n) for n in range(CASES)]
    write("telnyx", {"required": ["to"], "create": create, "now_s": NOW_S, "webhooks": webhooks})


class Later(datetime.datetime):
    """The library refuses tokens of the future, to the second; here a clock may be a little ahead."""

    @classmethod
    def now(cls, tz: datetime.tzinfo | None = None) -> "Later":
        return cls.fromtimestamp(NOW_S + 2 * 86_400, tz)


def vonage_case(rng: random.Random, n: int) -> dict[str, object]:
    secret = rng.choice(["sig-" + "a" * 32, "Ünïcode", "short"])
    told = {"channel": "sms", "message_uuid": f"m{n}", "from": "12025550143", "to": "12025550100", "message_type": "text"}
    body = json.dumps(told | {"text": rng.choice(WORDS)}, ensure_ascii=rng.random() < 0.5)
    away = rng.choice([0, 0, 0, 0, 1, -1, 299, -299, 300, -300, 301, -301, 86_400])
    hashed = hashlib.sha256(body.encode()).hexdigest()
    claims = {"iat": NOW_S - away, "jti": f"j{n}", "iss": "Vonage", "payload_hash": hashed, "api_key": "abcd1234"}
    if rng.random() < 0.3:
        claims["application_id"] = "aaaaaaaa-bbbb-cccc-dddd-0123456789ab"
    bend = rng.choice(["none"] * 9 + ["signature", "body", "claims", "secret", "algorithm", "no hash", "part", "scheme"])
    if bend == "no hash":
        del claims["payload_hash"]
    token = jwt.encode(claims, secret, algorithm="HS512" if bend == "algorithm" else "HS256")
    if bend == "signature":
        head, middle, signature = token.split(".")
        token = f"{head}.{middle}.{base64.urlsafe_b64encode(rng.randbytes(32)).decode().rstrip('=')}"
    elif bend == "claims":
        head, middle, signature = token.split(".")
        later = json.dumps(claims | {"iat": NOW_S}, separators=(", ", ": ")).encode()
        token = f"{head}.{base64.urlsafe_b64encode(later).decode().rstrip('=')}.{signature}"
    elif bend == "body":
        body += " "
    elif bend == "part":
        token = token.rsplit(".", 1)[0]
    checked = "another" if bend == "secret" else secret
    with mock.patch("jwt.api_jwt.datetime", Later):
        try:
            ours = verify_signature(token, checked)
        except VonageVerifyJwtError:
            ours = False
    # What the provider's documentation asks for beside the signature: the body's hash, and a fresh time.
    bound = hashlib.sha256(body.encode()).hexdigest() == claims.get("payload_hash")
    accepted = ours and bound and abs(away) <= 300 and bend != "scheme"
    scheme = "Token" if bend == "scheme" else "Bearer"
    return {"secret": checked, "authorization": f"{scheme} {token}", "body": body, "accepted": accepted}


def vonage() -> None:
    rng = random.Random("kept vonage")
    schema = Sms.model_json_schema(mode="serialization")
    create = {}
    for name, field in schema["properties"].items():
        for part in [field, *field.get("anyOf", []), *field.get("allOf", [])]:
            if "$ref" in part:
                part = schema["$defs"][part["$ref"].rsplit("/", 1)[1]]
            kept = ("type", "enum", "const", "pattern", "minimum", "maximum", "maxLength")
            found = {key: part[key] for key in kept if key in part and part[key] != "null"}
            create[name] = create.get(name, {}) | found
    required = [*schema["required"], "channel", "message_type"]
    webhooks = [vonage_case(rng, n) for n in range(CASES)]
    write("vonage", {"required": sorted(set(required)), "create": create, "now_s": NOW_S, "webhooks": webhooks})


if __name__ == "__main__":
    twilio(sys.argv[1])
    telnyx()
    vonage()
