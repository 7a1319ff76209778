import type { OpenAPIObject } from '@nestjs/swagger';

type Schema = { $ref?: string; oneOf?: Schema[]; required?: string[]; properties?: Record<string, Schema> } & {
  [keyword: string]: unknown;
};
const BYTES = 'application/octet-stream';

interface Upload {
  parameters?: { name?: string; in?: string }[];
  requestBody?: { content: Record<string, { schema: Schema; examples?: unknown }> };
}

/**
 * The contract as the page to try it out shows it: Swagger UI fills in every field of a form and sends it. A field that
 * need not be given is empty there, where it would get its default, which not every format takes, or a text made up
 * from its pattern. Options are fields of the form alone, though the API takes them as query parameters, too.
 * `hasHelp`: the page links to the documentation at /help.
 */
export function pageDocument(contract: OpenAPIObject, hasHelp: boolean): OpenAPIObject {
  const page = structuredClone(contract);
  // Swagger UI shows no `externalDocs` with a path for a URL.
  page.info.description += `\n${hasHelp ? '[Documentation](/help/) · ' : ''}[All errors](/docs/errors)`;
  for (const { post } of Object.values(page.paths) as { post?: Upload }[]) {
    const form = post?.requestBody?.content['multipart/form-data'];
    if (post === undefined || form === undefined) continue;
    const { required, properties } = formOf(form.schema, contract);
    form.schema = { type: 'object', required, properties };
    // Made for other tools: of a form, they would hide the fields.
    delete form.examples;
    post.parameters = (post.parameters ?? []).filter(
      (parameter) => parameter.in !== 'query' || !Object.hasOwn(properties, parameter.name ?? ''),
    );
  }
  return page;
}

/** All fields that one of the alternatives has; required are those that each requires, and the model. */
function formOf(schema: Schema, contract: OpenAPIObject): { required: string[]; properties: Record<string, Schema> } {
  const forms = (schema.oneOf ?? [schema]).map((form) => resolved(form, contract));
  const all = forms.flatMap((form) => Object.entries(form.properties ?? {}));
  const required = [...new Set(all.map(([name]) => name))].filter(
    (name) => name === 'model_id' || forms.every((form) => form.required?.includes(name)),
  );
  const properties = all.map(([name, field]): [string, Schema] => {
    const { default: _default, contentMediaType, ...rest } = resolved(field, contract);
    // Swagger UI asks for a file wherever a media type stands; text that is JSON is to be typed.
    const shown = contentMediaType === BYTES ? { ...rest, contentMediaType } : rest;
    return [name, required.includes(name) ? shown : { ...shown, examples: [''] }];
  });
  return { required, properties: Object.fromEntries(properties) };
}

/** A schema in place of the reference to it; what stands beside the reference goes first. */
function resolved({ $ref, ...beside }: Schema, { components }: OpenAPIObject): Schema {
  const name = $ref?.split('/').at(-1) ?? '';
  return { ...((components?.schemas?.[name] ?? {}) as Schema), ...beside };
}
