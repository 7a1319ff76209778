/** What the service's texts say in terms of its API, in terms of this program. The first that fits is taken. */
const RULES: ReadonlyArray<readonly [RegExp, string]> = [
  [/`POST \/jobs\/([^/?`]+)\/sinks\/([^/?`]+)\/retry`/g, '`batch sink retry $1 $2`'],
  [/`DELETE \/jobs\/([^/?`]+)\/sinks\/([^/?`]+)\/rows`/g, '`batch sink remove $1 $2`'],
  [/`POST \/jobs\/([^/?`]+)\/sinks`/g, '`batch sink add $1 SINK`'],
  [/`GET \/sinks`/g, '`batch sink list`'],
  [/`GET \/feeds\/([^/?`]+)\/files\?state=FAILED`/g, '`batch feed files $1 --state FAILED`'],
  [/`POST \/feeds\/([^/?`]+)\/(resume|retry)`/g, '`batch feed $2 $1`'],
  [/`DELETE \/feeds\/([^/?`]+)`/g, '`batch feed delete $1`'],
  [/`GET \/feeds`/g, '`batch feed list`'],
  [/`POST \/feeds`/g, '`batch feed create ID URI MODEL`'],
  [/`POST \/jobs` with model_id=(\S+) and from_job=([\w{}-]+)/g, '`batch job create $1 --from $2`'],
  [/`DELETE \/jobs\/([^/?`]+)\?purge=true&force=true`/g, '`batch job purge $1 --force`'],
  [/`DELETE \/jobs\/([^/?`]+)\?purge=true`/g, '`batch job purge $1`'],
  [/`DELETE \/jobs\/([^/?`]+)`/g, '`batch job cancel $1`'],
  [/`POST \/jobs\/([^/?`]+)\/resume`/g, '`batch job resume $1`'],
  [/`GET \/jobs\/([^/?`]+)\/rejected`/g, '`batch job rejected $1`'],
  [/`GET \/jobs\/([^/?`]+)`/g, '`batch job status $1`'],
  [/`POST \/jobs`/g, '`batch job create MODEL FILE`'],
  [/`GET \/jobs`/g, '`batch job list`'],
  [/`DELETE \/keys\/([^/?`]+)`/g, '`batch key revoke $1`'],
  [/`GET \/keys\/current`/g, '`batch key current`'],
  [/`GET \/keys`/g, '`batch key list`'],
  [/`POST \/keys`/g, '`batch key create NAME`'],
  [/Send `Authorization: Bearer <key>`/g, 'Log in with `batch login`, or set BATCH_API_KEY'],
  [/`GET \/models\/([^/?`]+)`/g, '`batch model describe $1`'],
  [/`GET \/models`/g, '`batch model list`'],
  [/`POST \/models`/g, '`batch model create NAME SCHEMA`'],
  [/\bformat=…/g, '--format …'],
  [/\(rename\)/g, '(--rename)'],
  [/\{id\}/g, 'ID'],
  [/\{model_id\}/g, 'MODEL'],
  [/\{name\}/g, 'SINK'],
];

/** A message or hint of the service as this program would say it. */
export function inCommands(text: string): string {
  return RULES.reduce((words, [request, command]) => words.replace(request, command), text);
}
