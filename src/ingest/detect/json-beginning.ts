/** The first member of an object, or that there is none, or that the line ends before it. */
const OBJECT = /^\{\s*(?:$|\}\s*$|"(?:[^"\\]|\\.)*"\s*(?::|$))/;
/** What a value may begin with. */
const VALUE = /^["[{\-\dtfn]/;

/** What the first line of a text says, if its first character that is not a blank is `{` or `[`. */
export interface JsonBeginning {
  /** It is the beginning of JSON. */
  isJson: boolean;
  /** It is that of rows: an object with a name, or an array of such; nobody would write CSV like this. */
  hasRows: boolean;
}

/** `line`: without its line end, and without the blanks before it. */
export function jsonBeginning(line: string): JsonBeginning {
  if (line.startsWith('{')) return { isJson: OBJECT.test(line), hasRows: isNamed(line) };
  const inner = line.slice(1).trimStart();
  if (inner.startsWith('{') && OBJECT.test(inner)) return { isJson: true, hasRows: isNamed(inner) };
  const isJson = inner === '' || parses(line) || (VALUE.test(inner) && goesOn(line));
  return { isJson, hasRows: false };
}

function isNamed(line: string): boolean {
  return OBJECT.test(line) && line.includes(':');
}

/** Whether the line ends inside the JSON that it begins, as far as its brackets and quotes show. */
export function goesOn(line: string): boolean {
  let depth = 0;
  let isText = false;
  for (let i = 0; i < line.length; i++) {
    const character = line[i] as string;
    if (character === '"') isText = !isText;
    else if (isText && character === '\\') i++;
    else if (!isText && '{['.includes(character)) depth++;
    else if (!isText && '}]'.includes(character) && --depth <= 0) return false;
  }
  return !isText;
}

function parses(line: string): boolean {
  try {
    JSON.parse(line);
    return true;
  } catch {
    return false;
  }
}
