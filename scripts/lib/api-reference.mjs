/** The reference of the HTTP API in Markdown. `contract`: openapi/openapi.yaml, parsed. */
export function apiReference(contract) {
  const operations = Object.entries(contract.paths).flatMap(([path, item]) =>
    ['get', 'put', 'post', 'delete', 'patch']
      .filter((method) => method in item)
      .map((method) => ({ title: `${method.toUpperCase()} ${path}`, shared: item.parameters ?? [], ...item[method] })),
  );
  const parts = [
    '# HTTP API',
    'Written from the contract, which is at `/openapi.json` of each service. Its page `/docs` tries requests out.',
    contract.info.description.trim(),
    table(
      ['operation', 'scope', 'what it does'],
      operations.map(({ title, operationId, summary, security }) => [
        ...[`[\`${title}\`](#${operationId.toLowerCase()})`, scopes(security), summary],
      ]),
    ),
    ...operations.map((operation) => operationSection(operation, contract)),
    '## Schemas',
    ...Object.entries(contract.components.schemas).map(([name, schema]) => schemaSection(name, schema, contract)),
  ];
  return `${parts.filter((part) => part !== '').join('\n\n')}\n`;
}

const scopes = (security) => (security ?? []).flatMap((each) => Object.values(each)).join(', ');

function operationSection({ title, operationId, summary, description, shared, parameters = [], ...rest }, contract) {
  const given = [...shared, ...parameters].map((each) => resolved(each, contract));
  const responses = Object.entries(rest.responses).map(([status, response]) => {
    const { description: text, content = {} } = resolved(response, contract);
    return [
      `\`${status}\``,
      text,
      Object.values(content)
        .map(({ schema }) => typeOf(schema))
        .join(', '),
    ];
  });
  const bodies = Object.entries(resolved(rest.requestBody ?? {}, contract).content ?? {});
  return [
    `## ${operationId}`,
    `\`${title}\``,
    `${summary}.`,
    (description ?? '').trim(),
    table(
      ['parameter', 'in', 'type', 'meaning'],
      given.map((each) => [`\`${each.name}\``, each.in, typeOf(each.schema), each.description ?? '']),
    ),
    table(
      ['body', 'type'],
      bodies.map(([type, { schema }]) => [`\`${type}\``, typeOf(schema)]),
    ),
    table(['response', 'meaning', 'body'], responses),
  ]
    .filter((part) => part !== '')
    .join('\n\n');
}

function schemaSection(name, schema, contract) {
  const members = Object.entries(schema.properties ?? {}).map(([member, given]) => {
    const required = schema.required?.includes(member) ? '' : ', optional';
    return [
      `\`${member}\``,
      typeOf(given) + required,
      given.description ?? resolved(given, contract).description ?? '',
    ];
  });
  return [
    `### ${name}`,
    (schema.description ?? '').trim(),
    members.length === 0 ? typeOf(schema) : table(['member', 'type', 'meaning'], members),
  ]
    .filter((part) => part !== '')
    .join('\n\n');
}

function resolved(node, contract) {
  if (node.$ref === undefined) return node;
  return resolved(
    node.$ref
      .split('/')
      .slice(1)
      .reduce((found, key) => found[key], contract),
    contract,
  );
}

/** A schema in a few words. */
function typeOf(schema) {
  if (schema === undefined) return '';
  const name = schema.$ref?.split('/').at(-1);
  if (name !== undefined) return `[${name}](#${name.toLowerCase()})`;
  const any = schema.anyOf ?? schema.oneOf ?? schema.allOf;
  if (any !== undefined) return any.map(typeOf).join(' or ');
  if (schema.const !== undefined) return `\`${schema.const}\``;
  if (schema.enum !== undefined) return schema.enum.map((value) => `\`${value}\``).join(', ');
  const types = [schema.type ?? 'any'].flat().join(' or ');
  if (schema.items !== undefined) return `${types} of ${typeOf(schema.items)}`;
  const format = schema.format ?? schema.pattern;
  return format === undefined ? types : `${types} (\`${format}\`)`;
}

/** A table of Markdown; nothing without rows. */
export function table(head, rows) {
  if (rows.length === 0) return '';
  const line = (cells) =>
    `| ${cells.map((cell) => String(cell).replaceAll(/\s+/g, ' ').trim().replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), `|${'---|'.repeat(head.length)}`, ...rows.map(line)].join('\n');
}
