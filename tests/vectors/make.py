"""Makes the known-answer vectors beside it, with an implementation that shares no code with Kept.

Needs Python 3 and the package `cryptography` (44 or later, for Argon2id). Run it in this folder; a second run
changes nothing. Every key here is made up.
"""

import base64
import hashlib
import hmac
import json
import uuid

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id


def hkdf(ikm: bytes, salt: bytes, info: bytes) -> bytes:
    prk = hmac.new(salt or bytes(32), ikm, hashlib.sha256).digest()
    return hmac.new(prk, info + b"\x01", hashlib.sha256).digest()


def lp(*parts: bytes | None) -> bytes:
    out = b""
    for part in parts:
        out += b"\xff\xff\xff\xff" if part is None else len(part).to_bytes(4, "big") + part
    return out


def i64(value: int) -> bytes:
    return value.to_bytes(8, "big", signed=True)


def b64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def write(name: str, data: object) -> None:
    with open(f"{name}.json", "w", encoding="utf-8") as out:
        json.dump(data, out, indent=2, ensure_ascii=False)
        out.write("\n")


PRACTICE = uuid.UUID("019ab000-0000-7000-8000-000000000001")
ROW = uuid.UUID("019ab000-0000-7000-8000-0000000000aa")
DEK = bytes(range(32))
INDEX = bytes(range(32, 64))
SALT = bytes(range(64, 96))
NONCE = bytes(range(12))


def link() -> None:
    cases = []
    for t in ["0123456789abcdefghjkmnpqrs", "zzzzzzzzzzzzzzzzzzzzzzzzzz", "7k3m9qxw2v8e4r6t1y5n0pabcd"]:
        auth = hkdf(t.encode(), b"", b"kept/v1/link/auth")
        cases.append({"t": t, "auth": b64url(auth), "auth_hash": hashlib.sha256(auth).hexdigest()})
    write("link", cases)


def row() -> None:
    cases = []
    for table, column, plain, rev, version in [
        ("patients", "private", {"given": None, "family": None, "name": "José Ñuñez", "birth_date": "1980-02-29", "external_id": "P-7"}, 1, 1),
        ("contact_points", "private", {"value": "+14155550100"}, 42, 3),
        ("notices", "link_secret", {"t": "0123456789abcdefghjkmnpqrs"}, 2, 1),
    ]:
        info = lp(b"kept/v1/row", table.encode(), ROW.bytes)
        key = hkdf(DEK, SALT, info)
        aad = lp(b"\x01", PRACTICE.bytes, table.encode(), column.encode(), ROW.bytes, i64(rev), version.to_bytes(4, "big"))
        text = json.dumps(plain, separators=(",", ":"), ensure_ascii=False).encode()
        cell = b"\x01" + version.to_bytes(4, "big") + NONCE + AESGCM(key).encrypt(NONCE, text, aad)
        cases.append({
            "table": table, "column": column, "rev": rev, "dek_version": version, "plain": plain,
            "row_key": key.hex(), "aad": aad.hex(), "cell": cell.hex(),
        })
    write("row", {
        "practice": str(PRACTICE), "row": str(ROW), "dek": DEK.hex(), "salt": SALT.hex(), "nonce": NONCE.hex(), "cases": cases,
    })


def blind() -> None:
    def mac(message: bytes) -> str:
        return hmac.new(INDEX, message, hashlib.sha256).digest()[:16].hex()

    cases = [
        {"kind": kind, "value": value, "index": mac(lp(b"kept/v1/blind", kind.encode(), normal.encode()))}
        for kind, value, normal in [
            ("phone", " +14155550100", "+14155550100"),
            ("email", "Ann@Example.org ", "ann@example.org"),
            ("patient-key", "P-7", "P-7"),
            ("appointment-key", "A-9", "A-9"),
            ("name", "Dr.  Ñuñez", "dr. ñuñez"),
            ("header", "id,start", "id,start"),
            ("staff-email", "Ann@Example.org", "ann@example.org"),
        ]
    ]
    content = "patient=P-7"
    write("blind", {
        "index_key": INDEX.hex(), "cases": cases, "content": content,
        "content_mac": mac(lp(b"kept/v1/content", content.encode())),
    })


def chain() -> None:
    previous = bytes(32)
    entries = []
    for seq, act, actor, detail in [
        (1, "practice.created", "system", "{}"),
        (2, "link.opened", "link:019ab000-0000-7000-8000-0000000000aa", '{"visits":1}'),
    ]:
        at = 1_795_000_000_000 + seq
        entry = lp(b"kept/v1/audit", PRACTICE.bytes, i64(seq), i64(at), act.encode(), actor.encode(), detail.encode())
        previous = hashlib.sha256(previous + entry).digest()
        entries.append({"seq": seq, "at_ms": at, "act": act, "actor": actor, "detail": detail, "hash": previous.hex()})
    consent = lp(
        b"kept/v1/consent", PRACTICE.bytes, i64(1), ROW.bytes, bytes(16), b"sms", b"granted", b"import-column",
        b"v1", None, None, ROW.bytes, i64(1_795_000_000_000),
    )
    write("chain", {
        "practice": str(PRACTICE), "audit": entries,
        "consent": {"id": str(ROW), "import": str(ROW), "at_ms": 1_795_000_000_000, "hash": hashlib.sha256(bytes(32) + consent).hexdigest()},
    })


def staff() -> None:
    cases = []
    for password, m_kib, passes in [("correct horse battery staple", 65536, 3), ("contraseña ñandú", 1024, 1)]:
        salt = bytes(range(16))
        stretched = Argon2id(salt=salt, length=32, iterations=passes, lanes=1, memory_cost=m_kib).derive(password.encode())
        auth = hkdf(stretched, b"", b"kept/v1/staff/auth")
        cases.append({
            "kdf": {"alg": "argon2id", "salt": b64url(salt), "m_kib": m_kib, "t": passes, "p": 1},
            "password": password,
            "auth": b64url(auth),
            "unlock": b64url(hkdf(stretched, b"", b"kept/v1/staff/unlock")),
            "verifier": hashlib.sha256(lp(b"kept/v1/staff/verifier", auth)).hexdigest(),
        })
    write("staff", cases)


link()
row()
blind()
chain()
staff()
