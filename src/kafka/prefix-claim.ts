import { setTimeout as sleep } from 'node:timers/promises';
import type { Kafka } from 'kafkajs';
import { appendRecord } from './append-record.js';
import { UnexpectedAnswer } from './kafka-failure.js';
import { withTimeout } from './timeout.js';
import { TopicReader } from './topic-reader.js';
import { retryWhilePending } from './transactional-session.js';

/** No job's id begins with an underscore. */
const INSTALLATION_KEY = '_installation';
/** A topic that was just created, or a broker that just started, may not know it yet. */
const TOPIC_UNKNOWN_FOR_MS = 5_000;
const LOOK_AGAIN_MS = 50;
/** Most of it is for the reading: millions of events. */
const CLAIM_MS = 600_000;

/** A record under `_installation` in the topic of the jobs; the last one says whose the prefix is. */
interface Claim {
  offset: number;
  installationId: string;
  /** Whose it was; null: nobody's, or its own. */
  adoptedFrom: string | null;
}

export interface Installation {
  id: string;
  /** Offset of its last claim in this topic; null: none is known. */
  claimOffset: number | null;
}

/** `offset`: of the claim. `adoptedFrom`: whose the prefix was; null: nobody's, or its own already. */
export interface ClaimedPrefix {
  offset: number;
  adoptedFrom: string | null;
}

/** The prefix is that of another installation. */
export class PrefixTaken extends Error {
  constructor(readonly owner: string) {
    super(`the prefix belongs to installation ${owner}`);
  }
}

/**
 * Writes that the prefix of this topic, which must be there, is the installation's. Throws PrefixTaken if it is another's
 * and not to be adopted, or if another one was quicker: of those that claim at once, the first in the log has it. Else
 * kafkajs' errors.
 *
 * Behind its former claim, if that is still there, the installation reads what was written since, else all of the topic.
 */
export async function claimPrefix(
  kafka: Kafka,
  topic: string,
  own: Installation,
  adopts: boolean,
): Promise<ClaimedPrefix> {
  const signal = AbortSignal.timeout(CLAIM_MS);
  return withTimeout(CLAIM_MS, `claiming ${topic}`, claim(kafka, topic, own, adopts, signal));
}

async function claim(
  kafka: Kafka,
  topic: string,
  own: Installation,
  adopts: boolean,
  signal: AbortSignal,
): Promise<ClaimedPrefix> {
  const seen = await readLastClaim(kafka, topic, own, signal);
  const owner = seen.claim?.installationId ?? own.id;
  const adoptedFrom = owner === own.id ? null : owner;
  if (adoptedFrom !== null && !adopts) throw new PrefixTaken(owner);
  await writeClaim(kafka, topic, own.id, adoptedFrom);
  // The offset of our record: after a lost answer it is there twice, and the first counts.
  let offset: number | null = null;
  for await (const claim of readClaims(kafka, topic, seen.end, signal)) {
    if (claim.installationId === own.id) offset ??= claim.offset;
    // One whose prefix is adopted may have claimed it anew meanwhile: it finds that out by itself.
    if (claim.installationId === own.id || claim.installationId === adoptedFrom) continue;
    if (offset !== null) {
      if (claim.adoptedFrom === own.id) throw new PrefixTaken(claim.installationId);
      continue; // it was too late, and finds that out by itself
    }
    // The last record must name the one that has it.
    await writeClaim(kafka, topic, claim.installationId, claim.adoptedFrom);
    throw new PrefixTaken(claim.installationId);
  }
  if (offset === null) throw new UnexpectedAnswer(`the claim that was written to ${topic} is not there`);
  return { offset, adoptedFrom };
}

/** `end`: of the topic, behind all that was read. */
async function readLastClaim(
  kafka: Kafka,
  topic: string,
  { id, claimOffset }: Installation,
  signal: AbortSignal,
): Promise<{ claim: Claim | null; end: number }> {
  const reader = await open(kafka, topic);
  try {
    // Compaction removes it only for the sake of a later claim, and in a topic that was made anew there is another record.
    const isThere = claimOffset !== null && (await isOwnClaim(reader, claimOffset, id));
    let claim: Claim | null = null;
    for await (const next of claimsOf(reader, isThere ? claimOffset : 0, signal)) if (counts(next, claim)) claim = next;
    return { claim, end: reader.bounds.end };
  } finally {
    reader.close();
  }
}

/** If several claims were written at once, the first has the prefix for every reader; later ones must adopt it. */
function counts(next: Claim, current: Claim | null): boolean {
  return current === null || [next.installationId, next.adoptedFrom].includes(current.installationId);
}

async function isOwnClaim(reader: TopicReader, offset: number, id: string): Promise<boolean> {
  for await (const record of reader.records(offset)) {
    if (record.offset !== offset || record.key?.toString() !== INSTALLATION_KEY) return false;
    return decodeClaim(offset, record.value).installationId === id;
  }
  return false;
}

async function* readClaims(kafka: Kafka, topic: string, from: number, signal: AbortSignal): AsyncGenerator<Claim> {
  const reader = await open(kafka, topic);
  try {
    yield* claimsOf(reader, from, signal);
  } finally {
    reader.close();
  }
}

async function* claimsOf(reader: TopicReader, from: number, signal: AbortSignal): AsyncGenerator<Claim> {
  for await (const { offset, key, value } of reader.records(from)) {
    signal.throwIfAborted(); // nobody waits for it any more
    if (key?.toString() === INSTALLATION_KEY) yield decodeClaim(offset, value);
  }
}

async function open(kafka: Kafka, topic: string): Promise<TopicReader> {
  for (const deadline = performance.now() + TOPIC_UNKNOWN_FOR_MS; ; await sleep(LOOK_AGAIN_MS)) {
    const reader = await retryWhilePending(
      () => TopicReader.open(kafka, topic),
      'LEADER_NOT_AVAILABLE',
      'NOT_LEADER_FOR_PARTITION',
    );
    if (reader !== null) return reader;
    if (performance.now() > deadline) throw new UnexpectedAnswer(`the topic ${topic} does not exist`);
  }
}

async function writeClaim(kafka: Kafka, topic: string, id: string, adoptedFrom: string | null): Promise<void> {
  const value = JSON.stringify({
    installation_id: id,
    adopted_from: adoptedFrom,
    claimed_at: new Date().toISOString(),
  });
  await appendRecord(kafka, topic, { key: INSTALLATION_KEY, value });
}

/** What cannot be read was not written by this version: it is somebody else's. */
function decodeClaim(offset: number, value: Buffer): Claim {
  try {
    const { installation_id: id, adopted_from: from } = JSON.parse(value.toString()) as Record<string, unknown>;
    const adoptedFrom = typeof from === 'string' ? from : null;
    if (typeof id === 'string' && id !== '') return { offset, installationId: id, adoptedFrom };
  } catch {}
  return { offset, installationId: 'unknown', adoptedFrom: null };
}
