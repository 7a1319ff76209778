import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export const DASHBOARDS = 'deploy/grafana/dashboards';

export interface Panel {
  id: number;
  type: string;
  title: string;
  gridPos: { x: number; y: number; w: number; h: number };
  targets?: { refId: string; expr: string; legendFormat?: string }[];
}

export interface Dashboard {
  uid: string;
  title: string;
  panels: Panel[];
}

/** Those that are checked in, by the names of their files. */
export function checkedInDashboards(folder = DASHBOARDS): Map<string, Dashboard> {
  const names = readdirSync(folder).toSorted();
  return new Map(names.map((name) => [name, JSON.parse(readFileSync(join(folder, name), 'utf8')) as Dashboard]));
}

/** Every query of every panel, with the range of its rates. */
export function queriesOfPanels(rateInterval: string): { panel: string; expr: string }[] {
  return [...checkedInDashboards().values()].flatMap(({ title, panels }) =>
    panels.flatMap((panel) =>
      (panel.targets ?? []).map(({ expr }) => ({
        panel: `${title} / ${panel.title}`,
        expr: expr.replaceAll('$__rate_interval', rateInterval),
      })),
    ),
  );
}
