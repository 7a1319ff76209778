import { Node } from 'assemblyscript';
import { Transform } from 'assemblyscript/transform';

/**
 * A compiler pass: a function with a line `// @inline` right above it gets AssemblyScript's decorator `@inline`, which
 * other tools for TypeScript cannot read.
 */
export default class InlineFunctions extends Transform {
  afterParse(parser) {
    for (const { isLibrary, text, statements } of parser.sources) {
      if (isLibrary) continue;
      for (const statement of statements) {
        const { range, signature } = statement;
        if (signature === undefined || !/\/\/ @inline\n(export )?$/.test(text.slice(0, range.start))) continue;
        const inline = Node.createDecorator(Node.createIdentifierExpression('inline', range), null, range);
        statement.decorators = [...(statement.decorators ?? []), inline];
      }
    }
  }
}
