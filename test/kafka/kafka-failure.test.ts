import { ServiceError } from '../../src/errors/index.js';
import { classifyFailure, kafkaProblem, protocolError, UnexpectedAnswer } from '../../src/kafka/kafka-failure.js';

const named = (name: string): Error => Object.assign(new Error('closed'), { name });

const several = (...errors: Error[]): Error => Object.assign(named('KafkaJSAggregateError'), { errors });
const caused = (cause: Error): Error => Object.assign(named('KafkaJSNumberOfRetriesExceeded'), { cause });

describe('what an error means for a job', () => {
  it.each([
    ['a closed connection', named('KafkaJSConnectionClosedError'), 'transient'],
    ['an answer that was not foreseen', new UnexpectedAnswer('none'), 'transient'],
    ['the network', Object.assign(new Error('refused'), { syscall: 'connect' }), 'transient'],
    ['a newer producer', protocolError(47, 'Produce'), 'fenced'],
    ['a newer producer in new protocol versions', protocolError(90, 'Produce'), 'fenced'],
    ['a transaction that must be aborted', protocolError(120, 'TxnOffsetCommit'), 'transient'],
    ['another coordinator', protocolError(16, 'TxnOffsetCommit'), 'transient'],
    ['another leader', protocolError(6, 'Produce'), 'transient'],
    ['too few replicas', protocolError(19, 'Produce'), 'transient'],
    ['too few replicas after the fact', protocolError(20, 'Produce'), 'transient'],
    ['an error that nobody knows yet', protocolError(999, 'Produce'), 'transient'],
    ['a quota that is used up', protocolError(89, 'CreateTopics'), 'throttled'],
    ['a policy of the broker', protocolError(44, 'CreateTopics'), 'fatal'],
    ['a config that the broker does not take', protocolError(40, 'CreateTopics'), 'fatal'],
    ['a topic that is forbidden', protocolError(29, 'CreateTopics'), 'fatal'],
    ['a group that is forbidden', protocolError(30, 'FindCoordinator'), 'fatal'],
    ['a cluster that is forbidden', protocolError(31, 'CreateTopics'), 'fatal'],
    ['a transactional id that is forbidden', protocolError(53, 'InitProducerId'), 'fatal'],
    ['the first of several errors', several(protocolError(44, 'CreateTopics')), 'fatal'],
    ['the cause of an error', caused(protocolError(29, 'Metadata')), 'fatal'],
    ['a record that is too large', protocolError(10, 'Produce'), 'fatal'],
    ['our own verdict', new ServiceError('HEADER_MISMATCH', 'missing: id'), 'fatal'],
    ['a refused password', named('KafkaJSSASLAuthenticationError'), 'unauthenticated'],
    ['a refused password in an answer', protocolError(58, 'SaslAuthenticate'), 'unauthenticated'],
    ['a refused mechanism', protocolError(33, 'SaslHandshake'), 'unauthenticated'],
  ])('%s', (_, error, kind) => {
    expect(classifyFailure(error)?.kind).toBe(kind);
  });

  it.each([
    ['a defect of ours', new TypeError('x is not a function')],
    ['no error at all', 'text'],
    ['nothing', undefined],
  ])('%s is none of Kafka, and is not thrown while it is examined', (_, error) => {
    expect(classifyFailure(error)).toBeNull();
  });
});

describe('what a request ends with', () => {
  const words = { message: 'retention is too long', throttleMs: 0 };

  it.each([
    [
      protocolError(44, 'CreateTopics', words),
      'KAFKA_REJECTED',
      'CreateTopics: POLICY_VIOLATION: retention is too long',
    ],
    [several(protocolError(44, 'CreateTopics', words)), 'KAFKA_REJECTED', 'POLICY_VIOLATION: retention is too long'],
    [protocolError(89, 'CreateTopics', { message: null }), 'SERVICE_BUSY', 'THROTTLING_QUOTA_EXCEEDED'],
    [protocolError(19, 'CreateTopics'), 'KAFKA_UNAVAILABLE', 'NOT_ENOUGH_REPLICAS'],
    [protocolError(32, 'Produce'), 'KAFKA_REJECTED', "the service's clock and the broker's differ"],
    [named('KafkaJSSASLAuthenticationError'), 'KAFKA_UNAVAILABLE', 'SASL_AUTHENTICATION_FAILED: closed'],
  ])('%s: %s', (error, code, detail) => {
    const problem = kafkaProblem(error, 'No topics');
    expect(problem).toMatchObject({ code, retryAfterS: null, cause: error });
    expect(problem?.message).toMatch(/^No topics: /);
    expect(problem?.message).toContain(detail);
  });

  it('says how long a quota is used up', () => {
    const error = protocolError(89, 'CreateTopics', { throttleMs: 1001 });
    expect(kafkaProblem(error, 'No topics')).toMatchObject({ code: 'SERVICE_BUSY', retryAfterS: 2 });
  });

  it('leaves a defect of ours alone', () => {
    expect(kafkaProblem(new TypeError('x is not a function'), 'No topics')).toBeNull();
  });
});
