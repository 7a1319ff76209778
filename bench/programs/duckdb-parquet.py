"""Makes a Parquet file (make FILE ROWS), or turns one into JSON on one thread (json FILE OUT), with DuckDB.

The second prints rows, seconds, CPU-seconds and the peak of its resident memory in bytes as JSON.
"""

import json
import resource
import sys
import time

import duckdb

ROWS = """
SELECT i AS id, (hash(i) % 2147483647)::INTEGER AS qty, (hash(i, 1) % 100000)::BIGINT AS part,
       ('note ' || i || ' é') AS note, ['N', 'Y'][1 + (i % 97 = 0)::INTEGER] AS flag,
       TIMESTAMP '2024-01-01' + to_seconds(i) AS ordered_at, DATE '2024-01-01' + (i % 365)::INTEGER AS day,
       (hash(i, 2) % 1000000 / 100)::DECIMAL(12, 2) AS price, CASE WHEN i % 7 <> 0 THEN i % 10 END AS places,
       {doubles}
FROM range({rows}) AS numbers(i)
"""
DOUBLES = ", ".join(f"(hash(i, {k}) % 10000) / 100 AS amount_{k}" for k in range(3, 13))

command, file, argument = sys.argv[1:]
connection = duckdb.connect()
if command == "make":
    query = ROWS.format(doubles=DOUBLES, rows=int(argument))
    connection.execute(f"COPY ({query}) TO '{file}' (FORMAT parquet, COMPRESSION snappy)")
else:
    connection.execute("SET threads = 1")
    started, cpu = time.perf_counter(), time.process_time()
    (rows,) = connection.execute(f"COPY (FROM '{file}') TO '{argument}' (FORMAT json)").fetchone()
    print(json.dumps({
        "rows": rows,
        "seconds": time.perf_counter() - started,
        "cpuSeconds": time.process_time() - cpu,
        "peakBytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    }))
