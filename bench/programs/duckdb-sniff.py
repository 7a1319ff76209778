"""What DuckDB's sniffer finds of the files in a folder that its cases.json names: one line of JSON, by file.

A file that it refuses is null. What it calls by other names is given in ours, and what does not matter for the file
(a quote or an escape that it does not use) as cases.json has it.
"""

import json
import pathlib
import sys

import duckdb

folder = pathlib.Path(sys.argv[1])
connection = duckdb.connect()
found = {}
for case in json.loads((folder / "cases.json").read_text()):
    path = folder / case["file"]
    try:
        row = connection.execute("FROM sniff_csv(?)", [str(path)])
        names = [column[0] for column in row.description]
        sniffed = dict(zip(names, row.fetchone()))
    except duckdb.Error:
        found[case["file"]] = None
        continue
    unused = {"", "\0", "(empty)"}
    quote, own, comment = sniffed["Quote"], sniffed["Escape"], sniffed["Comment"]
    text = path.read_bytes()
    found[case["file"]] = {
        "delimiter": sniffed["Delimiter"],
        "quote": case["quote"] if quote in unused or quote.encode() not in text else quote,
        "escape": None if own in unused or own == quote or own.encode() not in text else own,
        "header": sniffed["HasHeader"],
        "skip_lines": sniffed["SkipRows"],
        "comment": None if comment in unused else comment,
        "encoding": "utf-8",
        "columns": len(sniffed["Columns"]),
    }
print(json.dumps(found))
