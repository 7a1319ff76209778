/**
 * W3C Trace Context of the program that runs the command, as headers for its requests: TRACEPARENT and TRACESTATE, as
 * OpenTelemetry names them for child processes. Without a TRACEPARENT of the right form, none.
 */
export function traceHeaders(env: Readonly<Record<string, string | undefined>>): Record<string, string> {
  const { TRACEPARENT: traceparent, TRACESTATE: tracestate } = env;
  if (traceparent === undefined || !/^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/.test(traceparent)) return {};
  // What a header cannot hold would fail the request.
  return tracestate !== undefined && /^[\x20-\x7e]+$/.test(tracestate) ? { traceparent, tracestate } : { traceparent };
}
