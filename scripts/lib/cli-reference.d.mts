import type { Command } from '@commander-js/extra-typings';

export function cliReference(program: Pick<Command, 'commands'>): string;
