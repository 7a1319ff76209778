import { table } from './api-reference.mjs';

/** The reference of the topics in Markdown. `document`: asyncapi/batch.yml, parsed. */
export function topicsReference(document) {
  const named = ({ $ref }) =>
    $ref
      .split('/')
      .slice(1)
      .reduce((found, key) => found[key], document);
  const sections = Object.values(document.channels).map(({ address, title, description, messages, bindings }) => {
    const { partitions, topicConfiguration } = (bindings.$ref ? named(bindings) : bindings).kafka;
    const configs = Object.entries({ partitions, ...topicConfiguration });
    return [
      `## ${title}: \`${address}\``,
      description.trim(),
      table(
        ['record', 'content type', 'value', 'meaning'],
        Object.values(messages)
          .map(named)
          .map((message) => [...[message.title, message.contentType ?? '', kindOf(message.payload), message.summary]]),
      ),
      table(
        ['setting', 'value'],
        configs.map(([name, value]) => [`\`${name}\``, String(value)]),
      ),
    ].join('\n\n');
  });
  return `${['# Topics', 'Written from the AsyncAPI document, [batch.yml](../files/batch.yml).', document.info.description.trim(), ...sections].join('\n\n')}\n`;
}

function kindOf({ type, schema }) {
  const name = schema?.$ref.split('/').at(-1);
  if (name !== undefined) return `[${name}](./api.md#${name.toLowerCase()})`;
  return type === 'null' ? 'none' : type;
}
