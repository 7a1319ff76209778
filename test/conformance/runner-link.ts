import { setTimeout as sleep } from 'node:timers/promises';
import {
  type Assignment,
  EXIT_LEASE_LOST,
  type FromRunner,
  type RunnerLink,
  type RunnerLoss,
  type StartRunner,
} from '../../src/runner/index.js';

/** What the runner of this suite does when it is assigned a job of this id (`test/kit/obedient-runner.ts`). */
export type Order = 'echo' | 'flood' | 'exit 0' | 'exit 1' | `exit ${typeof EXIT_LEASE_LOST}` | 'segfault' | 'hang';

const FLOOD = 2_000;

/** A link to a runner that does as it is told, with what it has said up to now. */
class Talk {
  readonly link: RunnerLink;
  readonly messages: FromRunner[] = [];
  readonly exits: RunnerLoss[] = [];
  #changed: () => void = () => undefined;

  constructor(start: StartRunner) {
    this.link = start({
      message: (message) => {
        this.messages.push(message);
        this.#changed();
      },
      exit: (loss) => {
        this.exits.push(loss);
        this.#changed();
      },
    });
  }

  async until(isSo: () => boolean): Promise<void> {
    while (!isSo()) await new Promise<void>((resolve) => (this.#changed = resolve));
  }

  order(order: Order, columns: Assignment['columns'] = []): void {
    this.link.send({ type: 'assign', assignment: { jobId: order, lease: 1, columns } as unknown as Assignment });
  }

  async ready(): Promise<this> {
    await this.until(() => this.messages.length > 0);
    expect(this.messages).toEqual([{ type: 'ready' }]);
    return this;
  }

  async exit(): Promise<RunnerLoss> {
    await this.until(() => this.exits.length > 0);
    return this.exits[0]!;
  }
}

/** What every link to a runner does, whatever is between the two. `start`: starts an obedient runner. */
export function describesRunnerLink(name: string, start: StartRunner): void {
  describe(`a link to a runner: ${name}`, () => {
    const talks: Talk[] = [];

    function begin(): Talk {
      const talk = new Talk(start);
      talks.push(talk);
      return talk;
    }

    afterEach(async () => {
      for (const talk of talks.splice(0)) {
        talk.link.kill({ crash: false, detail: 'the test is over' });
        await talk.exit();
        // Exactly once, and nothing comes behind it.
        const heard = talk.messages.length;
        await sleep(20);
        expect([talk.exits.length, talk.messages.length]).toEqual([1, heard]);
      }
    });

    it('hears of a runner that is up, and carries what both say whole, even if it is large', async () => {
      const talk = await begin().ready();
      expect(talk.link.pid).toEqual(expect.any(Number));
      const names = Array.from({ length: 10_000 }, (_, at) => `column ${at} ${'ü'.repeat(50)}`);
      const columns = names.map((column) => ({ name: column, type: 'String', nullable: true, constraints: {} }));
      talk.order('echo', columns as unknown as Assignment['columns']);
      await talk.until(() => talk.messages.length > 1);
      expect(talk.messages[1]).toEqual({ type: 'header', jobId: 'echo', lease: 1, columns: names });
    });

    it('keeps the order of what both say', async () => {
      const talk = await begin().ready();
      for (let at = 0; at < FLOOD; at++) {
        talk.link.send({ type: 'assign', assignment: { jobId: 'flood', lease: at } as unknown as Assignment });
      }
      await talk.until(() => talk.messages.length > FLOOD);
      const leases = talk.messages.slice(1).map((message) => ('lease' in message ? message.lease : null));
      expect(leases).toEqual(Array.from({ length: FLOOD }, (_, at) => at));
    });

    it.each<[Order, boolean]>([
      ['exit 0', true],
      ['exit 1', true],
      [`exit ${EXIT_LEASE_LOST}`, false],
      ['segfault', true],
    ])('tells a crash from a runner that left for good reason: %s', async (order, crash) => {
      const talk = await begin().ready();
      talk.order(order);
      expect(await talk.exit()).toEqual({ crash, detail: expect.stringMatching(/^(exit status|ended by)/) });
    });

    it('takes a kill from outside for none of the faults of the runner', async () => {
      const talk = await begin().ready();
      process.kill(talk.link.pid!, 'SIGKILL');
      expect(await talk.exit()).toEqual({ crash: false, detail: 'ended by SIGKILL' });
    });

    it('kills a runner that hangs, and tells the first reason', async () => {
      const talk = await begin().ready();
      talk.order('hang');
      const reason = { crash: true, outOfMemory: true, detail: 'too large' };
      talk.link.kill(reason);
      talk.link.kill({ crash: false, detail: 'another reason' });
      expect(await talk.exit()).toEqual(reason);
    });

    it('lets an idle runner go', async () => {
      const talk = await begin().ready();
      talk.link.dismiss();
      talk.link.dismiss();
      expect(await talk.exit()).toMatchObject({ crash: false });
    });

    it('can be used without harm when the runner is gone', async () => {
      const talk = await begin().ready();
      talk.order('exit 1');
      await talk.exit();
      talk.link.send({ type: 'cancel' });
      talk.link.dismiss();
      talk.link.kill({ crash: false, detail: 'too late' });
      expect(await talk.link.rss()).toBe(0);
      expect(talk.exits).toEqual([{ crash: true, detail: 'exit status 1' }]);
    });

    it('loses no time over a runner that hears nothing', async () => {
      const talk = await begin().ready();
      talk.order('hang');
      for (let at = 0; at < FLOOD; at++) talk.link.send({ type: 'cancel' });
      expect(await talk.link.rss()).toBeGreaterThan(1e6);
      expect(talk.exits).toEqual([]);
    });
  });
}
