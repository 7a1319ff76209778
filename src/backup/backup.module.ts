import { join } from 'node:path';
import { Module } from '@nestjs/common';
import { CONFIG, type Config } from '../config/index.js';
import { DATABASE, type Database } from '../database/index.js';
import { BackupsController } from './backups.controller.js';
import { Backups } from './backups.js';

@Module({
  controllers: [BackupsController],
  providers: [
    {
      provide: Backups,
      inject: [CONFIG, DATABASE],
      useFactory: ({ database: { kind, ...store }, dataDir, minFreeBytes }: Config, database: Database) =>
        kind === 'sqlite' && 'file' in store
          ? new Backups({ database, databaseFile: store.file, folder: join(dataDir, 'backups'), minFreeBytes })
          : null,
    },
  ],
})
export class BackupModule {}
