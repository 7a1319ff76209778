import { BatchError } from '../../src/errors/index.js';
import { classifyFailure, protocolError, UnexpectedAnswer } from '../../src/kafka/kafka-failure.js';

const named = (name: string): Error => Object.assign(new Error('closed'), { name });

describe('what an error means for a job', () => {
  it.each([
    ['a closed connection', named('KafkaJSConnectionClosedError'), 'transient'],
    ['an answer that was not foreseen', new UnexpectedAnswer('none'), 'transient'],
    ['the network', Object.assign(new Error('refused'), { syscall: 'connect' }), 'transient'],
    ['a newer producer', protocolError(47, 'Produce'), 'fenced'],
    ['a record that is too large', protocolError(10, 'Produce'), 'fatal'],
    ['our own verdict', new BatchError('HEADER_MISMATCH', 'missing: id'), 'fatal'],
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
  ])('%s is none of Kafka, and is not thrown while it is looked at', (_, error) => {
    expect(classifyFailure(error)).toBeNull();
  });
});
