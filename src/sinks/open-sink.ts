import type { SinkName } from '../ingest/index.js';
import type { SinkSettings } from './settings.js';
import type { Sink } from './sink.js';

/** The sink of this name. Only its own client is loaded. */
export async function openSink(name: SinkName, settings: SinkSettings): Promise<Sink> {
  switch (name) {
    case 'clickhouse': {
      const { ClickHouseSink } = await import('./clickhouse/clickhouse-sink.js');
      return new ClickHouseSink(settings);
    }
    case 'postgres': {
      const { PostgresSink } = await import('./postgres/postgres-sink.js');
      return new PostgresSink(settings);
    }
  }
}
