import { Module } from '@nestjs/common';
import { KeysController } from './keys.controller.js';

/** What administrators ask of API keys. */
@Module({ controllers: [KeysController] })
export class KeysModule {}
