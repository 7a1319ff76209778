"""Computes content_hash as docs/reference/content-hash.md says, in another language: lines of JSON in, forms and hashes out."""

import datetime
import decimal
import hashlib
import json
import re
import struct
import sys

decimal.getcontext().prec = 200_000
decimal.getcontext().Emax = decimal.MAX_EMAX
decimal.getcontext().Emin = decimal.MIN_EMIN


class Number(str):
    """A number as it is written."""


def number(text, plain=False):
    value = decimal.Decimal(text)
    if value == 0:
        return "0"
    sign, digits, exponent = value.normalize().as_tuple()
    digits = "".join(map(str, digits))
    point = len(digits) + exponent
    zeros = max(exponent, -point, 0)
    minus = "-" if sign else ""
    if zeros > 20 and not plain:
        rest = "." + digits[1:] if len(digits) > 1 else ""
        return f"{minus}{digits[0]}{rest}e{point - 1}"
    return minus + format(abs(value.normalize()), "f")


def floating(text, bits):
    value = float(text)
    if bits == 64:
        return number(repr(value))
    single = lambda x: struct.unpack("f", struct.pack("f", float(x)))[0]
    value = single(value)
    for precision in range(6, 10):
        # Of two that are as near, the one further from zero.
        context = decimal.Context(prec=precision, rounding=decimal.ROUND_HALF_UP)
        digits = str(context.create_decimal(decimal.Decimal(value)))
        if single(digits) == value:
            return number(digits)
    raise ValueError(text)


def time(text):
    if re.fullmatch(r"[+-]?\d+", text):
        moment, fraction = datetime.timedelta(seconds=int(text)), ""
        moment = datetime.datetime(1970, 1, 1) + moment
    else:
        match = re.fullmatch(r"(.{10})[T ](.{8})(?:\.(\d+))?(Z|[+-]\d\d:?\d\d)?", text)
        date, clock, fraction, zone = match.groups()
        fraction = (fraction or "").rstrip("0")
        moment = datetime.datetime.fromisoformat(f"{date}T{clock}")
        if zone not in (None, "Z"):
            minutes = int(zone[1:3]) * 60 + int(zone[-2:])
            offset = datetime.timedelta(minutes=minutes if zone[0] == "+" else -minutes)
            try:
                moment -= offset
            except OverflowError:
                # Python's calendar ends there: the same day of another leap-year cycle.
                shift = 400 if moment.year < 100 else -400
                moment = moment.replace(year=moment.year + shift) - offset
                year = moment.year - shift
                years = f"+{year:06d}" if year > 9999 else f"{year:04d}"
                return years + moment.strftime("-%m-%dT%H:%M:%S") + (f".{fraction}" if fraction else "") + "Z"
    return f"{moment.year:04d}" + moment.strftime("-%m-%dT%H:%M:%S") + (f".{fraction}" if fraction else "") + "Z"


def string(text):
    return json.dumps(text, ensure_ascii=False)


def by_name(pair):
    return pair[0].encode("utf-16-be")


def typed(schema, value):
    kind = schema.get("type", "") if schema else ""
    if isinstance(value, list):
        return "[" + ",".join(typed((schema or {}).get("items"), each) for each in value) + "]"
    if isinstance(value, dict):
        known = {each["name"]: each for each in (schema or {}).get("properties", [])}
        members = [(k, v) for k, v in sorted(value.items(), key=by_name) if not (k in known and v is None)]
        return "{" + ",".join(string(k) + ":" + typed(known.get(k), v) for k, v in members) + "}"
    if value is None:
        return "null"
    if re.match(r"U?Int|Decimal", kind):
        return number(value, plain=True)
    if kind.startswith("Float"):
        return floating(value, int(kind[5:]))
    if kind == "Bool":
        return "true" if value is True or str(value).lower() in ("true", "1") else "false"
    if kind.startswith("DateTime"):
        return string(time(value))
    if kind == "UUID":
        return string(value.lower())
    if kind == "String" and schema.get("format") == "email":
        return string(value.strip().lower())
    if isinstance(value, bool):
        return "true" if value else "false"
    return number(value) if isinstance(value, Number) else string(value)


def form(columns, text):
    row = json.loads(text, parse_int=Number, parse_float=Number)
    known = {column["name"]: column for column in columns}
    model = {k: v for k, v in row.items() if k in known and v is not None}
    extras = {k: v for k, v in row.items() if k not in known and v is not None}
    result = typed({"properties": columns}, model)
    if extras:
        as_text = {k: v if type(v) is str else typed(None, v) for k, v in extras.items()}
        result += "\n" + typed(None, as_text)
    return result


request = json.load(sys.stdin)
answer = []
for each in request["rows"]:
    text = form(request["columns"], each)
    digest = hashlib.sha256(f"{request['model']}\n{text}".encode()).hexdigest()
    answer.append({"form": text, "hash": digest})
json.dump(answer, sys.stdout)
