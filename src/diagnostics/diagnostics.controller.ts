import { Controller, Get, Inject } from '@nestjs/common';
import { RouteConfig } from '@nestjs/platform-fastify';
import { CONFIG, type Config } from '../config/index.js';
import { DATABASE, type Database } from '../database/index.js';
import { FILE_STORE, type FileStore } from '../storage/index.js';
import { diagnose } from './diagnose.js';
import type { Diagnosis } from './finding.js';

@Controller()
export class DiagnosticsController {
  #running: Promise<Diagnosis> | undefined;

  constructor(
    @Inject(CONFIG) private readonly config: Config,
    @Inject(DATABASE) private readonly database: Database,
    @Inject(FILE_STORE) private readonly files: FileStore,
  ) {}

  /** Looks at everything afresh. Whoever asks meanwhile gets the same answer: there is one diagnosis at a time. */
  @Get('diagnostics')
  @RouteConfig({ access: 'admin' })
  async diagnose(): Promise<Diagnosis> {
    const { config, database, files } = this;
    this.#running ??= diagnose({ config, database, files }).finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }
}
