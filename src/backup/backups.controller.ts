import { Controller, Inject, Post } from '@nestjs/common';
import { RouteConfig } from '@nestjs/platform-fastify';
import { ServiceError } from '../errors/index.js';
import { type Backup, Backups } from './backups.js';

@Controller()
export class BackupsController {
  /** `backups`: null if the database is not SQLite. */
  constructor(@Inject(Backups) private readonly backups: Backups | null) {}

  @Post('backups')
  @RouteConfig({ access: 'admin' })
  async create(): Promise<Backup> {
    if (this.backups !== null) return this.backups.create();
    throw new ServiceError('BACKUP_BY_DATABASE', 'Jobs and models are in PostgreSQL (DATABASE_URL)');
  }
}
