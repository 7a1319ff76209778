/** What a process says at /metrics. */
export class Scrape {
  readonly #samples = new Map<string, number>();

  private constructor(readonly text: string) {
    for (const line of text.split('\n')) {
      const sample = /^([a-zA-Z_:][\w:]*)(\{.*\})? (\S+)$/.exec(line);
      if (sample !== null) this.#samples.set(`${sample[1]}${sample[2] ?? ''}`, Number(sample[3]));
    }
  }

  static async of(url: string): Promise<Scrape> {
    const response = await fetch(`${url}/metrics`);
    if (response.status !== 200) throw new Error(`GET /metrics: ${response.status} ${await response.text()}`);
    return new Scrape(await response.text());
  }

  /** `name` as it is written, labels and all; undefined: there is none. */
  get(name: string): number | undefined {
    return this.#samples.get(name);
  }
}
