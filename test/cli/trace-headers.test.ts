import { traceHeaders } from '../../src/cli/trace-headers.js';

const TRACEPARENT = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';

it('passes the trace on that the command is run in', () => {
  expect(traceHeaders({ TRACEPARENT })).toEqual({ traceparent: TRACEPARENT });
  expect(traceHeaders({ TRACEPARENT, TRACESTATE: 'vendor=1' })).toEqual({
    traceparent: TRACEPARENT,
    tracestate: 'vendor=1',
  });
});

it.each([{}, { TRACESTATE: 'vendor=1' }, { TRACEPARENT: '' }, { TRACEPARENT: `${TRACEPARENT}\r\nx: y` }])(
  'sends nothing that is not one: %j',
  (env) => {
    expect(traceHeaders(env)).toEqual({});
  },
);

it('leaves out a state that a header cannot hold', () => {
  expect(traceHeaders({ TRACEPARENT, TRACESTATE: 'a=ä' })).toEqual({ traceparent: TRACEPARENT });
});
