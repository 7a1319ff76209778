import { Module } from '@nestjs/common';
import { DiagnosticsController } from './diagnostics.controller.js';

/** What an operator asks when something is wrong. */
@Module({ controllers: [DiagnosticsController] })
export class DiagnosticsModule {}
